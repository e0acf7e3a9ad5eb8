#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "reki/core/membership/messages.hpp"

namespace reki::membership {

/// Decides which voters come after those of a view: when people ask for others, and when a voter's disk is lost.
///
/// Pure. All of it gives the voters as they shall be; the view that has them names those before as its old voters, and
/// the next one drops these: joint consensus (Ongaro, "Consensus: Bridging Theory and Practice", 4.3), which is safe for
/// any two sets. So a change from 1 voter to 3 or from 3 to 5 is one step, and there never is an even number of them.
/// The highest number grows with each change: no two voters ever have the same number, nor two changes the same highest.

/// What the coordinator knows of a node that may vote.
struct Standing {
  bool is_there = false;     ///< A member that stays, and has asked for a lease just now.
  std::uint64_t store = 0;   ///< The empty store that it offers; 0: none.
  bool is_awaited = false;   ///< A member that may be there: the coordinator is in office for less time than a member takes to ask.
};
using StandingOf = std::function<Standing(const NodeId&)>;

/// The highest number of the view's voters; 0: it has none.
[[nodiscard]] std::uint16_t highest_number(const View& view);
/// Whether these nodes vote in the view, and no others.
[[nodiscard]] bool are_voters(const View& view, std::span<const NodeId> nodes);

/// A voter whose store is lost: its node offers another, empty one. Null: there is none.
[[nodiscard]] const Voter* voter_without_store(const View& view, const StandingOf& standing);
/// The view's voters, that on `node` with this store and another number. REQUIRES: a member votes there.
[[nodiscard]] std::vector<Voter> with_store(const View& view, const NodeId& node, std::uint64_t store);

/// An answer that says why not, or the voters for `nodes`. Who votes keeps its store; who does not yet votes with the
/// empty one that it offers. At least a majority of the new voters has to be there: without, no view could be chosen.
struct VoterChange {
  SetVotersReply reply;
  std::vector<Voter> voters;  ///< Empty unless the reply is `under_way`.
};
/// `not_yet` while that is not known of enough of them.
[[nodiscard]] VoterChange voters_for(const View& view, std::span<const NodeId> nodes, const StandingOf& standing);

/// What is wrong if a config names other voters than the view has, and what to do; empty: nothing. A view in which they
/// change has not got them yet.
[[nodiscard]] std::string differing_voters(std::span<const NodeId> named, const View& view);

}  // namespace reki::membership
