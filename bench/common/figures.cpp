#include "reki/bench/figures.hpp"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <vector>

namespace reki::bench {
namespace {

std::int64_t monotonic_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

std::vector<int> read_allowed() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> out;
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    for (int i = 0; i < CPU_SETSIZE; ++i) {
      if (CPU_ISSET(i, &set)) out.push_back(i);
    }
  }
  if (out.empty()) out.push_back(0);
  return out;
}

const std::vector<int>& allowed_cores() {
  static const std::vector<int> cores = read_allowed();
  return cores;
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out + '"';
}

}  // namespace

void print(const Figure& figure) {
  std::printf("{\"name\":%s,\"value\":%.6g,\"unit\":%s}\n", quoted(figure.name).c_str(), figure.value,
              quoted(figure.unit).c_str());
  std::fflush(stdout);
}

void print_skipped(const std::string& what, const std::string& why) {
  std::printf("{\"skipped\":%s,\"why\":%s}\n", quoted(what).c_str(), quoted(why).c_str());
  std::fflush(stdout);
}

Stopwatch::Stopwatch() : begun_ns_(monotonic_ns()) {}
Duration Stopwatch::elapsed() const { return Duration{monotonic_ns() - begun_ns_}; }
double Stopwatch::seconds() const { return static_cast<double>(elapsed().count()) / 1e9; }

void pin_to_core(int core) {
  const auto& allowed = allowed_cores();
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(allowed[static_cast<std::size_t>(core) % allowed.size()], &set);
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

int cores() { return static_cast<int>(allowed_cores().size()); }

long resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  long total = 0;
  long resident = 0;
  statm >> total >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

}  // namespace reki::bench
