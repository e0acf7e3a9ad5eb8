#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "clock.hpp"

namespace reki::sim {

enum class FaultKind : std::uint8_t {
  loss,         ///< Messages between some endpoints and the others get lost.
  duplicate,    ///< They come twice.
  delay,        ///< They come late, each by another time: also out of order.
  cut,          ///< One way: nothing gets through.
  hold,         ///< One way: nothing gets through, and all of it when the fault is over.
  isolate,      ///< Some endpoints hear nothing of the others, nor these of them.
  pause,        ///< A process is frozen.
  suspend,      ///< A machine sleeps: its process is frozen and its raw clock stands still.
  clock,        ///< A machine's clocks run faster or slower, by a tenth at most.
  crash,        ///< A process is gone, with what was not on its disk; its guard may say so.
  crash_all,    ///< All at once.
  slow_disk,    ///< Writes take up to half a second.
  disk_error,   ///< A write fails, which ends the process.
  leave,        ///< A node leaves, and comes back.
  rolling,      ///< One node after the other does.
  lose_store,   ///< A voter's store is gone: it comes back with an empty one.
  mislay_store,  ///< The same, but later the old store is there again instead of the new one.
  etcd_down,     ///< etcd answers nobody.
  etcd_pause,    ///< The same, but it has not forgotten what it was asked.
  etcd_cut,      ///< Between it and one node nothing gets through; or only its answers do not.
  etcd_stale,    ///< It reads what was there a while ago.
  set_voters,    ///< People want other voters; the last of what they have sent comes again when it is over.
  set_profile,   ///< They want the other profile, and write it into some configs at once and into all when it is over; as above.
  vm_stop,       ///< A machine's host stops it: its process is frozen, and none of its clocks counts that time.
  upgrade,       ///< People replace programs by those of the next level, or put some back, and want the level raised when it is over.
  rescue,        ///< Most voters' stores are gone for good; when it is over, people go on from one that is left. Once in a run.
};
inline constexpr std::size_t fault_kinds = 26;
[[nodiscard]] std::string_view name_of(FaultKind kind);

/// A set of kinds, a bit each.
using FaultSet = std::uint32_t;
/// With clocks that stand still leases prove nothing: a run that may have that looks at `without_clocks` alone, and is asked
/// for by name.
inline constexpr FaultSet clocks_stop = FaultSet{1} << static_cast<int>(FaultKind::vm_stop);
inline constexpr std::string_view without_clocks = "I1,I2,I5,I6,I7,I11,I13,I14,progress,storm";
/// A run with programs of two levels, or in which a register is rescued, is asked for by name too: so the seeds of all others
/// stay what they are.
inline constexpr FaultSet upgrades = FaultSet{1} << static_cast<int>(FaultKind::upgrade);
inline constexpr FaultSet rescues = FaultSet{1} << static_cast<int>(FaultKind::rescue);
inline constexpr FaultSet by_name = clocks_stop | upgrades | rescues;
inline constexpr FaultSet all_faults = ((FaultSet{1} << fault_kinds) - 1) & ~by_name;
/// Those that mean something: disks and stores are of voters.
[[nodiscard]] constexpr FaultSet faults_of(bool etcd) {
  constexpr FaultSet of_voters = FaultSet{0b11} << static_cast<int>(FaultKind::slow_disk) |
                                 FaultSet{0b11} << static_cast<int>(FaultKind::lose_store) |
                                 FaultSet{1} << static_cast<int>(FaultKind::set_voters) | rescues;
  constexpr FaultSet of_etcd = FaultSet{0b1111} << static_cast<int>(FaultKind::etcd_down);
  return (all_faults | by_name) & ~(etcd ? of_voters : of_etcd);
}
[[nodiscard]] constexpr bool has(FaultSet set, FaultKind kind) { return (set >> static_cast<int>(kind) & 1) != 0; }

/// "crash,loss", "all", "none", "all,-loss". False if a name is unknown.
[[nodiscard]] bool parse(std::string_view text, FaultSet& out);
[[nodiscard]] std::string text_of(FaultSet set);

struct Fault {
  FaultKind kind = FaultKind::loss;
  Time at = 0;
  Time lasts = 0;
  /// The node, where it is one; `the_coordinator`: whoever leads at that time.
  std::uint16_t who = 0;
  std::uint32_t set = 0;     ///< The endpoints, where there are several: a bit each, nodes first.
  std::uint32_t amount = 0;  ///< Per mille, milliseconds, a rate, or the highest number of the voters that people know, or the view.
  bool flag = false;         ///< The guard speaks; the other way round; the profile is to be cloud; the next program.
};
inline constexpr std::uint16_t the_coordinator = 0xffff;
[[nodiscard]] std::string text_of(const Fault& fault);

/// What goes wrong in the run of one seed, by time.
[[nodiscard]] std::vector<Fault> make_plan(std::uint64_t seed, Time lasts, std::size_t nodes, std::size_t clients,
                                           FaultSet kinds);

class Cluster;

/// A change of voters that was proposed, and may have been chosen without anybody knowing it: whoever finds it needs a
/// majority of both sets of voters.
[[nodiscard]] bool voters_are_undecided(Cluster& cluster);
/// Makes it so, and right again. What depends on the cluster's state at that time is decided then, and kept in `fault`.
void begin(Fault& fault, std::uint32_t place, Cluster& cluster);
void end(const Fault& fault, Cluster& cluster);

}  // namespace reki::sim
