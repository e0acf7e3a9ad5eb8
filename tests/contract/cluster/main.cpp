// Plays the seeds of a range, and says which rule is broken first, and how to see it again.
#include <unistd.h>
#include <CLI/CLI.hpp>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "run.hpp"
#include "seed_range.hpp"

using namespace reki;
using namespace reki::cluster;

namespace {

/// For a run that aborts: how to see it again.
std::array<char, 100> current_command{};
void on_signal(int signal) {
  const auto said = write(STDOUT_FILENO, current_command.data(), std::strlen(current_command.data()));
  (void)said;
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void print(const Oracle::Seen& s, std::uint64_t seeds, std::uint64_t steps) {
  const double cpu = static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
  std::printf("asks %lu handled %lu starts %lu withheld %lu states %lu restored %lu watched %lu from dropped senders %lu waits %lu "
              "lists and counts %lu\n",
              s.asks, s.handled, s.starts, s.withheld, s.moves, s.restored, s.watched, s.zombies, s.waits, s.lists);
  for (std::size_t i = 0; i < std::size(s.codes); ++i) {
    const auto name = name_of(static_cast<ErrorCode>(i));
    if (s.codes[i] != 0) std::printf("%.*s %lu ", static_cast<int>(name.size()), name.data(), s.codes[i]);
  }
  std::printf("\n%lu steps; %.2f s of processor a seed\n", steps, cpu / static_cast<double>(seeds));
}

int fail_with(std::uint64_t seed, const Ending& ending) {
  const auto number = static_cast<std::size_t>(ending.violation->rule);
  std::printf("seed %lu (%s), after %.3f s: C%zu is broken: %s\n  (%.*s)\nagain: reki-contract-cluster --seeds %lu --trace\n", seed,
              ending.faults.c_str(), static_cast<double>(ending.at.ns - 3'600'000'000'000) / 1e9, number,
              ending.violation->text.c_str(), static_cast<int>(rules[number - 1].size()), rules[number - 1].data(), seed);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  const char* const from_environment = std::getenv("REKI_CLUSTER_SEEDS");
  std::string seeds = from_environment != nullptr ? from_environment : "1..20";
  bool twice = false;
  bool prints = false;
  CLI::App app{"Plays seeded faults on simulated clusters of the production's nodes and clients, and holds them against their rules"};
  app.add_option("--seeds", seeds, "7 or 1..2000; also by REKI_CLUSTER_SEEDS")->capture_default_str();
  app.add_flag("--twice", twice, "each of them twice, which must give the same history");
  app.add_flag("--trace", prints, "print what happens");
  CLI11_PARSE(app, argc, argv);
  sim::SeedRange range;
  if (!range.read(seeds)) return std::fprintf(stderr, "--seeds: want 7 or 1..2000\n"), 2;
  std::setvbuf(stdout, nullptr, _IOLBF, 1 << 16);
  std::signal(SIGABRT, on_signal);
  std::signal(SIGSEGV, on_signal);
  std::uint64_t steps = 0;
  Oracle::Seen seen;
  for (std::uint64_t seed = range.first; seed <= range.last; ++seed) {
    std::snprintf(current_command.data(), current_command.size(), "aborted: reki-contract-cluster --seeds %lu\n", seed);
    const Ending ending = run(seed, prints);
    if (ending.violation) return fail_with(seed, ending);
    if (twice && run(seed).trace != ending.trace) return std::printf("seed %lu gives two histories\n", seed), 1;
    steps += ending.steps;
    seen.add(ending.seen);
  }
  print(seen, range.last - range.first + 1, steps);
  return 0;
}
