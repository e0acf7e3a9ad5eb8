#include "reki/node/actors/actor_cell.hpp"

#include <boost/test/unit_test.hpp>

#include "cell_stage.hpp"

using namespace reki;
using namespace std::chrono_literals;
using test::CellStage;
using test::NotingHost;

namespace {

struct Say {
  static constexpr std::string_view name = "say";
};
struct Throw {
  static constexpr std::string_view name = "throw";
};
struct Parrot {
  static constexpr std::string_view type = "parrot";
  using Messages = reki::Messages<Say, Throw>;
};

struct Heard {
  int said = 0;
  int alive = 0;
  bool cannot_start = false;
};

class ParrotActor final : public Actor<Parrot> {
 public:
  explicit ParrotActor(Heard& heard) : heard_(heard) { ++heard_.alive; }
  ~ParrotActor() override { --heard_.alive; }
  Result<void> on_start(Context&) override {
    if (heard_.cannot_start) throw std::runtime_error("no perch");
    return {};
  }
  void on(const Say&) { ++heard_.said; }
  void on(const Throw&) { throw std::runtime_error("squawk"); }

 private:
  Heard& heard_;
};

ActorType parrots(Heard& heard) {
  Factories out;
  out.add<ParrotActor>({}, [&heard](const NoArgs&) { return std::make_unique<ParrotActor>(heard); });
  return out.types().at("parrot");
}

/// A cell whose turns a test takes.
struct Cage {
  explicit Cage(const LeaseEnds* lease = nullptr) : host(lease) {}

  template <Message M>
  bool push(M message) {
    EnvelopePtr out{new TypedEnvelope<M>(std::move(message))};
    out->op = wire::Op::send;
    return cell.push(std::move(out));
  }

  Heard heard;
  NotingHost host;
  CellStage stage{host, parrots(heard)};
  ActorCell& cell = *stage.cell;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(actor_cell)

BOOST_AUTO_TEST_CASE(its_first_turn_makes_the_actor_and_handles_what_waits) {
  Cage c;
  BOOST_TEST(!c.push(Say{}));  // its first turn is seen to
  BOOST_TEST(!c.push(Say{}));
  c.cell.run();
  BOOST_TEST(c.host.starts == 1);
  BOOST_TEST(c.heard.said == 2);
  BOOST_TEST(c.cell.is_idle());
  BOOST_TEST(c.push(Say{}));  // and now it is not
}

BOOST_AUTO_TEST_CASE(a_start_that_throws_has_failed_with_its_text_and_leaves_no_actor) {
  Cage c;
  c.heard.cannot_start = true;
  c.cell.run();
  BOOST_TEST(c.host.failure == "no perch");
  BOOST_TEST(c.host.starts == 0);
  BOOST_TEST(c.heard.alive == 0);
}

BOOST_AUTO_TEST_CASE(after_a_failed_start_whose_entry_goes_on_it_starts_again_at_once) {
  Cage c;
  c.heard.cannot_start = true;
  c.host.goes_on = [&] {
    c.heard.cannot_start = false;
    return true;
  };
  c.cell.run();
  BOOST_TEST(c.host.failure == "no perch");
  BOOST_TEST(c.host.starts == 1);
  BOOST_TEST(c.heard.alive == 1);
}

BOOST_AUTO_TEST_CASE(a_handler_that_throws_is_a_crash_and_what_waits_is_the_hosts) {
  Cage c;
  (void)c.push(Throw{});
  (void)c.push(Say{});
  c.cell.run();
  BOOST_TEST(c.host.failure == "squawk");
  BOOST_TEST(c.heard.alive == 0);
  BOOST_TEST(c.heard.said == 0);
  WaiterList left = c.cell.close_mailbox();
  BOOST_TEST(left.size() == 1U);
  while (Waiter* w = left.pop()) EnvelopePtr{static_cast<Envelope*>(w)};
}

BOOST_AUTO_TEST_CASE(a_stop_is_handled_after_what_came_before_it) {
  Cage c;
  (void)c.push(Say{});
  (void)c.cell.push_stop(StopReason::stopped, Instant::never());
  c.cell.run();
  BOOST_TEST(c.heard.said == 1);
  BOOST_TEST(c.host.stops == 1);
  BOOST_TEST(c.heard.alive == 0);
}

BOOST_AUTO_TEST_CASE(after_the_time_for_a_stop_what_waits_is_decided_over_again) {
  Cage c;
  (void)c.push(Say{});
  (void)c.cell.push_stop(StopReason::stopped, c.host.clock.now());
  c.cell.run();
  BOOST_TEST(c.heard.said == 0);
  BOOST_TEST(c.host.stops == 1);
  WaiterList left = c.cell.close_mailbox();  // as its host does
  BOOST_TEST(left.size() == 1U);
  while (Waiter* w = left.pop()) EnvelopePtr{static_cast<Envelope*>(w)};
}

BOOST_AUTO_TEST_CASE(whose_slot_was_revoked_handles_nothing_more) {
  Cage c;
  (void)c.push(Say{});
  c.cell.run();
  BOOST_REQUIRE(c.heard.said == 1);
  (void)c.push(Say{});
  (void)c.push(Say{});
  c.cell.revoke();
  c.cell.run();
  BOOST_TEST(c.heard.said == 1);
  BOOST_TEST(c.heard.alive == 0);
  BOOST_TEST(c.host.stops == 1);
  WaiterList left = c.cell.close_mailbox();  // as its host does
  BOOST_TEST(left.size() == 2U);
  while (Waiter* w = left.pop()) EnvelopePtr{static_cast<Envelope*>(w)};
}

BOOST_AUTO_TEST_CASE(when_the_gate_is_closed_nothing_runs_until_it_opens) {
  LeaseEnds lease;
  auto& lease_end = lease.boot_ns;
  Cage c(&lease);
  lease_end = c.host.clock.now().ns + 1;
  c.cell.run();
  BOOST_TEST(c.push(Say{}));
  lease_end = c.host.clock.now().ns;
  c.cell.run();
  BOOST_TEST(c.heard.said == 0);
  lease_end = Instant::never().ns;
  const auto suspended = c.host.gate.take_suspended();
  BOOST_REQUIRE(suspended.size() == 1U);
  suspended.front()->run();
  BOOST_TEST(c.heard.said == 1);
}

BOOST_AUTO_TEST_CASE(after_so_many_messages_it_lets_others_run) {
  Cage c;
  for (int i = 0; i < limits::messages_per_turn + 1; ++i) (void)c.push(Say{});
  c.cell.run();
  BOOST_TEST(c.heard.said == limits::messages_per_turn);
  BOOST_REQUIRE(c.host.still().waiting.size() == 1U);
  c.host.still().waiting.front()->run();
  BOOST_TEST(c.heard.said == limits::messages_per_turn + 1);
}

BOOST_AUTO_TEST_SUITE_END()
