#include "simulation.hpp"

#include <algorithm>

#include "cluster.hpp"
#include "reki/core/view/generation.hpp"

namespace reki::sim {
namespace {

Cluster::Options cluster_of(const RunOptions& options, SplitMix& random) {
  Cluster::Options out;
  out.seed = options.seed;
  out.nodes = options.nodes;
  const auto dice = random.below(10);
  out.voters = std::min<std::size_t>(options.nodes, dice == 0 ? 1 : dice < 7 ? 3 : 5);
  out.etcd = options.etcd;
  if (out.voters == 2 || out.voters == 4) --out.voters;
  out.timing = options.cloud ? membership::cloud() : membership::lan();
  constexpr std::array<Time, 3> thinks{30 * millisecond, 60 * millisecond, 200 * millisecond};
  out.think = thinks[random.below(thinks.size())];
  if (random.below(4) == 0) out.weather.delay_spread = options.cloud ? 10 * millisecond : 3 * millisecond;
  constexpr std::uint64_t events_per_node_second = 2000;  // ten times what is usual
  out.events_max = events_per_node_second * options.nodes * static_cast<std::uint64_t>(options.lasts / second + 10);
  out.verbose = options.verbose;
  return out;
}

/// Clocks that are off from the beginning, in the runs that have the fault.
void set_clocks(Cluster& cluster, SplitMix& random) {
  for (std::uint16_t i = 0; i < cluster.size(); ++i) {
    Node& node = cluster.node(i);
    const bool extreme = random.below(2) == 0;
    const auto rate = static_cast<std::int32_t>(extreme ? 900 + 200 * random.below(2) : 900 + random.below(201));
    node.rates = {rate, rate};
    node.clock.bend(0, node.rates);
  }
}

void schedule_plan(const RunOptions& options, const std::vector<Fault>& plan, World& world) {
  for (std::uint32_t i = 0; i < plan.size(); ++i) {
    const bool wanted = !options.only || std::ranges::find(*options.only, i) != options.only->end();
    if (wanted) world.schedule(plan[i].at, Event::Kind::fault, 0, 0, i);
  }
}

/// Whether within `limit` of the end of all faults everything is in its place again.
void demand_progress(Cluster& cluster, Time limit) {
  World& world = cluster.world();
  cluster.heal();
  cluster.clients().begin_survey();
  const Time end = world.now + limit;
  while (world.now < end && !world.invariants.violation()) {
    const auto at = world.now;
    if (cluster.clients().survey_done() && cluster.trouble().empty()) return;
    while (cluster.run_until(at + 20 * millisecond)) {
    }
  }
  std::string trouble = cluster.trouble();
  if (trouble.empty()) trouble = cluster.clients().survey_text();
  world.invariants.fail("progress", trouble + " " + std::to_string(limit / second) + " s after the last fault");
}

}  // namespace

Outcome run(const RunOptions& options) {
  SplitMix random(options.seed ^ 0x636c7573746572);
  const Cluster::Options chosen = cluster_of(options, random);
  Cluster cluster(chosen);
  World& world = cluster.world();
  const bool clocks_go = !has(options.kinds, FaultKind::vm_stop);
  world.invariants.watch_only(options.watch.empty() && !clocks_go ? std::string(without_clocks) : options.watch);
  Outcome out;
  out.plan = make_plan(options.seed, options.lasts, options.nodes, chosen.clients,
                       options.kinds & faults_of(options.etcd));
  const auto is_clock = [](const Fault& f) { return f.kind == FaultKind::clock; };
  if (std::ranges::any_of(out.plan, is_clock)) set_clocks(cluster, random);
  schedule_plan(options, out.plan, world);
  cluster.begin();
  while (const auto event = cluster.run_until(options.lasts)) {
    Fault& fault = out.plan[event->payload];
    if (event->kind == Event::Kind::relief) {
      end(fault, cluster);
      continue;
    }
    ++out.faults[static_cast<std::size_t>(fault.kind)];
    begin(fault, event->payload, cluster);
  }
  const auto by_people = [](const Fault& f) { return f.kind == FaultKind::set_profile || f.kind == FaultKind::upgrade; };
  const bool people_mend = std::ranges::any_of(out.plan, by_people);
  if (!world.invariants.violation()) demand_progress(cluster, recovery_max + (people_mend ? restart_max : 0));
  out.violation = world.invariants.violation();
  out.stats = world.stats;
  out.stats.elections = world.invariants.elections();
  out.stats.views = number_of(world.invariants.latest()->epoch());
  out.trace = world.trace;
  out.ended = world.now;
  return out;
}

std::string command_of(const RunOptions& o) {
  std::string out = "reki-sim --seed " + std::to_string(o.seed) + " --seconds " + std::to_string(o.lasts / second) + " --nodes " +
                    std::to_string(o.nodes) + " --profile " + (o.cloud ? "cloud" : "lan") + (o.etcd ? " --engine etcd" : "") + " --faults " +
                    (o.kinds == all_faults ? "all" : text_of(o.kinds));
  if (!o.only) return out;
  out += " --only ";
  for (const std::uint32_t i : *o.only) out += (out.back() == ' ' ? "" : ",") + std::to_string(i);
  return out + (o.only->empty() ? "none" : "");
}

// --- shrinking

namespace {

using Numbers = std::vector<std::uint32_t>;

/// Whether the run, with only these faults, breaks the same invariant.
class Shrinker {
 public:
  Shrinker(const RunOptions& options, std::string invariant) : options_(options), invariant_(std::move(invariant)) {}

  [[nodiscard]] bool fails(const Numbers& faults) const {
    RunOptions less = options_;
    less.only = faults;
    const Outcome outcome = run(less);
    return outcome.violation && outcome.violation->invariant == invariant_;
  }
  void drop_kinds(Numbers& faults, const std::vector<Fault>& plan) const {
    for (std::size_t kind = 0; kind < fault_kinds; ++kind) {
      Numbers less = faults;
      std::erase_if(less, [&](std::uint32_t i) { return static_cast<std::size_t>(plan[i].kind) == kind; });
      if (less.size() < faults.size() && fails(less)) faults = std::move(less);
    }
  }
  /// Halves, then quarters and so on, as long as the rest still fails.
  void drop_chunks(Numbers& faults) const {
    for (std::size_t chunk = std::max<std::size_t>(faults.size() / 2, 1); chunk > 0; chunk /= 2) {
      for (std::size_t first = 0; first < faults.size();) {
        const auto from = faults.begin() + static_cast<std::ptrdiff_t>(first);
        const auto to = from + static_cast<std::ptrdiff_t>(std::min(chunk, faults.size() - first));
        Numbers less(faults.begin(), from);
        less.insert(less.end(), to, faults.end());
        if (fails(less)) faults = std::move(less);
        else first += chunk;
      }
    }
  }

 private:
  const RunOptions options_;
  const std::string invariant_;
};

}  // namespace

RunOptions shrink(const RunOptions& options) {
  const Outcome first = run(options);
  if (!first.violation) return options;
  const Shrinker shrinker(options, first.violation->invariant);
  Numbers faults;
  for (std::uint32_t i = 0; i < first.plan.size(); ++i) {
    const bool asked = !options.only || std::ranges::find(*options.only, i) != options.only->end();
    if (asked && first.plan[i].at <= first.violation->at) faults.push_back(i);
  }
  RunOptions out = options;
  if (shrinker.fails(faults)) {
    shrinker.drop_kinds(faults, first.plan);
    shrinker.drop_chunks(faults);
    shrinker.drop_chunks(faults);
    out.only = faults;
  }
  return out;
}

}  // namespace reki::sim
