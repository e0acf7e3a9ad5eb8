#include "reki/core/membership/coordinator.hpp"

#include <algorithm>
#include <utility>

#include "reki/core/base/assert.hpp"
#include "reki/core/base/limits.hpp"
#include "reki/core/membership/mutation.hpp"
#include "reki/core/membership/reach.hpp"
#include "reki/core/view/generation.hpp"
#include "reki/core/view/slot_table.hpp"

namespace reki::membership {
namespace {

std::vector<NodeId> ids_of(const View& view) {
  std::vector<NodeId> out;
  out.reserve(view.members().size());
  for (const Member& m : view.members()) out.push_back(m.node_id);
  return out;
}

}  // namespace

// --- the register

void Coordinator::begin(const Elected& e, Outbox& out) {
  view_ = e.view;
  // Whatever lease the predecessors granted, its renewal was sent before this.
  const Duration since = mutated(Mutation::no_election_wait) ? view_->settings().wait : e.since_grants;
  records_.assign(view_->members().size(), Record{});
  for (Record& r : records_) {
    r.since = clock_.now();
    r.last = Instant{clock_.now().ns - since.count()};
    r.heard = Instant{clock_.now().ns - timing_.renew.count()};  // it is told of the election, and answers at once
  }
  install(e.view, out);
}

void Coordinator::on(const Chosen& m, Outbox& out) {
  proposing_ = false;
  const ViewPtr before = std::exchange(view_, m.view);
  Record unheard;
  unheard.last = unheard.heard = unheard.since = clock_.now();
  std::vector<Record> records(view_->members().size(), unheard);
  for (std::size_t i = 0; i < records_.size(); ++i) {
    const Member& member = before->members()[i];
    const MemberIndex now = view_->index_of(member.node_id.value);
    const bool stays = now != nobody && view_->members()[now].incarnation == member.incarnation;
    if (stays) records[now] = records_[i];
    if (!stays && records_[i].stopped) out.send(member.node_id, StoppedAck{member.incarnation});
  }
  records_ = std::move(records);
  for (Record& r : records_) r.doomed = false;
  if (are_voters(*view_, wanted_voters_)) wanted_voters_.clear();
  install(m.view, out);
}

void Coordinator::install(const ViewPtr& view, Outbox& out) {
  for (Record& r : records_) r.uncleared = r.cleared >= view->epoch() ? Instant::never() : clock_.now();
  for (const Member& m : view->members()) out.send(m.node_id, ViewPush{view});
  if (view->find(self_) == nullptr) out.send(self_, ViewPush{view});  // this node's agent answers those who ask for the coordinator
  // A candidate that this view leaves out asked to be in this view and no other. It is shown the view, and asks again
  // as another incarnation.
  for (const auto& [node, candidate] : candidates_) {
    if (view->find(node, candidate.member.incarnation) == nullptr) out.send(node, ViewPush{view});
  }
  candidates_.clear();
  // Who has asked to leave since this view was proposed leaves with the next; that it still wants to brings no view about.
  batch_since_ = someone_waits_to_leave() ? clock_.now() : Instant::never();
  check_barrier(out);
}

void Coordinator::on(const Confirmed& m, Outbox& out) {
  Instant began = clock_.now();
  std::size_t next = 0;
  while (!pending_renewals_.empty() && pending_renewals_.front().round != 0 && pending_renewals_.front().round <= m.round) {
    const PendingRenewal renewal = std::move(pending_renewals_.front());
    pending_renewals_.pop_front();
    while (next < rounds_.size() && rounds_[next].number <= renewal.round) began = rounds_[next++].began;
    Record* const r = find(renewal.member, renewal.incarnation);
    if (r == nullptr || r->doomed || r->stopped) continue;
    r->last = std::max(r->last, began);
    out.send(renewal.member, Grant{renewal.incarnation, renewal.seq, view_->term(), view_->epoch(), barrier_, renewal.random});
  }
  while (!rounds_.empty() && rounds_.front().number <= m.round) rounds_.pop_front();
}

/// One round for all renewals that have arrived since the last one began.
void Coordinator::begin_round() {
  const auto waits = std::ranges::find(pending_renewals_, std::uint64_t{0}, &PendingRenewal::round);
  if (waits == pending_renewals_.end()) return;
  const Instant now = clock_.now();
  const Instant due = rounds_.empty() ? now : rounds_.back().began + timing_.renew / 8;
  if (now < due) {
    wake_ = std::min(wake_, due);
    return;
  }
  const std::uint64_t number = register_.confirm();
  rounds_.push_back({number, now});
  const std::uint64_t by = mutated(Mutation::old_round) ? 1 : number;
  for (auto it = waits; it != pending_renewals_.end(); ++it) it->round = by;
}

// --- members

Coordinator::Record* Coordinator::find(const NodeId& node, Incarnation incarnation) {
  const MemberIndex index = view_->index_of(node.value);
  if (index == nobody || view_->members()[index].incarnation != incarnation) return nullptr;
  return &records_[index];
}

void Coordinator::on(const NodeId& from, const Renew& m, Outbox& out) {
  Record* const r = find(from, m.incarnation);
  if (r == nullptr) return out.send(from, ViewPush{view_});
  if (m.leaving && !std::exchange(r->leaving, true)) batch_since_ = std::min(batch_since_, clock_.now());
  // Offered before, it may have joined another coordinator's proposal since; from now on it joins ours alone.
  r->store = m.installed == view_->epoch() ? m.store : 0;
  r->renewed = true;
  cleared(*r, m.cleared, out);
  const bool stuck = r->uncleared != Instant::never() && clock_.now() - r->uncleared >= timing_.stuck;
  if (m.seq == 0 || stuck || r->doomed || r->stopped) return;
  r->heard = clock_.now();
  if (mutated(Mutation::no_confirm)) {
    r->last = clock_.now();
    return out.send(from, Grant{m.incarnation, m.seq, view_->term(), view_->epoch(), barrier_, m.random});
  }
  if (pending_renewals_.size() >= records_.size() * limits::pending_renewals_per_member_max) pending_renewals_.pop_front();
  pending_renewals_.push_back({from, m.incarnation, m.seq, m.random, 0});
}

void Coordinator::on(const NodeId& from, const Join& m, Outbox& out) {
  const Member& wants = m.member;
  if (wants.node_id != from) return;
  const bool in = view_->find(from, wants.incarnation) != nullptr;
  const bool late = m.base != view_->epoch() && !mutated(Mutation::rejoin);
  if (!wants.levels.has(view_->level())) return out.send(from, Refused{wants.incarnation, level_fault_of(*view_, wants.levels)});
  if (in || late) return out.send(from, ViewPush{view_});
  if (auto agrees = check_agreement(profile_.agreed(*view_), m.settings); !agrees) {
    return out.send(from, Refused{wants.incarnation, std::move(agrees).error().text});
  }
  auto [it, fresh] = candidates_.try_emplace(from);
  const Instant since = fresh ? clock_.now() : it->second.since;
  it->second = Candidate{wants, m.base, m.store, since};
  if (fresh) batch_since_ = std::min(batch_since_, clock_.now());
  if (const std::string why = rival_of(it->second); !why.empty()) out.send(from, Refused{wants.incarnation, why});
}

/// Who has renewed for so long after another asked with its id is no earlier process of that one, about to be dropped.
std::string Coordinator::rival_of(const Candidate& c) const {
  const MemberIndex index = view_->index_of(c.member.node_id.value);
  if (index == nobody) return {};
  const Record& r = records_[index];
  if (r.stopped || r.leaving || r.heard < c.since + timing_.renew) return {};
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(clock_.now() - r.since).count();
  return "node '" + c.member.node_id.value + "' is alive at " + view_->members()[index].addr + ", for " +
         std::to_string(seconds) + " s or more as its coordinator knows: another process has this id. Give each node its own id";
}

void Coordinator::on(const NodeId& from, const Stopped& m, Outbox& out) {
  Record* const r = find(m.node, m.incarnation);
  if (r == nullptr) return out.send(from, StoppedAck{m.incarnation});
  r->stopped = true;
}

void Coordinator::cleared(Record& record, Epoch epoch, Outbox& out) {
  if (epoch <= record.cleared) return;
  record.cleared = epoch;
  if (epoch < view_->epoch()) return;
  record.uncleared = Instant::never();
  check_barrier(out);
}

void Coordinator::check_barrier(Outbox& out) {
  const Epoch epoch = view_->epoch();
  if (barrier_ >= epoch) return;
  // Who has cleared a later view says that this coordinator has been deposed, and nothing of this view.
  if (!std::ranges::all_of(records_, [&](const Record& r) { return r.cleared == epoch; })) return;
  barrier_ = epoch;
  profile_.cleared(*view_);
  level_.cleared(*view_);
  for (const Member& m : view_->members()) out.send(m.node_id, News{view_->term(), epoch, barrier_});
}

// --- changes

Duration Coordinator::wait() const {
  if (mutated(Mutation::no_lease_wait)) return 2 * timing_.renew;
  // Of the view that an eviction would follow: who has a longer lease by the next one got it after that was chosen.
  const Settings& agreed = view_->settings();
  if (mutated(Mutation::lease_first) && !is_cleared()) return lan().wait;
  return mutated(Mutation::short_wait) ? agreed.lease : agreed.wait;
}

/// From when on it is silent, if nothing more is heard of it: its lease is over for certain, and three renewals are
/// missing.
Instant Coordinator::silent_at(const Record& r) const {
  return std::max(r.last + wait(), r.heard + 3 * timing_.renew);
}

bool Coordinator::is_silent(const Record& r) const {
  return clock_.now() >= silent_at(r) && clock_.smooth() >= wait();
}

bool Coordinator::may_join(const Candidate& c) const {
  if (c.base != view_->epoch() && !mutated(Mutation::rejoin)) return false;
  const MemberIndex incumbent = view_->index_of(c.member.node_id.value);
  return incumbent == nobody || may_drop(records_[incumbent]);
}

void Coordinator::tick() {
  wake_ = Instant::never();
  begin_round();
  if (proposing_ || !change_is_due()) return;
  batch_since_ = Instant::never();  // who cannot join yet does so with the end of what is in its way
  ViewPtr next = next_view();
  if (next == nullptr) return;
  proposing_ = true;
  register_.propose(std::move(next));
}

bool Coordinator::change_is_due() {
  const Instant now = clock_.now();
  for (const Record& r : records_) {
    if (may_drop(r)) return true;
    wake_ = std::min(wake_, std::max(silent_at(r), now + (wait() - clock_.smooth())));
  }
  if (wants_other_voters() || profile_.next(*view_, is_cleared()) || next_level_of_view()) return true;
  if (batch_since_ == Instant::never()) return false;
  if (now >= batch_since_ + timing_.batch) return true;
  wake_ = std::min(wake_, batch_since_ + timing_.batch);
  return false;
}

ViewPtr Coordinator::next_view() {
  std::vector<Member> members;
  ViewHead head = view_->head();
  bool changes = change_voters(head);
  changes = change_profile(head) || changes;
  changes = change_level(head) || changes;
  for (std::size_t i = 0; i < records_.size(); ++i) {
    Record& r = records_[i];
    r.doomed = may_drop(r);
    changes = changes || r.doomed;
    if (r.doomed) continue;
    members.push_back(view_->members()[i]);
    if (!waits_to_leave(i)) continue;
    members.back().state = MemberState::leaving;
    changes = true;
  }
  for (const auto& [node, candidate] : candidates_) {
    const bool able = candidate.member.levels.has(head.level);  // it was asked about the view before
    if (!able || !may_join(candidate) || members.size() >= limits::nodes_max) continue;
    members.push_back(candidate.member);
    members.back().state = MemberState::up;
    changes = true;
  }
  if (!changes) return nullptr;
  std::ranges::sort(members, {}, &Member::node_id);
  const auto epoch = next_epoch(head.epoch);
  if (!epoch) return nullptr;  // none is left: the view stays as it is
  head.epoch = *epoch;
  const SlotTable table = next_table(view_->table(), ids_of(*view_), slot_members(members));
  auto made = View::make(std::move(head), std::move(members), table);
  REKI_ASSERT(made.has_value());
  return std::make_shared<const View>(std::move(*made));
}

/// It has asked to, and no view says so yet.
bool Coordinator::waits_to_leave(std::size_t member) const {
  return records_[member].leaving && view_->members()[member].state != MemberState::leaving;
}

bool Coordinator::someone_waits_to_leave() const {
  for (std::size_t i = 0; i < records_.size(); ++i) {
    if (waits_to_leave(i)) return true;
  }
  return false;
}

// --- voters

void Coordinator::on(const NodeId& from, const SetVoters& m, Outbox& out) { out.send(from, begin_change(m)); }

SetVotersReply Coordinator::begin_change(const SetVoters& m) {
  using State = SetVotersReply::State;
  if (view_->settings().engine != EngineKind::embedded) {
    return {State::refused, "the register of this cluster is in etcd, and has no voters"};
  }
  const bool same = are_voters(*view_, m.nodes);
  const bool wanted = !wanted_voters_.empty() || !view_->old_voters().empty();
  if (wanted && (same || wanted_voters_ == m.nodes)) return {State::under_way, {}};
  if (wanted) return {State::not_yet, "another change of voters is under way"};
  if (same) return {State::done, {}};
  if (m.highest != highest_number(*view_)) {
    return {State::refused, "the voters have changed meanwhile; look at them ('reki voters'), and ask again"};
  }
  SetVotersReply reply = voters_for(m.nodes).reply;
  if (reply.state == State::under_way) wanted_voters_ = m.nodes;
  return reply;
}

Standing Coordinator::standing_of(const NodeId& node) const {
  const MemberIndex index = view_->index_of(node.value);
  if (index == nobody) return {};
  const Record& r = records_[index];
  const bool stays = r.renewed && !r.stopped && !r.leaving && !r.doomed && view_->members()[index].state == MemberState::up;
  constexpr int renewals = 3;
  const bool is_awaited = !r.renewed && !r.stopped && !r.doomed && clock_.now() - r.since < renewals * timing_.renew;
  return {stays && clock_.now() - r.heard < renewals * timing_.renew, r.store, is_awaited};
}

VoterChange Coordinator::voters_for(const std::vector<NodeId>& nodes) const {
  return membership::voters_for(*view_, nodes, [&](const NodeId& node) { return standing_of(node); });
}

const Voter* Coordinator::voter_without_store() const {
  return membership::voter_without_store(*view_, [&](const NodeId& node) { return standing_of(node); });
}

bool Coordinator::wants_other_voters() const {
  return !view_->old_voters().empty() || !wanted_voters_.empty() || voter_without_store() != nullptr;
}

/// Ends a change of voters that is under way, or begins the next: one at a time. What people have asked for is tried
/// once: they ask again. False: the voters stay as they are.
bool Coordinator::change_voters(ViewHead& head) {
  if (!head.old_voters.empty()) {
    head.old_voters.clear();
    return true;
  }
  std::vector<Voter> next;
  if (!wanted_voters_.empty()) next = voters_for(wanted_voters_).voters;
  const bool by_people = !next.empty();
  if (!by_people) wanted_voters_.clear();
  if (const Voter* const lost = by_people ? nullptr : voter_without_store()) {
    next = with_store(*view_, lost->node, standing_of(lost->node).store);
  }
  if (next.empty() || next == head.voters) return false;
  if (!(by_people && mutated(Mutation::one_step))) head.old_voters = std::move(head.voters);
  head.voters = std::move(next);
  return true;
}

// --- the profile

void Coordinator::on(const NodeId& from, const SetProfile& m, Outbox& out) { out.send(from, profile_.ask(m, *view_, is_cleared())); }

/// False: lease and wait stay as they are.
bool Coordinator::change_profile(ViewHead& head) const {
  const auto next = profile_.next(*view_, is_cleared());
  if (next) head.settings = with_stage(head.settings, *next);
  return next.has_value();
}

// --- the level

void Coordinator::on(const NodeId& from, const SetLevel& m, Outbox& out) {
  out.send(from, level_.ask(m, *view_, self_, is_cleared(), [&](const NodeId& node) { return standing_of(node); }));
}

std::optional<Level> Coordinator::next_level_of_view() const {
  return level_.next(*view_, self_, [&](const NodeId& node) { return standing_of(node); });
}

/// False: it stays as it is.
bool Coordinator::change_level(ViewHead& head) const {
  const auto next = next_level_of_view();
  if (next) head.level = *next;
  return next.has_value();
}

}  // namespace reki::membership
