#include "reki/node/membership/membership_driver.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <deque>

#include "reki/core/membership/acceptor.hpp"
#include "reki/core/membership/ballot.hpp"

using namespace reki;
using namespace std::chrono_literals;

namespace {

constexpr auto node_name = "n1";
constexpr auto control_address = "tcp://127.0.0.1:17701";
constexpr std::uint64_t store = 7;
const membership::Timing timing = membership::lan();

/// The record of the one voter of a cluster, as `reki init` leaves it.
membership::VoterRecord first_record() {
  ViewHead head;
  head.cluster_id = "test";
  head.epoch = Epoch{1};
  head.hash_seed = 1;
  head.voters.push_back({1, store, NodeId{node_name}, control_address});
  auto view = View::make(std::move(head), {}, SlotTable{});
  BOOST_REQUIRE(view.has_value());
  membership::Acceptor acceptor(timing, NodeId{node_name}, membership::VoterRecord{{}, store, {}, {}, nullptr});
  membership::Outbox out;
  acceptor.on(NodeId{node_name}, membership::Init{store, std::make_shared<const View>(std::move(*view))}, out);
  return acceptor.record();
}

constexpr std::int64_t wall_of_zero = 1'700'000'000'000'000'000;  // the wall clock when the other is at 0
const std::string first = "tcp://127.0.0.1:17702";
const std::string other = "tcp://127.0.0.1:17799";

/// The driver of the only node of a cluster; its time is moved on by hand.
class OneMember final : private ControlLinks, private MembershipObserver {
 public:
  OneMember()
      : driver({.cluster = "test",
                .machine = machine(),
                .page = &page,
                .log = [this](LogLevel, std::string_view event, std::string_view) { logged += std::string(event) + ' '; }},
               ports()) {
    driver.begin();
    run(5s);
    BOOST_REQUIRE(has_lease());
    BOOST_REQUIRE(!held.empty());
  }

  void run(Duration time) {
    const Instant end = now + time;
    while (now < end) {
      now = std::clamp(driver.next_wake(), now, end);
      take_tasks();
      driver.turn();
      // As long as it has something to do at once.
      now = now + 1us;
    }
  }
  /// A frame as that node would send it that says it is at `control`.
  void hear(const std::string& name, const std::string& control, const membership::Body& body, Lineage lineage = {}) {
    membership::ControlWriter writer({"test", NodeId{name}, control});
    writer.set_lineage(lineage);
    driver.read("route", writer.write(body));
    run(1ms);
  }
  [[nodiscard]] membership::Join join(const std::string& name, std::uint64_t incarnation, const std::string& control) const {
    membership::Join out;
    out.member = {NodeId{name}, Incarnation{incarnation}, "tcp://127.0.0.1:7702", 1, "", MemberState::up, control};
    out.base = view->epoch();
    return out;
  }
  void leave() {
    MembershipDriver::Task task{MembershipDriver::Leave{}};
    driver.take(task);
  }
  [[nodiscard]] bool has_lease() const { return now < page.lease_end(); }

  Instant now{1'000'000'000'000};
  LeasePage page;
  Duration stood_still{};  ///< What only the wall clock has counted.
  bool quiet = true;
  bool empty = true;
  bool works = true;
  SlotSet held;
  int losses = 0;
  int revocations = 0;
  int resumes = 0;
  int grants = 0;
  int fences = 0;
  std::shared_ptr<const View> view;
  std::map<NodeId, std::string> places;  ///< Where its links know nodes to be.
  std::string logged;                    ///< Events.
  std::string ended;                     ///< Why it has ended its process.
  std::vector<std::string> sent_to;      ///< Node ids, and addresses of strangers.
  Bytes last_to_n2;
  std::uint64_t random = 0;  ///< What it draws.
  bool suspended = false;  ///< Somebody waits at the gate.
  std::function<void()> on_clock;  ///< Once it was read.
  std::function<void()> on_send;   ///< Before a frame leaves for a node.
  std::deque<MembershipDriver::Task> tasks;
  MembershipDriver driver;

