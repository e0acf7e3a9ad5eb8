#include <barrier>
#include <cstdlib>
#include <thread>

#include "actors.hpp"
#include "groups.hpp"
#include "reki/bench/keys.hpp"
#include "reki/core/view/slot_set.hpp"
#include "reki/node/registry/hosted_registry.hpp"

namespace reki::bench {
namespace {

constexpr std::size_t hot_keys = 10000;

std::string suffix(std::size_t keys) { return keys <= hot_keys ? "hot" : "random"; }

/// ns a call of `look(key)`, which says whether it has found the actor.
template <class Look>
double ns_each(const std::vector<std::string>& keys, double seconds, Look look) {
  Walk walk(keys.size());
  const auto round = [&](long count) {
    bool all = true;
    for (long i = 0; i < count; ++i) all = look(keys[walk.next()]) && all;
    if (!all) std::abort();
  };
  constexpr long at_once = 10000;
  round(static_cast<long>(keys.size()));
  const Stopwatch watch;
  long done = 0;
  do {
    round(at_once);
    done += at_once;
  } while (watch.seconds() < seconds);
  return watch.seconds() * 1e9 / static_cast<double>(done);
}

bool found(Registry& registry, const std::string& key) { return registry.lookup<Thing>(key).get().has_value(); }

/// A registry as a node has it: with a lease that has to be looked at, and slots that have to be held.
class Leased {
 public:
  Leased() {
    page_.set_lease_end(Instant::never());
    SlotSet all;
    for (std::uint16_t slot = 0; slot < slot_count; ++slot) all.insert(SlotId{slot});
    registry_.expect(all);
    registry_.gain(all, Epoch{1});
  }
  Registry& registry() { return registry_; }

 private:
  HostedOptions options() {
    auto hooks = std::make_shared<ClusterHooks>();
    hooks->page = &page_;
    hooks->slot_emptied = [] {};
    HostedOptions out;
    out.cluster_hooks = std::move(hooks);
    return out;
  }

  LeasePage page_;
  HostedRegistry registry_{things(), options()};
};

/// Look-ups by so many threads at once, each with its own walk; look-ups a second, of all.
class Readers {
 public:
  Readers(Registry& registry, const std::vector<std::string>& keys, double seconds)
      : registry_(registry), keys_(keys), seconds_(seconds) {}

  double rate(int threads, bool writes) {
    std::barrier together(threads);
    std::atomic<std::uint64_t> done{0};
    std::atomic<std::int64_t> took{0};
    std::vector<std::thread> all;
    for (int t = 0; t < threads; ++t) {
      all.emplace_back([&, t] {
        pin_to_core(t);
        together.arrive_and_wait();
        const Stopwatch watch;
        done += read(t, writes, watch);
        took += watch.elapsed().count();
      });
    }
    for (auto& thread : all) thread.join();
    return static_cast<double>(done) * threads / (static_cast<double>(took) / 1e9);
  }

 private:
  /// Every hundredth operation is a write: a key comes, and the next time it goes.
  std::uint64_t read(int thread, bool writes, const Stopwatch& watch) {
    Walk walk(keys_.size(), static_cast<std::uint64_t>(thread) + 1);
    const std::string own = "own" + std::to_string(thread) + ".";
    std::uint64_t done = 0;
    std::uint64_t written = 0;
    while (watch.seconds() < seconds_) {
      for (int i = 0; i < 1000; ++i) {
        if (writes && i % 100 == 99)
          write(own, written++);
        else if (!found(registry_, keys_[walk.next()]))
          std::abort();
      }
      done += 1000;
    }
    return done;
  }
  void write(const std::string& own, std::uint64_t number) {
    const auto key = own + std::to_string(number / 2);
    if (number % 2 == 0)
      registry_.lookup_or_start<Thing>(key).detach();
    else
      registry_.stop<Thing>(key).detach();
  }

  Registry& registry_;
  const std::vector<std::string>& keys_;
  const double seconds_;
};

}  // namespace

void lookup(const Options& options) {
  const double seconds = options.number("seconds", 0.5);
  const auto keys = random_keys(static_cast<std::size_t>(std::max(1L, options.whole("keys", hot_keys))));
  const auto name = suffix(keys.size());
  {
    LocalRegistry registry(things());
    start_all(registry, keys);
    print(
        {"local.lookup." + name, ns_each(keys, seconds, [&](const auto& key) { return found(registry, key); }), "ns"});
    const auto or_start = [&](const auto& key) { return registry.lookup_or_start<Thing>(key).get().has_value(); };
    print({"local.lookup_or_start." + name, ns_each(keys, seconds, or_start), "ns"});
  }
  Leased leased;
  start_all(leased.registry(), keys);
  print({"local.lookup_leased." + name,
         ns_each(keys, seconds, [&](const auto& key) { return found(leased.registry(), key); }), "ns"});
}

void readers(const Options& options) {
  const double seconds = options.number("seconds", 0.5);
  const auto keys = random_keys(static_cast<std::size_t>(std::max(1L, options.whole("keys", hot_keys))));
  LocalRegistry registry(things());
  start_all(registry, keys);
  Readers all(registry, keys, seconds);
  const auto name = "local.readers." + suffix(keys.size());
  print({name + ".one", all.rate(1, false), "1/s"});
  print({name + ".two_without_writes", all.rate(2, false), "1/s"});
  print({name + ".two", all.rate(2, true), "1/s"});
}

}  // namespace reki::bench
