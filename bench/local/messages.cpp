#include <cstdlib>

#include "actors.hpp"
#include "groups.hpp"
#include "reki/bench/keys.hpp"
#include "reki/bench/latencies.hpp"

namespace reki::bench {
namespace {

void one_to(long actors, double seconds) {
  Round round(actors);
  LocalRegistry registry(things(&round));
  std::vector<ActorRef<Thing>> refs;
  for (const auto& key : random_keys(static_cast<std::size_t>(actors))) {
    refs.push_back(registry.lookup_or_start<Thing>(key).get().value());
  }
  const double rate = round.rate(seconds, [&](std::size_t actor) { refs[actor].send(Count{}).detach(); });
  print({actors == 1 ? "local.one_to_one" : "local.one_to_many", rate, "1/s"});
}

void ping_pong(double seconds) {
  Round round(1);
  LocalRegistry registry(things(&round));
  const double ns = round.ns_per_hit(seconds, [&](long hits) { registry.send<Thing>("ping", Ball{hits}).detach(); });
  print({"local.ping_pong", 2 * ns, "ns"});
}

void call(double seconds) {
  LocalRegistry registry(things());
  const auto ref = registry.lookup_or_start<Thing>("one").get().value();
  Latencies latencies;
  const Stopwatch watch;
  while (watch.seconds() < seconds) {
    const Stopwatch one;
    if (!ref.call(Get{}).get()) std::abort();
    latencies.add(one.elapsed());
  }
  print({"local.call.p50", static_cast<double>(latencies.percentile(0.5).count()), "ns"});
}

}  // namespace

void messages(const Options& options) {
  const double seconds = options.number("seconds", 0.5);
  one_to(1, seconds);
  one_to(10000, seconds);
  ping_pong(seconds);
  call(seconds);
}

}  // namespace reki::bench
