// The driver of a node that knows no view yet.
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <map>
#include <string>

#include "reki/node/membership/membership_driver.hpp"

using namespace reki;
using namespace std::chrono_literals;

namespace {

const std::string seed = "dns://reki.test:17101";

class Joiner final : private ControlLinks, private MembershipObserver {
 public:
  explicit Joiner(bool has_seeds, const LevelRange& levels = {})
      : driver({.cluster = "test", .machine = machine(levels), .voters = {}, .config = {}, .page = &page, .log = {}},
               {static_cast<ControlLinks&>(*this), static_cast<MembershipObserver&>(*this),
                [this] {
                  return membership::Clocks{now, now};
                },
                [](const membership::Membership::Write&) {}, [](const membership::EtcdTxn&, Duration) {}, [this] { return now.ns; },
                [] { return std::uint64_t{7}; }}),
        seeds_(has_seeds) {
    driver.begin();
  }

  void run(Duration time) {
    for (const Instant end = now + time; now < end; now = now + 1ms) driver.turn();
  }
  void hear(const std::string& name, const std::string& control, const membership::Body& body, Level level = first_level) {
    membership::ControlWriter writer({"test", NodeId{name}, control});
    driver.read("route", writer.write(body, {}, level));
  }
  /// At which it speaks to that node.
  Level level_to(const std::string& name) {
    last_to.erase(name);
    run(1s);
    return membership::decode_control(last_to[name], "test", nullptr, {1, 9}).value().level;
  }

  Instant now{1'000'000'000'000};
  LeasePage page;
  std::map<NodeId, std::string> places{{NodeId{"n2"}, "tcp://127.0.0.1:17702"}};  ///< Of the config.
  std::map<std::string, int> sent_to;
  std::map<std::string, Bytes> last_to;
  MembershipDriver driver;

 private:
  static membership::Membership::Options machine(const LevelRange& levels) {
    membership::Membership::Options out;
    out.agent.self.node_id = NodeId{"n1"};
    out.agent.self.addr = "tcp://127.0.0.1:7701";
    out.agent.self.control = "tcp://127.0.0.1:17701";
    out.agent.self.levels = levels;
    out.agent.timing = membership::lan();
    out.agent.seeds = {NodeId{"n1"}, NodeId{"n2"}, NodeId{seed}};
    out.agent.seed = 3;
    return out;
  }

  void learn(const NodeId& node, const std::string& control) override { places[node] = control; }
  void learn(const View&) override {}
  bool is_at(const NodeId& node, const std::string& control) const override {
    const auto it = places.find(node);
    return it != places.end() && it->second == control;
  }
  void send(const NodeId& to, BytesView frame) override {
    ++sent_to[to.value];
    last_to[to.value] = frame;
  }
  void send_to_stranger(const std::string&, BytesView) override {}
  void answer(const std::string&, BytesView) override {}
  [[nodiscard]] bool has_seeds() const override { return seeds_; }
  [[nodiscard]] std::vector<std::string> addresses() const override { return {}; }

  void installed(const std::shared_ptr<const View>&, Incarnation) override {}
  void lost(const SlotSet&) override {}
  bool is_done_with(const SlotSet&) override { return true; }
  void revoke(const SlotSet&) override {}
  void gained(const SlotSet&, Epoch) override {}
  void fenced(Incarnation) override {}
  void resumed() override {}
  void granted() override {}
  std::string stuck(Instant, Duration) override { return {}; }
  bool is_quiet() override { return true; }

  const bool seeds_;
};

const std::string at_n2 = "tcp://127.0.0.1:17702";

/// Of n2 alone, which supports that level.
membership::ViewPtr view_of_n2(Level level) {
  const std::vector<Member> members{
      {NodeId{"n2"}, Incarnation{2}, "tcp://127.0.0.1:7702", 1, "", MemberState::up, at_n2, {level, level}}};
  ViewHead head{"test", Epoch{9}, Term{65537}, NodeId{"n2"}, 1, {}, {}, {}, level};
  const SlotTable table = next_table({}, {}, slot_members(members));
  return std::make_shared<const View>(View::make(std::move(head), members, table).value());
}

const membership::Hint hint{Term{65537}, NodeId{"n9"}, "tcp://127.0.0.1:17709"};

}  // namespace

BOOST_AUTO_TEST_SUITE(joining_driver)

BOOST_AUTO_TEST_CASE(a_seed_is_asked_as_one_more_node) {
  Joiner node(true);
  node.run(2s);
  BOOST_TEST(node.sent_to[seed] > 0);
  BOOST_TEST(std::abs(node.sent_to[seed] - node.sent_to["n2"]) <= 1);
}

BOOST_AUTO_TEST_CASE(with_seeds_whoever_answers_may_say_where_the_coordinator_is) {
  Joiner node(true);
  node.hear("n5", "tcp://127.0.0.1:17705", hint);
  BOOST_TEST(node.places[NodeId{"n9"}] == hint.control);
  BOOST_TEST(!node.places.contains(NodeId{"n5"}));
  node.run(1s);
  BOOST_TEST(node.sent_to["n9"] > 0);
}

BOOST_AUTO_TEST_CASE(without_seeds_only_who_is_where_the_config_says_may) {
  Joiner node(false);
  node.hear("n5", "tcp://127.0.0.1:17705", hint);
  node.hear("n2", "tcp://127.0.0.1:17705", hint);
  BOOST_TEST(!node.places.contains(NodeId{"n9"}));
  node.hear("n2", "tcp://127.0.0.1:17702", hint);
  BOOST_TEST(node.places[NodeId{"n9"}] == hint.control);
}

BOOST_AUTO_TEST_CASE(who_knows_no_view_speaks_at_its_lowest_level_and_then_as_it_was_spoken_to) {
  Joiner node(false, {1, 3});
  BOOST_TEST(node.level_to("n2") == 1);
  for (const Level level : {2, 3, 1}) {
    node.hear("n2", at_n2, membership::Refused{}, level);
    BOOST_TEST(node.level_to("n2") == level);
  }
  node.hear("n2", at_n2, membership::Refused{}, 4);
  BOOST_TEST(node.level_to("n2") == 1);
  BOOST_TEST(node.driver.status().not_let_in ==
             "'n2' at tcp://127.0.0.1:17702 speaks level 4 of the control plane, and this node supports levels 1 to 3; run the later of the two reki on both");
}

BOOST_AUTO_TEST_CASE(in_a_view_it_speaks_at_the_views_level_and_to_each_as_that_has_spoken) {
  Joiner node(false, {1, 3});
  node.hear("n2", at_n2, membership::ViewPush{view_of_n2(3)});
  BOOST_TEST(node.level_to("n2") == 3);
  node.hear("n2", at_n2, membership::ViewFetch{Epoch{9}}, 2);
  BOOST_TEST(node.level_to("n2") == 2);
}

BOOST_AUTO_TEST_CASE(a_view_of_a_level_that_it_does_not_support_is_not_taken_and_it_says_so) {
  Joiner node(false, {1, 2});
  node.hear("n2", at_n2, membership::ViewPush{view_of_n2(3)});
  BOOST_TEST(node.driver.status().not_let_in.starts_with("the cluster has level 3, and this reki supports levels 1 to 2; start a later one"));
  BOOST_TEST(node.level_to("n2") == 1);
}

BOOST_AUTO_TEST_SUITE_END()
