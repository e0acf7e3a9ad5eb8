#include "run.hpp"

#include <algorithm>

#include "player.hpp"

namespace reki::contract {

using namespace std::chrono_literals;

namespace {

/// All that was asked for has come to an answer, and all that can end has ended.
void come_to_rest(World& world, Watchers& watchers, bool resumes) {
  (void)world.schedule.run_until([&] { return world.oracle.all_answered(); }, 2s);
  if (!world.oracle.all_answered())
    world.oracle.break_rule(Rule::one_answer, "a request has no answer long after its deadline");
  world.schedule.run_for(100ms);
  // Without the lease one whose function has ended since waits to be told.
  const char* const stuck = "a slot that was lost long ago is not empty";
  if (world.slots.is_any_stuck(*world.registry, true)) world.oracle.break_rule(Rule::nothing_left, stuck);
  watchers.check_at_rest();
  if (!resumes) return;
  world.page.set_lease_end(Instant::never());
  world.oracle.reopened();
  world.registry->resume();
  world.schedule.run_for(100ms);
  if (world.slots.is_any_stuck(*world.registry, false)) world.oracle.break_rule(Rule::nothing_left, stuck);
}

/// The node has given all its slots away, and tells its watchers that this was all.
void vacate(World& world, Watchers& watchers) {
  world.slots.lose_all(*world.registry);
  world.schedule.run_for(50ms);
  world.slots.revoke_all(*world.registry);
  world.schedule.run_for(50ms);
  world.oracle.vacated();
  world.registry->end_watches_if_vacated();
  if (world.registry->stats().actors == 0) watchers.check_at_the_end();
}

void close(World& world, Watchers& watchers, const Story& story) {
  world.oracle.closing();
  const bool closed = world.registry->close(2s);
  world.oracle.look();
  watchers.check_at_the_end();
  for (std::uint32_t key = 0; key < story.keys; ++key) world.start_at_once(key);  // refused
  world.oracle.at_the_end(closed, world.registry->stats().actors);
}

}  // namespace

Ending run(const Story& story, bool prints) {
  Ending out;
  World world(story, prints);
  Player player(world, story.operations);
  const auto goes_on = [&] { return !world.oracle.violation(); };
  // Each fourth is closed in the midst of it.
  const bool rests = story.seed % 4 != 0;
  while (!player.is_through() && goes_on()) {
    player.play();
    world.oracle.look();
  }
  out.played = player.played();
  Watchers& watchers = player.watchers();
  if (goes_on() && rests) come_to_rest(world, watchers, story.seed % 4 == 1);
  if (goes_on() && story.seed % 4 == 2) vacate(world, watchers);
  if (goes_on()) close(world, watchers, story);
  if (!goes_on()) {
    world.meanwhile = [](Duration) {};
    world.oracle.closing();
    world.registry->close(2s);
  }
  out.events = world.schedule.turns() + player.played();
  out.violation = world.oracle.violation();
  out.trace = world.oracle.trace() ^ world.schedule.trace();
  out.seen = world.oracle.seen();
  out.coverage = world.oracle.coverage;
  return out;
}

// Shrinking

namespace {

class Shrinker {
 public:
  Shrinker(const Story& story, Rule rule) : story_(story), rule_(rule) {}

  /// In this order of turns or another: with an operation less all that follows is drawn anew.
  [[nodiscard]] bool fails(Story& less) const {
    for (int tries = 0; tries < orders_max; ++tries) {
      const Ending ending = run(less);
      if (ending.violation && ending.violation->rule == rule_) return true;
      less.order = SplitMix(less.order).next();
    }
    return false;
  }
  /// Halves, then quarters and so on, down to single ones.
  void drop_chunks() {
    for (std::size_t chunk = std::max<std::size_t>(story_.operations.size() / 2, 1); chunk > 0; chunk /= 2) {
      for (std::size_t first = 0; first < story_.operations.size();) {
        Story less = story_;
        const auto from = less.operations.begin() + static_cast<std::ptrdiff_t>(first);
        less.operations.erase(from,
                              from + static_cast<std::ptrdiff_t>(std::min(chunk, less.operations.size() - first)));
        if (fails(less))
          story_ = std::move(less);
        else
          first += chunk;
      }
    }
  }
  /// What an operation does beside the main thing.
  void simplify() {
    for (std::size_t i = 0; i < story_.operations.size(); ++i) {
      for (std::uint32_t Operation::*field :
           {&Operation::plan, &Operation::does, &Operation::then_does, &Operation::pause_us}) {
        for (std::uint32_t bits = story_.operations[i].*field; bits != 0; bits &= bits - 1) {
          Story less = story_;
          less.operations[i].*field &= ~(bits & -bits);
          if (field == &Operation::pause_us) less.operations[i].*field = 0;
          if (fails(less)) story_ = std::move(less);
          if (field == &Operation::pause_us) break;
        }
      }
    }
  }
  [[nodiscard]] Story story() && { return std::move(story_); }

 private:
  static constexpr int orders_max = 10;
  Story story_;
  const Rule rule_;
};

}  // namespace

Story shrink(const Story& story) {
  const Ending ending = run(story);
  if (!ending.violation) return story;
  Story cut = story;
  cut.operations.resize(std::min(ending.played + 1, story.operations.size()));
  Shrinker shrinker(cut, ending.violation->rule);
  if (!shrinker.fails(cut)) return story;
  shrinker.drop_chunks();
  shrinker.drop_chunks();
  shrinker.simplify();
  shrinker.drop_chunks();
  return std::move(shrinker).story();
}

}  // namespace reki::contract