 private:
  static membership::Membership::Options machine() {
    membership::Membership::Options out;
    out.agent.self.node_id = NodeId{node_name};
    out.agent.self.addr = "tcp://127.0.0.1:7701";
    out.agent.self.control = control_address;
    out.agent.timing = timing;
    out.agent.seeds = {NodeId{node_name}};
    out.agent.seed = 3;
    out.voter = first_record();
    return out;
  }
  MembershipDriver::Ports ports() {
    return {static_cast<ControlLinks&>(*this), static_cast<MembershipObserver&>(*this),
            [this] {
              const Instant at = now;
              if (on_clock) on_clock();
              return membership::Clocks{at, at};
            },
            [this](const membership::Membership::Write& write) { tasks.emplace_back(MembershipDriver::Written{write.version}); },
            [](const membership::EtcdTxn&, Duration) {}, [this] { return wall_of_zero + now.ns + stood_still.count(); },
            [this] { return random; }, [this](const std::string& why) { ended = why; }};
  }
  void take_tasks() {
    for (auto& task : std::exchange(tasks, {})) driver.take(task);
  }

  void learn(const NodeId& node, const std::string& control) override { places[node] = control; }
  void learn(const View& from) override {
    for (const Member& m : from.members()) learn(m.node_id, m.control);
  }
  bool is_at(const NodeId& node, const std::string& control) const override {
    const auto it = places.find(node);
    return it != places.end() && it->second == control;
  }
  void send(const NodeId& to, BytesView frame) override {
    if (on_send) on_send();
    sent_to.push_back(to.value);
    if (to.value == "n2") last_to_n2.assign(frame.begin(), frame.end());
  }
  void send_to_stranger(const std::string& control, BytesView) override { sent_to.push_back(control); }
  void answer(const std::string&, BytesView) override {}
  [[nodiscard]] std::vector<std::string> addresses() const override { return {control_address}; }

  void installed(const std::shared_ptr<const View>& v, Incarnation) override { view = v; }
  void lost(const SlotSet& slots) override {
    ++losses;
    held -= slots;
  }
  bool is_done_with(const SlotSet&) override { return empty; }
  void revoke(const SlotSet&) override { ++revocations; }
  void gained(const SlotSet& slots, Epoch) override { held |= slots; }
  void fenced(Incarnation) override { ++fences; }
  void granted() override { ++grants; }
  void resumed() override {
    ++resumes;
    suspended = false;
  }
  std::string stuck(Instant, Duration) override { return works ? std::string{} : std::string{"it does not"}; }
  bool is_quiet() override { return quiet; }
};

using Phase = membership::MemberAgent::Phase;

constexpr Lineage later{std::uint64_t{9} << 58 | 5};

/// Incarnation 2 of n2 is in too, at `first`.
void let_n2_in(OneMember& node) {
  node.hear("n2", first, node.join("n2", 2, first));
  node.run(200ms);
  BOOST_REQUIRE(node.view->find("n2") != nullptr);
}

/// It hears of a next view, of n2 as coordinator.
void hear_view_of_n2(OneMember& node, std::vector<Member> members, const SlotTable& table, std::optional<Stage> stage = {}) {
  ViewHead head{node.view->head()};
  if (stage) head.settings = with_stage(head.settings, *stage);
  head.epoch = Epoch{head.epoch.value + 1};
  head.term = Term{head.term.value + 5};
  head.coordinator = NodeId{"n2"};
  auto view = View::make(std::move(head), std::move(members), table);
  BOOST_REQUIRE(view.has_value());
  node.hear("n2", first, membership::ViewPush{std::make_shared<const View>(std::move(*view))});
}

/// The cluster goes on under n2, without n1.
void fence(OneMember& node) {
  std::vector<Member> members{*node.view->find("n2")};
  const SlotTable table = next_table({}, {}, slot_members(members));
  node.sent_to.clear();
  hear_view_of_n2(node, std::move(members), table);
  BOOST_REQUIRE(node.fences == 1);
  BOOST_TEST(!node.has_lease());
}

/// The same members under n2 as coordinator.
void follow_n2(OneMember& node, std::optional<Stage> stage = {}) {
  const auto members = node.view->members();
  hear_view_of_n2(node, {members.begin(), members.end()}, node.view->table(), stage);
  BOOST_REQUIRE((node.view->coordinator() == NodeId{"n2"}));
}

/// What it has said to n2 last, as a renewal.
membership::Renew last_renewal(const OneMember& node) {
  auto frame = membership::decode_control(node.last_to_n2, "test", node.view.get());
  BOOST_REQUIRE((frame && frame->body));
  const auto* const renewal = std::get_if<membership::Renew>(&*frame->body);
  BOOST_REQUIRE(renewal != nullptr);
  return *renewal;
}

/// Whether it has asked n2 for anything since.
bool asks(const OneMember& node) { return std::ranges::find(node.sent_to, "n2") != node.sent_to.end(); }

}  // namespace

