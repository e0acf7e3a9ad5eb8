#include "reki/net/dialer.hpp"

#include <boost/test/unit_test.hpp>
#include <memory>
#include <thread>

#include "fake_names.hpp"
#include "reki/core/base/limits.hpp"
#include "reki/net/clock.hpp"
#include "reki/net/poll.hpp"
#include "reki/net/socket_bounds.hpp"

using namespace reki;
using namespace std::chrono_literals;

namespace {

/// A peer that listens on one address of this machine.
struct Peer {
  Peer(zmq::context_t& context, const std::string& number, int wanted = 0) : socket(context, zmq::socket_type::router) {
    socket.set(zmq::sockopt::ipv6, number.front() == '[');
    socket.bind("tcp://" + number + ":" + (wanted == 0 ? "*" : std::to_string(wanted)));
    const std::string at = socket.get(zmq::sockopt::last_endpoint);
    port = std::stoi(at.substr(at.rfind(':') + 1));
  }
  zmq::socket_t socket;
  int port;
};

boost::test_tools::assertion_result has_ipv6(boost::unit_test::test_unit_id) {
  zmq::context_t context;
  try {
    const Peer peer(context, "[::1]");
    return true;
  } catch (const zmq::error_t&) {
    return false;
  }
}

struct Fixture {
  ~Fixture() { names->speak(); }

  zmq::socket_t& dial(const std::string& host, int port) {
    auto& socket = *sockets.emplace_back(std::make_unique<zmq::socket_t>(context, zmq::socket_type::dealer));
    set_bounds(socket, 1000);
    set_reconnecting(socket, 100ms);
    dialer.connect(socket, "tcp://" + host + ":" + std::to_string(port), boot_time());
    return socket;
  }
  /// True once the socket has a connection.
  bool connects(zmq::socket_t& socket, Duration limit = 10s) {
    const Instant end = boot_time() + limit;
    for (;;) {
      const Instant now = boot_time();
      std::vector<zmq::pollitem_t> items{{socket.handle(), 0, ZMQ_POLLOUT, 0}, {nullptr, dialer.fd(), ZMQ_POLLIN, 0}};
      poll_until(items, now, std::min(end, dialer.next_wake()));
      if (items[0].revents != 0) return true;
      if (now >= end) return false;
      dialer.turn(boot_time());
    }
  }

  zmq::context_t context;
  const std::shared_ptr<test::Names> names = std::make_shared<test::Names>();
  std::vector<std::unique_ptr<zmq::socket_t>> sockets;
  Dialer dialer{names->lookup()};
};

}  // namespace

BOOST_AUTO_TEST_SUITE(dialer)

BOOST_FIXTURE_TEST_CASE(a_number_is_connected_to_at_once_and_nobody_is_asked, Fixture) {
  const Peer peer(context, "127.0.0.1");
  BOOST_TEST(connects(dial("127.0.0.1", peer.port)));
  BOOST_TEST(names->asked == 0);
  BOOST_TEST((dialer.next_wake() == Instant::never()));
}

BOOST_FIXTURE_TEST_CASE(an_address_of_ipv6_is_connected_to, Fixture, *boost::unit_test::precondition(&has_ipv6)) {
  const Peer peer(context, "[::1]");
  BOOST_TEST(connects(dial("[::1]", peer.port)));
  names->set("six.test", {"::1"});
  BOOST_TEST(connects(dial("six.test", peer.port)));
}

BOOST_FIXTURE_TEST_CASE(a_name_that_is_not_answered_holds_up_no_other, Fixture) {
  const Peer peer(context, "127.0.0.1");
  names->set("n1.test", {"127.0.0.1"});
  for (int i = 0; i + 1 < limits::name_lookups_max; ++i) dial(std::to_string(i) + ".silent.test", peer.port);
  BOOST_TEST(connects(dial("n1.test", peer.port)));
}

BOOST_FIXTURE_TEST_CASE(a_name_that_nobody_knew_is_asked_for_again, Fixture) {
  const Peer peer(context, "127.0.0.1");
  auto& socket = dial("n1.test", peer.port);
  BOOST_TEST(!connects(socket, 100ms));
  names->set("n1.test", {"127.0.0.1"});
  BOOST_TEST(connects(socket));
}

