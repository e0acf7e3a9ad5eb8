#pragma once

#include <string>

#include "reki/core/base/time.hpp"

/// What the benchmark programs share. Each runs one repetition of one group of measurements and prints its figures; who
/// repeats them, sets one beside the other and judges is bench/run.py.
namespace reki::bench {

struct Figure {
  std::string name;  ///< "local.lookup.hot"
  double value = 0;
  std::string unit;  ///< "ns", "1/s", "B", "slots"
};

/// One line on stdout: {"name":"local.lookup.hot","value":36.2,"unit":"ns"}
void print(const Figure& figure);
/// One line on stdout that says why there are no figures: {"skipped":"caf","why":"libcaf-dev is not installed"}
void print_skipped(const std::string& what, const std::string& why);

/// Time since it was made, on the monotonic clock.
class Stopwatch {
 public:
  Stopwatch();
  [[nodiscard]] Duration elapsed() const;
  [[nodiscard]] double seconds() const;

 private:
  std::int64_t begun_ns_;
};

/// Keeps the calling thread, and those that it makes from now on, on one core. Cores count from 0 among those that this
/// process may use, and wrap around: on a machine with one core all are that one.
void pin_to_core(int core);
/// Cores that this process may use; asked before anything is pinned, and the same ever after.
int cores();
/// Memory of this process that is in RAM now, in bytes.
long resident_bytes();

/// Makes the compiler believe that `value` is used.
template <class T>
void keep(const T& value) {
  asm volatile("" : : "r,m"(value) : "memory");
}

}  // namespace reki::bench
