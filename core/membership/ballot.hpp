#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "reki/core/view/view.hpp"

/// Ballots are terms: (round, voter number), so that two voters never use the same one.
namespace reki::membership {

[[nodiscard]] constexpr Term ballot_of(std::uint64_t round, std::uint16_t voter) { return Term{round << 16 | voter}; }
[[nodiscard]] constexpr std::uint64_t round_of(Term ballot) { return ballot.value >> 16; }

/// Whether `has(voter)` is true for more than half of `voters`.
template <class Has>
[[nodiscard]] bool majority(std::span<const Voter> voters, Has has) {
  return 2 * static_cast<std::size_t>(std::ranges::count_if(voters, has)) > voters.size();
}

/// Whether they are enough to choose `view`, to promise on top of it, or to confirm its coordinator: a majority of its
/// voters, and while they change a majority of the ones before too (joint consensus: Ongaro, "Consensus: Bridging
/// Theory and Practice", 4.3).
template <class Has>
[[nodiscard]] bool quorum(const View& view, Has has) {
  return majority(view.voters(), has) && (view.old_voters().empty() || majority(view.old_voters(), has));
}

}  // namespace reki::membership
