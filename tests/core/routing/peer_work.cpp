#include "reki/core/routing/peer_work.hpp"

#include "peers_fixture.hpp"

using namespace router_test;

namespace {

struct WorkFixture : PeersFixture {
  std::vector<std::string> taken() {
    std::vector<PeerIndex> listed;
    work.take(peers, listed);
    std::vector<std::string> names;
    for (const PeerIndex p : listed) names.push_back(peers[p].node->value);
    return names;
  }
  RoutedRequest& in_flight(int i) {
    RoutedRequest& r = request();
    r.progress.state = RoutedRequest::State::in_flight;
    r.progress.sent = now;
    peer(i).in_flight.push_back(r);
    return r;
  }
  PeerWork work;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(peer_work, WorkFixture)

BOOST_AUTO_TEST_CASE(a_peer_is_on_the_list_once_until_it_is_taken) {
  work.add(peer(2));
  work.add(peer(1));
  work.add(peer(2));
  BOOST_TEST((taken() == std::vector<std::string>{"n2", "n1"}));
  BOOST_TEST(taken().empty());
  work.add(peer(2));
  BOOST_TEST((taken() == std::vector<std::string>{"n2"}));
}

BOOST_AUTO_TEST_CASE(while_nobody_owes_anything_nobody_is_looked_at) {
  connect(1);
  BOOST_TEST((work.next_look() == Instant::never()));
  work.expect_more();
  BOOST_TEST(!work.look(peers, now));
  BOOST_TEST((work.next_look() == Instant::never()));
}

BOOST_AUTO_TEST_CASE(a_ping_that_time_has_made_due_puts_its_peer_on_the_list) {
  connect(1);
  in_flight(1);
  work.expect_more();
  BOOST_TEST(!work.look(peers, now));
  BOOST_TEST(taken().empty());
  BOOST_TEST((work.next_look() > now));
  now = now + 100ms;
  BOOST_TEST(work.look(peers, now));  // and who waits for it may wait in vain
  BOOST_TEST((taken() == std::vector<std::string>{"n1"}));
}

BOOST_AUTO_TEST_CASE(between_two_looks_there_are_20_ms) {
  connect(1);
  in_flight(1);
  work.expect_more();
  static_cast<void>(work.look(peers, now));
  BOOST_TEST((work.next_look() == now + 20ms));
  now = now + 1s;
  static_cast<void>(work.look(peers, now));
  static_cast<void>(taken());
  static_cast<void>(work.look(peers, now + 19ms));
  BOOST_TEST(taken().empty());
  static_cast<void>(work.look(peers, now + 20ms));
  BOOST_TEST(taken().size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_hello_without_a_welcome_is_due_again) {
  peer(3).session.want();
  peer(3).session.hello_sent(now);
  work.expect_more();
  static_cast<void>(work.look(peers, now + 20ms));
  BOOST_TEST(taken().empty());
  BOOST_TEST((work.next_look() != Instant::never()));
  static_cast<void>(work.look(peers, now + 500ms));
  BOOST_TEST((taken() == std::vector<std::string>{"n3"}));
}

BOOST_AUTO_TEST_SUITE_END()
