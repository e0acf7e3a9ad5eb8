#include "reki/node/server/sessions.hpp"

#include <boost/test/unit_test.hpp>

using namespace reki;
using namespace std::chrono_literals;

namespace {
constexpr Instant start{1'000'000'000};

wire::Hello hello(std::string_view name = "c") {
  wire::Hello out;
  out.name = name;
  out.incarnation = Incarnation{9};
  return out;
}
}  // namespace

BOOST_AUTO_TEST_SUITE(sessions)

BOOST_AUTO_TEST_CASE(a_greeted_connection_is_found_by_route_and_by_id) {
  Sessions sessions;
  const auto greeted = sessions.greet("r1", hello("client"), start);
  BOOST_REQUIRE(greeted.session != nullptr);
  BOOST_TEST(greeted.fresh);
  BOOST_TEST(sessions.find("r1") == greeted.session);
  BOOST_TEST(sessions.find(greeted.session->id) == greeted.session);
  BOOST_TEST(greeted.session->name == "client");
  BOOST_TEST(sessions.find("r2") == nullptr);
}

BOOST_AUTO_TEST_CASE(a_second_hello_keeps_the_session) {
  Sessions sessions;
  Session* const first = sessions.greet("r1", hello("a"), start).session;
  const auto again = sessions.greet("r1", hello("b"), start + 1s);
  BOOST_TEST(again.session == first);
  BOOST_TEST(!again.fresh);
  BOOST_TEST(first->name == "b");
  BOOST_TEST(sessions.size() == 1U);
}

BOOST_AUTO_TEST_CASE(the_id_of_a_forgotten_session_finds_nobody_even_in_its_old_place) {
  Sessions sessions;
  Session* const old = sessions.greet("r1", hello(), start).session;
  const SessionId id = old->id;
  sessions.forget(*old);
  BOOST_TEST(sessions.find(id) == nullptr);
  BOOST_TEST((sessions.greet("r2", hello(), start).session->id != id));
  BOOST_TEST(sessions.find(id) == nullptr);
}

BOOST_AUTO_TEST_CASE(at_the_cap_the_longest_idle_one_goes) {
  Sessions sessions(2);
  Session* const a = sessions.greet("a", hello(), start).session;
  static_cast<void>(sessions.greet("b", hello(), start + 1s));
  sessions.heard(*a, start + 2s);
  const auto third = sessions.greet("c", hello(), start + 3s);
  BOOST_TEST(third.dropped_one);
  BOOST_TEST(sessions.find("a") != nullptr);
  BOOST_TEST(sessions.find("b") == nullptr);
  BOOST_TEST(sessions.size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_session_with_a_request_under_way_is_never_dropped) {
  Sessions sessions(1);
  Session* const busy = sessions.greet("a", hello(), start).session;
  sessions.began(*busy);
  sessions.began(*busy);
  sessions.ended(*busy, start);
  BOOST_TEST(sessions.greet("b", hello(), start + 1h).session == nullptr);
  sessions.forget_idle(start + 24h);
  BOOST_TEST(sessions.find("a") == busy);
  sessions.ended(*busy, start + 24h);
  BOOST_TEST(sessions.greet("b", hello(), start + 24h).session != nullptr);
}

BOOST_AUTO_TEST_CASE(silence_is_forgotten_and_says_when) {
  Sessions sessions;
  BOOST_TEST((sessions.next_due() == Instant::never()));
  static_cast<void>(sessions.greet("a", hello(), start));
  static_cast<void>(sessions.greet("b", hello(), start + 1s));
  BOOST_TEST((sessions.next_due() == start + limits::session_idle_max));
  sessions.forget_idle(start + limits::session_idle_max);
  BOOST_TEST(sessions.find("a") == nullptr);
  BOOST_TEST(sessions.find("b") != nullptr);
}

BOOST_AUTO_TEST_SUITE_END()
