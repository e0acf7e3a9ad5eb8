#include "etcd.hpp"

#include <algorithm>
#include <utility>

namespace reki::sim {

using namespace membership;

namespace {

/// More than are written within the longest staleness.
constexpr std::size_t states_max = 256;

Term term_in(const std::string& text) {
  const auto coordinator = parse_coordinator(text);
  return coordinator ? coordinator->term : Term{};
}

}  // namespace

Etcd::Etcd(Ports ports, ViewPtr first) : ports_(std::move(ports)) {
  const std::int64_t revision = 1 + ports_.below(1000);
  states_.push_back({0, revision, {text_of(EtcdCoordinator{first->term(), {}, 0}), revision}, {first, revision}});
}

Time Etcd::service_time() {
  const bool slow = ports_.below(1000) < 5;
  return 100 * microsecond + ports_.below(slow ? 300 * millisecond : 4 * millisecond);
}

bool Etcd::holds(const EtcdTxn& txn, const State& state) {
  if (txn.coordinator_is && *txn.coordinator_is != state.coordinator.text) return false;
  if (txn.coordinator_revision && *txn.coordinator_revision != state.coordinator.revision) return false;
  return !txn.view_revision || *txn.view_revision == state.view.revision;
}

const Etcd::State& Etcd::state_for(const EtcdTxn& txn) {
  if (!txn.reads() || stale == 0) return states_.back();
  const Time then = ports_.now() - ports_.below(stale);
  const auto known = std::find_if(states_.rbegin(), states_.rend(), [&](const State& s) { return s.at <= then; });
  return known == states_.rend() ? states_.front() : *known;
}

EtcdReply Etcd::carry_out(const EtcdTxn& txn) {
  const State& state = state_for(txn);
  EtcdReply out;
  out.number = txn.number;
  const bool held = holds(txn, state);
  out.outcome = held ? EtcdReply::Outcome::done : EtcdReply::Outcome::refused;
  if (!held || txn.reads()) out.coordinator = state.coordinator;
  if (!held) out.view = state.view;
  const bool newest = &state == &states_.back();
  if (held && newest && txn.coordinator_is && ports_.confirmed) ports_.confirmed(term_in(*txn.coordinator_is));
  out.revision = state.revision;
  if (!held || txn.reads()) return out;
  put(txn);
  out.revision = states_.back().revision;
  return out;
}

void Etcd::put(const EtcdTxn& txn) {
  State next = states_.back();
  next.at = ports_.now();
  // Others write to the same etcd.
  next.revision += 1 + (ports_.below(1000) < 100 ? ports_.below(5) : 0);
  if (txn.coordinator) next.coordinator = {*txn.coordinator, next.revision};
  if (txn.view) next.view = {txn.view, next.revision};
  states_.push_back(std::move(next));
  if (states_.size() > states_max) states_.pop_front();
  if (txn.view && ports_.put_view) ports_.put_view(txn.view, term_in(states_.back().coordinator.text));
}

}  // namespace reki::sim
