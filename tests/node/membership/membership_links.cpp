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

/// A node's links, and another node's that listens.
struct Fixture {
  Fixture() { names->set("n2.test", {"127.0.0.1"}); }
  ~Fixture() { names->speak(); }

  /// Where `other` listens, by a name.
  std::string address() { return "tcp://n2.test:" + port_of(other.listen("tcp://127.0.0.1:0")); }
  /// Whether a frame that `send` sends again and again comes to `other`, before `is_over`.
  template <class Send>
  bool comes(Send send, const std::function<bool()>& is_over = [] { return false; }) {
    std::string route;
    zmq::message_t frame;
    for (const Instant end = boot_time() + 20s; boot_time() < end && !is_over();) {
      send();
      std::vector<zmq::pollitem_t> items{{other.router().handle(), 0, ZMQ_POLLIN, 0}};
      links.append_to(items);
      const Instant now = boot_time();
      poll_until(items, now, std::min(now + 20ms, links.next_wake()));
      links.turn(boot_time());
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
  BOOST_TEST(!comes([] {}, [&] { return told.size() == 2; }));
  BOOST_TEST((told == std::set<std::string>{"n2.test", "stranger.test"}));
}

BOOST_AUTO_TEST_SUITE_END()
