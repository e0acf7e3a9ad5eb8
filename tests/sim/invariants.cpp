#include "invariants.hpp"

#include <algorithm>

#include "reki/core/membership/ballot.hpp"
#include "reki/core/view/generation.hpp"

namespace reki::sim {

using namespace membership;

namespace {

/// Readings of clocks are whole nanoseconds: what follows from one may be off by so much.
constexpr Time rounding = 10;

/// For the checker etcd is one more store that acknowledges coordinators; no voter's has this number.
constexpr std::uint64_t etcd_store = 0;

std::string text_of(Time at) { return std::to_string(at / 1000) + " us"; }
std::string text_of(Epoch e) { return "epoch " + std::to_string(e.value); }
std::string text_of(Term t) { return std::to_string(round_of(t)) + "." + std::to_string(t.value & 0xffff); }
std::string text_of(std::uint16_t node) { return "n" + std::to_string(node); }

bool intersect(const SlotSet& a, const SlotSet& b) { return !(a & b).empty(); }

/// What a new coordinator takes over unchanged.
bool same_but_for_coordinator(const View& a, const View& b) {
  return std::ranges::equal(a.members(), b.members()) && std::ranges::equal(a.voters(), b.voters()) &&
         std::ranges::equal(a.old_voters(), b.old_voters()) && a.table() == b.table();
}

}  // namespace

Invariants::Invariants(std::vector<NodeId> names, const Truth& truth)
    : names_(std::move(names)),
      truth_(truth),
      processes_(names_.size()),
      overlaps_(names_.size() * names_.size()) {
  for (Process& p : processes_) p.actors.fill(-1);
}

void Invariants::fail(std::string invariant, std::string text) {
  if (!watched_.empty() && ("," + watched_ + ",").find("," + invariant + ",") == std::string::npos) return;
  if (!violation_) violation_ = Violation{std::move(invariant), now_, std::move(text)};
}

// --- the register

void Invariants::begin(const ViewPtr& first) {
  history_.push_back(first);
  latest_ = first;
  proposals_.push_back({first, Term{}, {}, true});
}

const ViewPtr* Invariants::at_epoch(Epoch epoch) const {
  if (epoch.value <= base_ || epoch.value - base_ > history_.size()) return nullptr;
  return &history_[epoch.value - base_ - 1];
}

Invariants::Store& Invariants::store(std::uint64_t number) {
  const auto it = std::ranges::find(stores_, number, &Store::store);
  if (it != stores_.end()) return *it;
  stores_.emplace_back().store = number;
  return stores_.back();
}

void Invariants::recorded(const VoterRecord& record) {
  if (generation_of(record.lineage) > generation_of(lineage_) && record.view != nullptr) return begin_lineage(record);
  if (record.lineage != lineage_) return;
  if (record.view == nullptr || record.accepted == Term{}) return;
  const auto known = std::ranges::find(proposals_, record.view, &Proposal::view);
  if (known == proposals_.end()) proposals_.push_back({record.view, record.accepted, {}, false});
  // Who has accepted a view has accepted what the same coordinator had chosen before it.
  for (std::size_t i = 0; i < proposals_.size() && !violation_; ++i) {
    Proposal& p = proposals_[i];
    if (p.ballot != record.accepted || p.view->epoch() > record.view->epoch() || p.chosen) continue;
    if (std::ranges::find(p.stores, record.store) == p.stores.end()) p.stores.push_back(record.store);
    const auto has = [&](const Voter& v) { return std::ranges::find(p.stores, v.store) != p.stores.end(); };
    if (quorum(*p.view, has)) chosen(p);
  }
  constexpr std::size_t remembered = 64;
  if (proposals_.size() > 2 * remembered) proposals_.erase(proposals_.begin(), proposals_.end() - remembered);
}

void Invariants::chosen(Proposal& p) {
  p.chosen = true;
  if (one_view_per_epoch(p)) return;
  made_from_its_predecessor(p);
  if (violation_) return;
  const ViewPtr before = latest_;
  become_latest(p.view);
  // Those that it was made from are decided with it.
  for (const Proposal* q = predecessor_of(p); q != nullptr && q->view->epoch() > before->epoch(); q = predecessor_of(*q)) {
    of_epoch(q->view->epoch()) = q->view;
  }
}

void Invariants::become_latest(const ViewPtr& view) {
  const ViewPtr before = std::exchange(latest_, view);
  terms_never_decrease(before->term(), latest_->term(), "the register");
  if (latest_->term() > before->term()) terms_.push_back({latest_->term(), now_});
  incarnations_never_return(*before, *latest_);
  dropped_members_have_no_lease(*before, *latest_);
  history_.resize(latest_->epoch().value - base_);
  history_.back() = latest_;
  constexpr std::size_t remembered = 256;
  if (history_.size() > remembered) history_[history_.size() - remembered - 1] = nullptr;
}

/// I1, where the key's own history is the truth: the next epoch, made from the view before by the coordinator of the term.
void Invariants::put_in_etcd(const ViewPtr& view, Term term) {
  const View& before = *latest_;
  const std::string which = text_of(view->epoch()) + " of term " + text_of(view->term());
  const bool next = view->epoch().value == before.epoch().value + 1;
  if (!next) return fail("I1", which + " is put over " + text_of(before.epoch()) + " of term " + text_of(before.term()));
  if (view->term() != term) return fail("I1", which + " is put in term " + text_of(term));
  const bool same_term = view->term() == before.term() && view->coordinator() == before.coordinator();
  const bool new_term = view->term() > before.term() && same_but_for_coordinator(*view, before);
  if (!same_term && !new_term) return fail("I1", which + " was made from no view of the epoch before");
  become_latest(view);
}

void Invariants::confirmed_by_etcd(Term term) { note_acknowledgement(etcd_store, term); }

/// I1: one view per epoch. True if this one's is decided already: a last voter's disk was slow, and a later coordinator
/// has taken the view over meanwhile.
bool Invariants::one_view_per_epoch(const Proposal& p) {
  if (p.view->epoch() > latest_->epoch()) return false;
  ViewPtr& known = of_epoch(p.view->epoch());
  if (known != p.view && !may_be_what_was_taken_over(p, known)) {
    fail("I1", "a second view of " + text_of(p.view->epoch()) + " is chosen in term " + text_of(p.ballot) + "; the newest is " +
                   text_of(latest_->epoch()) + " of term " + text_of(latest_->term()));
    return true;
  }
  known = p.view;
  return true;
}

/// Whether `known` was only guessed to be the view of its epoch, and `p` is as good a guess: two candidates in a row that
/// did not come through leave two views that differ in nothing but the coordinator, and whoever takes one of them over
/// does not say which. Once a quorum is seen to have one, it is not a guess any more.
bool Invariants::may_be_what_was_taken_over(const Proposal& p, const ViewPtr& known) const {
  const auto guess = std::ranges::find(proposals_, known, &Proposal::view);
  if (guess == proposals_.end() || guess->chosen || p.view->epoch() == latest_->epoch()) return false;
  const ViewPtr& next = history_[p.view->epoch().value - base_];
  return next != nullptr && p.ballot < next->term() && guess->ballot < next->term() && same_but_for_coordinator(*p.view, *next);
}

/// The view that this one was made from: the one before in the same term, or the one that a new coordinator took over,
/// which need not have been chosen itself.
const Invariants::Proposal* Invariants::predecessor_of(const Proposal& p) const {
  for (const Proposal& q : proposals_) {
    if (q.view->epoch().value + 1 != p.view->epoch().value) continue;
    const bool same_term = q.ballot == p.ballot && q.chosen && q.view->coordinator() == p.view->coordinator();
    if (same_term || (q.ballot < p.ballot && same_but_for_coordinator(*q.view, *p.view))) return &q;
  }
  return nullptr;
}

/// I1: view e+1 was made from view e by the coordinator of the then-current term.
void Invariants::made_from_its_predecessor(const Proposal& p) {
  if (p.view->term() != p.ballot) return fail("I1", "a view of one term was accepted in another");
  if (predecessor_of(p) != nullptr) return;
  fail("I1", text_of(p.view->epoch()) + " of term " + text_of(p.ballot) + " was made from no view of the epoch before");
}

/// I1: what a node takes for a view was chosen, and is the one of its epoch.
void Invariants::only_chosen_views_are_known(const View& view) {
  const ViewPtr* const known = at_epoch(view.epoch());
  const bool chosen = known != nullptr && (known->get() == &view || (*known != nullptr && **known == view));
  if (!chosen) fail("I1", "a node knows a view of " + text_of(view.epoch()) + " that was not chosen");
}

/// I2: the term never decreases; no voter's promise does, across restarts too.
void Invariants::terms_never_decrease(Term before, Term now, std::string_view whose) {
  if (now >= before) return;
  fail("I2", std::string(whose) + " went back from " + text_of(before) + " to " + text_of(now));
}

/// I11: an incarnation never re-enters a view.
void Invariants::incarnations_never_return(const View& before, const View& now) {
  for (const Member& m : before.members()) {
    if (now.find(m.node_id, m.incarnation) == nullptr) gone_.insert(m.incarnation.value);
  }
  for (const Member& m : now.members()) {
    if (!gone_.contains(m.incarnation.value)) continue;
    fail("I11", "an earlier incarnation of " + m.node_id.value + " is back in " + text_of(now.epoch()));
  }
}

/// I4: when a view that drops m is committed, m's lease is over in real time, or Stopped(m, incarnation) was received.
void Invariants::dropped_members_have_no_lease(const View& before, const View& now) {
  for (const Member& m : before.members()) {
    if (now.find(m.node_id, m.incarnation) != nullptr) continue;
    const std::uint16_t node = index_of(m.node_id);
    const Process& p = processes_[node];
    if (!p.runs || p.incarnation != m.incarnation) continue;
    // A coordinator that leaves says so to itself.
    if (m.state == MemberState::leaving && p.live.empty()) stopped_.insert(m.incarnation.value);
    if (stopped_.contains(m.incarnation.value)) continue;
    if (truth_.gate_open(node)) fail("I4", text_of(now.epoch()) + " drops " + text_of(node) + " while it has a lease");
  }
}

Time Invariants::superseded_at(Term term) const {
  const auto next = std::ranges::upper_bound(terms_, term, {}, &TermRecord::term);
  return next == terms_.end() ? never : next->since;
}

// --- processes

void Invariants::process_begins(std::uint16_t node, const VoterRecord* record) {
  Process& p = processes_[node];
  p = Process{};
  p.actors.fill(-1);
  p.runs = true;
  slots_changed(node);
  if (record == nullptr) return;
  terms_never_decrease(store(record->store).said, record->promised, "after a restart, a voter's promise");
  p.promised = record->promised;
  p.store = record->store;
}

void Invariants::process_ends(std::uint16_t node) {
  processes_[node] = Process{};
  processes_[node].actors.fill(-1);
  slots_changed(node);
}

void Invariants::stepped(const Observed& o) {
  Process& p = processes_[o.node];
  if (o.lineage != std::exchange(p.lineage, o.lineage)) p.term = Term{};
  if (o.term != p.term) terms_never_decrease(std::exchange(p.term, o.term), o.term, "a node's term");
  const bool same_store = o.store == std::exchange(p.store, o.store);
  if (o.promised != p.promised) {
    if (same_store) terms_never_decrease(p.promised, o.promised, "a voter's promise");
    p.promises[p.promises_next++ % p.promises.size()] = {std::exchange(p.promised, o.promised), now_};
  }
  const bool other_incarnation = o.incarnation != p.incarnation;
  const bool other_view = *o.view != p.view;
  if (other_view) p.view = *o.view;
  if (other_view && p.view != nullptr && p.lineage == lineage_) only_chosen_views_are_known(*p.view);
  const bool views_changed = other_view || o.installed != p.installed || o.cleared != p.cleared || other_incarnation;
  const bool extended = o.lease_end > p.lease_end || other_incarnation;
  p.lease_end = o.lease_end;
  p.incarnation = o.incarnation;
  // What the machine does not announce is looked for every now and then.
  const bool look = o.slots_changed || ++p.steps % 64 == 0;
  const bool slots = look && (p.held != *o.held || p.live != (*o.held | *o.stopping));
  if (slots) {
    p.held = *o.held;
    p.live = *o.held | *o.stopping;
    slots_changed(o.node);
  }
  if (views_changed) {
    p.installed = o.installed;
    p.cleared = o.cleared;
    if (p.cleared != Epoch{}) cleared_[p.incarnation.value] = p.cleared;
  }
  if (slots || views_changed) {
    held_is_owned(o.node);
    cleared_is_installed_and_stopped(o.node);
  }
  if (slots || extended) {
    no_lease_outside_the_view(o.node);
    one_live_node_per_slot(o.node);
  }
}

void Invariants::slots_changed(std::uint16_t node) {
  const std::size_t nodes = processes_.size();
  const bool any = !processes_[node].live.empty();
  for (std::size_t other = 0; other < nodes; ++other) {
    const bool both = any && other != node && intersect(processes_[node].live, processes_[other].live);
    overlaps_[node * nodes + other] = overlaps_[other * nodes + node] = both ? 1 : 0;
  }
}

const SlotSet* Invariants::owned(const ViewPtr& view, std::uint16_t node) {
  auto known = std::ranges::find(owned_, view, &Owned::view);
  if (known == owned_.end()) {
    known = owned_.begin() + static_cast<std::ptrdiff_t>(owned_next_++ % owned_.size());
    known->view = view;
    known->sets.clear();
    const auto owners = view->table().entries();
    for (MemberIndex m = 0; m < view->members().size(); ++m) {
      known->sets.push_back(SlotSet::of([&](std::size_t slot) { return owners[slot] == m; }));
    }
  }
  const MemberIndex index = view->index_of(names_[node].value);
  return index == nobody ? nullptr : &known->sets[index];
}

bool Invariants::owns_exactly(std::uint16_t node, const SlotSet& held) {
  const SlotSet* const mine = owned(latest_, node);
  return mine != nullptr && *mine == held;
}

void Invariants::sent(std::uint16_t node, const Body& body) {
  if (const auto* renew = std::get_if<Renew>(&body)) {
    if (renew->seq == 0) return;
    auto& ring = processes_[node].renewals;
    auto& place = ring[renew->seq % ring.size()];
    if (place.incarnation != renew->incarnation || place.seq != renew->seq) place = {renew->incarnation, renew->seq, now_};
  } else if (const auto* grant = std::get_if<Grant>(&body)) {
    grants_are_confirmed(node, *grant);
  } else if (const auto* ack = std::get_if<HeartbeatAck>(&body)) {
    note_acknowledgement(ack->store, ack->ballot);
  } else if (const auto* promise = std::get_if<Promise>(&body)) {
    Term& said = store(promise->store).said;
    said = std::max(said, promise->ballot);
  } else if (const auto* accepted = std::get_if<Accepted>(&body)) {
    Term& said = store(accepted->store).said;
    said = std::max(said, accepted->ballot);
  } else if (const auto* stopped = std::get_if<Stopped>(&body)) {
    stopped_.insert(stopped->incarnation.value);
  }
}

void Invariants::note_acknowledgement(std::uint64_t number, Term term) {
  auto& acks = store(number).acks;
  const auto it = std::ranges::find(acks, term, &Store::Ack::term);
  auto& place = it != acks.end() ? *it : *std::ranges::min_element(acks, {}, &Store::Ack::term);
  place = {term, now_};
}

/// I3: a member's valid lease traces to a grant confirmed at or after its t0, in a term that was current then. Here for
/// the grant's departure: a quorum acknowledged the coordinator after the renewal had left its member.
void Invariants::grants_are_confirmed(std::uint16_t node, const Grant& grant) {
  const auto member = std::ranges::find(processes_, grant.incarnation, &Process::incarnation);
  if (member == processes_.end()) return;
  const auto& renewal = member->renewals[grant.seq % member->renewals.size()];
  const ViewPtr* const view = at_epoch(grant.epoch);
  if (renewal.seq != grant.seq || renewal.incarnation != grant.incarnation || view == nullptr || !*view) return;
  const Process& own = processes_[node];
  const auto acknowledged_since = [&](std::uint64_t number, Term term, Time since) {
    const auto& acks = store(number).acks;
    const auto ack = std::ranges::find(acks, term, &Store::Ack::term);
    return ack != acks.end() && ack->at >= since;
  };
  const auto acknowledged = [&](const Voter& v) {
    if (v.node == names_[node]) {
      return own.promised == grant.term || std::ranges::any_of(own.promises, [&](const Process::Past& past) {
        return past.term == grant.term && past.until >= renewal.at;
      });
    }
    return acknowledged_since(v.store, grant.term, renewal.at);
  };
  const bool in_etcd = (*view)->voters().empty();
  if (in_etcd ? acknowledged_since(etcd_store, grant.term, renewal.at) : quorum(**view, acknowledged)) return;
  fail("I3", text_of(node) + " grants in term " + text_of(grant.term) + ", which no quorum has confirmed since the renewal");
}

void Invariants::extended(std::uint16_t node, Term term, Instant from, Time left) {
  leases_trace_to_a_grant(node, term, from, left);
}

/// I3: a member's valid lease traces to a grant confirmed at or after its t0, in a term that was current then. Here for
/// its arrival.
void Invariants::leases_trace_to_a_grant(std::uint16_t node, Term term, Instant from, Time left) {
  const Time t0 = truth_.when_was(node, from);
  if (t0 > left + rounding) {
    return fail("I3", "the lease of " + text_of(node) + " counts from " + text_of(t0) + ", its grant left at " + text_of(left));
  }
  if (t0 - rounding <= superseded_at(term)) return;
  fail("I3", "the lease of " + text_of(node) + " counts from " + text_of(t0) + ", when term " + text_of(term) + " was over");
}

/// I4, from then on: nobody has a lease as an incarnation that a view has dropped, unless Stopped was received.
void Invariants::no_lease_outside_the_view(std::uint16_t node) {
  const Process& p = processes_[node];
  if (!gone_.contains(p.incarnation.value) || stopped_.contains(p.incarnation.value)) return;
  if (truth_.gate_open(node)) fail("I4", text_of(node) + " has a lease, but a view has dropped it");
}

/// I5: held(m) is a subset of owned(installed(m), m).
void Invariants::held_is_owned(std::uint16_t node) {
  const Process& p = processes_[node];
  if (p.held.empty()) return;
  const bool in = p.view != nullptr && p.view->epoch() == p.installed;
  const SlotSet* const mine = in ? owned(p.view, node) : nullptr;
  if (mine == nullptr || !(p.held - *mine).empty()) {
    fail("I5", text_of(node) + " holds slots that " + text_of(p.installed) + " does not give it");
  }
}

/// I6: cleared(m) >= v implies installed(m) >= v and that m runs no actor outside held(m).
void Invariants::cleared_is_installed_and_stopped(std::uint16_t node) {
  const Process& p = processes_[node];
  if (p.cleared > p.installed) return fail("I6", text_of(node) + " has cleared a view that it has not installed");
  if (p.cleared < p.installed) return;
  for (const std::int32_t slot : p.actors) {
    if (slot < 0 || p.held.contains(SlotId{static_cast<std::uint16_t>(slot)})) continue;
    fail("I6", text_of(node) + " has cleared " + text_of(p.cleared) + " but runs an actor in a slot that it does not hold");
  }
}

void Invariants::gained(const Observed& o, const Gained& gained) {
  processes_[o.node].held = *o.held;
  if (o.cleared != Epoch{}) cleared_[o.incarnation.value] = o.cleared;
  gains_follow_the_barrier(o.node, gained.epoch);
}

/// I7: m gains a slot in v only if every member of v has cleared >= v.
void Invariants::gains_follow_the_barrier(std::uint16_t node, Epoch epoch) {
  const ViewPtr* const view = at_epoch(epoch);
  if (view == nullptr || *view == nullptr) return fail("I1", text_of(node) + " gains slots in a view that was not chosen");
  for (const Member& m : (*view)->members()) {
    const auto cleared = cleared_.find(m.incarnation.value);
    if (cleared != cleared_.end() && cleared->second >= epoch) continue;
    return fail("I7", text_of(node) + " gains slots in " + text_of(epoch) + ", which " + m.node_id.value + " has not cleared");
  }
}

/// I8: at every instant at most one incarnation is live for a slot.
void Invariants::one_live_node_per_slot(std::uint16_t node) {
  const std::size_t nodes = processes_.size();
  for (std::size_t other = 0; other < nodes; ++other) {
    if (overlaps_[node * nodes + other] == 0) continue;
    const auto peer = static_cast<std::uint16_t>(other);
    if (!truth_.gate_open(node) || !truth_.gate_open(peer)) continue;
    fail("I8", text_of(node) + " and " + text_of(peer) + " are both live for a slot");
  }
}

// --- actors

/// I9: fence(key) strictly grows between starts.
void Invariants::start_begins(std::uint16_t node, std::uint8_t key, Fence fence) {
  if (fence <= started_[key]) {
    fail("I9", "a start on " + text_of(node) + " has the fence " + std::to_string(fence.value) + ", an earlier one had " +
                   std::to_string(started_[key].value));
  }
  started_[key] = std::max(started_[key], fence);
}

/// I9: a handler starts only with gate() true and its slot held.
void Invariants::handler_begins(std::uint16_t node, std::uint8_t key, SlotId slot) {
  const std::string what = "a handler of key " + std::to_string(key) + " starts on " + text_of(node);
  if (!truth_.gate_open(node)) fail("I9", what + ", whose lease is over");
  if (!processes_[node].held.contains(slot)) fail("I9", what + ", which does not hold its slot");
  one_live_actor_per_key(node, key);
}

void Invariants::actor_lives(std::uint16_t node, std::uint8_t key, SlotId slot) {
  processes_[node].actors[key] = slot.value;
  one_live_actor_per_key(node, key);
}

void Invariants::actor_gone(std::uint16_t node, std::uint8_t key) { processes_[node].actors[key] = -1; }

/// I8, by actors: while one of a key runs on a node with a lease, none does on another with a lease.
void Invariants::one_live_actor_per_key(std::uint16_t node, std::uint8_t key) {
  for (std::size_t other = 0; other < processes_.size(); ++other) {
    const auto peer = static_cast<std::uint16_t>(other);
    if (peer == node || processes_[other].actors[key] < 0) continue;
    if (!truth_.gate_open(node) || !truth_.gate_open(peer)) continue;
    fail("I8", "key " + std::to_string(key) + " has an actor on " + text_of(node) + " and on " + text_of(peer));
  }
}

/// I10: no output of a handler leaves after the lease ended.
void Invariants::output_leaves(std::uint16_t node, std::uint8_t key) {
  if (truth_.gate_open(node)) return;
  fail("I10", "output of key " + std::to_string(key) + " leaves " + text_of(node) + " after its lease");
}

/// I10: nobody accepts from an incarnation absent from its view.
void Invariants::accepted(const View& view, std::uint16_t sender, Incarnation incarnation) {
  if (view.find(names_[sender], incarnation) != nullptr) return;
  fail("I10", "what a gone incarnation of " + text_of(sender) + " has sent is accepted in " + text_of(view.epoch()));
}

// --- clients

/// I12: an acknowledged lookup_or_start(k) = f is never followed (in real time) by an answer for k with a fence < f.
void Invariants::call_ends(std::uint8_t key, Fence floor, Fence answer) {
  if (answer < floor) {
    fail("I12", "key " + std::to_string(key) + " is answered with fence " + std::to_string(answer.value) + " after " +
                    std::to_string(floor.value));
  }
  acknowledged_[key] = std::max(acknowledged_[key], answer);
}

/// I13: a call that was made after a start of its key had begun is not answered by an earlier one.
void Invariants::confirmed_call_ends(std::uint8_t key, Fence started, Fence answer) {
  if (answer >= started) return;
  fail("I13", "a call for key " + std::to_string(key) + " is answered by fence " + std::to_string(answer.value) +
                  ", and was made when " + std::to_string(started.value) + " had begun");
}

/// I13: a member of the newest view takes nothing that has left an actor after a newer start of its key.
void Invariants::superseded_accepted(std::uint16_t node, const View& view, std::uint16_t sender) {
  if (view.epoch() != latest_->epoch() || view.find(names_[node]) == nullptr) return;
  fail("I13", text_of(node) + " takes a message that left " + text_of(sender) + " after a newer start of its sender's key");
}

}  // namespace reki::sim
