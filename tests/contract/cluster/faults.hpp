#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "world.hpp"

namespace reki::cluster {

enum class Fault : std::uint8_t {
  crash,         ///< A process ends; its guard tells of it.
  lose_machine,  ///< With the guard, and nobody is told.
  pause,         ///< A machine stands still: at any time, in the midst of a start, or with turns that wait for its workers.
  stop_process,  ///< Likewise a process, and its guard does not.
  cut_pair,      ///< Between two nodes, one way or both, one plane or both.
  isolate,       ///< A node's control plane from all others; clients reach it.
  isolate_data,  ///< A node from all other nodes, but for the control plane.
  break_connections,
  slow_disk,
  leave,
  slow_threads,
  slow_network,
  slow_workers,  ///< Turns of actors begin late.
  // Of clusters whose register is in etcd.
  etcd_down,
  etcd_cut,    ///< From one machine.
  etcd_pause,  ///< Requests wait.
  etcd_stale,  ///< Reads are of an earlier moment.
  count,
};
[[nodiscard]] std::string_view name_of(Fault fault);

/// Which kinds a seed draws: few of them, so that none hides what another would show (swarm testing: Groce et al., 2012). And
/// whether handlers take long, or so long that messages wait for them.
class Faults {
 public:
  Faults(World& world, std::uint64_t seed);

  [[nodiscard]] std::string describe() const;
  void strike();
  /// All is well again, from now on.
  void heal();

 private:
  void do_for(Duration time, std::function<void()> undo);
  void break_connections(Endpoint node);
  void crash(Endpoint node, bool guarded);
  void pause(Endpoint node, bool guard_too);
  void stand_still(Endpoint node, bool guard_too);
  [[nodiscard]] Duration length_of_pause();
  void cut(const std::vector<std::pair<Endpoint, Endpoint>>& ways, bool control, bool data, Duration time);
  [[nodiscard]] std::vector<std::pair<Endpoint, Endpoint>> ways_of(Endpoint node) const;
  [[nodiscard]] Duration draw(Duration least, Duration most);

  World& world_;
  SplitMix random_;
  std::vector<Fault> kinds_;
  std::vector<std::shared_ptr<std::function<void()>>> undo_;
  bool healed_ = false;
};

}  // namespace reki::cluster
