#include "reki/core/routing/view_follower.hpp"

#include <algorithm>
#include <utility>

#include "reki/core/base/limits.hpp"
#include "reki/core/wire/codec.hpp"

namespace reki {

Instant ViewFollower::later(Instant now) {
  constexpr Duration spread = limits::view_poll_max - limits::view_poll_min;
  const auto extra = random_.below(static_cast<std::uint64_t>(spread.count()) + 1);
  return now + limits::view_poll_min + Duration{static_cast<std::int64_t>(extra)};
}

void ViewFollower::heard_of(Epoch epoch, PeerIndex from, Instant now) {
  if (epoch <= seen_) return;  // once per epoch
  seen_ = epoch;
  informant_ = from;
  fruitless_ = 0;
  next_ = std::min(next_, std::max(now, asked_ + limits::view_poll_min));
}

void ViewFollower::trouble(Instant now) {
  if (next_ == Instant::never()) next_ = later(now);
}

void ViewFollower::calm() {
  next_ = Instant::never();
  open_ = false;
}

void ViewFollower::installed(Epoch epoch) {
  have_ = epoch;
  seen_ = std::max(seen_, have_);
  fruitless_ = 0;
  if (!behind()) informant_.reset();
}

RouterPeer* ViewFollower::one_more(RouterPeers& peers) {
  const auto members = peers.members();
  for (std::size_t i = 0; i < members.size(); ++i) {
    RouterPeer& peer = peers[members[next_opened_++ % members.size()]];
    if (peer.session.state() == PeerSession::State::idle) return &peer;
  }
  return nullptr;
}

std::span<const std::string> ViewFollower::seeds_wanted(Instant now) const {
  if (silence(now) < limits::seeds_after) return {};
  return seeds_;
}

RouterPeer* ViewFollower::whom_to_ask(RouterPeers& peers) {
  const auto can = [&](PeerIndex p) {
    return !peers[p].closed && peers[p].session.ready() && !peers[p].asked_for_view;
  };
  if (informant_ && can(*informant_)) return &peers[*informant_];
  const auto open = peers.open();
  for (std::size_t i = 0; i < open.size(); ++i) {
    const PeerIndex index = open[next_asked_++ % open.size()];
    if (can(index)) return &peers[index];
  }
  return nullptr;
}

std::unique_ptr<RoutedRequest> ViewFollower::question(RouterPeers& peers, Instant now) {
  RouterPeer* const peer = whom_to_ask(peers);
  count_question(now);
  if (peer == nullptr) return nullptr;
  asked_ = now;
  next_ = now + limits::view_poll_patience;
  auto out =
      std::make_unique<RoutedRequest>(wire::RequestBody{.op = wire::Op::view, .args = wire::encode_view_args(have_)});
  out->deadline = now + limits::view_poll_timeout;
  out->peer = peer->index;
  out->progress.asks_for_view = true;
  peer->asked_for_view = true;
  return out;
}

/// Of one that was asked, or would have been if there were anybody.
void ViewFollower::count_question(Instant now) {
  informant_.reset();
  if (!std::exchange(open_, true)) unanswered_since_ = now;
  next_ = later(now);
}

/// Somebody has answered, be it with a view or with none.
void ViewFollower::count_answer(Instant now) {
  open_ = false;
  // Whoever speaks of that view again has it.
  if (++fruitless_ >= limits::view_polls_fruitless_max) seen_ = std::min(seen_, have_);
  next_ = informant_ ? std::max(now, asked_ + limits::view_poll_min) : later(now);
}

std::shared_ptr<const View> ViewFollower::view_in(const Outcome& outcome, const std::string& cluster) {
  if (!outcome.ok() || outcome.payload.empty()) return nullptr;  // empty: ours is the newest
  auto view = decode_view(outcome.payload);
  if (!view || view->cluster_id() != cluster) return nullptr;
  return std::make_shared<const View>(std::move(*view));
}

}  // namespace reki