BOOST_AUTO_TEST_SUITE(membership_driver)

BOOST_AUTO_TEST_CASE(what_runs_of_a_dropped_incarnation_stays_the_guards_to_end_and_the_node_asks_for_nothing) {
  OneMember node;
  let_n2_in(node);
  node.quiet = false;
  fence(node);
  node.run(5s);
  BOOST_REQUIRE(node.page.lease_to_enforce().has_value());
  BOOST_TEST((node.now - *node.page.lease_to_enforce() > 4s));
  BOOST_TEST(!asks(node));
  BOOST_TEST(node.driver.status().not_let_in.find("no function of its actors from before runs") != std::string::npos);
  node.quiet = true;
  node.run(3ms);
  BOOST_TEST(!node.page.lease_to_enforce().has_value());
  BOOST_TEST(asks(node));
}

BOOST_AUTO_TEST_CASE(a_node_that_is_dropped_and_runs_nothing_asks_to_be_let_in_at_once) {
  OneMember node;
  let_n2_in(node);
  fence(node);
  BOOST_TEST(asks(node));
  BOOST_TEST(!node.page.lease_to_enforce().has_value());
}


BOOST_AUTO_TEST_CASE(a_node_is_declared_quiet_only_once_nothing_of_it_runs) {
  OneMember node;
  node.quiet = false;
  node.works = false;  // so that it asks for no lease
  node.run(timing.lease + 50ms);
  BOOST_REQUIRE(!node.has_lease());
  BOOST_TEST(node.page.lease_to_enforce().has_value());
  node.quiet = true;
  node.run(2ms);
  BOOST_TEST(!node.page.lease_to_enforce().has_value());
}

BOOST_AUTO_TEST_CASE(what_is_lost_counts_as_stopped_once_it_is_empty) {
  OneMember node;
  node.empty = false;
  node.leave();
  node.run(500ms);
  BOOST_REQUIRE(node.losses > 0);
  BOOST_TEST((node.driver.status().phase == Phase::leaving));
  node.empty = true;
  node.run(100ms);
  BOOST_TEST((node.driver.status().phase == Phase::gone));
  BOOST_TEST(node.revocations == 0);
}

BOOST_AUTO_TEST_CASE(what_does_not_get_empty_is_revoked_after_the_grace_and_counts_as_stopped_once_its_outputs_have_left) {
  OneMember node;
  node.empty = false;
  node.leave();
  const Instant asked = node.now;
  while (node.losses == 0) node.run(1ms);
  const Instant lost = node.now;
  BOOST_TEST((lost - asked < 500ms));
  while (node.revocations == 0 && node.now - lost < 5s) node.run(1ms);
  BOOST_TEST((node.now - lost >= limits::move_grace - 2ms));
  BOOST_TEST((node.now - lost < limits::move_grace + 50ms));
  // What had passed its last look at the gate may still be on its way out.
  node.run((timing.wait - timing.lease) / 2 - 25ms);
  BOOST_TEST((node.driver.status().phase == Phase::leaving));
  node.run(100ms);
  BOOST_TEST((node.driver.status().phase == Phase::gone));
}

