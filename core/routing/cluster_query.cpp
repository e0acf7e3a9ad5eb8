#include "reki/core/routing/cluster_query.hpp"

#include <string>
#include <string_view>
#include <utility>

#include "reki/core/base/assert.hpp"
#include "reki/core/wire/codec.hpp"

namespace reki {
namespace {

using Next = ClusterQuery::Next;

/// For an answer about one node of several, which must say which.
Outcome naming(const NodeId& node, const Error& why) {
  Outcome out;
  out.code = why.code;
  out.retry_after = why.retry_after;
  out.text = "node '" + node.value + "': " + why.text;
  return out;
}

/// What nobody has answered says by itself which node it is about.
Outcome failed(const NodeId& node, Outcome&& outcome) {
  if (outcome.node) outcome.text.insert(0, "node '" + node.value + "': ");
  return std::move(outcome);
}

Outcome with_payload(Bytes payload) {
  Outcome out;
  out.payload = std::move(payload);
  return out;
}

}  // namespace

Result<ClusterQuery> ClusterQuery::make(wire::Op op, const std::optional<Bytes>& args) {
  REKI_ASSERT(op == wire::Op::list || op == wire::Op::count);
  ClusterQuery out(op);
  if (op == wire::Op::count) return out;
  const auto list = wire::decode_list_args(args ? std::optional<BytesView>{*args} : std::nullopt);
  if (!list) return tl::make_unexpected(list.error());
  auto cursor = decode_cluster_cursor(list->cursor);
  if (!cursor) return tl::make_unexpected(std::move(cursor.error()));
  out.limit_ = list->limit;
  out.cursor_ = std::move(*cursor);
  return out;
}

Next ClusterQuery::begin(const View& view) {
  begun_by_ = view.epoch();
  ++round_;
  if (node_from(view, {}) == nullptr) {
    Outcome none;
    none.code = ErrorCode::unavailable;
    none.text = "no node has joined in view " + std::to_string(view.epoch().value);
    return end(std::move(none));
  }
  return op_ == wire::Op::list ? begin_list(view) : begin_count(view);
}

Next ClusterQuery::answered(const Part& part, Outcome&& outcome, const View& view) {
  if (done_ || part.round != round_) return {};
  if (view.epoch() != begun_by_) return begin(view);
  return op_ == wire::Op::list ? page(part, std::move(outcome), view) : number(part, std::move(outcome));
}

Next ClusterQuery::end(Outcome&& outcome) {
  done_ = true;
  return {{}, std::move(outcome)};
}

// ---- list

Next ClusterQuery::part_of_list(const Member& node, BytesView cursor) const {
  return {{{node.node_id, wire::encode_list_args({cursor, limit_}), round_}}, {}};
}

Next ClusterQuery::begin_list(const View& view) {
  const Member* const node = node_from(view, cursor_.node.value);
  // Those to come have gone, and their keys to nodes that were listed.
  if (node == nullptr) return end(with_payload(with_cursor({}, {})));
  const bool is_meant = node->node_id == cursor_.node;
  return part_of_list(*node, is_meant ? BytesView{cursor_.inner} : BytesView{});
}

Next ClusterQuery::page(const Part& part, Outcome&& outcome, const View& view) {
  if (!outcome.ok()) return end(failed(part.node, std::move(outcome)));
  const auto page = wire::decode_list_page(outcome.payload);
  if (!page) return end(naming(part.node, page.error()));
  const Member* const next = page->cursor.empty() ? node_after(view, part.node.value) : nullptr;
  if (next != nullptr && page->keys.empty()) return part_of_list(*next, {});
  Bytes cursor;
  if (!page->cursor.empty()) cursor = encode(ClusterCursor{part.node, Bytes{page->cursor}});
  if (next != nullptr) cursor = encode(ClusterCursor{next->node_id, {}});
  outcome.payload = with_cursor(*page, cursor);
  return end(std::move(outcome));
}

// ---- count

Next ClusterQuery::begin_count(const View& view) {
  Next out;
  for (const Member& member : view.members()) {
    if (may_have_actors(member)) out.ask.push_back({member.node_id, std::nullopt, round_});
  }
  missing_ = out.ask.size();
  sum_ = 0;
  return out;
}

Next ClusterQuery::number(const Part& part, Outcome&& outcome) {
  if (!outcome.ok()) return end(failed(part.node, std::move(outcome)));
  const auto count = wire::decode_count(outcome.payload);
  if (!count) return end(naming(part.node, count.error()));
  sum_ += *count;
  if (--missing_ != 0) return {};
  return end(with_payload(wire::encode_count(sum_)));
}

}  // namespace reki
