#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "reki/core/base/error.hpp"
#include "reki/core/membership/messages.hpp"

/// Rescue: a register that has lost the majority of its voters for good goes on from one that is left, by an act of people.
/// docs/membership.md, section 9, has the rules; tests/model/rescue.pml proves them.
///
/// Pure.
namespace reki::membership {

/// What the rescued register begins with: the lineage's generation with number 1, the survivor as its only voter with a new
/// store and a new number, and no member. REQUIRES: `lineage` is of a generation above that of `last`.
[[nodiscard]] ViewPtr rescued_view(const View& last, const Voter& survivor, std::uint64_t fresh, Lineage lineage);
/// Whether it is a lineage's first view: nothing has run in it yet.
[[nodiscard]] bool is_first_of_rescue(const View& view);

/// What a node has answered to a `RescueProbe`.
struct RescueAnswer {
  NodeId node;
  std::string control;
  RescueState state;
};
struct LostStore {
  NodeId node;
  std::uint64_t store = 0;
};
/// "n2/1f": as people name it, the number in hex.
[[nodiscard]] std::string text_of(const LostStore& lost);

/// In hex, as "4f000000000000a1".
[[nodiscard]] std::string text_of(Lineage lineage);
/// For the people of a node whose store is retired, and what they can do.
[[nodiscard]] std::string retired_text(const std::string& cluster, Lineage lineage);

struct RescuePlan {
  NodeId survivor;
  std::string control;      ///< Of the survivor.
  Lineage now;              ///< Of its register.
  Rescue act;               ///< To the survivor.
  std::vector<LostStore> lost;
  std::vector<NodeId> others;  ///< Survivors whose stores are retired by this.
  std::string ahead;           ///< A node that knows a newer view than the survivor; empty: none that answers.
};
/// What can be done, after everybody that may know better was asked: `random` becomes part of the lineage.
///
/// Fails with `invalid_argument`, and what to do in its text:
///   - nobody has a register, or a later lineage is known whose voter does not answer
///   - most voters answer, or a node is served: nothing is lost
///   - two registers of equal generations and different lineages, or no generation is left
[[nodiscard]] Result<RescuePlan> plan_rescue(std::span<const RescueAnswer> answers, std::uint64_t random);
/// `invalid_argument` unless these name the lost stores, all and no others.
[[nodiscard]] Result<void> check_named(const RescuePlan& plan, std::span<const std::string> named);

}  // namespace reki::membership
