#include "reki/core/membership/etcd_register.hpp"

#include <algorithm>
#include <charconv>

#include "reki/core/base/assert.hpp"
#include "reki/core/membership/mutation.hpp"

namespace reki::membership {
namespace {

/// So many try first; more would only read the same at the same time.
constexpr std::size_t group_size = 5;
constexpr std::size_t groups_max = 8;
/// From one confirmation to the next, as a part of `renew`: what comes meanwhile shares the next, since etcd keeps each
/// write until it is compacted.
constexpr int confirms_per_renew = 4;

/// Among those who may try: the members in their order, then the others.
std::size_t place_of(const MemberAgent& agent, const NodeId& self) {
  if (agent.view() == nullptr) return 0;
  const MemberIndex index = agent.view()->index_of(self.value);
  const std::size_t members = agent.view()->members().size();
  return index != nobody ? index : (members + group_size - 1) / group_size * group_size;
}

}  // namespace

// --- the coordinator's key

std::string text_of(const EtcdCoordinator& coordinator) {
  const std::string term = std::to_string(coordinator.term.value);
  return coordinator.node.value.empty() ? term : term + ' ' + coordinator.node.value + ' ' + std::to_string(coordinator.process);
}

std::optional<EtcdCoordinator> parse_coordinator(std::string_view text) {
  const auto number = [&](std::uint64_t& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error != std::errc{}) return false;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return true;
  };
  EtcdCoordinator out;
  if (!number(out.term.value) || out.term == Term{}) return std::nullopt;
  if (text.empty()) return out;
  const auto last = text.rfind(' ');
  if (text.front() != ' ' || last < 2) return std::nullopt;
  out.node.value = text.substr(1, last - 1);
  text.remove_prefix(last + 1);
  if (!number(out.process) || !text.empty()) return std::nullopt;
  return out;
}

// --- when to ask what

EtcdRegister::EtcdRegister(const Timing& timing, NodeId self, std::uint64_t seed)
    : timing_(timing), self_(std::move(self)), random_(seed) {
  claimed_.node = self_;
  claimed_.process = random_.next();
  patience_ = 2 * timing_.renew + random_part(timing_.renew);
}

void EtcdRegister::tick(const MemberAgent& agent, Instant now) {
  if (!begun_) begun_ = now;
  if (leading_) {
    if (now - confirmed_at_ > timing_.wait + timing_.election_max) return step_down(now);
    if (now - confirm_sent_at_ >= timing_.renew && round_ == confirmed_) confirm();
    return;
  }
  if (agent.phase() == MemberAgent::Phase::gone) {
    look_at_ = Instant::never();
    return;
  }
  if (known_gone_ != Term{} && agent.term() <= known_gone_) return;
  const std::size_t group = std::min(place_of(agent, self_) / group_size, groups_max);
  const Duration turn = static_cast<std::int64_t>(group) * timing_.election_max;
  look_at_ = std::max(look_at_, std::max(agent.answered(), *begun_) + patience_ + turn);
}

void EtcdRegister::flush(Instant now) {
  if (asked_) return;
  if (!leading_) {
    if (claims_) ask_claim(now);
    else if (now >= look_at_) ask(Kind::read, EtcdTxn{.view_revision = view_revision_}, now);
    return;
  }
  if (now < again_at_) return;
  if (pending_) return ask_propose(now);
  if (round_ > confirmed_ && now - confirm_sent_at_ >= timing_.renew / confirms_per_renew) ask_confirm(now);
}

Instant EtcdRegister::next_wake() const {
  if (!leading_) return asked_ ? Instant::never() : look_at_;
  const Instant end = confirmed_at_ + timing_.wait + timing_.election_max + Duration{1};
  if (asked_) return end;
  const Duration pause = round_ > confirmed_ ? timing_.renew / confirms_per_renew : timing_.renew;
  return std::min(end, std::max(again_at_, pending_ ? again_at_ : confirm_sent_at_ + pause));
}

void EtcdRegister::ask(Kind kind, EtcdTxn txn, Instant now) {
  txn.number = ++number_;
  asked_ = Asked{txn.number, kind, now, round_};
  txn_ = std::move(txn);
}

void EtcdRegister::on(const EtcdReply& m, Instant now) {
  if (!asked_ || m.number != asked_->number) return;
  const Asked asked = *std::exchange(asked_, std::nullopt);
  const bool hopeful = mutated(Mutation::etcd_unknown_is_done) && asked.kind == Kind::propose;
  if (m.outcome == EtcdReply::Outcome::unknown && !hopeful) return no_answer(now);
  if (m.outcome == EtcdReply::Outcome::refused || asked.kind == Kind::read) learn(m, now);
  switch (asked.kind) {
    case Kind::read:
      return consider(m, asked, now);
    case Kind::claim:
      return m.outcome == EtcdReply::Outcome::done ? on_claim(m, now) : consider(m, asked, now);
    case Kind::confirm:
      return on_confirm(m, asked, now);
    case Kind::propose:
      return on_propose(m, asked, now);
  }
}

void EtcdRegister::no_answer(Instant now) {
  claims_ = false;  // it looks again first: the claim may have taken effect
  again_at_ = now + timing_.renew / confirms_per_renew;
  look_at_ = now + timing_.renew / 2 + random_part(timing_.renew / 2);
}

void EtcdRegister::learn(const EtcdReply& m, Instant now) {
  if (m.coordinator && m.coordinator->revision > seen_revision_) {
    const bool first = seen_revision_ == 0 || !mutated(Mutation::etcd_first_sight);
    seen_ = parse_coordinator(m.coordinator->text);
    seen_revision_ = m.coordinator->revision;
    if (first) seen_at_ = now;
  }
  if (!m.view || m.view->revision <= view_revision_) return;
  view_ = found_ = m.view->view;
  view_revision_ = m.view->revision;
}

