#pragma once

#include <cstdint>
#include <variant>

#include "reki/core/membership/messages.hpp"

namespace reki::membership {

/// What happens to the register that holds the view, for the coordinator of this node.
struct Elected {
  Term term;
  ViewPtr view;  ///< Chosen in this very term: the last one with the term and coordinator changed.
  /// Each renewal that an earlier coordinator granted was sent at least this long ago.
  Duration since_grants{0};
};
struct Chosen {
  ViewPtr view;
};
struct Confirmed {
  std::uint64_t round = 0;  ///< The term was current at some instant after this round began; and all earlier ones.
};
struct Deposed {};
using RegisterEvent = std::variant<Elected, Chosen, Confirmed, Deposed>;

/// The register as the coordinator uses it; what comes of the calls arrives as `RegisterEvent`s, or never.
class Register {
 public:
  virtual ~Register() = default;
  /// Compare-and-set: makes `next` the view if its predecessor still is and the term is current. One at a time.
  virtual void propose(ViewPtr next) = 0;
  /// Begins a round that finds out whether the term is current; returns its number, which grows.
  virtual std::uint64_t confirm() = 0;
};

/// What a new coordinator begins with: `last` with the next epoch, its term and itself. Null: there is no next epoch.
[[nodiscard]] ViewPtr first_view_of_term(const View& last, Term term, const NodeId& coordinator);

}  // namespace reki::membership
