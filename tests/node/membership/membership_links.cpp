#include "reki/node/membership/membership_links.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "fake_names.hpp"
#include "reki/core/base/limits.hpp"
#include "reki/net/clock.hpp"
#include "reki/net/poll.hpp"

using namespace reki;
using namespace std::chrono_literals;

namespace {

std::string port_of(const Result<std::string>& address) {
  BOOST_REQUIRE(address.has_value());
  return address->substr(address->rfind(':') + 1);
}

boost::test_tools::assertion_result has_ipv6(boost::unit_test::test_unit_id) {
  return MembershipLinks{NodeId{"n1"}}.listen("tcp://[::1]:0").has_value();
}

/// A node's links, and another node's that listens.
struct Fixture {
  Fixture() { names->set("n2.test", {"127.0.0.1"}); }
  ~Fixture() { names->speak(); }

  /// Where `other` listens, by a name.
  std::string address() { return "tcp://n2.test:" + port_of(other.listen("tcp://127.0.0.1:0")); }
  void turn(Duration wait) {
    std::vector<zmq::pollitem_t> items{{other.router().handle(), 0, ZMQ_POLLIN, 0}};
    links.append_to(items);
    const Instant now = boot_time();
    poll_until(items, now, std::min(now + wait, links.next_wake()));
    links.turn(boot_time());
  }
  /// Whether a frame that `send` sends again and again comes to `other`, before `is_over`.
  template <class Send>
  bool comes(Send send, const std::function<bool()>& is_over = [] { return false; }) {
    std::string route;
    zmq::message_t frame;
    for (const Instant end = boot_time() + 20s; boot_time() < end && !is_over();) {
      send();
      turn(20ms);
      if (other.receive(route, frame)) return frame.to_string() == "a frame";
    }
    return false;
  }

  const std::shared_ptr<test::Names> names = std::make_shared<test::Names>();
  MembershipLinks links{NodeId{"n1"}, names->lookup()};
  MembershipLinks other{NodeId{"n2"}, names->lookup()};
};

}  // namespace

BOOST_AUTO_TEST_SUITE(membership_links)

BOOST_FIXTURE_TEST_CASE(names_that_strangers_make_up_keep_no_peer_waiting, Fixture) {
  for (std::size_t i = 0; i < limits::control_strangers_max; ++i) {
    links.send_to_stranger("tcp://made-up-" + std::to_string(i) + ".silent.test:7101", "a frame");
  }
  links.learn(NodeId{"n2"}, address());
  BOOST_TEST(comes([&] { links.send(NodeId{"n2"}, "a frame"); }));
  BOOST_TEST(names->asked <= limits::stranger_lookups_max + limits::name_lookups_max);
}

BOOST_FIXTURE_TEST_CASE(a_stranger_is_found_by_its_name, Fixture) {
  const std::string at = address();
  BOOST_TEST(comes([&] { links.send_to_stranger(at, "a frame"); }));
}

BOOST_FIXTURE_TEST_CASE(a_look_up_that_throws_ends_nothing_and_is_told_of, Fixture) {
  std::set<std::string> told;
  links.set_complain([&](const std::string& host, const std::string&) { told.insert(host); });
  names->set_broken(true);
  links.learn(NodeId{"n2"}, "tcp://n2.test:1");
  links.send_to_stranger("tcp://stranger.test:1", "a frame");
  links.add_seed("dns://seeds.test:1");
  BOOST_TEST(!comes([&] { links.send(NodeId{"dns://seeds.test:1"}, "a frame"); }, [&] { return told.size() == 3; }));
  BOOST_TEST((told == std::set<std::string>{"n2.test", "seeds.test", "stranger.test"}));
}

// ---- seeds

BOOST_FIXTURE_TEST_CASE(all_addresses_of_a_seed_are_asked_in_turn, Fixture) {
  const std::string port = port_of(other.listen("tcp://127.0.0.1:0"));
  MembershipLinks third{NodeId{"n3"}, names->lookup()};
  BOOST_REQUIRE(third.listen("tcp://127.0.0.2:" + port).has_value());
  names->set("seeds.test", {"127.0.0.1", "127.0.0.9", "127.0.0.2"});  // nobody is at the second
  const std::string seed = "dns://seeds.test:" + port;
  links.add_seed(seed);
  BOOST_TEST(links.has_seeds());
  int others = 0;
  int thirds = 0;
  for (const Instant end = boot_time() + 20s; thirds < 10 && boot_time() < end;) {
    links.send(NodeId{seed}, "a frame");
    turn(20ms);
    std::string route;
    zmq::message_t frame;
    while (third.receive(route, frame)) others = ++thirds == 1 ? 0 : others;  // from when both have a connection
    while (other.receive(route, frame)) ++others;
  }
  BOOST_TEST(thirds >= 10);
  BOOST_TEST(others >= thirds / 2);
  BOOST_TEST(others <= 3 * thirds);
}

BOOST_FIXTURE_TEST_CASE(a_seed_is_asked_for_anew_while_a_node_looks_for_its_cluster, Fixture) {
  const std::string port = port_of(other.listen("tcp://127.0.0.1:0"));
  const NodeId seed{"dns://seeds.test:" + port};
  links.add_seed(seed.value);
  names->set("seeds.test", {"127.0.0.9"});
  const auto send = [&] { links.send(seed, "a frame"); };
  BOOST_TEST(!comes(send, [&] { return names->asked >= 2; }));
  names->set("seeds.test", {"127.0.0.1"});
  BOOST_TEST(comes(send));
  names->set("seeds.test", {});  // a name server that has lost its memory
  const int before = names->asked;
  for (const Instant end = boot_time() + 20s; names->asked < before + 2 && boot_time() < end;) BOOST_TEST(comes(send));
  BOOST_TEST(names->asked >= before + 2);
  BOOST_TEST(comes(send));
}

BOOST_FIXTURE_TEST_CASE(nobody_is_looked_up_before_something_is_to_be_sent, Fixture) {
  links.add_seed("dns://seeds.test:1");
  BOOST_TEST((links.next_wake() == Instant::never()));
  BOOST_TEST(names->asked == 0);
}

BOOST_FIXTURE_TEST_CASE(a_seed_that_nobody_answers_for_keeps_no_peer_waiting, Fixture) {
  links.add_seed("dns://silent.test:1");
  links.learn(NodeId{"n2"}, address());
  BOOST_TEST(comes([&] {
    links.send(NodeId{"dns://silent.test:1"}, "to nobody");
    links.send(NodeId{"n2"}, "a frame");
  }));
}

BOOST_FIXTURE_TEST_CASE(a_seed_with_addresses_of_ipv6_is_asked, Fixture, *boost::unit_test::precondition(&has_ipv6)) {
  const std::string port = port_of(other.listen("tcp://[::1]:0"));
  names->set("seeds.test", {"127.0.0.9", "::1"});
  links.add_seed("dns://seeds.test:" + port);
  BOOST_TEST(comes([&] { links.send(NodeId{"dns://seeds.test:" + port}, "a frame"); }));
}

BOOST_AUTO_TEST_SUITE_END()
