#include "reki/core/membership/acceptor.hpp"

#include <algorithm>
#include <utility>

#include "reki/core/membership/ballot.hpp"
#include "reki/core/membership/mutation.hpp"
#include "reki/core/membership/rescue.hpp"

namespace reki::membership {

const Voter* Acceptor::self() const {
  if (empty()) return nullptr;
  for (const auto voters : {record_.view->voters(), record_.view->old_voters()}) {
    const auto it = std::ranges::find(voters, record_.store, &Voter::store);
    if (it != voters.end()) return &*it;
  }
  return nullptr;
}

void Acceptor::on(const NodeId& from, const PreVote& m, Instant now, Outbox& out) const {
  if (m.store != record_.store || empty()) return;
  const bool heard = heard_ && fresh_ && now - *heard_ < timing_.heartbeat_fresh;
  const bool courted = courted_ && now - *courted_ < timing_.renew;
  const bool granted = !heard && !courted && m.ballot > record_.promised;
  out.send(from, PreVoteReply{record_.store, m.ballot, record_.promised, granted});
}

void Acceptor::on(const NodeId& from, const Prepare& m, Instant now, Outbox& out) {
  if (m.store != record_.store || empty()) return;
  // Also for one that it has promised already: the ballot's owner may have lived twice (Proposer, `claiming`).
  if (m.ballot <= record_.promised) return reply(from, Nack{record_.store, m.ballot, record_.promised}, out);
  record_.promised = m.ballot;
  courted_ = now;
  changed();
  std::optional<Duration> since_ack;
  if (acked_) since_ack = now - *acked_;
  reply(from, Promise{record_.store, m.ballot, record_.accepted, record_.view, since_ack}, out);
}

void Acceptor::on(const NodeId& from, const Accept& m, Instant now, Outbox& out) {
  if (m.store != record_.store || m.view == nullptr) return;
  const bool named = std::ranges::any_of(m.view->voters(), [&](const Voter& v) { return v.store == m.store; });
  // An empty store joins a register that counts it in, and no other.
  if (empty() && !named) return;
  const Term bound = mutated(Mutation::low_ballot) ? record_.accepted : record_.promised;
  if (m.ballot < bound) return reply(from, Nack{record_.store, m.ballot, record_.promised}, out);
  const bool same = record_.accepted == m.ballot && record_.view != nullptr && record_.view->epoch() >= m.view->epoch();
  if (same && record_.view->epoch() != m.view->epoch()) return;  // an old copy: a later one of the ballot is here
  if (!same) {
    acked_ = now;
    record_.promised = std::max(record_.promised, m.ballot);
    record_.accepted = m.ballot;
    record_.view = m.view;
    record_.cluster = m.view->cluster_id();
    changed();
  }
  reply(from, Accepted{record_.store, m.ballot, m.view->epoch()}, out);
}

void Acceptor::on(const NodeId& from, const Heartbeat& m, Instant now, Outbox& out) {
  if (m.store != record_.store) return;
  // Also when it has not heard yet of that coordinator's election: it is told then.
  if (empty() || m.ballot != record_.promised) return reply(from, Nack{record_.store, m.ballot, record_.promised}, out);
  heard_ = acked_ = now;
  fresh_ = true;
  out.send(from, HeartbeatAck{record_.store, m.ballot, m.seq});
}

void Acceptor::on(const NodeId& from, const InitProbe&, Outbox& out) const {
  out.send(from, InitState{record_.store, may_begin(), record_.cluster, empty() ? Epoch{} : record_.view->epoch(), levels_});
}

void Acceptor::on(const NodeId& from, const Init& m, Outbox& out) {
  if (m.store != record_.store || m.view == nullptr) return;
  const bool named = std::ranges::any_of(m.view->voters(), [&](const Voter& v) { return v.store == m.store; });
  if (may_begin() && named && m.view->epoch() == Epoch{1}) {
    record_.cluster = m.view->cluster_id();
    record_.view = m.view;
    changed();
  }
  reply(from, InitState{record_.store, may_begin(), record_.cluster, empty() ? Epoch{} : record_.view->epoch(), levels_}, out);
}

void Acceptor::raise(Level level) {
  if (mutated(Mutation::form_first) && !empty()) level = std::max(level, record_.view->level());
  if (level <= record_.level) return;
  record_.level = level;
  changed();
}

bool Acceptor::is_out(const View& chosen) const {
  if (empty() || chosen.epoch() < record_.view->epoch()) return false;
  const auto counts = [&](std::span<const Voter> voters) {
    return std::ranges::find(voters, record_.store, &Voter::store) != voters.end();
  };
  return !counts(chosen.voters()) && !counts(chosen.old_voters());
}

void Acceptor::retire(std::uint64_t fresh) {
  // With the name, so that no `reki init` takes it.
  record_ = {std::move(record_.cluster), fresh, {}, {}, nullptr, record_.level, record_.lineage, 0};
  forget();
}

void Acceptor::retire(std::uint64_t fresh, Lineage lineage) {
  if (empty()) {
    record_.lineage = lineage;
    return forget();
  }
  const std::uint64_t voted = record_.store;
  record_ = {std::move(record_.cluster), fresh, {}, {}, nullptr, record_.level, lineage, voted};
  forget();
}

void Acceptor::rescue(std::uint64_t fresh, Lineage lineage) {
  const std::uint64_t voted = record_.store;
  const ViewPtr first = rescued_view(*record_.view, *self(), fresh, lineage);
  record_ = {std::move(record_.cluster), fresh, record_.promised, {}, first, record_.level, lineage, voted};
  forget();
}

/// Another store is here. What the one before has still to say is not said.
void Acceptor::forget() {
  heard_ = acked_ = courted_ = std::nullopt;
  fresh_ = false;
  held_.clear();
  changed();
}

bool Acceptor::take_write(std::uint64_t& version) {
  if (taken_ == version_) return false;
  taken_ = version = version_;
  return true;
}

void Acceptor::persisted(std::uint64_t version, Outbox& out) {
  persisted_ = std::max(persisted_, version);
  const auto waits = std::ranges::find_if(held_, [&](const Held& h) { return h.version > persisted_; });
  for (auto it = held_.begin(); it != waits; ++it) out.send(std::move(it->item.to), std::move(it->item.body));
  held_.erase(held_.begin(), waits);
}

void Acceptor::reply(NodeId to, Body body, Outbox& out) {
  if (mutated(Mutation::amnesia) || persisted_ == version_) return out.send(std::move(to), std::move(body));
  held_.push_back({version_, {std::move(to), std::move(body)}});
}

}  // namespace reki::membership
