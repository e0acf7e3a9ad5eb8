// What cells of a type whose lease is confirmed hold back, and until when: one turn at a time.
#include <boost/test/unit_test.hpp>

#include "cell_stage.hpp"

using namespace reki;
using test::CellStage;
using test::NotingHost;

namespace {

struct Say {
  static constexpr std::string_view name = "say";
};
struct Leave {
  static constexpr std::string_view name = "leave";
};
struct Throw {
  static constexpr std::string_view name = "throw";
};
struct Ask {
  static constexpr std::string_view name = "ask";
};
struct Witness {
  static constexpr std::string_view type = "witness";
  using Messages = reki::Messages<Say, Leave, Throw, Ask>;
};

struct Seen {
  int said = 0;
  int goodbyes = 0;
  int alive = 0;
  bool may_block = true;
};

class WitnessActor final : public Actor<Witness> {
 public:
  explicit WitnessActor(Seen& seen) : seen_(seen) { ++seen_.alive; }
  ~WitnessActor() override { --seen_.alive; }
  void on_stop(Context&, StopReason) override { ++seen_.goodbyes; }
  void on(const Say&) { ++seen_.said; }
  void on(const Leave&, Context& context) { context.stop_self(); }
  void on(const Throw&) { throw std::runtime_error("no"); }
  void on(const Ask&) { seen_.may_block = !detail::on_worker_thread; }

 private:
  Seen& seen_;
};

ActorType witnesses(Seen& seen, TypeLease lease) {
  Factories out;
  out.add<WitnessActor>({.lease = lease}, [&seen](const NoArgs&) { return std::make_unique<WitnessActor>(seen); });
  return out.types().at("witness");
}

/// An actor that is live, under a lease, whose turns a test takes. Each message is answered with its number and a code.
struct Stand {
  explicit Stand(TypeLease lease = TypeLease::confirmed) : stage(host, witnesses(seen, lease)) {
    ends.boot_ns = Instant::never().ns;
    ends.sent = 7;
    host.confirmations.ask_by([this](std::uint64_t renewal) { asked.push_back(renewal); });
    cell.run();
  }

  template <Message M = Say>
  void call(M message = {}) {
    EnvelopePtr out{new TypedEnvelope<M>(std::move(message))};
    out->op = wire::Op::call;
    out->done = Completion::of([this, number = ++calls](Answer&& answer) {
      answers += std::to_string(number) + ":" + std::string(name_of(answer.code)) + " ";
    });
    if (cell.push(std::move(out))) cell.run();
  }
  /// The renewal is granted, and what it wakes has its turn.
  void grant(std::uint64_t renewal) {
    ends.granted = renewal;
    for (ActorCell* const each : host.confirmations.take(false)) each->run();
  }
  void wake_all() {
    for (ActorCell* const each : host.confirmations.take(true)) each->run();
  }

