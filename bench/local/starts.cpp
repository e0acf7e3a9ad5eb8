#include <cstdio>
#include <cstdlib>

#include "actors.hpp"
#include "groups.hpp"
#include "reki/bench/keys.hpp"

namespace reki::bench {
namespace {

/// Callers that are told, one after the other, that their actor lives.
struct Told {
  std::atomic<long> missing{0};
  void wait() const {
    while (missing.load(std::memory_order_acquire) > 0) std::this_thread::sleep_for(std::chrono::microseconds(20));
  }
};

/// Seconds until actors for all keys from `first` on live, started one by one from this thread, with up to `at_once`
/// under way.
double seconds_to_start(Registry& registry, const std::vector<std::string>& keys, std::size_t first,
                        std::size_t count) {
  constexpr std::size_t at_once = 1024;
  Told told;
  const Stopwatch watch;
  for (std::size_t i = first; i < first + count; i += at_once) {
    const std::size_t end = std::min(i + at_once, first + count);
    told.missing += static_cast<long>(end - i);
    for (std::size_t k = i; k < end; ++k) {
      registry.lookup_or_start<Thing>(keys[k]).then([&told](const auto& ref) {
        if (!ref || !ref->started()) std::abort();
        told.missing.fetch_sub(1, std::memory_order_release);
      });
    }
    // The next ones begin while the last ones of these end.
    while (told.missing.load(std::memory_order_relaxed) > static_cast<long>(at_once)) std::this_thread::yield();
  }
  told.wait();
  return watch.seconds();
}

}  // namespace

void start(const Options& options) {
  const auto few = static_cast<std::size_t>(std::max(1L, options.whole("keys", 10000)));
  const auto many = static_cast<std::size_t>(std::max(1L, options.whole("many", 5000000)));
  const auto keys = random_keys(many + few);
  // The first registry finds the allocator cold, as no long-lived program would.
  for (int i = 0; i < 2; ++i) {
    LocalRegistry registry(things());
    const double took = seconds_to_start(registry, keys, 0, few);
    if (i > 0) print({"local.start.few", took * 1e9 / static_cast<double>(few), "ns"});
  }
  LocalRegistry registry(things());
  const double one_by_one = seconds_to_start(registry, keys, 0, many);
  print({"local.start.rate", static_cast<double>(many) / one_by_one, "1/s"});
  print({"local.start.many", seconds_to_start(registry, keys, many, few) * 1e9 / static_cast<double>(few), "ns"});
  std::fflush(stdout);
  std::_Exit(0);  // to stop millions of actors takes longer than what was measured
}

void memory(const Options& options) {
  const auto count = static_cast<std::size_t>(std::max(1L, options.whole("keys", 1000000)));
  const auto keys = random_keys(count);
  LocalRegistry registry(things());
  start_all(registry, std::vector<std::string>{"first"});
  const long before = resident_bytes();
  start_all(registry, keys);
  print({"local.memory", static_cast<double>(resident_bytes() - before) / static_cast<double>(count), "B"});
  std::fflush(stdout);
  std::_Exit(0);
}

}  // namespace reki::bench
