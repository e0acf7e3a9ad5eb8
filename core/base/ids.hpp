#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <utility>

namespace reki {

/// A value that is an identity: compares, hashes and prints, and converts to no other id.
template <class Tag, class Rep>
struct StrongId {
  Rep value{};

  constexpr StrongId() = default;
  constexpr explicit StrongId(Rep v) : value(std::move(v)) {}
  friend constexpr auto operator<=>(const StrongId&, const StrongId&) = default;
};

/// The name of a node in the config, at most `limits::node_id_bytes_max` bytes.
using NodeId = StrongId<struct NodeIdTag, std::string>;
/// One run of a process, or what it goes on as once a view has dropped it: random, never used twice. 0 means unknown.
using Incarnation = StrongId<struct IncarnationTag, std::uint64_t>;
/// The number of a view. 0 means none. Its upper 6 bits are the generation (core/view/generation.hpp).
using Epoch = StrongId<struct EpochTag, std::uint32_t>;
/// Which of the lives of a cluster's register: each rescue begins another. 0: as the cluster was made.
using Lineage = StrongId<struct LineageTag, std::uint64_t>;
/// The number of a coordinator's time in office.
using Term = StrongId<struct TermTag, std::uint64_t>;
/// One of the `slot_count` parts of the key space.
using SlotId = StrongId<struct SlotIdTag, std::uint16_t>;
/// Counts the starts in one slot: it grows with each start of a key, not always by one. 0 means none.
using StartNumber = StrongId<struct StartNumberTag, std::uint32_t>;
/// Names one request among those of one caller; a retry keeps it.
using RequestId = StrongId<struct RequestIdTag, std::uint64_t>;

/// Slots of the key space, fixed for all clusters: the unit of ownership and of hand-over.
inline constexpr std::uint32_t slot_count = 16384;

/// Fencing token: (epoch in which the slot was acquired, start number), strictly increasing per key.
///
/// Hand it to anything outside of the cluster that must refuse an older writer. 0 means none.
struct Fence {
  std::uint64_t value = 0;

  static constexpr Fence make(Epoch acquired, StartNumber start) {
    return Fence{(std::uint64_t{acquired.value} << 32) | start.value};
  }
  constexpr Epoch epoch() const { return Epoch{static_cast<std::uint32_t>(value >> 32)}; }
  constexpr StartNumber start() const { return StartNumber{static_cast<std::uint32_t>(value)}; }
  friend constexpr auto operator<=>(Fence, Fence) = default;
};

}  // namespace reki

template <class Tag, class Rep>
struct std::hash<reki::StrongId<Tag, Rep>> {
  std::size_t operator()(const reki::StrongId<Tag, Rep>& id) const { return std::hash<Rep>{}(id.value); }
};