BOOST_FIXTURE_TEST_CASE(who_comes_back_with_another_address_is_found, Fixture) {
  auto peer = std::make_unique<Peer>(context, "127.0.0.1");
  const int port = peer->port;
  names->set("n1.test", {"127.0.0.1"});
  auto& socket = dial("n1.test", port);
  BOOST_REQUIRE(connects(socket));
  peer.reset();
  while ((socket.get(zmq::sockopt::events) & ZMQ_POLLOUT) != 0) {
  }
  const Peer elsewhere(context, "127.0.0.2", port);
  names->set("n1.test", {"127.0.0.2"});
  BOOST_TEST(connects(socket));
}

BOOST_FIXTURE_TEST_CASE(of_several_addresses_one_that_answers_is_found, Fixture) {
  const Peer peer(context, "127.0.0.3");
  names->set("n1.test", {"127.0.0.1", "127.0.0.2", "127.0.0.3"});
  BOOST_TEST(connects(dial("n1.test", peer.port)));
}

BOOST_FIXTURE_TEST_CASE(what_is_connected_is_left_alone_whatever_the_name_server_says_later, Fixture) {
  const Peer peer(context, "127.0.0.1");
  names->set("n1.test", {"127.0.0.1"});
  auto& socket = dial("n1.test", peer.port);
  BOOST_REQUIRE(connects(socket));
  names->set("n1.test", {"127.0.0.9"});
  const int before = names->asked;
  for (int i = 1; i <= 10; ++i) dialer.turn(boot_time() + i * limits::name_look_again);
  BOOST_TEST(names->asked == before);
  BOOST_TEST(connects(socket));
  // Another of the same name has no connection, and asks.
  BOOST_TEST(!connects(dial("n1.test", 1), 2 * limits::name_look_again));
  BOOST_TEST(names->asked > before + 1);
  BOOST_TEST(connects(socket, 0s));
}

BOOST_FIXTURE_TEST_CASE(names_of_sockets_that_are_gone_do_not_wait_before_others, Fixture) {
  const Peer peer(context, "127.0.0.1");
  names->set("n1.test", {"127.0.0.1"});
  for (int i = 0; i < limits::name_lookups_max; ++i) dial(std::to_string(i) + ".silent.test", peer.port);
  for (int i = 0; i < 1000; ++i) {
    dialer.forget(dial("made-up-" + std::to_string(i) + ".silent.test", peer.port));
    sockets.pop_back();
  }
  auto& socket = dial("n1.test", peer.port);
  names->speak();
  BOOST_TEST(connects(socket));
  BOOST_TEST(names->asked <= 2 * limits::name_lookups_max);  // the made-up ones were never looked up
}

BOOST_FIXTURE_TEST_CASE(a_look_up_that_throws_is_told_of_and_counts_as_no_answer, Fixture) {
  const Peer peer(context, "127.0.0.1");
  std::vector<std::string> told;
  dialer.set_complain([&](const std::string& host, const std::string& why) { told.push_back(host + ": " + why); });
  names->set_broken(true);
  names->set("n1.test", {"127.0.0.1"});
  auto& socket = dial("n1.test", peer.port);
  for (const Instant end = boot_time() + 10s; told.empty() && boot_time() < end;) BOOST_TEST(!connects(socket, 10ms));
  BOOST_REQUIRE(!told.empty());
  BOOST_TEST(told.front() == "n1.test: the look-up has thrown: no name server");
  names->set_broken(false);
  BOOST_TEST(connects(socket));  // it is asked for again
}

BOOST_FIXTURE_TEST_CASE(what_is_forgotten_is_not_touched_when_its_name_is_found, Fixture) {
  auto& socket = dial("silent.test", 1);
  names->set("silent.test", {"127.0.0.1"});
  const Instant end = boot_time() + 10s;
  while (names->asked == 0 && boot_time() < end) std::this_thread::yield();
  BOOST_REQUIRE(names->asked == 1);  // what has not begun would be left out
  dialer.forget(socket);
  sockets.clear();
  names->speak();
  std::vector<zmq::pollitem_t> items{{nullptr, dialer.fd(), ZMQ_POLLIN, 0}};
  BOOST_TEST(poll_until(items, boot_time(), boot_time() + 10s) == 1);
  dialer.turn(boot_time());
  BOOST_TEST((dialer.next_wake() == Instant::never()));
}

BOOST_AUTO_TEST_SUITE_END()
