#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <limits>
#include <string>
#include <unistd.h>

#include "reki/core/membership/mutation.hpp"
#include "scenario.hpp"
#include "simulation.hpp"

using namespace reki;
using namespace reki::sim;

namespace {

/// For a machine that aborts: how to see it again.
std::array<char, 1024> current_command{};
void on_abort(int) {
  const auto said = write(STDOUT_FILENO, current_command.data(), std::strlen(current_command.data()));
  (void)said;
}

struct Arguments {
  RunOptions run;
  std::uint64_t first = 1;
  std::uint64_t last = 1;
  std::string mutation;
  std::vector<std::string> expected;  ///< Invariants; a run must break one of them.
  bool want_shrink = false;
  std::string scenario;
  double bytes_max = std::numeric_limits<double>::infinity();
};

/// Sums over the runs of a range.
struct Totals {
  std::uint64_t seeds = 0;
  std::uint64_t violations = 0;
  Time time = 0;
  Stats stats;
  std::array<std::uint64_t, fault_kinds> faults{};

  void add(const Outcome& o) {
    ++seeds;
    violations += o.violation ? 1 : 0;
    time += o.ended;
    stats += o.stats;
    for (std::size_t k = 0; k < fault_kinds; ++k) faults[k] += o.faults[k];
  }
  /// One line of names and numbers, for scripts to add up.
  void print() const {
    const double cpu = static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
    std::printf("sum seeds %lu violations %lu virtual_s %ld cpu_ms %ld events %lu letters %lu calls %lu calls_ok %lu starts %lu "
                "handlers %lu views %lu elections %lu fenced %lu",
                seeds, violations, time / second, static_cast<long>(cpu * 1000), stats.events, stats.letters, stats.calls,
                stats.calls_ok, stats.starts, stats.handlers, stats.views, stats.elections, stats.fenced);
    for (std::size_t k = 0; k < fault_kinds; ++k) {
      std::printf(" fault_%s %lu", std::string(name_of(static_cast<FaultKind>(k))).c_str(), faults[k]);
    }
    std::printf("\n%.0f times real time on one core\n", static_cast<double>(time) / 1e9 / cpu);
  }
};

bool read_number(std::string_view text, std::uint64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size();
}

/// "7", or "1..2000".
bool read_range(const std::string& text, Arguments& a) {
  const auto dots = text.find("..");
  if (dots == std::string::npos) return read_number(text, a.first) && read_number(text, a.last);
  return read_number(text.substr(0, dots), a.first) && read_number(text.substr(dots + 2), a.last) && a.first <= a.last;
}

bool activate(const std::string& name) {
  const auto all = membership::mutations();
  const auto it = std::ranges::find(all, name, &membership::NamedMutation::name);
  if (it == all.end()) return false;
#ifdef REKI_MUTATIONS
  membership::active_mutation = it->mutation;
  return true;
#else
  return false;  // the other program has them
#endif
}

void explain(const RunOptions& options, const Outcome& outcome, bool want_shrink) {
  const Violation& v = *outcome.violation;
  std::printf("%s broken at %.6f s: %s\n  %s\n", v.invariant.c_str(), static_cast<double>(v.at) / 1e9, v.text.c_str(),
              command_of(options).c_str());
  if (want_shrink) {
    const RunOptions less = shrink(options);
    const Outcome again = run(less);
    std::printf("  shrunk: %s\n", command_of(less).c_str());
    for (std::uint32_t i = 0; i < again.plan.size(); ++i) {
      if (less.only && std::ranges::find(*less.only, i) != less.only->end()) {
        std::printf("    #%u %s\n", i, text_of(again.plan[i]).c_str());
      }
    }
  }
  std::fflush(stdout);
}

/// 0: all is as it should be; 1: it is not.
int run_range(const Arguments& a) {
  Totals totals;
  for (std::uint64_t seed = a.first; seed <= a.last; ++seed) {
    RunOptions options = a.run;
    options.seed = seed;
    const std::string command = "aborted: " + command_of(options) + "\n";
    command.copy(current_command.data(), current_command.size() - 1);
    current_command[std::min(command.size(), current_command.size() - 1)] = '\0';
    const Outcome outcome = run(options);
    totals.add(outcome);
    if (a.first == a.last) std::printf("trace %016lx\n", outcome.trace);
    if (!outcome.violation) continue;
    explain(options, outcome, a.want_shrink);
    if (a.expected.empty()) continue;
    const bool as_expected = std::ranges::find(a.expected, outcome.violation->invariant) != a.expected.end();
    std::printf("%s after %lu seeds\n", as_expected ? "found" : "another invariant than expected is broken", totals.seeds);
    return as_expected ? 0 : 1;
  }
  totals.print();
  if (!a.expected.empty()) std::printf("no seed breaks what was expected\n");
  return totals.violations == 0 && a.expected.empty() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Simulates clusters under faults; all of a run follows from its seed."};
  Arguments a;
  std::string seeds;
  std::string faults = "all";
  std::string profile = "lan";
  std::string engine = "embedded";
  std::string only;
  std::int64_t seconds = 120;
  app.add_option("--seed,--seeds", seeds, "a seed, or A..B")->default_str("1");
  app.add_option("--seconds", seconds, "virtual time with faults")->capture_default_str()->check(CLI::Range(1, 1000000));
  app.add_option("--nodes", a.run.nodes, "nodes")->capture_default_str()->check(CLI::Range(1, 1000));
  app.add_option("--profile", profile, "timing")->capture_default_str()->check(CLI::IsMember({"lan", "cloud"}));
  app.add_option("--engine", engine, "where the register is")->capture_default_str()->check(CLI::IsMember({"embedded", "etcd"}));
  app.add_option("--faults", faults, "kinds: all, none, crash,pause, all,-loss; a run has some of them. all is without vm_stop, which has to be named")->capture_default_str();
  app.add_option("--only", only, "numbers of the plan's faults, or none");
  app.add_option("--watch", a.run.watch, "only these invariants: I8,I12");
  app.add_option("--mutation", a.mutation, "a deliberate bug (reki-sim-mutants has them)");
  app.add_option("--expect", a.expected, "succeed at the first violation, if it is of one of these")->delimiter(',');
  app.add_flag("--shrink", a.want_shrink, "leave out of a failing run what it does not need");
  app.add_flag("--trace", a.run.verbose, "print every message and fault");
  app.add_option("--scenario", a.scenario, "time one change in a healthy cluster: join, leave, kill, kill_unguarded, coordinator");
  app.add_option("--bytes-max", a.bytes_max, "of a scenario: fail if a node sends more bytes of control frames");
  CLI11_PARSE(app, argc, argv);

  a.run.lasts = seconds * second;
  a.run.cloud = profile == "cloud";
  a.run.etcd = engine == "etcd";
  if (!seeds.empty() && !read_range(seeds, a)) return std::fprintf(stderr, "--seeds: want 7 or 1..2000\n"), 2;
  if (!parse(faults, a.run.kinds)) return std::fprintf(stderr, "--faults: known are %s\n", text_of(all_faults | clocks_stop | rescues).c_str()), 2;
  if (!a.mutation.empty() && !activate(a.mutation)) return std::fprintf(stderr, "--mutation: not in this program\n"), 2;
  if (!only.empty()) {
    a.run.only.emplace();
    for (const std::string& part : CLI::detail::split(only, ',')) {
      std::uint64_t number = 0;
      if (read_number(part, number)) a.run.only->push_back(static_cast<std::uint32_t>(number));
      else if (part != "none") return std::fprintf(stderr, "--only: want 3,7,12 or none\n"), 2;
    }
  }
  std::signal(SIGABRT, on_abort);
  if (!a.scenario.empty()) return print_scenario(a.scenario, a.run.nodes, a.run.cloud, a.run.etcd, a.first, a.bytes_max);
  return run_range(a);
}
