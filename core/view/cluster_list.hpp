#pragma once

#include "reki/core/base/limits.hpp"
#include "reki/core/view/view.hpp"
#include "reki/core/wire/codec.hpp"

/// A list through all nodes: node by node in the order of their ids, page by page within each.
///
/// Pure. The cursor that the caller gets says which node is next and where in it; a node that has gone meanwhile is
/// passed over, since its keys have gone to others (and are listed there, or were already).
namespace reki {

struct ClusterCursor {
  NodeId node;  ///< Empty: from the first one on.
  Bytes inner;  ///< The node's own cursor; empty: from its start.
};
Bytes encode(const ClusterCursor& cursor);
/// `invalid_argument` for one that was not made by encode().
Result<ClusterCursor> decode_cluster_cursor(BytesView bytes);

/// True if the member may have actors.
bool may_have_actors(const Member& member);
/// The first node with that id or a larger one that may have actors, or null.
const Member* node_from(const View& view, std::string_view id);
/// The first one with a larger id, or null.
const Member* node_after(const View& view, std::string_view id);

/// The page with another cursor.
Bytes with_cursor(const wire::ListPage& page, BytesView cursor);

}  // namespace reki