  LeaseEnds ends;
  Seen seen;
  int calls = 0;
  std::string answers;  // what is left in the mailbox is answered at the cell's end
  std::vector<std::uint64_t> asked;
  NotingHost host{&ends};
  CellStage stage;
  ActorCell& cell = *stage.cell;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(confirmed_cell)

BOOST_AUTO_TEST_CASE(a_reply_leaves_once_a_renewal_that_was_sent_after_its_turn_began_is_granted) {
  Stand s;
  s.call();
  BOOST_TEST(s.seen.said == 1);
  BOOST_TEST(s.answers == "");
  BOOST_TEST(s.asked == std::vector<std::uint64_t>{8});
  s.grant(7);  // it was on its way when the turn began
  BOOST_TEST(s.answers == "");
  s.ends.sent = 8;
  s.grant(8);
  BOOST_TEST(s.answers == "1:ok ");
  BOOST_TEST(s.cell.is_idle());
}

BOOST_AUTO_TEST_CASE(later_messages_are_handled_meanwhile_and_answered_in_order) {
  Stand s;
  s.call();
  s.ends.sent = 8;
  s.call();
  s.call();
  BOOST_TEST(s.seen.said == 3);
  BOOST_TEST(s.answers == "");
  s.grant(8);
  BOOST_TEST(s.answers == "1:ok ");
  BOOST_TEST(s.asked == (std::vector<std::uint64_t>{8, 9}));
  s.ends.sent = 9;
  s.grant(9);
  BOOST_TEST(s.answers == "1:ok 2:ok 3:ok ");
}

BOOST_AUTO_TEST_CASE(with_so_many_turns_unconfirmed_the_next_one_waits) {
  Stand s;
  const auto most = static_cast<int>(limits::unconfirmed_turns_max);
  for (int i = 0; i < most + 2; ++i) s.call();
  BOOST_TEST(s.seen.said == most);
  BOOST_TEST(!s.cell.is_idle());
  s.ends.sent = 8;
  s.grant(8);
  for (auto& waiting = s.host.still().waiting; !waiting.empty();) {  // it has let others run
    Turn* const turn = waiting.back();
    waiting.pop_back();
    turn->run();
  }
  BOOST_TEST(s.seen.said == most + 2);
  s.ends.sent = 9;
  s.grant(9);
  BOOST_TEST(s.answers.ends_with(std::to_string(most + 1) + ":ok " + std::to_string(most + 2) + ":ok "));
}

BOOST_AUTO_TEST_CASE(what_is_held_is_dropped_with_the_slot_and_never_leaves) {
  Stand s;
  s.call();
  s.cell.revoke();
  s.ends.granted = 8;  // too late
  s.wake_all();
  BOOST_TEST(s.answers == "1:unknown_outcome ");
}

BOOST_AUTO_TEST_CASE(what_is_held_is_dropped_once_a_view_has_dropped_its_node) {
  Stand s;
  s.call();
  s.host.gate.abandon();
  s.wake_all();
  BOOST_TEST(s.answers == "1:unknown_outcome ");
}

BOOST_AUTO_TEST_CASE(without_the_lease_a_grant_is_not_enough_and_what_is_held_leaves_when_the_lease_goes_on) {
  Stand s;
  s.call();
  s.ends.boot_ns = 0;
  s.ends.sent = 8;
  s.grant(8);
  BOOST_TEST(s.answers == "");
  s.ends.boot_ns = Instant::never().ns;
  for (ActorCell* const each : s.host.gate.take_suspended()) each->run();
  BOOST_TEST(s.answers == "1:ok ");
}

BOOST_AUTO_TEST_CASE(a_stop_waits_until_what_came_before_it_and_on_stop_are_confirmed) {
  Stand s;
  s.call();
  s.ends.sent = 8;
  BOOST_TEST(s.cell.push_stop(StopReason::stopped, Instant::never()));
  s.cell.run();
  BOOST_TEST(s.seen.goodbyes == 1);
  BOOST_TEST(s.host.stops == 0);
  s.grant(8);
  BOOST_TEST(s.answers == "1:ok ");
  BOOST_TEST(s.host.stops == 0);
  s.ends.sent = 9;
  s.grant(9);
  BOOST_TEST(s.host.stops == 1);
  BOOST_TEST(s.seen.alive == 0);
}

BOOST_AUTO_TEST_CASE(who_stops_the_actor_by_a_message_is_answered_when_it_is_over) {
  Stand s;
  s.call(Leave{});
  BOOST_TEST(s.seen.goodbyes == 1);
  BOOST_TEST(s.answers == "");
  s.ends.sent = 8;
  s.grant(8);
  BOOST_TEST(s.host.stops == 1);
  BOOST_TEST(s.answers == "1:ok ");
}

BOOST_AUTO_TEST_CASE(a_crash_comes_after_what_was_done_before_it_and_nothing_is_handled_behind_it) {
  Stand s;
  s.call();
  s.call(Throw{});
  s.call();
  BOOST_TEST(s.seen.said == 1);
  BOOST_TEST(s.host.failure == "");
  s.ends.sent = 8;
  s.grant(8);
  BOOST_TEST(s.answers.starts_with("1:ok "));  // the second is its host's to answer
  BOOST_TEST(s.host.failure == "no");
  BOOST_TEST(s.seen.alive == 0);
}

BOOST_AUTO_TEST_CASE(its_functions_may_not_wait_for_answers) {
  Stand s;
  s.call(Ask{});
  BOOST_TEST(!s.seen.may_block);
  Stand plain(TypeLease::timed);
  plain.call(Ask{});
  BOOST_TEST(plain.seen.may_block);
}

BOOST_AUTO_TEST_CASE(a_timed_lease_waits_for_no_grant) {
  Stand s(TypeLease::timed);
  s.call();
  BOOST_TEST(s.answers == "1:ok ");
  BOOST_TEST(s.asked.empty());
}

BOOST_AUTO_TEST_CASE(without_a_cluster_a_confirmed_lease_changes_nothing) {
  Seen seen;
  NotingHost host;
  CellStage stage{host, witnesses(seen, TypeLease::confirmed)};
  BOOST_TEST(!stage.type.confirmed);
}

BOOST_AUTO_TEST_SUITE_END()