BOOST_AUTO_TEST_CASE(a_lease_that_goes_on_after_its_end_is_told_once) {
  OneMember node;
  const int before = node.resumes;
  node.run(2s);
  BOOST_TEST(node.resumes == before);
  node.works = false;
  node.run(2s);
  BOOST_REQUIRE(!node.has_lease());
  node.works = true;
  node.run(2s);
  BOOST_REQUIRE(node.has_lease());
  BOOST_TEST(node.resumes == before + 1);
}

BOOST_AUTO_TEST_CASE(a_lease_ends_by_the_wall_clock_if_the_machine_has_stood_still) {
  OneMember node;
  const auto wall = [&] { return wall_of_zero + node.now.ns + node.stood_still.count(); };
  const auto is_over_by_wall = [&] { return wall() >= node.page.lease_ends().wall_ns; };
  node.run(1s);
  BOOST_TEST(!is_over_by_wall());
  BOOST_TEST(node.page.lease_ends().wall_ns - (wall() + (node.page.lease_end() - node.now).count()) == (timing.wait - timing.lease).count() / 2);
  const int before = node.resumes;
  node.logged.clear();
  node.stood_still = timing.lease + (timing.wait - timing.lease) / 2;
  BOOST_TEST(node.has_lease());
  BOOST_TEST(is_over_by_wall());  // all gates are closed before the membership's thread has looked
  node.driver.turn();
  BOOST_TEST(!node.has_lease());
  BOOST_TEST(node.logged == "clock_stood_still ");
  node.run(1s);
  BOOST_TEST(node.has_lease());  // by a renewal of after the stop
  BOOST_TEST(!is_over_by_wall());
  BOOST_TEST(node.resumes == before + 1);
}

BOOST_AUTO_TEST_CASE(a_renewal_that_was_sent_before_the_machine_stood_still_extends_nothing) {
  OneMember node;
  let_n2_in(node);
  follow_n2(node);
  const auto granted = [&](std::uint64_t seq) {
    const Instant before = node.page.lease_end();
    const auto incarnation = node.view->find("n1")->incarnation;
    node.hear("n2", first, membership::Grant{incarnation, seq, node.view->term(), node.view->epoch(), node.view->epoch()});
    return node.page.lease_end() > before;
  };
  node.run(timing.renew);
  BOOST_TEST(granted(last_renewal(node).seq));
  node.run(timing.renew);
  const auto sent = last_renewal(node);
  node.stood_still = timing.wait;
  BOOST_TEST(!granted(sent.seq));
  BOOST_TEST(!node.has_lease());
  node.run(timing.renew);
  BOOST_TEST(granted(last_renewal(node).seq));
}

BOOST_AUTO_TEST_CASE(a_shorter_lease_is_on_the_page_by_both_clocks_before_anybody_is_told_that_its_view_is_cleared) {
  OneMember node;
  let_n2_in(node);
  follow_n2(node, Stage::cloud);
  node.run(membership::cloud().renew);
  const Instant granted = node.now;
  const auto incarnation = node.view->find("n1")->incarnation;
  node.hear("n2", first, membership::Grant{incarnation, last_renewal(node).seq, node.view->term(), node.view->epoch(), node.view->epoch()});
  const Instant before = node.page.lease_end();
  BOOST_TEST((before - granted > 1s && before - granted <= 1500ms));
  bool cut_first = true;
  node.on_send = [&] { cut_first = cut_first && node.page.lease_end() < before; };
  follow_n2(node, Stage::mix);
  BOOST_TEST((last_renewal(node).cleared == node.view->epoch()));
  BOOST_TEST(cut_first);
  BOOST_TEST((before - node.page.lease_end() == 850ms));
  const auto by_wall = node.page.lease_ends().wall_ns - wall_of_zero - node.stood_still.count() - node.page.lease_end().ns;
  BOOST_TEST(by_wall == lateness_of(with_stage({}, Stage::mix)).count());
}

BOOST_AUTO_TEST_CASE(a_lease_that_is_over_by_the_wall_clock_is_not_brought_back_by_a_cut) {
  OneMember node;
  let_n2_in(node);
  follow_n2(node, Stage::cloud);
  node.run(membership::cloud().renew);
  const auto incarnation = node.view->find("n1")->incarnation;
  node.hear("n2", first, membership::Grant{incarnation, last_renewal(node).seq, node.view->term(), node.view->epoch(), node.view->epoch()});
  node.stood_still = 2s;
  node.driver.turn();
  BOOST_TEST(!node.has_lease());
  follow_n2(node, Stage::mix);
  BOOST_TEST(!node.has_lease());
}

