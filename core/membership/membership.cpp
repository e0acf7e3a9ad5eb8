#include "reki/core/membership/membership.hpp"

#include <algorithm>
#include <utility>

#include "reki/core/base/limits.hpp"
#include "reki/core/membership/mutation.hpp"
#include "reki/core/membership/profile_change.hpp"
#include "reki/core/membership/rescue.hpp"
#include "reki/core/view/generation.hpp"

namespace reki::membership {
namespace {

std::string control_of(const View& view, const NodeId& node) {
  if (const Member* m = view.find(node)) return m->control;
  const auto v = std::ranges::find(view.voters(), node, &Voter::node);
  return v == view.voters().end() ? std::string{} : v->control;
}

/// Of the cluster's profile, as far as the node's own register tells.
Timing first_timing(const Membership::Options& options) {
  const bool knows = options.voter && options.voter->view != nullptr;
  return knows ? timing_of(options.agent.timing, options.voter->view->settings()) : options.agent.timing;
}

}  // namespace

Membership::Membership(Options options)
    : options_(std::move(options.agent)),
      timing_(first_timing({options_, options.voter})),
      clock_(timing_.lease / 4),
      agent_(options_),
      stores_(options_.seed ^ 0x73746f726573),
      proposer_(timing_, options_.self.node_id, options_.seed ^ 0x70726f706f736572),
      lineage_(options.voter ? options.voter->lineage : Lineage{}),
      check_(options.voter && !mutated(Mutation::rescue_unasked) ? *options.voter : VoterRecord{}, options_.self.node_id, options_.seed ^ 0x6c696e65616765),
      rest_until_(Instant{} + limits::rescue_rest) {
  if (options.etcd) {
    etcd_.emplace(timing_, options_.self.node_id, options_.seed ^ 0x65746364);
  } else if (options.voter) {
    acceptor_.emplace(timing_, options_.self.node_id, std::move(*options.voter), options_.self.levels);
    if (acceptor_->empty()) agent_.offer_store(acceptor_->record().store);
  }
}

// --- events

std::string Membership::on(const Message& m, Clocks now) {
  now_ = now;
  clock_.advance(now);
  if (is_halted()) return {};
  const bool is_ours = m.lineage == lineage_ || mutated(Mutation::rescue_mixes);
  std::string fault = is_ours ? fault_of(m.body, known()) : other_lineage(m);
  if (is_ours && fault.empty()) read(m);
  settle();
  return fault;
}

void Membership::read(const Message& m) {
  const std::string fault = level_fault_of(m.body, options_.self.levels);
  if (fault.empty()) return deliver(m.from, m.body);
  const auto* const push = std::get_if<ViewPush>(&m.body);
  left_behind(push != nullptr ? push->view.get() : nullptr, fault);
}

/// A view of a level that this program does not support is not taken, wherever it comes from. One that was chosen does not have
/// this node, since all its members support it.
void Membership::left_behind(const View* chosen, const std::string& why) {
  const Epoch have = agent_.view() ? agent_.view()->epoch() : Epoch{};
  const bool is_in = agent_.phase() == MemberAgent::Phase::member || agent_.phase() == MemberAgent::Phase::leaving;
  if (chosen != nullptr && chosen->epoch() > have && is_in) agent_.not_in(now_.boot, out_);
  agent_.on(Refused{agent_.incarnation(), why});
}

Known Membership::known() const {
  Known out;
  out.term = agent_.term();
  if (agent_.view()) out.epoch = agent_.view()->epoch();
  if (!acceptor_) return out;
  out.term = std::max(out.term, acceptor_->record().promised);
  if (!acceptor_->empty()) out.epoch = std::max(out.epoch, acceptor_->record().view->epoch());
  return out;
}

void Membership::tick(Clocks now) {
  now_ = now;
  clock_.advance(now);
  if (is_halted()) return;
  check_.tick(timing_, now.boot, out_);
  agent_.tick(now.boot, out_);
  retire_store();
  settle();
}

void Membership::persisted(std::uint64_t version, Clocks now) {
  now_ = now;
  clock_.advance(now);
  if (turning_ != 0 && version >= turning_) turn();
  acceptor_->persisted(version, out_);
  settle();
}

void Membership::etcd_answered(const EtcdReply& reply, Clocks now) {
  now_ = now;
  clock_.advance(now);
  const std::string fault = reply.view ? level_fault_of(*reply.view->view, options_.self.levels) : std::string{};
  if (fault.empty()) {
    etcd_->on(reply, now.boot);
  } else {
    etcd_->on(EtcdReply{reply.number, EtcdReply::Outcome::unknown, 0, {}, {}}, now.boot);
    left_behind(reply.view->view.get(), fault);
  }
  if (const ViewPtr found = etcd_->take_found()) agent_.on(ViewPush{found}, now.boot, out_);
  settle();
}

void Membership::slots_stopped(const SlotSet& slots, Incarnation of, Clocks now) {
  now_ = now;
  clock_.advance(now);
  if (is_halted()) return;
  agent_.slots_stopped(slots, of, now.boot, out_);
  settle();
}

void Membership::heard_epoch(const NodeId& from, Epoch epoch, Clocks now) {
  now_ = now;
  clock_.advance(now);
  if (is_halted()) return;
  if (fault_of(News{{}, epoch, {}}, known()).empty()) agent_.heard_epoch(from, epoch, out_);
  settle();
}

void Membership::leave(Clocks now) {
  now_ = now;
  clock_.advance(now);
  if (is_halted()) return;
  agent_.leave(now.boot, out_);
  settle();
}

void Membership::want_granted(std::uint64_t seq, Clocks now) {
  now_ = now;
  clock_.advance(now);
  if (is_halted()) return;
  agent_.want_granted(seq, now.boot, out_);
  settle();
}

void Membership::resign(Clocks now) {
  now_ = now;
  clock_.advance(now);
  if (is_halted()) return;
  if (etcd_) etcd_->resign(now.boot, out_);
  else proposer_.resign(now.boot, out_);
  settle();
}

// --- effects

std::optional<Membership::Write> Membership::take_write() {
  std::uint64_t version = 0;
  if (!acceptor_ || !acceptor_->take_write(version)) return std::nullopt;
  return Write{version, acceptor_->record()};
}

void Membership::take_messages(std::vector<Outbox::Item>& out) {
  out.clear();
  std::swap(out, away_);
}

/// Lets the parts answer each other until nothing is left but what is for other nodes.
void Membership::settle() {
  if (is_halted()) {
    out_.items.clear();
    wake_ = Instant::never();
    return;
  }
  std::vector<Outbox::Item> round;
  do {
    follow_view();
    turn_of_register();
    round.clear();
    std::swap(round, out_.items);
    for (auto& item : round) {
      if (item.to == options_.self.node_id) deliver(item.to, item.body);
      else away_.push_back(std::move(item));
    }
  } while (!out_.items.empty());
  wake_ = agent_.next_wake();
  if (etcd_) wake_ = std::min(wake_, etcd_->next_wake());
  if (acceptor_ && may_act()) wake_ = std::min(wake_, proposer_.next_wake());
  if (!check_.is_over()) wake_ = std::min(wake_, check_.next_wake());
  if (acceptor_ && !may_act() && check_.is_over()) wake_ = std::min(wake_, now_.boot + (rest_until_ - clock_.now()));
  // On the waiting clock, which is never faster.
  if (coordinator_ && coordinator_->next_wake() != Instant::never()) {
    wake_ = std::min(wake_, now_.boot + std::max(coordinator_->next_wake() - clock_.now(), Duration{0}));
  }
}

/// However often the members renew, the coordinator and the voters expect it as often; and the record follows the level.
void Membership::follow_view() {
  if (!agent_.view()) return;
  if (acceptor_) acceptor_->raise(agent_.view()->level());
  if (agent_.timing() == timing_) return;
  timing_ = agent_.timing();
  clock_.set_gap(timing_.lease / 4);
  proposer_.set_timing(timing_);
  if (acceptor_) acceptor_->set_timing(timing_);
  if (etcd_) etcd_->set_timing(timing_);
}

/// What the register has to say goes to the coordinator, and what that begins is handed to the register.
void Membership::turn_of_register() {
  if (etcd_) etcd_->tick(agent_, now_.boot);
  else if (acceptor_ && !may_act()) return register_events();
  else if (acceptor_) proposer_.tick(*acceptor_, now_.boot, out_);
  else return;
  register_events();
  if (coordinator_) coordinator_->tick();
  if (etcd_) etcd_->flush(now_.boot);
  else proposer_.flush(now_.boot, out_);
  register_events();
}

/// Until there are none: what is done about one may lead to another.
void Membership::register_events() {
  Register& reg = etcd_ ? static_cast<Register&>(*etcd_) : proposer_;
  const auto take = [&] { return etcd_ ? etcd_->take_events() : proposer_.take_events(); };
  for (auto events = take(); !events.empty(); events = take()) {
    for (const RegisterEvent& event : events) on_register(event, reg);
  }
}

void Membership::on_register(const RegisterEvent& event, Register& reg) {
  if (const auto* elected = std::get_if<Elected>(&event)) {
    coordinator_.emplace(timing_, options_.self.node_id, reg, clock_);
    coordinator_->begin(*elected, out_);
    for (const Stopped& m : stopped_) coordinator_->on(options_.self.node_id, m, out_);
    stopped_.clear();
  } else if (std::holds_alternative<Deposed>(event)) {
    coordinator_.reset();
  } else if (!coordinator_) {
    return;
  } else if (const auto* chosen = std::get_if<Chosen>(&event)) {
    coordinator_->on(*chosen, out_);
    // A coordinator is a voter: one that is not any more hands its office to one that is.
    if (acceptor_ && acceptor_->is_out(*chosen->view)) proposer_.resign(now_.boot, out_);
  } else {
    coordinator_->on(std::get<Confirmed>(event), out_);
  }
}

std::optional<Term> Membership::leads() const {
  if (etcd_) return etcd_->leading() ? std::optional(etcd_->term()) : std::nullopt;
  return proposer_.leading() ? std::optional(proposer_.ballot()) : std::nullopt;
}

// --- messages

void Membership::deliver(const NodeId& from, const Body& body) {
  std::visit([&](const auto& m) { take(from, m); }, body);
}

template <class M>
void Membership::take(const NodeId& from, const M& m) {
  const Instant now = now_.boot;
  constexpr bool for_coordinator = std::is_same_v<M, Renew> || std::is_same_v<M, Join> || std::is_same_v<M, Stopped> ||
                                   std::is_same_v<M, SetVoters> || std::is_same_v<M, SetProfile> || std::is_same_v<M, SetLevel>;
  if constexpr (std::is_same_v<M, Stopped>) suspect(m);
  if constexpr (for_coordinator) {
    if (coordinator_) return coordinator_->on(from, m, out_);
    if (from == options_.self.node_id || !agent_.view()) return;
    const NodeId& coordinator = agent_.coordinator();
    if (coordinator == options_.self.node_id) return;  // was it until just now
    if constexpr (std::is_same_v<M, Join>) {
      if (const std::string why = rival_of(m); !why.empty()) return out_.send(from, Refused{m.member.incarnation, why});
    }
    out_.send(from, Hint{agent_.term(), coordinator, control_of(*agent_.view(), coordinator)});
  } else if constexpr (std::is_same_v<M, Grant> || std::is_same_v<M, News>) {
    agent_.on(from, m, now, out_);
  } else if constexpr (std::is_same_v<M, ViewPush> || std::is_same_v<M, Hint>) {
    agent_.on(m, now, out_);
  } else if constexpr (std::is_same_v<M, StoppedAck> || std::is_same_v<M, Refused>) {
    agent_.on(m);
  } else if constexpr (std::is_same_v<M, ViewFetch>) {
    agent_.on(from, m, out_);
  } else if constexpr (std::is_same_v<M, Resign>) {
    const bool old = acceptor_ && m.term < acceptor_->record().promised;
    if (from != options_.self.node_id && !old) hurry(m.term);
  } else if constexpr (std::is_same_v<M, LineageAsk>) {
    out_.send(from, LineageIs{m.nonce});
  } else if constexpr (std::is_same_v<M, LineageIs>) {
    check_.on(from, m);
  } else if constexpr (std::is_same_v<M, RescueProbe>) {
    out_.send(from, rescue_state());
  } else if (!acceptor_) {
    return;
  } else if constexpr (std::is_same_v<M, Rescue>) {
    rescue(m);
  } else if (!check_.is_over() && !acceptor_->empty()) {
    return;  // it is asked again
  } else if constexpr (std::is_same_v<M, PreVote> || std::is_same_v<M, Prepare> || std::is_same_v<M, Heartbeat>) {
    acceptor_->on(from, m, now, out_);
  } else if constexpr (std::is_same_v<M, InitProbe> || std::is_same_v<M, Init>) {
    // A node that knows a view is of a cluster that has been made, whether it votes in it or not.
    if (agent_.view() && acceptor_->empty()) {
      const View& view = *agent_.view();
      return out_.send(from, InitState{acceptor_->record().store, false, view.cluster_id(), view.epoch(), options_.self.levels});
    }
    acceptor_->on(from, m, out_);
    if (!acceptor_->empty()) agent_.offer_store(0);
  } else if constexpr (std::is_same_v<M, Accept>) {
    if (acceptor_->empty() && is_overtaken(m)) return;
    acceptor_->on(from, m, now, out_);
    if (!acceptor_->empty()) agent_.offer_store(0);
  } else if constexpr (std::is_same_v<M, PreVoteReply>) {
    proposer_.on(m, *acceptor_, now, out_);
  } else if constexpr (std::is_same_v<M, Promise> || std::is_same_v<M, Accepted>) {
    proposer_.on(m, now, out_);
  } else if constexpr (std::is_same_v<M, HeartbeatAck> || std::is_same_v<M, Nack>) {
    proposer_.on(m, now);
  }
}

/// Another view of that epoch, or a later one, is chosen. An empty store that joined by this one would be given up at once, though a
/// coordinator may count on it by now: as the only new voter it would be waited for in vain.
bool Membership::is_overtaken(const Accept& m) const {
  const auto& chosen = agent_.view();
  if (chosen == nullptr || m.view == nullptr || m.view->epoch() > chosen->epoch()) return false;
  return m.view->epoch() < chosen->epoch() || m.view->term() != chosen->term();
}

/// Who asks with the coordinator's id cannot hear it from that one, which it takes for itself.
std::string Membership::rival_of(const Join& m) const {
  const Member* const there = agent_.view()->find(agent_.coordinator());
  const bool is_same = there == nullptr || m.member.node_id != there->node_id || m.member.control == there->control;
  if (is_same || now_.boot - agent_.answered() > 2 * timing_.renew) return {};
  return "node '" + there->node_id.value + "' is alive at " + there->addr +
         ", and is the coordinator: another process has this id. Give each node its own id";
}

/// Keeps it for a coordinator to come. If it was the coordinator that stopped, this node tries to be elected at once.
void Membership::suspect(const Stopped& m) {
  if (coordinator_ || !agent_.view() || agent_.view()->find(m.node, m.incarnation) == nullptr) return;
  const auto same = [&](const Stopped& s) { return s.node == m.node && s.incarnation == m.incarnation; };
  const bool known = std::ranges::any_of(stopped_, same);
  if (!known) stopped_.push_back(m);
  if (stopped_.size() > limits::stops_remembered_max) stopped_.pop_front();
  if (!known && m.node == agent_.coordinator()) hurry(agent_.term());
}

/// The coordinator of that term is gone.
void Membership::hurry(Term gone) {
  if (etcd_) etcd_->hurry(gone, agent_, now_.boot);
  if (!acceptor_) return;
  acceptor_->forget_coordinator();
  proposer_.hurry(*acceptor_, now_.boot);
}

// --- rescue

/// It has asked whether it is still wanted, and nothing of before can run any more.
bool Membership::may_act() const {
  if (!check_.is_over()) return false;
  const ViewPtr& view = acceptor_->record().view;
  const bool rests = view != nullptr && is_first_of_rescue(*view) && clock_.now() < rest_until_;
  return !rests || mutated(Mutation::rescue_no_rest);
}

/// Of a later one: its register goes on without this node's. Of an earlier one: its sender is told. Nothing else in the
/// message is believed.
std::string Membership::other_lineage(const Message& m) {
  const bool asks = std::holds_alternative<RescueProbe>(m.body) || std::holds_alternative<InitProbe>(m.body);
  if (asks) {
    deliver(m.from, m.body);
    return {};
  }
  if (generation_of(m.lineage) == generation_of(lineage_)) {
    return "it is of another rescue of the same generation, from a copy of one store: stop all nodes of one of the two for good";
  }
  if (m.lineage < lineage_) {
    out_.send(m.from, LineageIs{});
    return {};
  }
  if (!acceptor_) return "it is of a register that was rescued, and this node's is in etcd";
  acceptor_->retire(stores_.next() | 1, m.lineage);
  halt();
  return {};
}

/// Until the record as it is now is on the disk.
void Membership::halt() {
  turning_ = acceptor_->version();
  if (mutated(Mutation::rescue_forgotten)) turn();
}

/// What is on the disk now is true: another lineage.
void Membership::turn() {
  turning_ = 0;
  const VoterRecord& record = acceptor_->record();
  lineage_ = record.lineage;
  over_ = record.is_over();
  if (over_) return;
  proposer_.give_up(now_.boot);
  stopped_.clear();
  check_.end();
  rest_until_ = clock_.now() + limits::rescue_rest;
  agent_.start_over(now_.boot);
  agent_.offer_store(record.view == nullptr ? record.store : 0);
}

RescueState Membership::rescue_state() const {
  RescueState out;
  if (agent_.view()) out.known = agent_.view()->epoch();
  const bool heard = acceptor_ && acceptor_->heard() && now_.boot - *acceptor_->heard() < timing_.wait;
  out.served = agent_.gate(now_.boot) || heard || leads();
  out.lineage = lineage_;
  if (!acceptor_) return out;
  const VoterRecord& record = acceptor_->record();
  out.store = record.store;
  out.retired = record.retired;
  out.accepted = record.accepted;
  out.view = record.view;
  return out;
}

/// What people have looked at must still be so.
void Membership::rescue(const Rescue& m) {
  const VoterRecord& record = acceptor_->record();
  if (m.store != record.store || acceptor_->self() == nullptr || rescue_state().served) return;
  if (m.accepted != record.accepted || m.epoch != record.view->epoch()) return;
  if (generation_of(m.lineage) <= generation_of(lineage_)) return;
  acceptor_->rescue(mutated(Mutation::rescue_same_store) ? record.store : stores_.next() | 1, m.lineage);
  halt();
}

/// A store that votes no more must not be asked again: it may come back in a view whose coordinators it has heard
/// nothing of. The view that says so is not enough to give it up: a coordinator for whom it counts would be heard.
void Membership::retire_store() {
  if (!acceptor_ || !agent_.view() || !acceptor_->is_out(*agent_.view()) || proposer_.leading()) return;
  const auto heard = acceptor_->heard();
  if (heard && now_.boot - *heard < agent_.view()->settings().wait) return;
  proposer_.give_up(now_.boot);
  acceptor_->retire(stores_.next() | 1);
  agent_.offer_store(acceptor_->record().store);
}

}  // namespace reki::membership
