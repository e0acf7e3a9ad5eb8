#include "reki/core/membership/mutation.hpp"

#include <array>

namespace reki::membership {

std::span<const NamedMutation> mutations() {
  using enum Mutation;
  static constexpr std::array all{
      NamedMutation{no_barrier, "no_barrier"},
      NamedMutation{no_cut, "no_cut"},
      NamedMutation{no_election_wait, "no_election_wait"},
      NamedMutation{no_lease_wait, "no_lease_wait"},
      NamedMutation{no_confirm, "no_confirm"},
      NamedMutation{lease_at_arrival, "lease_at_arrival"},
      NamedMutation{short_wait, "short_wait"},
      NamedMutation{early_stopped, "early_stopped"},
      NamedMutation{old_round, "old_round"},
      NamedMutation{amnesia, "amnesia"},
      NamedMutation{fence_reuse, "fence_reuse"},
      NamedMutation{stale_gate, "stale_gate"},
      NamedMutation{low_ballot, "low_ballot"},
      NamedMutation{own_value, "own_value"},
      NamedMutation{no_joint, "no_joint"},
      NamedMutation{one_step, "one_step"},
      NamedMutation{rejoin, "rejoin"},
      NamedMutation{loud_zombie, "loud_zombie"},
      NamedMutation{lease_first, "lease_first"},
      NamedMutation{no_lease_cut, "no_lease_cut"},
      NamedMutation{early_lan, "early_lan"},
      NamedMutation{one_view_to_lan, "one_view_to_lan"},
      NamedMutation{not_awaited, "not_awaited"},
      NamedMutation{late_outputs, "late_outputs"},
      NamedMutation{form_first, "form_first"},
      NamedMutation{rescue_small_jump, "rescue_small_jump"},
      NamedMutation{rescue_no_rest, "rescue_no_rest"},
      NamedMutation{rescue_same_store, "rescue_same_store"},
      NamedMutation{rescue_forgotten, "rescue_forgotten"},
      NamedMutation{rescue_mixes, "rescue_mixes"},
      NamedMutation{rescue_unasked, "rescue_unasked"},
      NamedMutation{etcd_read_confirms, "etcd_read_confirms"},
      NamedMutation{etcd_late_round, "etcd_late_round"},
      NamedMutation{etcd_first_sight, "etcd_first_sight"},
      NamedMutation{etcd_claim_by_value, "etcd_claim_by_value"},
      NamedMutation{etcd_unknown_is_done, "etcd_unknown_is_done"},
  };
  return all;
}

}  // namespace reki::membership