BOOST_AUTO_TEST_CASE(a_config_that_names_the_other_profile_is_warned_of_once_and_as_long_as_it_does) {
  OneMember node;
  let_n2_in(node);
  node.logged.clear();
  follow_n2(node, Stage::cloud);
  follow_n2(node);
  BOOST_TEST(node.logged == "profile_differs ");
  BOOST_TEST((node.driver.status().config_warning.find("'reki profile set lan'") != std::string::npos));
  follow_n2(node, Stage::mix);
  BOOST_TEST(node.driver.status().config_warning == "");
  follow_n2(node, Stage::lan);
  BOOST_TEST(node.driver.status().config_warning == "");
  BOOST_TEST(node.logged == "profile_differs ");
}

BOOST_AUTO_TEST_CASE(the_page_tells_which_renewals_were_sent_before_they_leave_and_which_were_granted) {
  OneMember node;
  let_n2_in(node);
  follow_n2(node);
  node.run(timing.renew);
  const auto& ends = node.page.lease_ends();
  const auto sent = last_renewal(node);
  BOOST_TEST(ends.sent == sent.seq);
  BOOST_TEST(ends.granted < sent.seq);
  node.random = 0xbeef;
  node.run(timing.renew);
  const auto next = last_renewal(node);
  BOOST_TEST(next.random == 0xbeefU);
  const auto incarnation = node.view->find("n1")->incarnation;
  const Epoch epoch = node.view->epoch();
  node.hear("n2", first, membership::Grant{incarnation, next.seq, node.view->term(), epoch, epoch, 0xdead});
  BOOST_TEST(ends.granted < next.seq);  // another's
  node.hear("n2", first, membership::Grant{incarnation, next.seq, node.view->term(), epoch, epoch, next.random});
  BOOST_TEST(ends.granted == next.seq);
  MembershipDriver::Task task{MembershipDriver::WantGranted{next.seq + 1}};
  node.driver.take(task);
  BOOST_TEST(last_renewal(node).seq == next.seq + 1);
  BOOST_TEST(ends.sent == next.seq + 1);
}

BOOST_AUTO_TEST_CASE(a_wall_clock_that_is_set_costs_no_more_than_a_renewal) {
  OneMember node;
  for (const Duration set : {Duration(3600s), Duration(-7200s), Duration(1s)}) {
    node.run(1s);
    node.stood_still = node.stood_still + set;
    node.run(2 * timing.renew);
    BOOST_TEST(node.has_lease());
    BOOST_TEST((node.page.lease_ends().wall_ns > wall_of_zero + node.now.ns + node.stood_still.count()));
  }
  BOOST_TEST(node.fences == 0);
}

BOOST_AUTO_TEST_CASE(where_a_node_is_says_the_view_and_no_frame) {
  OneMember node;
  let_n2_in(node);
  BOOST_TEST(node.places[NodeId{"n2"}] == first);
  node.sent_to.clear();
  node.hear("n2", other, membership::ViewFetch{Epoch{0}});
  BOOST_TEST(node.places[NodeId{"n2"}] == first);
  BOOST_REQUIRE(node.sent_to.size() == 1U);
  BOOST_TEST(node.sent_to[0] == other);  // the answer is for who asked
}

BOOST_AUTO_TEST_CASE(a_second_process_with_a_members_id_is_answered_at_its_own_address_and_logged_once) {
  OneMember node;
  let_n2_in(node);
  node.logged.clear();
  for (std::uint64_t seq = 1; seq <= 10; ++seq) {
    node.run(100ms);
    node.hear("n2", first, membership::Renew{Incarnation{2}, node.view->epoch(), node.view->epoch(), seq, false, 0});
    node.sent_to.clear();
    node.hear("n2", other, node.join("n2", 22, other));
  }
  BOOST_TEST((node.view->find("n2")->incarnation == Incarnation{2}));
  BOOST_TEST(node.logged == "join_refused ");
  BOOST_REQUIRE(!node.sent_to.empty());
  BOOST_TEST(node.sent_to[0] == other);
}

