#pragma once

#include <string>

#include "reki/core/membership/messages.hpp"

namespace reki::membership {

/// What a node has stored of its cluster; zeros: nothing yet.
struct Known {
  Epoch epoch;  ///< Of its newest view.
  Term term;    ///< The highest ballot or term that it has promised or heard of.
};

/// Why a message cannot be true for who knows so much; empty when it can: an epoch or a ballot's round is more than
/// `limits::ahead_max` above what is stored, or an epoch is of a later generation: that is begun by joining, and by no message. No cluster gets there while one of its nodes looks away, and who took it
/// over would refuse all that is true from then on. Who has nothing stored has nothing to compare it with.
[[nodiscard]] std::string fault_of(const Body& body, const Known& known);

/// Why a node that supports `own` must not take this view; empty: it may. For people, with what to do.
[[nodiscard]] std::string level_fault_of(const View& view, const LevelRange& own);
/// The same of the view in a message, if there is one.
[[nodiscard]] std::string level_fault_of(const Body& body, const LevelRange& own);

}  // namespace reki::membership
