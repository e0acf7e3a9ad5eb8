// Plays the seeds of a range, and says which rule is broken first, and how to see it again.
#include <unistd.h>
#include <CLI/CLI.hpp>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "coverage.hpp"
#include "reki/actor/user_code.hpp"
#include "run.hpp"
#include "seed_range.hpp"

using namespace reki;
using namespace reki::contract;

namespace {

/// For a run that aborts: how to see it again.
std::array<char, 100> current_command{};
void on_abort(int) {
  const auto said = write(STDOUT_FILENO, current_command.data(), std::strlen(current_command.data()));
  (void)said;
}

void print(const Violation& v) {
  const auto number = static_cast<std::size_t>(v.rule);
  std::printf("R%zu is broken: %s\n  (%.*s)\n", number, v.text.c_str(), static_cast<int>(rules[number - 1].says.size()),
              rules[number - 1].says.data());
}

void print(const Oracle::Seen& s, std::uint64_t events) {
  const double cpu = static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
  std::printf(
      "asks %lu repeats %lu handled %lu starts %lu restarts %lu crashes %lu stops %lu passivations %lu moves %lu "
      "restored %lu "
      "timers %lu withheld %lu\n",
      s.asks, s.repeats, s.handled, s.starts, s.restarts, s.crashes, s.stops, s.passivations, s.moves, s.restored,
      s.timers, s.withheld);
  for (std::size_t i = 0; i < std::size(s.codes); ++i) {
    const auto name = name_of(static_cast<ErrorCode>(i));
    if (s.codes[i] != 0) std::printf("%.*s %lu ", static_cast<int>(name.size()), name.data(), s.codes[i]);
  }
  std::printf("\n%lu events, %.0f a second on one core\n", events, static_cast<double>(events) / cpu);
}

int fail_with(const Story& story, const Violation& violation, bool wants_shrink, bool prints) {
  std::printf("seed %lu: ", story.seed);
  print(violation);
  if (wants_shrink) {
    const Story less = shrink(story);
    const Ending again = run(less, prints);
    std::printf("shrunk from %zu operations to %zu:\n%s", story.operations.size(), less.operations.size(),
                to_text(less).c_str());
    if (again.violation) print(*again.violation);
  }
  std::printf("again: reki-contract --seeds %lu\n", story.seed);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  const char* const from_environment = std::getenv("REKI_CONTRACT_SEEDS");
  std::string seeds = from_environment != nullptr ? from_environment : "1..200";
  bool twice = false;
  bool prints = false;
  bool prints_story = false;
  bool no_shrink = false;
  std::uint32_t operations = operations_default;
  CLI::App app{"Plays seeded stories on the production runtime, and holds it against its rules"};
  app.add_option("--seeds", seeds, "7 or 1..2000; also by REKI_CONTRACT_SEEDS")->capture_default_str();
  app.add_option("--operations", operations, "of each story at least")->capture_default_str();
  app.add_flag("--twice", twice, "each of them twice, which must give the same history");
  app.add_flag("--trace", prints, "print what happens: in the shrunk run, or with --no-shrink in the whole");
  app.add_flag("--story", prints_story, "print the operations");
  app.add_flag("--no-shrink", no_shrink, "leave a failing run as it is");
  CLI11_PARSE(app, argc, argv);
  sim::SeedRange range;
  if (!range.read(seeds)) return std::fprintf(stderr, "--seeds: want 7 or 1..2000\n"), 2;
  std::setvbuf(stdout, nullptr, _IOLBF, 1 << 16);
  std::signal(SIGABRT, on_abort);
  std::uint64_t events = 0;
  Oracle::Seen seen;
  CoverageTable coverage;
  for (std::uint64_t seed = range.first; seed <= range.last; ++seed) {
    std::snprintf(current_command.data(), current_command.size(), "aborted: reki-contract --seeds %lu\n", seed);
    const Story story = story_of(seed, operations);
    if (prints_story) std::printf("%s", to_text(story).c_str());
    const Ending ending = run(story, prints && no_shrink);
    if (ending.violation) return fail_with(story, *ending.violation, !no_shrink, prints);
    if (twice && run(story).trace != ending.trace) return std::printf("seed %lu gives two histories\n", seed), 1;
    events += ending.events;
    seen.add(ending.seen);
    coverage.add(ending.coverage);
  }
  print(seen, events);
  return coverage.print_and_check() ? 0 : 1;
}
