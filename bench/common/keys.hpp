#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace reki::bench {

/// Keys of 16 printable bytes, all different, the same in every run: what a user's id looks like.
inline std::vector<std::string> random_keys(std::size_t count) {
  std::vector<std::string> out;
  out.reserve(count);
  std::uint64_t state = 0x9e3779b97f4a7c15U;
  for (std::size_t i = 0; i < count; ++i) {
    // SplitMix64 of a counter is a bijection, so that no two are equal.
    std::uint64_t z = state += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    z ^= z >> 31;
    std::string key(16, '0');
    for (char& c : key) {
      c = "0123456789abcdef"[z & 15];
      z >>= 4;
    }
    out.push_back(std::move(key));
  }
  return out;
}

/// Walks over indices below `count`, which is below 2^32, in an order that no prefetcher knows. Two multiplications a
/// step, so that the walk itself costs nothing that matters.
class Walk {
 public:
  explicit Walk(std::size_t count, std::uint64_t seed = 1) : count_(count), state_(seed) {}
  std::size_t next() {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    return static_cast<std::size_t>((state_ >> 32) * count_ >> 32);
  }

 private:
  std::size_t count_;
  std::uint64_t state_;
};

}  // namespace reki::bench
