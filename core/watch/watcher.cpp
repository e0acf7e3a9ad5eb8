#include "reki/core/watch/watcher.hpp"

#include <algorithm>
#include <utility>

#include "reki/core/base/hash.hpp"

namespace reki {
namespace {

/// Whether what is told is about a node rather than about what runs on it.
bool about_node(WatchKind kind) { return kind >= WatchKind::joined; }

Result<wire::WatchReply> reply_in(ErrorCode code, std::string_view text, BytesView payload) {
  if (code != ErrorCode::ok) return fail(code, std::string{text});
  return wire::decode_watch_reply(payload);
}

bool is_missed(const wire::WatchReply& reply) {
  return !reply.events.empty() && reply.events.front().kind == WatchKind::missed;
}

}  // namespace

Watcher::Watcher(WatchFilter filter, const Options& options) : filter_(std::move(filter)), options_(options) {
  if (filter_.about_nodes()) add_leg({}, false, Instant{});
}

// ---- who is asked

void Watcher::add_leg(const NodeId& node, bool late, Instant now) {
  Leg& leg = legs_.emplace_back();
  leg.node = node;
  leg.due = now;
  leg.late = late;
}

void Watcher::set_view(std::shared_ptr<const View> view, Instant now) {
  if (view_ && view->epoch() <= view_->epoch()) return;
  const bool first = !view_;
  view_ = std::move(view);
  for (Leg& leg : legs_) {
    if (const Member* const member = view_->find(leg.node)) leg.leaves = member->state == MemberState::leaving;
  }
  if (filter_.about_key()) return follow_owner(now);
  if (filter_.about_nodes()) return ask_again_about_nodes(now);
  if (!first) return follow_members(now);
  for (const Member& member : view_->members()) add_leg(member.node_id, false, now);
}

/// The one that has the question may be cut off, and never learn what is news here.
void Watcher::ask_again_about_nodes(Instant now) {
  Leg& leg = legs_.front();
  if (!leg.asked || leg.position.sequence == 0 || leg.position.sequence >= view_->epoch().value) return;
  leg.asked.reset();
  leg.due = now;
}

const Member* Watcher::owner() const {
  return view_->owner(slot_of(hash_key(filter_.key, hash_type(filter_.type, view_->hash_seed()))));
}

void Watcher::follow_owner(Instant now) {
  if (!legs_.empty()) {
    Leg& leg = legs_.front();
    // As long as the node is there it is asked: its actor ends before the next one begins, and it says when.
    if (!is_gone(leg)) return leg.moved.value != 0 ? settle_move(leg, now) : void();
    const bool told_all = leg.ended || leg.handed_over || leg.moved.value != 0;
    const auto reason = told_all ? WatchReason::moved : WatchReason::node_lost;
    legs_.clear();
    if (const Member* to = owner()) return go_to(to->node_id, reason, now);
    tell(WatchKind::missed, at_, reason);  // the next owner may be the same node again, which is no move
  }
  if (const Member* to = owner()) go_to(to->node_id, WatchReason::none, now);
}

void Watcher::follow_members(Instant now) {
  std::erase_if(legs_, [&](const Leg& leg) {
    if (!is_gone(leg)) return false;
    if (!leg.ended) tell(WatchKind::missed, leg.node, WatchReason::node_lost);
    return true;
  });
  for (const Member& member : view_->members()) {
    if (std::ranges::find(legs_, member.node_id, &Leg::node) == legs_.end()) add_leg(member.node_id, true, now);
  }
}

/// From the view, and nothing more is to be told of it: the view can overtake the last answer of a node that has left.
bool Watcher::is_gone(const Leg& leg) const {
  if (view_->find(leg.node) != nullptr) return false;
  const bool owes_last_word = leg.leaves && leg.asked && leg.position != WatchPosition{} && !leg.ended && !leg.handed_over;
  return !owes_last_word;
}

void Watcher::go_to(const NodeId& owner, WatchReason reason, Instant now) {
  if (!at_.value.empty() && at_ != owner) {
    auto& moved = tell(WatchKind::moved, owner, reason == WatchReason::none ? WatchReason::node_lost : reason);
    moved.other = at_;
    moved.epoch = view_->epoch();
  }
  at_ = owner;
  legs_.clear();
  add_leg(owner, false, now);
}

/// The node has said that the key is another's. By a view that is as new as the one it goes by, that is so or the node
/// is behind.
void Watcher::settle_move(Leg& leg, Instant now) {
  const Member* to = view_ && view_->epoch() >= leg.moved ? owner() : nullptr;
  if (to == nullptr || to->node_id == leg.node) return pause(leg, now);
  go_to(to->node_id, WatchReason::moved, now);
}

// ---- questions

std::optional<Watcher::Question> Watcher::next_question(Instant now) {
  const auto due = std::ranges::find_if(legs_, [&](const Leg& leg) { return !leg.asked && leg.due <= now; });
  if (due == legs_.end()) return std::nullopt;
  due->asked = QuestionId{++last_question_};
  return Question{*due->asked, due->node, due->position};
}

Instant Watcher::next_wake() const {
  Instant out = Instant::never();
  for (const Leg& leg : legs_) {
    if (!leg.asked) out = std::min(out, leg.due);
  }
  return out;
}

void Watcher::pause(Leg& leg, Instant now) {
  leg.due = now + std::min(options_.pause_min * (std::int64_t{1} << std::min(leg.failures, 20U)), options_.pause_max);
  ++leg.failures;
}

// ---- answers

void Watcher::answered(QuestionId id, ErrorCode code, std::string_view text, BytesView payload, Instant now) {
  const auto leg = std::ranges::find(legs_, std::optional{id}, &Leg::asked);
  if (leg == legs_.end()) return;
  leg->asked.reset();
  const bool was_last = !filter_.about_nodes() && view_->find(leg->node) == nullptr;
  if (auto reply = reply_in(code, text, payload)) {
    take(*leg, std::move(*reply), now);
  } else if (!was_last) {
    failed(*leg, reply.error().code, reply.error().text, now);
  }
  if (was_last) filter_.about_key() ? follow_owner(now) : follow_members(now);
}

void Watcher::take(Leg& leg, wire::WatchReply reply, Instant now) {
  const bool missed = is_missed(reply);
  if (std::exchange(leg.late, false) && !missed) tell(WatchKind::missed, leg.node, WatchReason::node_joined);
  if (std::exchange(leg.unwatched, false) && !missed && leg.position != WatchPosition{}) {
    tell(WatchKind::watching, leg.node);
  }
  const bool begins = leg.position == WatchPosition{};
  leg.position = reply.position;
  leg.due = now;
  leg.moved = Epoch{};
  const bool had_ended = std::exchange(leg.ended, false);
  for (WatchEvent& event : reply.events) {
    if (event.kind == WatchKind::moved) {
      leg.moved = event.epoch;
      continue;  // told once it is known where to
    }
    if (event.kind == WatchKind::ended) {
      leg.ended = true;
      if (had_ended || leg.moved.value != 0) continue;  // known, or of no matter: the key is elsewhere
    }
    leg.handed_over = event.kind == WatchKind::stopped && event.reason == WatchReason::moved;
    tell(leg, std::move(event));
  }
  if (leg.moved.value != 0) {
    // Of a node that is behind: it has told nothing yet that could be gone on from.
    if (begins) leg.position = {};
    return settle_move(leg, now);
  }
  if (leg.ended) return pause(leg, now);
  leg.failures = 0;
}

void Watcher::failed(Leg& leg, ErrorCode code, std::string_view text, Instant now) {
  if (leg.ended) return pause(leg, now);  // its last word is known; the next is a view's
  // The answer was lost on its way, or the node has it still.
  if (code == ErrorCode::deadline_exceeded && leg.failures == 0) {
    leg.due = now;
    ++leg.failures;
    return;
  }
  if (!std::exchange(leg.unwatched, true)) {
    tell(WatchKind::unwatched, leg.node).text = std::string{name_of(code)} + ": " + std::string{text};
  }
  // It is still there by the view, but says no more about a key that is another's.
  const bool silent = code == ErrorCode::unreachable || code == ErrorCode::shutting_down;
  const Member* const to = filter_.about_key() && silent ? owner() : nullptr;
  if (to != nullptr && to->node_id != leg.node) return go_to(to->node_id, WatchReason::node_lost, now);
  pause(leg, now);
}

// ---- what is told

WatchEvent& Watcher::tell(WatchKind kind, const NodeId& node, WatchReason reason) {
  WatchEvent& event = events_.emplace_back();
  event.kind = kind;
  event.reason = reason;
  event.type = filter_.type;
  event.key = filter_.key;
  event.node = node;
  return event;
}

/// Adds what the wire leaves out, since it is known here.
void Watcher::tell(const Leg& leg, WatchEvent&& event) {
  event.type = filter_.type;
  if (event.key.empty()) event.key = filter_.key;
  if (!about_node(event.kind)) event.other = std::exchange(event.node, leg.node);
  events_.push_back(std::move(event));
}

std::optional<WatchEvent> Watcher::next_event() {
  if (events_.empty()) return std::nullopt;
  WatchEvent out = std::move(events_.front());
  events_.pop_front();
  return out;
}

}  // namespace reki
