#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "reki/core/membership/control_codec.hpp"
#include "reki/core/membership/membership.hpp"

namespace reki::sim {

/// What each node sends to the others, in bytes of frames as the production codec writes them: whole views and deltas, as
/// `MembershipDriver` decides between them.
class Traffic {
 public:
  struct Sent {
    std::uint64_t letters = 0;
    std::uint64_t bytes = 0;
  };

  /// `all_have`: the epoch of the view that everyone is known to have when this begins.
  Traffic(const std::vector<NodeId>& names, Epoch all_have);

  /// That node has a new view.
  void installed(std::uint16_t node, const membership::ViewPtr& view) { writers_[node].remember(view); }
  /// A message arrives that may say which view its sender has.
  void heard(std::uint16_t node, std::uint16_t from, const membership::Body& body);
  /// The size of its frame.
  std::size_t send(std::uint16_t from, std::uint16_t to, const membership::Body& body);

  [[nodiscard]] const std::vector<Sent>& sent() const { return sent_; }

 private:
  const Epoch all_have_;
  std::vector<membership::ControlWriter> writers_;
  std::vector<std::map<std::uint16_t, Epoch>> heard_;  ///< By node, of whom it has heard since.
  std::vector<Sent> sent_;
};

}  // namespace reki::sim
