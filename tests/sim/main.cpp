#include <chrono>
#include <cstdio>

#include "cluster.hpp"

using namespace reki::sim;
int main(int argc, char** argv) {
  Cluster::Options o;
  o.seed = argc > 1 ? std::stoull(argv[1]) : 1;
  const Time end = (argc > 2 ? std::stoll(argv[2]) : 10) * second;
  o.verbose = argc > 3;
  auto t0 = std::chrono::steady_clock::now();
  Cluster c(o);
  c.begin();
  while (c.run_until(end)) {
  }
  auto t1 = std::chrono::steady_clock::now();
  const auto& s = c.world().stats;
  if (auto v = c.world().invariants.violation()) std::printf("%s at %f: %s\n", v->invariant.c_str(), v->at / 1e9, v->text.c_str());
  double real = std::chrono::duration<double>(t1 - t0).count();
  std::printf("trouble '%s' real %.3f rate %.0f events %lu steps %lu letters %lu packets %lu calls %lu ok %lu starts %lu handlers %lu fenced %lu\n", c.trouble().c_str(), real, c.world().now / 1e9 / real,
              s.events, s.steps, s.letters, s.packets, s.calls, s.calls_ok, s.starts, s.handlers, s.fenced);
}
