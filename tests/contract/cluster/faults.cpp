#include "faults.hpp"

#include <algorithm>

namespace reki::cluster {

using namespace std::chrono_literals;

std::string_view name_of(Fault fault) {
  static constexpr std::string_view names[] = {"crash",        "lose_machine",      "pause",     "stop_process", "cut_pair",
                                               "isolate",      "isolate_data",      "break_connections", "slow_disk", "leave",
                                               "slow_threads", "slow_network",      "slow_workers", "etcd_down", "etcd_cut",
                                               "etcd_pause",   "etcd_stale"};
  static_assert(std::size(names) == static_cast<std::size_t>(Fault::count));
  return names[static_cast<std::size_t>(fault)];
}

Faults::Faults(World& world, std::uint64_t seed) : world_(world), random_(seed ^ 0xfa0175) {
  const std::size_t some = 1 + random_.below(4);
  constexpr auto of_etcd = static_cast<std::uint64_t>(Fault::count) - static_cast<std::uint64_t>(Fault::etcd_down);
  const auto kinds = static_cast<std::uint64_t>(world.has_etcd ? Fault::count : Fault::etcd_down);
  if (world.has_etcd) kinds_.push_back(static_cast<Fault>(static_cast<std::uint64_t>(Fault::etcd_down) + random_.below(of_etcd)));
  while (kinds_.size() < some) {
    const auto kind = static_cast<Fault>(random_.below(kinds));
    if (std::ranges::find(kinds_, kind) == kinds_.end()) kinds_.push_back(kind);
  }
  if (random_.below(4) == 0) world_.long_handlers_permille = 30;
  if (random_.below(2) == 0) world_.busy_handlers_permille = 100 + static_cast<std::uint32_t>(random_.below(800));
}

std::string Faults::describe() const {
  std::string out;
  for (const Fault kind : kinds_) out += (out.empty() ? "" : ",") + std::string(name_of(kind));
  if (world_.has_etcd) out += ", register in etcd";
  if (world_.long_handlers_permille != 0) out += ", long handlers";
  if (world_.busy_handlers_permille != 0) out += ", busy handlers";
  return out;
}

Duration Faults::draw(Duration least, Duration most) {
  return least + Duration(static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>((most - least).count()))));
}

void Faults::do_for(Duration time, std::function<void()> undo) {
  auto once = std::make_shared<std::function<void()>>(std::move(undo));
  undo_.push_back(once);
  world_.after(time, [once] {
    if (*once) std::exchange(*once, nullptr)();
  });
}

void Faults::heal() {
  healed_ = true;
  world_.long_handlers_permille = 0;
  world_.busy_handlers_permille = 0;
  for (const auto& once : std::exchange(undo_, {})) {
    if (*once) std::exchange(*once, nullptr)();
  }
}

void Faults::strike() {
  const Fault kind = kinds_[random_.below(kinds_.size())];
  const auto node = static_cast<Endpoint>(random_.below(world_.nodes()));
  Machine& machine = world_.machine(node);
  world_.oracle.note("fault " + std::string(name_of(kind)) + " at " + machine.id.value);
  switch (kind) {
    case Fault::crash:
      return crash(node, true);
    case Fault::lose_machine:
      return crash(node, false);
    case Fault::pause:
      return pause(node, true);
    case Fault::stop_process:
      return pause(node, false);
    case Fault::cut_pair: {
      const auto other = static_cast<Endpoint>(random_.below(world_.nodes()));
      if (other == node) return;
      std::vector<std::pair<Endpoint, Endpoint>> ways{{node, other}};
      if (random_.below(2) == 0) ways.emplace_back(other, node);
      const std::uint64_t planes = 1 + random_.below(3);
      return cut(ways, (planes & 1) != 0, (planes & 2) != 0, draw(100ms, 2s));
    }
    case Fault::isolate:
      return cut(ways_of(node), true, false, draw(300ms, 3s));
    case Fault::isolate_data:
      return cut(ways_of(node), false, true, draw(100ms, 2s));
    case Fault::break_connections:
      return break_connections(node);
    case Fault::slow_disk:
      machine.disk_usual = 300ms;
      return do_for(draw(300ms, 2s), [&machine] { machine.disk_usual = 2ms; });
    case Fault::leave:
      if (!machine.process || machine.leaves) return;
      machine.leaves = true;
      machine.process->leave();
      return do_for(draw(1s, 4s), [&machine] {
        if (machine.leaves) machine.crash(true);
        machine.start();
      });
    case Fault::slow_threads:
      machine.control_latency = draw(1ms, 150ms);
      machine.data_latency = draw(1ms, 300ms);
      return do_for(draw(300ms, 2s), [&machine] { machine.control_latency = machine.data_latency = 0ms; });
    case Fault::slow_network:
      world_.network.extra = draw(1ms, 40ms);
      return do_for(draw(300ms, 2s), [this] { world_.network.extra = 0ms; });
    case Fault::slow_workers: {
      const auto process = machine.process;
      if (!process) return;
      process->stall_workers(true);
      return do_for(draw(50ms, 1500ms), [weak = std::weak_ptr(process)] {
        if (const auto again = weak.lock()) again->stall_workers(false);
      });
    }
    case Fault::etcd_down:
      ++world_.etcd->down;
      return do_for(draw(100ms, 3s), [this] { --world_.etcd->down; });
    case Fault::etcd_cut:
      ++machine.etcd_cuts;
      return do_for(draw(100ms, 3s), [&machine] { --machine.etcd_cuts; });
    case Fault::etcd_pause:
      world_.etcd->paused_until = std::max(world_.etcd->paused_until, (world_.now() + draw(50ms, 1500ms)).ns);
      return;
    case Fault::etcd_stale: {
      const sim::Time by = draw(20ms, 2s).count();
      world_.etcd->stale += by;
      return do_for(draw(300ms, 3s), [this, by] { world_.etcd->stale -= by; });
    }
    default:
      return;
  }
}

