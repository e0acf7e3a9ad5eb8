#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "reki/core/base/bytes.hpp"
#include "reki/core/base/error.hpp"
#include "reki/core/base/limits.hpp"
#include "reki/core/membership/acceptor.hpp"

/// A voter's record as it stands in one of the slots of its file.
///
/// Pure. A slot is its head and the record as msgpack, all numbers big-endian:
/// ```
/// "rekislot"  counter 8  length 8  XXH3_128 of what is before it and of the record 16
/// record = [cluster, store, promised, accepted, view, level, lineage, retired]        view: bin that holds a view, or nil
/// ```
/// Without the last two if both are 0: nothing was rescued. Without the level, then, if it is 1.
namespace reki::membership {

/// The room of one slot: the largest view, and what stands around it. A multiple of a disk's blocks, so that writing
/// one slot cannot harm another.
inline constexpr std::size_t voter_slot_bytes = limits::control_frame_bytes_max + 4096;
inline constexpr std::size_t voter_slot_head_bytes = 40;

struct VoterSlot {
  std::uint64_t counter = 0;  ///< Grows with each write, from 1.
  VoterRecord record;
};

/// At most `voter_slot_bytes`. REQUIRES: `record.store` is not 0; its view, if there is one, is of `record.cluster`.
[[nodiscard]] Bytes encode(const VoterSlot& slot);
/// Total: a slot as it was written, whatever follows it; or `malformed_frame` if a byte of it is another.
[[nodiscard]] Result<VoterSlot> decode_voter_slot(BytesView bytes);
/// The number of bytes that the slot at the beginning of `head` claims to have; nothing: no slot begins there.
[[nodiscard]] std::optional<std::size_t> voter_slot_length(BytesView head);

}  // namespace reki::membership
