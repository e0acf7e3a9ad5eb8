#pragma once

#include <cstdint>
#include <vector>

#include "reki/core/base/bytes.hpp"
#include "reki/core/base/error.hpp"
#include "reki/core/view/view.hpp"

namespace reki {

/// What has to be done to one view to make a later one of the same cluster. A plain value.
///
/// Among 1000 nodes, whose view has 104 KB, one leave is 147 bytes, one join 208, a new coordinator 73; measured by
/// core_test.view_delta/a_small_change_of_a_large_cluster_is_small, which prints them.
struct ViewDelta {
  Epoch base;     ///< Of the view that it changes.
  ViewHead head;  ///< Of the view that it makes; cluster and hash seed are those of the base, and not encoded.
  std::vector<NodeId> removed;
  std::vector<Member> changed;  ///< As they are now; new ones too.
  struct Slot {
    SlotId slot;
    MemberIndex owner = nobody;  ///< In the list of members as it is now.
    friend bool operator==(const Slot&, const Slot&) = default;
  };
  std::vector<Slot> slots;  ///< Those whose owner, by node id, is another.
  /// `view_check` of the view that it makes. Epochs begin anew when a cluster is made anew: this tells whether the base
  /// is the same view, and not only of the same number.
  std::uint64_t check = 0;

  friend bool operator==(const ViewDelta&, const ViewDelta&) = default;
};

/// REQUIRES: one cluster and one hash seed; `to` has the higher epoch.
[[nodiscard]] ViewDelta delta_between(const View& from, const View& to);

/// The view that the delta was made for, exactly. Total: fails with `invalid_argument` if `base` has another epoch, or
/// what comes out is no view, or not the one with `check`: then the whole view is needed.
[[nodiscard]] Result<View> apply(const View& base, const ViewDelta& delta);

/// XXH3_64, seeded with the hash seed, of what a delta could get wrong: of each member its id, and as big-endian
/// numbers its incarnation (8 bytes), weight (4) and state (1); then the table's 32768 bytes.
[[nodiscard]] std::uint64_t view_check(const View& view);

/// The delta as msgpack (docs/protocol.md, section 3).
[[nodiscard]] Bytes encode(const ViewDelta& delta);
/// Total: a delta, or `malformed_frame`; allocates no more than a few times the size of `bytes`.
/// Whether it makes a view is for `apply` to say.
[[nodiscard]] Result<ViewDelta> decode_view_delta(BytesView bytes);

}  // namespace reki
