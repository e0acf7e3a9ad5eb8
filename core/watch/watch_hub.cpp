#include "reki/core/watch/watch_hub.hpp"

#include <algorithm>
#include <utility>

#include "reki/core/base/hash.hpp"
#include "reki/core/watch/watch_codec.hpp"

namespace reki {

using What = EventLog::Resumption::What;

namespace {

Error has_ended() { return Error{ErrorCode::shutting_down, "the node closes, and has told that it has ended"}; }
Error not_this_life() { return Error{ErrorCode::unavailable, "the node was replaced, and joins anew"}; }

}  // namespace

WatchHub::~WatchHub() {
  while (!open_.empty()) let_go(**open_.begin());
}

void WatchHub::publish(WatchEvent event, std::vector<Answered>& out) {
  if (!recording_) return;
  const auto of_key = of_key_.find(event.key);
  const bool asked_for = !held_back_ && (!of_type_.empty() || of_key != of_key_.end());
  wire::WatchReplyWriter writer;
  if (asked_for) writer.add(event);
  log_.append(std::move(event));
  if (!asked_for) return;
  // Who waits has been told all that came before: one payload for all of them.
  const Bytes payload = writer.take({incarnation_, log_.last()});
  answer_all(of_type_, payload, out);
  // The list goes with its last question.
  if (of_key != of_key_.end()) answer_all(of_key->second, payload, out);
}

void WatchHub::ask(std::unique_ptr<WatchQuestion> question, const Present& present, Instant now,
                    std::vector<Answered>& out) {
  if (abandoned_) return out.push_back({std::move(question), tl::make_unexpected(not_this_life())});
  if (ended_ && question->position == after_end()) return out.push_back({std::move(question), tl::make_unexpected(has_ended())});
  asked_ = now;
  if (!recording_ && !ended_) recording_ = true;
  const bool waits = held_back_ && !ended_ && question->position != WatchPosition{} && question->deadline > now;
  auto payload = waits ? std::nullopt : reply_to(*question, &present);
  if (payload) {
    out.push_back({std::move(question), std::move(*payload)});
  } else if (open_.size() >= options_.open_max) {
    out.push_back({std::move(question), fail(ErrorCode::overloaded, std::to_string(open_.size()) +
                                                                        " questions of watchers are open already")});
  } else {
    hold(std::move(question));
  }
}

std::optional<Bytes> WatchHub::reply_to(const WatchQuestion& question, const Present* present) const {
  WatchPosition from = question.position;
  bool tell_present = present != nullptr && present->at_once;
  wire::WatchReplyWriter writer;
  if (from == WatchPosition{}) {
    from.sequence = log_.last();
    tell_present = present != nullptr;
  } else {
    const bool known = from.incarnation == incarnation_;
    const auto resumption = known ? log_.resume(from.sequence) : EventLog::Resumption{What::not_kept, 0};
    if (resumption.what != What::exact || gained_since(question)) {
      WatchEvent missed;
      missed.kind = WatchKind::missed;
      missed.reason = !known                                    ? WatchReason::node_restarted
                      : resumption.what == What::exact       ? WatchReason::moved
                      : resumption.what == What::fell_behind ? WatchReason::fell_behind
                                                                : WatchReason::not_kept;
      missed.number = resumption.missed;
      writer.add(missed);
      tell_present = present != nullptr;
      // Of a number that means nothing here, no event is known to come after it.
      if (resumption.what == What::not_kept) from.sequence = log_.last();
    }
  }
  log_.for_each_after(from.sequence, [&](const WatchEvent& event) {
    if (event.kind == WatchKind::nothing) return;
    if (question.key.empty() || event.key == question.key) writer.add(event);
  });
  if (tell_present) writer.add(present->event);
  if (ended_) writer.add(*ended_);
  if (writer.empty()) return std::nullopt;
  return writer.take(ended_ ? after_end() : WatchPosition{incarnation_, log_.last()});
}

bool WatchHub::gained_since(const WatchQuestion& question) const {
  if (question.key.empty() || question.position.incarnation != incarnation_) return false;
  if (question.position.sequence < gains_known_since_) return true;
  const SlotId slot = slot_of(question.hash);
  return std::ranges::any_of(gains_, [&](const Gain& gain) {
    return question.position.sequence < gain.sequence && gain.slots.contains(slot);
  });
}

void WatchHub::gain(const SlotSet& slots, std::vector<Answered>& out) {
  if (!recording_) return;
  // A number of its own tells the positions before it from those after it.
  WatchEvent mark;
  mark.kind = WatchKind::nothing;
  log_.append(std::move(mark));
  gains_.push_back({log_.last(), slots});
  if (gains_.size() > limits::watch_gains_kept_max) {
    gains_known_since_ = gains_.front().sequence;
    gains_.pop_front();
  }
  release([&](std::uint64_t hash) { return slots.contains(slot_of(hash)); }, out);
}

void WatchHub::hold(std::unique_ptr<WatchQuestion> question) {
  WatchQuestion& held = *question.release();
  held.order = ++last_order_;
  open_.insert(&held);
  (held.key.empty() ? of_type_ : of_key_[held.key]).push_back(held);
}

std::unique_ptr<WatchQuestion> WatchHub::let_go(WatchQuestion& question) {
  open_.erase(&question);
  question.unlink();
  if (!question.key.empty()) {
    const auto of_key = of_key_.find(question.key);
    if (of_key->second.empty()) of_key_.erase(of_key);
  }
  return std::unique_ptr<WatchQuestion>{&question};
}

void WatchHub::answer(WatchQuestion& question, std::vector<Answered>& out) {
  // Unless it was held back, nothing that it is about has happened while it was open: it would have been answered.
  auto payload = held_back_ ? reply_to(question, nullptr) : std::nullopt;
  if (!payload) payload = wire::WatchReplyWriter{}.take({incarnation_, log_.last()});
  out.push_back({let_go(question), std::move(*payload)});
}

void WatchHub::answer_all(Asking& asking, const Bytes& payload, std::vector<Answered>& out) {
  for (bool more = !asking.empty(); more;) {
    WatchQuestion& question = asking.front();
    more = &question != &asking.back();
    out.push_back({let_go(question), payload});
  }
}

void WatchHub::tick(Instant now, std::vector<Answered>& out) {
  while (!open_.empty() && (*open_.begin())->deadline <= now) answer(**open_.begin(), out);
  if (recording_ && open_.empty() && now - asked_ >= options_.keep_time) {
    recording_ = false;
    log_.interrupt();
    gains_.clear();
  }
}

void WatchHub::hold_back() {
  if (std::exchange(held_back_, true)) return;
  // So far they have been told all, however far the log has gone on without them.
  for (WatchQuestion* question : open_) question->position = {incarnation_, log_.last()};
}

void WatchHub::abandon(std::vector<Answered>& out) {
  abandoned_ = true;
  recording_ = false;
  while (!open_.empty()) out.push_back({let_go(**open_.begin()), tl::make_unexpected(not_this_life())});
}

void WatchHub::close(WatchEvent ended, std::vector<Answered>& out) {
  if (abandoned_) return;
  hold_back();
  if (!ended_) ended_ = std::move(ended);
  recording_ = false;
  while (!open_.empty()) answer(**open_.begin(), out);
}

}  // namespace reki
