#include "reki/core/membership/member_agent.hpp"

#include <algorithm>

#include "reki/core/membership/mutation.hpp"
#include "reki/core/membership/profile_change.hpp"

namespace reki::membership {
namespace {

SlotSet slots_of(const SlotTable& table, MemberIndex member) {
  const auto owners = table.entries();
  return SlotSet::of([&](std::size_t slot) { return owners[slot] == member; });
}

}  // namespace

MemberAgent::MemberAgent(Options options)
    : options_(std::move(options)), timing_(options_.timing), random_(options_.seed), previous_(options_.previous) {
  draw_incarnation();
}

void MemberAgent::draw_incarnation() {
  do {
    incarnation_ = Incarnation{random_.next()};
  } while (incarnation_ == Incarnation{});
}

// --- asking

void MemberAgent::tick(Instant now, Outbox& out) {
  if (phase_ != Phase::gone && now >= std::min(renew_at_, wanted_at())) renew(now, out);
}

Instant MemberAgent::next_wake() const {
  return phase_ == Phase::gone ? Instant::never() : std::min(renew_at_, wanted_at());
}

bool MemberAgent::is_renewal_wanted() const {
  return wanted_ > seq_ && works_ && (phase_ == Phase::member || phase_ == Phase::leaving);
}

/// One at a time is on its way, so that a coordinator is asked no more often than it can answer; but it may be lost.
Instant MemberAgent::wanted_at() const {
  if (!is_renewal_wanted()) return Instant::never();
  return granted_ == seq_ ? Instant{} : sent_[seq_ % sent_.size()].at + timing_.renew / 8;
}

void MemberAgent::want_granted(std::uint64_t seq, Instant now, Outbox& out) {
  wanted_ = std::max(wanted_, seq);
  if (now >= wanted_at()) renew(now, out);
}

/// To the coordinator; and, while it does not answer, to one more node after the other.
void MemberAgent::say(const Body& body, Instant now, Outbox& out) {
  if (!coordinator_.value.empty()) out.send(coordinator_, body);
  const bool silent = coordinator_.value.empty() || now - answered_ > 2 * timing_.renew;
  if (!silent || options_.seeds.empty()) return;
  next_seed();
  if (options_.seeds[seed_] != coordinator_) out.send(options_.seeds[seed_], body);
}

void MemberAgent::next_seed() { seed_ = (seed_ + 1) % options_.seeds.size(); }

void MemberAgent::renew(Instant now, Outbox& out) {
  renew_at_ = now + timing_.renew;
  wanted_ = 0;  // this is it; or none will be sent, and nothing is held
  fetched_ = Epoch{};
  if (phase_ == Phase::joining) {
    if (!works_) return;
    Join join{options_.self, view_ ? view_->epoch() : Epoch{}, store_, options_.settings};
    join.member.incarnation = incarnation_;
    if (previous_ != Incarnation{}) say(Stopped{options_.self.node_id, previous_}, now, out);
    return say(join, now, out);
  }
  const Member* const self = view_->find(options_.self.node_id, incarnation_);
  const bool handed_over = self != nullptr && self->state == MemberState::leaving && held_.empty() && stopping_.empty();
  if (phase_ == Phase::leaving && (handed_over || mutated(Mutation::early_stopped))) {
    say(Renew{incarnation_, installed_, cleared_, 0, true, store_, 0}, now, out);
    return say(Stopped{options_.self.node_id, incarnation_}, now, out);
  }
  const bool leaving = phase_ == Phase::leaving;
  if (!works_) return say(Renew{incarnation_, installed_, cleared_, 0, leaving, store_, 0}, now, out);
  ++seq_;
  sent_[seq_ % sent_.size()] = {seq_, drawn_, now};
  say(Renew{incarnation_, installed_, cleared_, seq_, leaving, store_, drawn_}, now, out);
}

// --- answers

void MemberAgent::learn(const NodeId& from, Term term) {
  if (term < term_ || from.value.empty()) return;
  term_ = term;
  coordinator_ = from;
}

void MemberAgent::on(const NodeId& from, const Grant& m, Instant now, Outbox& out) {
  if (m.incarnation != incarnation_ || phase_ == Phase::joining || phase_ == Phase::gone) return;
  learn(from, m.term);
  answered_ = now;
  const Sent& sent = sent_[m.seq % sent_.size()];
  if (sent.seq == m.seq && sent.random == m.random && m.seq != 0) {
    granted_ = std::max(granted_, m.seq);
    const Instant from_when = mutated(Mutation::lease_at_arrival) ? now : sent.at;
    // The view that is installed when the grant arrives says how long it is: it is the one that this node has reported.
    const Instant end = from_when + view_->settings().lease;
    lease_from_ = std::max(lease_from_, from_when);
    if (end > lease_end_) {
      lease_end_ = end;
      events_.emplace_back(LeaseExtended{end, from_when});
    }
  }
  heard(from, m.epoch, m.barrier, out);
  if (now >= wanted_at()) renew(now, out);  // it has waited for this grant
}

void MemberAgent::on(const NodeId& from, const News& m, Instant now, Outbox& out) {
  learn(from, m.term);
  answered_ = now;
  heard(from, m.epoch, m.barrier, out);
}

void MemberAgent::on(const Hint& m, Instant now, Outbox& out) {
  if (m.coordinator.value.empty() || m.term < term_ || m.coordinator == coordinator_) return;
  learn(m.coordinator, m.term);
  if (phase_ != Phase::gone) renew(now, out);
}

void MemberAgent::on(const Refused& m) {
  if (phase_ == Phase::joining && m.incarnation == incarnation_) events_.emplace_back(NotLetIn{m.why});
}

void MemberAgent::heard(const NodeId& from, Epoch epoch, Epoch barrier, Outbox& out) {
  heard_epoch(from, epoch, out);
  known_barrier_ = std::max(known_barrier_, barrier);
  pass_barrier();
}

void MemberAgent::heard_epoch(const NodeId& from, Epoch epoch, Outbox& out) {
  const Epoch have = view_ ? view_->epoch() : Epoch{};
  if (epoch <= std::max(have, fetched_)) return;
  fetched_ = epoch;
  out.send(from, ViewFetch{have});
}

void MemberAgent::on(const NodeId& from, const ViewFetch& m, Outbox& out) const {
  if (view_ && view_->epoch() > m.have) out.send(from, ViewPush{view_});
}

void MemberAgent::on(const StoppedAck& m) {
  if (m.incarnation == previous_) previous_ = Incarnation{};
  if (m.incarnation == incarnation_ && phase_ == Phase::leaving) phase_ = Phase::gone;
}

// --- views

void MemberAgent::on(const ViewPush& m, Instant now, Outbox& out) {
  if (m.view == nullptr || (view_ && m.view->epoch() <= view_->epoch())) return;
  const ViewPtr before = std::exchange(view_, m.view);
  timing_ = timing_of(options_.timing, view_->settings());
  learn(view_->coordinator(), view_->term());
  if (view_->find(options_.self.node_id, incarnation_) == nullptr) {
    events_.emplace_back(Installed{view_});
    return not_in(now, out);
  }
  // Most views change who coordinates or votes, and no slot.
  const MemberIndex self = view_->index_of(options_.self.node_id.value);
  const bool same = before && before->index_of(options_.self.node_id.value) == self && before->table() == view_->table();
  if (!same || installed_ == Epoch{}) owned_ = slots_of(view_->table(), self);
  install(now, out);
}

void MemberAgent::not_in(Instant now, Outbox& out) {
  if (phase_ == Phase::gone) return;
  const Incarnation was = incarnation_;
  const bool leaves = phase_ == Phase::leaving;
  // An incarnation asks to be in one view, the next after its base. When that is made without it, another incarnation
  // asks.
  if (!leaves && !mutated(Mutation::rejoin)) draw_incarnation();
  const bool done = leaves && held_.empty() && stopping_.empty();  // has handed all over: it has nothing to drop
  const bool drops = phase_ != Phase::joining && !done;
  lease_end_ = lease_from_ = Instant{0};
  held_.clear();
  stopping_.clear();
  installed_ = cleared_ = barrier_ = Epoch{};
  phase_ = leaves ? Phase::gone : Phase::joining;
  renew_at_ = now;
  if (drops) events_.emplace_back(Fenced{was, leaves ? Incarnation{} : incarnation_});
  else if (!leaves) renew(now, out);
}

void MemberAgent::start_over(Instant now) {
  if (phase_ == Phase::gone) return;
  const bool drops = phase_ != Phase::joining;
  const bool leaves = phase_ == Phase::leaving;
  const Incarnation was = incarnation_;
  draw_incarnation();
  view_ = nullptr;
  coordinator_ = NodeId{};
  term_ = Term{};
  lease_end_ = lease_from_ = Instant{0};
  held_.clear();
  stopping_.clear();
  installed_ = cleared_ = barrier_ = known_barrier_ = fetched_ = Epoch{};
  previous_ = Incarnation{};
  phase_ = leaves ? Phase::gone : Phase::joining;
  renew_at_ = now;
  if (drops) events_.emplace_back(Fenced{was, leaves ? Incarnation{} : incarnation_});
}

void MemberAgent::install(Instant now, Outbox& out) {
  if (phase_ == Phase::gone) return;
  if (phase_ == Phase::joining) phase_ = Phase::member;
  installed_ = view_->epoch();
  events_.emplace_back(Installed{view_});
  cut_lease();
  if (mutated(Mutation::no_barrier)) {
    const SlotSet gained = owned_ - held_;
    held_ |= gained;
    if (!gained.empty()) events_.emplace_back(Gained{gained, installed_});
  }
  const SlotSet lost = held_ - owned_;
  if (!lost.empty() && !mutated(Mutation::no_cut)) {
    held_ -= lost;
    stopping_ |= lost;
    events_.emplace_back(Lost{lost, incarnation_});
  }
  clear(now, out);
  pass_barrier();
}

/// What an earlier view with longer leases gave is over as the new one says, before this node reports that cleared: so that
/// once all have, nobody has a long lease. The only thing that shortens one.
void MemberAgent::cut_lease() {
  const Instant end = lease_from_ + view_->settings().lease;
  if (lease_end_ <= end || mutated(Mutation::no_lease_cut)) return;
  lease_end_ = end;
  events_.emplace_back(LeaseCut{end, lease_from_});
}

void MemberAgent::slots_stopped(const SlotSet& slots, Incarnation of, Instant now, Outbox& out) {
  if (of != incarnation_) return;
  stopping_ -= slots;
  clear(now, out);
}

/// Reports the view cleared once nothing outside of `held_` runs here. At once, since all who gain slots wait for it.
void MemberAgent::clear(Instant now, Outbox& out) {
  if (!stopping_.empty() || cleared_ == installed_ || phase_ == Phase::joining) return;
  cleared_ = installed_;
  renew(now, out);
}

void MemberAgent::pass_barrier() {
  if (known_barrier_ != installed_ || barrier_ == installed_ || installed_ == Epoch{}) return;
  barrier_ = installed_;
  const SlotSet gained = owned_ - held_;
  if (gained.empty()) return;
  held_ |= gained;
  events_.emplace_back(Gained{gained, mutated(Mutation::fence_reuse) ? Epoch{1} : installed_});
}

void MemberAgent::set_working(bool works) {
  if (works && !works_) renew_at_ = Instant{};
  works_ = works;
}

void MemberAgent::leave(Instant now, Outbox& out) {
  if (phase_ == Phase::joining) phase_ = Phase::gone;
  if (phase_ != Phase::member) return;
  phase_ = Phase::leaving;
  renew(now, out);
}

}  // namespace reki::membership
