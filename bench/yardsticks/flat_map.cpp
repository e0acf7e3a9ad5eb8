// The least that a look-up can cost: a flat hash map that only one thread may use, with the same hash and the same keys
// as the registry's look-ups are measured with. It finds a pointer and reads what that points to, as one who wants an
// actor has to. `flat_map_inline` has its keys inside of the table, which no one does whose keys have no fixed length.
#include <absl/container/flat_hash_map.h>
#include <xxhash.h>

#include <array>
#include <cstring>
#include <memory>

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

template <class Key, class HashOfKey>
void measure(const std::string& name, const std::vector<std::string>& keys, double seconds) {
  absl::flat_hash_map<Key, std::unique_ptr<Value>, HashOfKey, std::equal_to<>> map;
  for (const auto& key : keys) map.emplace(probe(key, Key{}), std::make_unique<Value>());
  Walk walk(keys.size());
  const auto round = [&](long count) {
    std::uint64_t sum = 0;
    for (long i = 0; i < count; ++i) sum += map.find(probe(keys[walk.next()], Key{}))->second->fence;
    keep(sum);
  };
  constexpr long at_once = 10000;
  round(static_cast<long>(keys.size()));
  const Stopwatch watch;
  long done = 0;
  do {
    round(at_once);
    done += at_once;
  } while (watch.seconds() < seconds);
  print({name, watch.seconds() * 1e9 / static_cast<double>(done), "ns"});
}

void run(const Options& options) {
  const auto what = options.choice("what", {"hot", "random"});
  const double seconds = options.number("seconds", 0.5);
  const auto keys = random_keys(static_cast<std::size_t>(options.whole("keys", what == "hot" ? 10000 : 1000000)));
  if (keys.empty()) Options::bad_usage("--keys is at least 1");
  measure<std::string, Hash>("flat_map." + what, keys, seconds);
  measure<Inline, InlineHash>("flat_map_inline." + what, keys, seconds);
}

}  // namespace
}  // namespace reki::bench

int main(int argc, char** argv) { reki::bench::run({argc, argv, {"what", "seconds", "keys"}}); }