// --- candidate

/// Whether what an answer has shown is worth a claim; else when to look again.
void EtcdRegister::consider(const EtcdReply& m, const Asked& asked, Instant now) {
  claims_ = false;
  look_at_ = std::max(now + timing_.renew / 2, seen_at_ + timing_.heartbeat_fresh);
  const bool newest = m.coordinator && m.coordinator->revision == seen_revision_;
  if (leading_ || !newest || !seen_ || view_ == nullptr) return;
  const bool vacant = seen_->node.value.empty() || seen_->term <= known_gone_;
  // Named, but not leading: an answer was lost, and nobody else can be it.
  const bool own = seen_->node == self_ && seen_->process == claimed_.process;
  claims_ = vacant || own || asked.at - seen_at_ >= timing_.heartbeat_fresh;
}

void EtcdRegister::ask_claim(Instant now) {
  claims_ = false;
  claimed_.term = Term{std::max(seen_->term, view_->term()).value + 1};
  pending_ = first_view_of_term(*view_, claimed_.term, self_);
  if (pending_ == nullptr) return;  // no epoch is left
  EtcdTxn txn{.coordinator_revision = seen_revision_,
              .view_revision = view_revision_,
              .coordinator = text_of(claimed_),
              .view = pending_};
  if (mutated(Mutation::etcd_claim_by_value)) {
    txn.coordinator_is = text_of(*seen_);
    txn.coordinator_revision.reset();
  }
  ask(Kind::claim, std::move(txn), now);
}

void EtcdRegister::on_claim(const EtcdReply& m, Instant now) {
  leading_ = true;
  events_.emplace_back(Elected{claimed_.term, pending_, now - seen_at_});
  wrote(m, now);
  view_ = std::exchange(pending_, nullptr);
  view_revision_ = m.revision;
  confirmed_ = round_;
  confirmed_at_ = confirm_sent_at_ = now;
  again_at_ = now;
}

void EtcdRegister::hurry(Term gone, const MemberAgent& agent, Instant now) {
  if (leading_ || gone <= known_gone_) return;
  known_gone_ = gone;
  const auto place = static_cast<std::int64_t>(std::min(place_of(agent, self_), group_size * groups_max));
  look_at_ = std::min(look_at_, now + place * timing_.renew / 8 + Duration{1});
}

// --- coordinator

void EtcdRegister::propose(ViewPtr next) {
  REKI_ASSERT(leading_ && pending_ == nullptr && next->epoch().value == view_->epoch().value + 1);
  pending_ = std::move(next);
}

void EtcdRegister::ask_confirm(Instant now) {
  confirm_sent_at_ = now;
  const std::string mine = text_of(claimed_);
  if (mutated(Mutation::etcd_read_confirms)) return ask(Kind::confirm, EtcdTxn{.coordinator_is = mine}, now);
  ask(Kind::confirm, EtcdTxn{.coordinator_is = mine, .coordinator = mine}, now);
}

/// It is a confirmation too, so it writes the coordinator's key as well.
void EtcdRegister::ask_propose(Instant now) {
  confirm_sent_at_ = now;
  const std::string mine = text_of(claimed_);
  EtcdTxn txn{.coordinator_is = mine, .view_revision = view_revision_, .coordinator = mine, .view = pending_};
  ask(Kind::propose, std::move(txn), now);
}

void EtcdRegister::wrote(const EtcdReply& m, Instant now) {
  seen_ = claimed_;
  seen_revision_ = m.revision;
  if (!mutated(Mutation::etcd_first_sight)) seen_at_ = now;
}

void EtcdRegister::confirmed(const Asked& asked, Instant now) {
  confirmed_ = mutated(Mutation::etcd_late_round) ? round_ : asked.round;
  confirmed_at_ = now;
  events_.emplace_back(Confirmed{confirmed_});
}

void EtcdRegister::on_confirm(const EtcdReply& m, const Asked& asked, Instant now) {
  if (!leading_) return;
  if (m.outcome != EtcdReply::Outcome::done) return step_down(now);
  if (!m.coordinator) wrote(m, now);
  confirmed(asked, now);
}

void EtcdRegister::on_propose(const EtcdReply& m, const Asked& asked, Instant now) {
  if (!leading_) return;
  if (m.outcome != EtcdReply::Outcome::refused) {
    wrote(m, now);
    chosen(m.revision);
    return confirmed(asked, now);
  }
  // Refused although this process is still named: an earlier try, whose answer was lost, has done it. That does not
  // say that it was named after this try began and so confirms nothing; nor has it been written now.
  const bool named = m.coordinator && m.coordinator->text == text_of(claimed_);
  if (named && m.view && *m.view->view == *pending_) return chosen(m.view->revision);
  step_down(now);
}

void EtcdRegister::chosen(std::int64_t revision) {
  view_ = std::exchange(pending_, nullptr);
  view_revision_ = revision;
  events_.emplace_back(Chosen{view_});
}

void EtcdRegister::step_down(Instant now) {
  leading_ = false;
  pending_ = nullptr;
  patience_ = 2 * timing_.renew + random_part(timing_.renew);
  look_at_ = now + timing_.renew / 2;
  events_.emplace_back(Deposed{});
}

void EtcdRegister::resign(Instant now, Outbox& out) {
  if (!leading_) return;
  std::size_t told = 0;
  for (const Member& m : view_->members()) {
    if (m.node_id != self_ && told++ < group_size) out.send(m.node_id, Resign{claimed_.term});
  }
  step_down(now);
  look_at_ = now + timing_.wait;  // whoever is told tries first
}

}  // namespace reki::membership