/// All of a node's; or those with one client, after its answers to that have not come for a while: they are lost.
void Faults::break_connections(Endpoint node) {
  Network& network = world_.network;
  if (random_.below(2) == 0) return network.reset(node);
  const auto client = static_cast<Endpoint>(world_.nodes() + random_.below(world_.clients()));
  network.cut(Network::data, node, client);
  do_for(draw(50ms, 500ms), [&network, node, client] {
    network.reset(node, client);
    network.mend(Network::data, node, client);
  });
}

void Faults::crash(Endpoint node, bool guarded) {
  Machine& machine = world_.machine(node);
  if (!machine.process) return;
  machine.crash(guarded);
  do_for(draw(20ms, guarded ? 1500ms : 3000ms), [this, node, &machine] {
    world_.network.reset(node);
    machine.start();
  });
}

void Faults::pause(Endpoint node, bool guard_too) {
  const auto process = world_.machine(node).process;
  if (!process) return;
  switch (random_.below(3)) {
    case 0:
      return stand_still(node, guard_too);
    case 1:
      world_.machine(node).at_next_start = [this, node, guard_too] { stand_still(node, guard_too); };
      return;
    default:
      process->stall_workers(true);
      return do_for(draw(1ms, 60ms), [this, node, guard_too, weak = std::weak_ptr(process)] {
        if (const auto again = weak.lock()) again->stall_workers(false);
        stand_still(node, guard_too);
      });
  }
}

void Faults::stand_still(Endpoint node, bool guard_too) {
  const auto process = world_.machine(node).process;
  if (healed_ || !process || process->host->paused) return;
  process->pause(guard_too);
  do_for(length_of_pause(), [this, node, weak = std::weak_ptr(process)] {
    if (const auto again = weak.lock(); again && again->alive()) again->resume();
    else if (!world_.machine(node).process) world_.machine(node).start();  // its guard has killed it
  });
}

/// Often about as long as a lease: then a node wakes without one, and others do not know it yet.
Duration Faults::length_of_pause() {
  const Duration lease = timing_of(world_.config).lease;
  return random_.below(2) == 0 ? draw(lease - 100ms, lease + 250ms) : draw(30ms, 2500ms);
}

void Faults::cut(const std::vector<std::pair<Endpoint, Endpoint>>& ways, bool control, bool data, Duration time) {
  for (const auto& [from, to] : ways) {
    if (control) world_.network.cut(Network::control, from, to);
    if (data) world_.network.cut(Network::data, from, to);
  }
  do_for(time, [this, ways, control, data] {
    for (const auto& [from, to] : ways) {
      if (control) world_.network.mend(Network::control, from, to);
      if (data) world_.network.mend(Network::data, from, to);
    }
  });
}

std::vector<std::pair<Endpoint, Endpoint>> Faults::ways_of(Endpoint node) const {
  std::vector<std::pair<Endpoint, Endpoint>> out;
  for (Endpoint other = 0; other < world_.nodes(); ++other) {
    if (other == node) continue;
    out.emplace_back(node, other);
    out.emplace_back(other, node);
  }
  return out;
}

}  // namespace reki::cluster
