#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "reki/core/base/error.hpp"
#include "reki/core/base/ids.hpp"
#include "reki/core/view/cluster_list.hpp"
#include "reki/core/view/view.hpp"
#include "reki/core/wire/outcome.hpp"
#include "reki/core/wire/wire.hpp"

namespace reki {

/// Decides which nodes are asked for a `list` or `count` of the whole cluster, and what its caller is told.
///
/// Pure; no thread safety. The caller of begin() and answered() carries out what they return, each time by the view
/// that it has at that moment:
///
///     auto next = query.begin(view);
///     for (;;) {
///       for (part : next.ask) ask part.node, with part.args in place of the request's; answered(part, outcome, view)
///       when it is there if (next.done) tell the caller
///     }
///
/// The rules:
///  - `list` asks one node at a time, in the order of their ids. Its cursor names the node that is next and says where
///  in
///    it. A node without keys to show is passed over, so that a page without keys is the last one.
///  - `count` asks all nodes at once and sums up.
///  - Once a part is answered the view may be another than that by which the nodes were chosen: a node has left and its
///    actors are on others now, or one was there all the time that was not known. Then the page, or the count, begins
///    anew. An answer of a node that goes by a newer view still is no answer: that is RequestRouter's to see to.
///  - Any other error of a node is the caller's, with the node's name. Where no node can have actors it is
///    `unavailable`: a view of the time before any had joined says nothing of how it is now.
class ClusterQuery {
 public:
  /// One node's part of it.
  struct Part {
    NodeId node;
    std::optional<Bytes> args;
    std::uint32_t round = 0;  ///< Of answered(): parts from before it has begun anew do not count.
  };
  /// What to do now: nothing but wait for the other parts, if both are empty.
  struct Next {
    std::vector<Part> ask;
    std::optional<Outcome> done;
  };

  /// `invalid_argument` for a cursor that was not given out by one, `malformed_message` or `too_large` for the rest of
  /// the arguments. REQUIRES: `op` is list or count.
  [[nodiscard]] static Result<ClusterQuery> make(wire::Op op, const std::optional<Bytes>& args);

  [[nodiscard]] Next begin(const View& view);
  /// REQUIRES: `part` was to be asked, and is answered once.
  [[nodiscard]] Next answered(const Part& part, Outcome&& outcome, const View& view);

 private:
  explicit ClusterQuery(wire::Op op) : op_(op) {}
  [[nodiscard]] Next part_of_list(const Member& node, BytesView cursor) const;
  [[nodiscard]] Next begin_list(const View& view);
  [[nodiscard]] Next begin_count(const View& view);
  [[nodiscard]] Next page(const Part& part, Outcome&& outcome, const View& view);
  [[nodiscard]] Next number(const Part& part, Outcome&& outcome);
  [[nodiscard]] Next end(Outcome&& outcome);

  wire::Op op_;
  bool done_ = false;
  Epoch begun_by_;           ///< The view that has told whom to ask.
  std::uint32_t round_ = 0;  ///< How often it has begun.
  // list
  std::uint32_t limit_ = 0;
  ClusterCursor cursor_;
  // count
  std::size_t missing_ = 0;
  std::uint64_t sum_ = 0;
};

}  // namespace reki
