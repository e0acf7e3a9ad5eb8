#include "reki/bench/latencies.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace reki::bench {

std::size_t Latencies::step_of(std::uint64_t ns) {
  if (ns < (1U << (step_bits + 1))) return ns;
  const auto shift = static_cast<std::uint64_t>(std::bit_width(ns)) - step_bits - 1;
  return (shift << step_bits) + (ns >> shift);
}

std::uint64_t Latencies::upper_end(std::size_t step) {
  if (step < (1U << (step_bits + 1))) return step;
  const std::size_t shift = (step >> step_bits) - 1;
  const std::uint64_t first = (step - (shift << step_bits)) << shift;
  return first + (std::uint64_t{1} << shift) - 1;
}

void Latencies::add(Duration took) {
  const auto ns = static_cast<std::uint64_t>(std::max<std::int64_t>(0, took.count()));
  ++counts_[step_of(ns)];
  ++count_;
  max_ = std::max(max_, ns);
}

void Latencies::add(const Latencies& other) {
  for (std::size_t i = 0; i < steps; ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
}

Duration Latencies::percentile(double quantile) const {
  const auto wanted = static_cast<std::uint64_t>(std::ceil(quantile * static_cast<double>(count_)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < steps; ++i) {
    seen += counts_[i];
    if (seen >= wanted && seen > 0) return Duration{static_cast<std::int64_t>(std::min(upper_end(i), max_))};
  }
  return Duration{0};
}

}  // namespace reki::bench
