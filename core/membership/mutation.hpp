#pragma once

#include <cstdint>
#include <span>
#include <string_view>

/// Deliberate bugs of the protocol, each at one place in the code: `if (!mutated(Mutation::x)) the right thing`.
///
/// In every build but that of the simulator's mutants `mutated` is constant false and costs nothing. The mutants prove
/// that the simulator finds what the protocol's rules are there to prevent.
namespace reki::membership {

enum class Mutation : std::uint8_t {
  none,
  no_barrier,       ///< A member runs what a view gives it at once, without waiting for the barrier.
  no_cut,           ///< It reports cleared without having stopped what it lost.
  no_election_wait, ///< A new coordinator does not wait for the leases its predecessor may have granted.
  no_lease_wait,    ///< A coordinator drops a silent member after two missed renewals instead of `wait`.
  no_confirm,       ///< Grants are given without a quorum's confirmation.
  lease_at_arrival, ///< The lease counts from the arrival of the grant instead of the renewal's sending.
  short_wait,       ///< The coordinator's wait equals the lease: no room for clock rates.
  early_stopped,    ///< "Stopped" is said before the actors have stopped.
  old_round,        ///< A grant is confirmed by a round that began before the renewal came.
  amnesia,          ///< A voter promises and accepts without its disk.
  fence_reuse,      ///< Gained slots keep the fence epoch they had before.
  stale_gate,       ///< The gate is a flag that a timer clears, instead of a look at the clock.
  low_ballot,       ///< A voter accepts below what it has promised.
  own_value,        ///< A candidate proposes on its own newest view instead of the promises' newest.
  no_joint,         ///< A change of voters needs the new voters' majority only.
  one_step,         ///< People's change of voters is one view, without the ones before.
  rejoin,           ///< A coordinator lets an incarnation in again that a view has dropped.
  loud_zombie,      ///< Outputs leave without a second look at the gate.
  lease_first,      ///< From lan to cloud the long wait comes after the long lease: once all have the view.
  no_lease_cut,     ///< A member keeps its long lease when a view has the short one.
  early_lan,        ///< From cloud to lan the long wait goes before all have the short lease.
  one_view_to_lan,  ///< From cloud to lan lease and wait get short in one view.
  not_awaited,      ///< What a turn does leaves without waiting for its grant.
  late_outputs,     ///< A view is reported cleared while outputs of what it took are still held, and they leave.
  form_first,       ///< A voter's record gets the form of a view's level when that is accepted, and not chosen.

  // Of a rescue.
  rescue_small_jump,  ///< The rescued register goes on with the survivor's next epoch.
  rescue_no_rest,     ///< It gives leases at once.
  rescue_same_store,  ///< The survivor's store goes on under its number, in both lineages.
  rescue_forgotten,   ///< Who is told of a rescue stops without writing it down.
  rescue_mixes,       ///< Frames of other lineages are taken.
  rescue_unasked,     ///< A voter that starts votes before it has asked the others.

  // Of the engine etcd.
  etcd_read_confirms,   ///< A term is confirmed by reading the coordinator's key instead of writing it.
  etcd_late_round,      ///< A confirmation counts for what began after its request was sent.
  etcd_first_sight,     ///< Leases count from when any revision of the coordinator's key was seen, not the one that is claimed.
  etcd_claim_by_value,  ///< A claim demands what the coordinator's key says, not its revision.
  etcd_unknown_is_done, ///< A proposal without an answer counts as chosen.
};

struct NamedMutation {
  Mutation mutation;
  std::string_view name;
};
/// All but `none`, by name.
[[nodiscard]] std::span<const NamedMutation> mutations();

#ifdef REKI_MUTATIONS
/// The simulator's switch. Of the thread that runs the machine.
inline thread_local Mutation active_mutation = Mutation::none;
inline bool mutated(Mutation m) { return active_mutation == m; }
#else
constexpr bool mutated(Mutation) { return false; }
#endif

}  // namespace reki::membership