BOOST_AUTO_TEST_CASE(who_joins_from_another_cluster_is_told_and_nobody_else_of_it) {
  OneMember node;
  membership::ControlWriter writer({"elsewhere", NodeId{"n9"}, other});
  node.logged.clear();
  node.sent_to.clear();
  for (int i = 0; i < 10; ++i) node.driver.read("route", writer.write(membership::Refused{{}, "no"}));
  BOOST_TEST(node.sent_to.empty());
  for (int i = 0; i < 10; ++i) node.driver.read("route", writer.write(node.join("n9", 9, other)));
  BOOST_TEST(node.sent_to.size() == 10U);
  BOOST_TEST(std::ranges::count(node.sent_to, other) == 10);
  BOOST_TEST(node.logged == "wrong_cluster ");
  BOOST_TEST(node.driver.status().not_let_in == "");  // it is in a view, whoever says what
}

BOOST_AUTO_TEST_CASE(what_is_far_ahead_of_all_that_is_stored_is_dropped_counted_and_logged_once) {
  OneMember node;
  node.logged.clear();
  const Term promised = node.driver.status().term;
  const Epoch epoch = node.view->epoch();
  const auto bad = node.driver.status().bad_frames;
  for (int i = 0; i < 10; ++i) {
    node.hear("n2", first, membership::Prepare{store, membership::ballot_of(std::uint64_t{1} << 40, 2)});
    node.hear("n2", first, membership::News{{}, Epoch{4'000'000'000}, {}});
  }
  BOOST_TEST(node.driver.status().bad_frames == bad + 20);
  BOOST_TEST(node.logged == "implausible ");
  BOOST_TEST((node.driver.status().term == promised));
  BOOST_TEST(node.driver.status().is_coordinator);
  BOOST_TEST((node.view->epoch() == epoch));
}

BOOST_AUTO_TEST_CASE(a_second_process_takes_the_place_of_one_that_has_gone_and_not_before) {
  OneMember node;
  let_n2_in(node);
  const Instant silent_since = node.now;
  for (int tries = 0; tries < 100; ++tries) {
    node.hear("n2", other, node.join("n2", 22, other));
    node.run(100ms);
    const auto* member = node.view->find("n2");
    if (member == nullptr || member->incarnation == Incarnation{2}) continue;
    BOOST_TEST((member->incarnation == Incarnation{22}));
    BOOST_TEST(member->control == other);
    BOOST_TEST((node.now - silent_since >= timing.lease));  // what the first one holds may last as long
    return;
  }
  BOOST_FAIL("the second process was never let in");
}

BOOST_AUTO_TEST_CASE(whoever_finds_the_gate_closed_at_the_last_moment_is_resumed) {
  for (int early = 0; early < 40; ++early) {
    OneMember node;
    node.works = false;
    node.run(timing.renew);
    node.now = node.page.lease_end() + std::chrono::microseconds(-early);
    node.works = true;
    // Time passes between each look at the clock and what is done then, and workers look at the gate.
    node.on_clock = [&] {
      node.now = node.now + 1us;
      if (node.now >= node.page.lease_end()) node.suspended = true;
    };
    while (node.page.lease_end() - node.now < 100us) node.run(1us);
    BOOST_TEST(!node.suspended, "resumed " << early << " us before the end");
  }
}

BOOST_AUTO_TEST_CASE(a_voter_that_is_told_of_a_rescue_ends_for_good_once_that_is_on_its_disk) {
  OneMember node;
  node.sent_to.clear();
  node.hear("n2", first, membership::LineageIs{}, later);
  node.run(1s);
  BOOST_TEST(node.ended.find("was rescued without this node's, as lineage 2400000000000005") != std::string::npos, node.ended);
  BOOST_TEST(node.logged.find("retired") != std::string::npos);
  BOOST_TEST(node.sent_to.empty());
}

BOOST_AUTO_TEST_SUITE_END()
