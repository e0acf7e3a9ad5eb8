#include "reki/core/membership/proposer.hpp"

#include <algorithm>
#include <utility>

#include "reki/core/base/assert.hpp"
#include "reki/core/membership/ballot.hpp"
#include "reki/core/membership/mutation.hpp"

namespace reki::membership {
namespace {

bool names(std::span<const Voter> voters, std::uint64_t store) {
  return std::ranges::any_of(voters, [&](const Voter& v) { return v.store == store; });
}

}  // namespace

// --- common

Proposer::Answers& Proposer::answers_of(std::uint64_t store) {
  const auto it = std::ranges::find(answers_, store, &Answers::store);
  if (it != answers_.end()) return *it;
  answers_.emplace_back().store = store;
  return answers_.back();
}

template <class Has>
bool Proposer::have(const View& view, Has has) const {
  return quorum(view, [&](const Voter& v) {
    const auto it = std::ranges::find(answers_, v.store, &Answers::store);
    return it != answers_.end() && has(*it);
  });
}

template <class Make>
void Proposer::to_voters(const View& view, Make make, Outbox& out) const {
  for (const Voter& v : view.voters()) out.send(v.node, make(v.store));
  for (const Voter& v : view.old_voters()) {
    if (!names(view.voters(), v.store)) out.send(v.node, make(v.store));
  }
}

Duration Proposer::random_delay() {
  const auto spread = static_cast<std::uint64_t>((timing_.election_max - timing_.election_min).count());
  return timing_.election_min + Duration{static_cast<std::int64_t>(random_.below(spread))};
}

void Proposer::retry_later(Instant now) {
  phase_ = Phase::idle;
  delay_ = random_delay();
  try_at_ = now + delay_;
  answers_.clear();
}

void Proposer::step_down(Instant now) {
  const bool led = phase_ == Phase::leading;
  retry_later(now);
  view_ = pending_ = nullptr;
  pending_unsent_ = round_unsent_ = false;
  if (led) events_.emplace_back(Deposed{});
}

void Proposer::tick(const Acceptor& acceptor, Instant now, Outbox& out) {
  if (phase_ == Phase::idle) {
    if (delay_ == Duration{0}) retry_later(now);  // the first look
    const auto heard = acceptor.heard();
    if (heard) try_at_ = std::max(try_at_, *heard + delay_);
    if (now >= try_at_) probe(acceptor, now, out);
    return;
  }
  if (phase_ == Phase::leading) {
    if (now - confirmed_at_ > timing_.wait + timing_.election_max) return step_down(now);
    if (now - round_sent_at_ >= timing_.renew) confirm();
  } else if (now - phase_since_ > timing_.election_max) {
    return retry_later(now);
  }
  if (now >= resend_at_) resend(now, out);
  flush(now, out);
}

void Proposer::resend(Instant now, Outbox& out) {
  resend_at_ = now + timing_.renew / 2;
  switch (phase_) {
    case Phase::probing:
      if (now >= show_from_) show(own_, own_ballot_, out);
      return to_voters(*own_, [&](std::uint64_t s) { return PreVote{s, ballot_}; }, out);
    case Phase::claiming:
      return;  // its own store is slow, not lossy
    case Phase::preparing:
      if (now >= show_from_) show(known_, known_ballot_, out);
      to_voters(*own_, [&](std::uint64_t s) { return Prepare{s, ballot_}; }, out);
      if (known_ != own_) to_voters(*known_, [&](std::uint64_t s) { return Prepare{s, ballot_}; }, out);
      return;
    case Phase::electing:
    case Phase::leading:
      if (pending_) pending_unsent_ = true;
      else catch_up(now, out);
      return;
    case Phase::idle:
      return;
  }
}

// --- candidate

void Proposer::probe(const Acceptor& acceptor, Instant now, Outbox& out) {
  retry_later(now);
  const Voter* const self = acceptor.self();
  // One that votes until the change of voters is over may have to end it: perhaps no new one has heard of it.
  if (self == nullptr) return;
  number_ = self->number;
  store_ = self->store;
  own_ = acceptor.record().view;
  own_ballot_ = acceptor.record().accepted;
  round_seen_ = std::max(round_seen_, round_of(acceptor.record().promised));
  ballot_ = ballot_of(round_seen_ + 1, number_);
  phase_ = Phase::probing;
  phase_since_ = now;
  show_from_ = now + timing_.renew / 2;
  resend(now, out);
}

/// Sends voters that do not answer what somebody has proposed to them once, as if that came late. A new voter whose store
/// is empty does not answer before it has a view that counts it in, and may be needed for the majority.
void Proposer::show(const ViewPtr& view, Term accepted, Outbox& out) const {
  if (accepted == Term{}) return;  // of `reki init`, which completes what it has begun
  for (const Voter& v : view->voters()) {
    const bool answers = std::ranges::find(answers_, v.store, &Answers::store) != answers_.end();
    if (!answers) out.send(v.node, Accept{v.store, accepted, view});
  }
}

void Proposer::on(const PreVoteReply& m, const Acceptor& acceptor, Instant now, Outbox& out) {
  round_seen_ = std::max(round_seen_, round_of(m.promised));
  if (phase_ != Phase::probing || m.ballot != ballot_) return;
  answers_of(m.store).granted = m.granted;
  if (have(*own_, [](const Answers& a) { return a.granted; })) claim(acceptor, now, out);
}

void Proposer::claim(const Acceptor& acceptor, Instant now, Outbox& out) {
  phase_ = Phase::claiming;
  phase_since_ = now;
  show_from_ = now + timing_.renew / 2;
  answers_.clear();
  known_ = own_ = acceptor.record().view;
  known_ballot_ = acceptor.record().accepted;
  promises_at_ = Instant{};
  round_seen_ = std::max(round_seen_, round_of(acceptor.record().promised));
  ballot_ = ballot_of(round_seen_ + 1, number_);
  out.send(self_, Prepare{store_, ballot_});
}

void Proposer::on(const Promise& m, Instant now, Outbox& out) {
  const bool mine = m.store == store_;
  if (m.ballot != ballot_ || m.view == nullptr) return;
  if (phase_ != Phase::preparing && !(phase_ == Phase::claiming && mine)) return;
  answers_of(m.store).promised = true;
  // A voter that has promised acknowledges no earlier coordinator any more. So no lease that one of them granted began
  // after the latest acknowledgement of those who promise.
  promises_at_ = std::max(promises_at_, m.since_ack ? Instant{now.ns - m.since_ack->count()} : now);
  const bool newer = m.accepted > known_ballot_ ||
                     (m.accepted == known_ballot_ && m.view->epoch() > known_->epoch());
  if (newer && !mutated(Mutation::own_value)) {
    known_ = m.view;
    known_ballot_ = m.accepted;
    resend_at_ = now;  // its voters may be others
    show_from_ = now + timing_.renew / 2;
  }
  if (phase_ == Phase::claiming) {
    phase_ = Phase::preparing;
    resend_at_ = now;
  }
  const auto promised = [](const Answers& a) { return a.promised; };
  if (have(*own_, promised) && have(*known_, promised)) elect(now, out);
}

void Proposer::elect(Instant now, Outbox& out) {
  const bool votes = names(known_->voters(), store_) || names(known_->old_voters(), store_);
  if (!votes) return retry_later(now);  // was voted out meanwhile
  ViewPtr next = first_view_of_term(*known_, ballot_, self_);
  if (next == nullptr) return retry_later(now);  // no epoch is left
  phase_ = Phase::electing;
  phase_since_ = now;
  answers_.clear();
  pending_ = std::move(next);
  pending_unsent_ = true;
  flush(now, out);
}

void Proposer::hurry(const Acceptor& acceptor, Instant now) {
  const Voter* const self = acceptor.self();
  if (phase_ != Phase::idle || self == nullptr) return;
  const auto voters = acceptor.record().view->voters();
  const auto place = std::ranges::find(voters, self->store, &Voter::store) - voters.begin();
  delay_ = place * timing_.renew / 4 + Duration{1};
  try_at_ = now + delay_;
}

// --- coordinator

void Proposer::propose(ViewPtr next) {
  REKI_ASSERT(leading() && pending_ == nullptr && next->epoch().value == view_->epoch().value + 1);
  pending_ = std::move(next);
  pending_unsent_ = true;
  for (Answers& a : answers_) a.accepted = Epoch{};
}

std::uint64_t Proposer::confirm() {
  round_unsent_ = true;
  return ++round_;
}

void Proposer::flush(Instant now, Outbox& out) {
  if (pending_unsent_) send_accepts(out);
  if (std::exchange(pending_unsent_, false)) resend_at_ = now + timing_.renew / 2;
  if (!std::exchange(round_unsent_, false) || !leading()) return;
  round_sent_at_ = now;
  to_voters(*view_, [&](std::uint64_t s) { return Heartbeat{s, ballot_, round_}; }, out);
}

void Proposer::send_accepts(Outbox& out) {
  const auto make = [&](std::uint64_t s) { return Accept{s, ballot_, pending_}; };
  to_voters(*pending_, make, out);
}

/// Sends the chosen view again to voters that answer but have not accepted it: until they have, fewer voters may be
/// lost.
void Proposer::catch_up(Instant now, Outbox& out) {
  const auto send = [&](const Voter& v) {
    const Answers& a = answers_of(v.store);
    const bool behind = a.accepted != view_->epoch() && now - a.heard <= timing_.renew;
    if (behind) out.send(v.node, Accept{v.store, ballot_, view_});
  };
  std::ranges::for_each(view_->voters(), send);
}

void Proposer::on(const Accepted& m, Instant now, Outbox& out) {
  const bool asked = phase_ == Phase::electing || phase_ == Phase::leading;
  const ViewPtr& newest = pending_ ? pending_ : view_;
  if (!asked || m.ballot != ballot_ || m.epoch != newest->epoch()) return;
  answers_of(m.store).accepted = m.epoch;
  if (pending_ == nullptr) return;
  const auto accepted = [&](const Answers& a) { return a.accepted == pending_->epoch(); };
  const bool enough =
      mutated(Mutation::no_joint)
          ? majority(pending_->voters(), [&](const Voter& v) { return accepted(answers_of(v.store)); })
          : have(*pending_, accepted);
  if (enough) chosen(now);
  flush(now, out);
}

void Proposer::chosen(Instant now) {
  view_ = std::exchange(pending_, nullptr);
  if (phase_ == Phase::leading) {
    events_.emplace_back(Chosen{view_});
    return;
  }
  phase_ = Phase::leading;
  confirmed_at_ = now;
  resend_at_ = now + timing_.renew / 2;
  events_.emplace_back(Elected{ballot_, view_, now - promises_at_});
  confirm();
}

void Proposer::on(const HeartbeatAck& m, Instant now) {
  if (!leading() || m.ballot != ballot_) return;
  Answers& a = answers_of(m.store);
  a.heard = now;
  if (m.seq <= a.acked) return;
  a.acked = m.seq;
  // The newest round that a quorum has acknowledged: the acknowledgement of a round holds for all before it.
  std::uint64_t best = confirmed_;
  for (const Answers& each : answers_) {
    if (each.acked > best && have(*view_, [&](const Answers& o) { return o.acked >= each.acked; })) best = each.acked;
  }
  if (best == confirmed_) return;
  confirmed_ = best;
  confirmed_at_ = now;
  events_.emplace_back(Confirmed{best});
}

void Proposer::on(const Nack& m, Instant now) {
  round_seen_ = std::max(round_seen_, round_of(m.promised));
  if (m.ballot != ballot_ || phase_ == Phase::idle) return;
  if (m.promised > ballot_) return step_down(now);
  if (leading()) answers_of(m.store).heard = now;
}

void Proposer::resign(Instant now, Outbox& out) {
  if (!leading()) return;
  to_voters(*view_, [&](std::uint64_t) { return Resign{ballot_}; }, out);
  step_down(now);
  try_at_ = now + timing_.wait;  // whoever is told tries first
}

}  // namespace reki::membership
