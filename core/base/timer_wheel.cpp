#include "reki/core/base/timer_wheel.hpp"

namespace reki {

Instant TimerWheel::next() const {
  // 64 words from the one of next_tick_ on, and that one again for the bits below it.
  const auto start = static_cast<std::size_t>(next_tick_) % bucket_count;
  for (std::size_t i = 0; i <= bits_.size(); ++i) {
    const std::size_t word = (start / 64 + i) % bits_.size();
    std::uint64_t bits = bits_[word];
    if (i == 0) bits &= ~std::uint64_t{0} << (start % 64);
    for (; bits != 0; bits &= bits - 1) {
      const std::size_t bucket = word * 64 + static_cast<std::size_t>(std::countr_zero(bits));
      if (!buckets_[bucket].empty()) {
        const std::size_t ahead = (bucket + bucket_count - start) % bucket_count;
        return Instant{(next_tick_ + static_cast<std::int64_t>(ahead)) * tick_ns};
      }
      bits_[word] &= ~(std::uint64_t{1} << (bucket % 64));  // what was in it has been removed
    }
  }
  return Instant::never();
}

}  // namespace reki
