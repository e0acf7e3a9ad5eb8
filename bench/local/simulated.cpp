// A registry on one thread and virtual time: how many events (turns, messages, timers) it gets through in a second of real time.
//   simulated_bench [--seconds S] [--keys N] [--seed N]
#include <cstdlib>

#include "actors.hpp"
#include "reki/bench/figures.hpp"
#include "reki/bench/options.hpp"
#include "seeded_schedule.hpp"

namespace reki::bench {
namespace {

struct Tick {
  static constexpr std::string_view name = "tick";
};
struct Begin {
  static constexpr std::string_view name = "begin";
};
struct Player {
  static constexpr std::string_view type = "player";
  using Messages = reki::Messages<Get, Count, Tick, Begin>;
};

struct Counts {
  std::uint64_t messages = 0;
  std::uint64_t timers = 0;
};

/// About twice a second it sends to two others, of whom one answers.
class PlayerActor final : public Actor<Player> {
 public:
  PlayerActor(Counts& counts, sim::SeededSchedule& schedule, long players) : counts_(counts), schedule_(schedule), players_(players) {}

  std::int64_t on(const Get&) {
    ++counts_.messages;
    return ++count_;
  }
  void on(const Count&) {
    ++counts_.messages;
    ++count_;
  }
  void on(const Begin&, Context& context) {
    ++counts_.messages;
    send_later(context, pause(), Tick{});
  }
  void on(const Tick&, Context& context) {
    ++counts_.timers;
    context.send<Player>(other(), Count{});
    context.registry().call<Player>(other(), Get{}).detach();
    send_later(context, pause(), Tick{});
  }

 private:
  std::string other() { return std::to_string(schedule_.below(static_cast<std::uint64_t>(players_))); }
  Duration pause() { return std::chrono::milliseconds(100 + schedule_.below(1000)); }

  Counts& counts_;
  sim::SeededSchedule& schedule_;
  const long players_;
  std::int64_t count_ = 0;
};

void simulated(const Options& options) {
  const long players = std::max(1L, options.whole("keys", 1000));
  sim::SeededSchedule schedule(static_cast<std::uint64_t>(options.whole("seed", 1)));
  Counts counts;
  Factories factories;
  factories.add<PlayerActor>({}, [&](const NoArgs&) { return std::make_unique<PlayerActor>(counts, schedule, players); });
  RuntimeOptions runs;
  runs.executor = schedule.executors();
  LocalRegistry registry(std::move(factories), runs);
  for (long i = 0; i < players; ++i) registry.send<Player>(std::to_string(i), Begin{}).detach();
  schedule.run_for(std::chrono::seconds(1));

  const auto events = [&] { return schedule.turns() + counts.messages + counts.timers; };
  const std::uint64_t before = events();
  const Instant began = schedule.now();
  const double seconds = options.number("seconds", 2);
  const Stopwatch watch;
  while (watch.seconds() < seconds) schedule.run_for(std::chrono::milliseconds(100));
  const double took = watch.seconds();
  if (events() == before) std::abort();
  print({"simulated.events", static_cast<double>(events() - before) / took, "1/s"});
  print({"simulated.time", static_cast<double>((schedule.now() - began).count()) / 1e9 / took, "x"});
}

}  // namespace
}  // namespace reki::bench

int main(int argc, char** argv) {
  reki::bench::simulated(reki::bench::Options(argc, argv, {"seconds", "keys", "seed"}));
  return 0;
}
