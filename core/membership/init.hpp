#pragma once

#include <string>
#include <vector>

#include "reki/core/membership/messages.hpp"

namespace reki::membership {

/// Makes a cluster, once: the explicit act by which empty registers become one. It asks all voters what is in their
/// stores, and only if all are empty writes the first view, without members, to all of them.
///
/// Pure: `due` says what to send, `on` takes what comes back. Both phases are repeated until every voter has answered,
/// so that losses do no harm; and two of them at once write the same view, since it follows from the stores' numbers.
class Initialization {
 public:
  struct At {
    NodeId node;
    std::string control;
  };
  Initialization(std::string cluster, std::uint64_t hash_seed, const Settings& settings, std::vector<At> voters);

  struct Letter {
    std::size_t voter = 0;  ///< Its place in the list.
    Body body;
  };
  /// To those that have not answered in this phase.
  [[nodiscard]] std::vector<Letter> due() const;
  /// An answer. Fails for good with
  ///   - `already_started`: the voters have a register of this cluster, all of them
  ///   - `invalid_argument`: some have one and some have not, or one is another cluster's; what to do is in the text
  [[nodiscard]] Result<void> on(std::size_t voter, const InitState& state);
  [[nodiscard]] bool done() const { return phase_ == Phase::done; }
  /// Who has not answered yet, for people.
  [[nodiscard]] std::string missing() const;

 private:
  enum class Phase : std::uint8_t { asking, writing, done };
  struct Voter {
    At at;
    bool answered = false;
    InitState state;
  };
  [[nodiscard]] bool all_answered() const;
  [[nodiscard]] Result<void> decide();

  const std::string cluster_;
  const std::uint64_t hash_seed_;
  const Settings settings_;
  std::vector<Voter> voters_;
  Phase phase_ = Phase::asking;
  ViewPtr view_;
};

}  // namespace reki::membership
