// The least that a look-up can cost: a flat hash map that only one thread may use, with the same hash and the same keys
// as the registry's look-ups are measured with. It finds a pointer and reads what that points to, as one who wants an
// actor has to. `flat_map_inline` has its keys inside of the table, which no one does whose keys have no fixed length.
#include <absl/container/flat_hash_map.h>
#include <xxhash.h>

#include <array>
#include <barrier>
#include <cstring>
#include <memory>
#include <numeric>
#include <thread>

#include "reki/bench/figures.hpp"
#include "reki/bench/keys.hpp"
#include "reki/bench/options.hpp"

namespace reki::bench {
namespace {

struct Hash {
  using is_transparent = void;
  std::size_t operator()(std::string_view key) const { return XXH3_64bits_withSeed(key.data(), key.size(), 1); }
};
struct Inline {
  std::array<char, 16> bytes;
  friend bool operator==(const Inline&, const Inline&) = default;
};
struct InlineHash {
  std::size_t operator()(const Inline& key) const {
    return XXH3_64bits_withSeed(key.bytes.data(), key.bytes.size(), 1);
  }
};
struct Value {
  std::uint64_t fence = 1;
};

const std::string& probe(const std::string& key, const std::string&) { return key; }
Inline probe(const std::string& key, const Inline&) {
  Inline out{};
  std::memcpy(out.bytes.data(), key.data(), out.bytes.size());
  return out;
}

/// A map that nobody changes any more, so that several threads may look.
template <class Key, class HashOfKey>
class Map {
 public:
  explicit Map(const std::vector<std::string>& keys) : keys_(keys) {
    for (const auto& key : keys) map_.emplace(probe(key, Key{}), std::make_unique<Value>());
  }

  double look_ups_a_second(double seconds, std::uint64_t seed = 1) const {
    Walk walk(keys_.size(), seed);
    look(walk, static_cast<long>(keys_.size()));
    constexpr long at_once = 10000;
    const Stopwatch watch;
    long done = 0;
    do {
      look(walk, at_once);
      done += at_once;
    } while (watch.seconds() < seconds);
    return static_cast<double>(done) / watch.seconds();
  }
  /// Of all of them together.
  double look_ups_a_second_of(int threads, double seconds) const {
    std::barrier together(threads);
    std::vector<double> rates(static_cast<std::size_t>(threads));
    std::vector<std::thread> all;
    for (int t = 0; t < threads; ++t) {
      all.emplace_back([&, t] {
        pin_to_core(t);
        together.arrive_and_wait();
        rates[static_cast<std::size_t>(t)] = look_ups_a_second(seconds, static_cast<std::uint64_t>(t) + 1);
      });
    }
    for (auto& thread : all) thread.join();
    return std::accumulate(rates.begin(), rates.end(), 0.0);
  }

 private:
  void look(Walk& walk, long count) const {
    std::uint64_t sum = 0;
    for (long i = 0; i < count; ++i) sum += map_.find(probe(keys_[walk.next()], Key{}))->second->fence;
    keep(sum);
  }

  const std::vector<std::string>& keys_;
  absl::flat_hash_map<Key, std::unique_ptr<Value>, HashOfKey, std::equal_to<>> map_;
};

void run(const Options& options) {
  const auto what = options.choice("what", {"hot", "random", "readers"});
  const double seconds = options.number("seconds", 0.5);
  const auto keys = random_keys(static_cast<std::size_t>(options.whole("keys", what == "random" ? 1000000 : 10000)));
  if (keys.empty()) Options::bad_usage("--keys is at least 1");
  const Map<std::string, Hash> map(keys);
  if (what == "readers") {
    print({"flat_map.readers.one", map.look_ups_a_second_of(1, seconds), "1/s"});
    print({"flat_map.readers.two", map.look_ups_a_second_of(2, seconds), "1/s"});
    return;
  }
  print({"flat_map." + what, 1e9 / map.look_ups_a_second(seconds), "ns"});
  const Map<Inline, InlineHash> with_keys_inside(keys);
  print({"flat_map_inline." + what, 1e9 / with_keys_inside.look_ups_a_second(seconds), "ns"});
}

}  // namespace
}  // namespace reki::bench

int main(int argc, char** argv) { reki::bench::run({argc, argv, {"what", "seconds", "keys"}}); }
