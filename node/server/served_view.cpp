#include "reki/node/server/served_view.hpp"

#include "reki/core/base/hash.hpp"
#include "reki/core/wire/codec.hpp"

namespace reki {
namespace {

/// 0: a view made from a config does not know.
bool is_same_incarnation(Incarnation member, Incarnation peer) { return member == peer || member == Incarnation{}; }

}  // namespace

void ServedView::set(std::shared_ptr<const View> view, Incarnation incarnation) {
  view_ = std::move(view);
  incarnation_ = incarnation;
  index_ = view_->index_of(self_.value);
  // An earlier incarnation of this node owns nothing that this one may serve.
  if (index_ != nobody && !is_same_incarnation(view_->members()[index_].incarnation, incarnation)) index_ = nobody;
  history_.add(view_);
  hashed_type_.clear();
}

ServedView::Place ServedView::place_of(std::string_view type, std::string_view key) {
  using Where = Place::Where;
  if (type != hashed_type_) {
    hashed_type_ = type;
    type_hash_ = hash_type(type, view_->hash_seed());
  }
  const MemberIndex owner = view_->table().owner(slot_of(hash_key(key, type_hash_)));
  if (owner == nobody) return {Where::nowhere, {}};
  if (owner == index_) return {Where::here, {}};
  const NodeId& id = view_->members()[owner].node_id;
  if (id == self_) return {Where::not_joined, {}};
  return {Where::elsewhere, id.value};
}

bool ServedView::owns(std::uint64_t key_hash) const {
  const MemberIndex owner = view_->table().owner(slot_of(key_hash));
  return owner != nobody && owner == index_;
}

bool ServedView::admits(const Session& session) const {
  if (session.role != wire::Role::node) return true;
  const Member* const member = view_->find(session.name);
  return member != nullptr && is_same_incarnation(member->incarnation, session.incarnation);
}

Result<BytesView> ServedView::answer_to(std::optional<BytesView> args) {
  const auto have = wire::decode_view_args(args);
  if (!have) return fail(have.error().code, "args of view: [epoch, deltas]");
  if (have->have >= view_->epoch()) return BytesView{};
  const BytesView delta = have->deltas ? history_.delta_from(have->have) : BytesView{};
  return delta.empty() ? history_.whole() : delta;
}

}  // namespace reki
