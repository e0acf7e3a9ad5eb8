#include <csignal>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "reki/core/membership/mutation.hpp"
#include "simulation.hpp"

using namespace reki::sim;
namespace {
RunOptions current;
void on_abort(int) {
  const std::string c = command_of(current);
  std::printf("ABORT: %s\n", c.c_str());
  std::fflush(stdout);
}
}
int main(int argc, char** argv) {
  RunOptions o;
  std::uint64_t a = 1, b = 1;
  bool want_shrink = false, first = false;
  for (int i = 1; i < argc; ++i) {
    std::string s = argv[i];
    auto val = [&] { return std::string(argv[++i]); };
    if (s == "--seed") a = b = std::stoull(val());
    else if (s == "--seeds") { auto v = val(); auto d = v.find(".."); a = std::stoull(v.substr(0, d)); b = std::stoull(v.substr(d + 2)); }
    else if (s == "--seconds") o.lasts = std::stoll(val()) * second;
    else if (s == "--nodes") o.nodes = std::stoull(val());
    else if (s == "--profile") o.cloud = val() == "cloud";
    else if (s == "--faults") { if (!parse(val(), o.kinds)) return 2; }
    else if (s == "--only") { o.only.emplace(); auto v = val(); if (v != "none") { char* p = v.data(); for (char* t = strtok(p, ","); t; t = strtok(nullptr, ",")) o.only->push_back(std::stoul(t)); } }
#ifdef REKI_MUTATIONS
    else if (s == "--mutation") {
      auto v = val();
      for (auto& m : reki::membership::mutations()) if (m.name == v) reki::membership::active_mutation = m.mutation;
      if (reki::membership::active_mutation == reki::membership::Mutation::none) return 2;
    }
    else if (s == "--first") first = true;
#endif
    else if (s == "--watch") o.watch = val();
    else if (s == "--trace") o.verbose = true;
    else if (s == "--shrink") want_shrink = true;
    else return 2;
  }
  std::signal(SIGABRT, on_abort);
  auto t0 = std::chrono::steady_clock::now();
  Stats sum; double virt = 0; int bad = 0; std::array<std::uint64_t, fault_kinds> faults{};
  for (auto seed = a; seed <= b; ++seed) {
    o.seed = seed;
    current = o;
    auto r = run(o);
    virt += r.ended / 1e9;
    sum.events += r.stats.events; sum.steps += r.stats.steps; sum.letters += r.stats.letters; sum.calls += r.stats.calls; sum.calls_ok += r.stats.calls_ok; sum.starts += r.stats.starts; sum.views += r.stats.views; sum.elections += r.stats.elections; sum.fenced += r.stats.fenced;
    for (size_t k = 0; k < fault_kinds; ++k) faults[k] += r.faults[k];
    if (r.violation) {
      ++bad;
      std::printf("%s at %.6f: %s\n  %s\n", r.violation->invariant.c_str(), r.violation->at / 1e9, r.violation->text.c_str(), command_of(o).c_str());
      if (want_shrink) {
        auto s = shrink(o);
        std::printf("  shrunk: %s\n", command_of(s).c_str());
        auto rr = run(s);
        for (auto i : *s.only) std::printf("    #%u %s\n", i, text_of(rr.plan[i]).c_str());
      }
      std::fflush(stdout);
      if (first) break;
    }
    if (a == b) std::printf("trace %016lx\n", r.trace);
  }
  double real = std::chrono::duration<double>(std::chrono::steady_clock::now() - t0).count();
  std::printf("seeds %lu bad %d virtual %.0f s real %.2f rate %.0f cpu-rate %.0f events %lu steps %lu letters %lu calls %lu ok %lu starts %lu views %lu elections %lu fenced %lu\n", b - a + 1, bad, virt, real, virt / real, virt / (double(std::clock()) / CLOCKS_PER_SEC),
    sum.events, sum.steps, sum.letters, sum.calls, sum.calls_ok, sum.starts, sum.views, sum.elections, sum.fenced);
  for (size_t k = 0; k < fault_kinds; ++k) std::printf(" %s %lu", std::string(name_of(FaultKind(k))).c_str(), faults[k]);
  std::printf("\n");
  return bad != 0;
}
