#include "scenario.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

#include "cluster.hpp"

namespace reki::sim {
namespace {

constexpr std::array<std::string_view, 5> names{"join", "leave", "kill", "kill_unguarded", "coordinator"};

Cluster::Options healthy(std::size_t nodes, bool cloud, bool etcd, Time round_trip, std::uint64_t seed) {
  Cluster::Options out;
  out.seed = seed;
  out.nodes = nodes;
  out.etcd = etcd;
  out.voters = nodes >= 5 ? 5 : nodes >= 3 ? 3 : 1;
  out.timing = cloud ? membership::cloud() : membership::lan();
  constexpr std::int64_t ten_gigabit = 1'250'000'000;
  out.weather = {round_trip * 9 / 20, round_trip / 10, 0, 1, ten_gigabit};
  return out;
}

/// True once the newest view has, or has not, that incarnation of the node.
bool decided(Cluster& cluster, Change change, std::uint16_t who, Incarnation incarnation) {
  const auto& view = cluster.world().invariants.latest();
  if (change == Change::join) return view->find(cluster.world().names[who]) != nullptr;
  return view->find(cluster.world().names[who], incarnation) == nullptr;
}

bool installed(Cluster& cluster) {
  const auto& view = cluster.world().invariants.latest();
  return std::ranges::all_of(view->members(), [&](const Member& m) {
    const auto* const machine = cluster.node(index_of(m.node_id)).machine();
    return machine != nullptr && machine->agent().installed() == view->epoch();
  });
}

bool settled(Cluster& cluster) {
  const auto& view = cluster.world().invariants.latest();
  return std::ranges::all_of(view->members(), [&](const Member& m) {
    const std::uint16_t node = index_of(m.node_id);
    const auto* const machine = cluster.node(node).machine();
    return machine != nullptr && cluster.world().invariants.owns_exactly(node, machine->agent().held());
  });
}

/// Lets time pass until it is true; false after a minute.
template <class Until>
bool wait(Cluster& cluster, Time step, Until until) {
  const Time end = cluster.world().now + 60 * second;
  while (cluster.world().now < end) {
    if (until()) return true;
    const Time at = cluster.world().now;
    while (cluster.run_until(at + step)) {
    }
  }
  return false;
}

void make(Cluster& cluster, Change change, std::uint16_t who) {
  switch (change) {
    case Change::join:
      return cluster.boot_at(who, cluster.world().now);
    case Change::leave:
      return cluster.leave(who, 1000 * second);
    case Change::kill:
    case Change::kill_unguarded:
    case Change::coordinator:
      return cluster.crash(who, change == Change::kill);
  }
}

/// From a quiet moment on, in which all have the same view.
void count_traffic(Cluster& cluster) {
  World& world = cluster.world();
  const auto& view = world.invariants.latest();
  world.traffic.emplace(world.names, view->epoch());
  for (const Member& m : view->members()) world.traffic->installed(index_of(m.node_id), view);
}

}  // namespace

Timeline measure(Change change, std::size_t nodes, bool cloud, bool etcd, Time round_trip, std::uint64_t seed) {
  Cluster cluster(healthy(nodes, cloud, etcd, round_trip, seed));
  World& world = cluster.world();
  const auto last = static_cast<std::uint16_t>(nodes - 1);
  for (std::uint16_t i = 0; i <= last; ++i) {
    if (change != Change::join || i != last) cluster.boot_at(i, world.below(second));
  }
  const std::size_t members = nodes - (change == Change::join ? 1 : 0);
  const auto is_complete = [&] { return world.invariants.latest()->members().size() == members && settled(cluster); };
  Timeline out;
  if (!wait(cluster, 50 * millisecond, is_complete)) return out;
  const Time calm = world.now + second + world.below(100 * millisecond);
  while (cluster.run_until(calm)) {
  }
  const std::uint16_t who = change == Change::coordinator ? cluster.coordinator().value_or(last) : last;
  const auto* const machine = cluster.node(who).machine();
  const Incarnation incarnation = machine != nullptr ? machine->agent().incarnation() : Incarnation{};
  count_traffic(cluster);
  const Time begin = world.now;
  make(cluster, change, who);
  constexpr Time step = 200 * microsecond;
  if (wait(cluster, step, [&] { return decided(cluster, change, who, incarnation); })) out.decided = world.now - begin;
  if (wait(cluster, step, [&] { return installed(cluster); })) out.installed = world.now - begin;
  if (wait(cluster, step, [&] { return settled(cluster); })) out.settled = world.now - begin;
  const auto count = static_cast<double>(nodes);
  for (const Traffic::Sent& sent : world.traffic->sent()) {
    out.letters += static_cast<double>(sent.letters) / count;
    out.bytes += static_cast<double>(sent.bytes) / count;
    out.bytes_of_busiest = std::max(out.bytes_of_busiest, static_cast<double>(sent.bytes));
  }
  return out;
}

int print_scenario(const std::string& name, std::size_t nodes, bool cloud, bool etcd, std::uint64_t seed, double bytes_max) {
  const auto it = std::ranges::find(names, name);
  if (it == names.end()) return 2;
  const Timeline t = measure(static_cast<Change>(it - names.begin()), nodes, cloud, etcd, millisecond, seed);
  const auto ms = [](Time at) { return static_cast<double>(at) / 1e6; };
  std::printf("%s, %zu nodes, round trip 1 ms, lines of 10 Gbit/s: decided after %.1f ms, installed by all %.1f ms later, settled %.1f ms after that\n",
              name.c_str(), nodes, ms(t.decided), ms(t.installed - t.decided), ms(t.settled - t.installed));
  std::printf("a node sent %.1f messages and %.0f bytes meanwhile; the busiest %.0f bytes\n", t.letters, t.bytes,
              t.bytes_of_busiest);
  return t.settled == never || t.bytes_of_busiest > bytes_max ? 1 : 0;
}

}  // namespace reki::sim
