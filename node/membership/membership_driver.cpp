#include "reki/node/membership/membership_driver.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

#include "reki/core/base/limits.hpp"
#include "reki/core/membership/rescue.hpp"

namespace reki {
namespace {

/// How often a node that gives slots up looks whether they are empty, beside being told.
constexpr auto leaving_poll = std::chrono::milliseconds(20);
/// How often it looks whether its handlers have ended after the lease.
constexpr auto quiet_poll = std::chrono::milliseconds(1);
/// How often the same refusal is logged, of either side: it is asked for, and given, with each renewal.
constexpr auto refusals_apart = std::chrono::seconds(10);
constexpr std::size_t refusals_remembered = 64;
/// A jump of the wall clock that is worth a line.
constexpr auto clock_jump_told = std::chrono::milliseconds(50);

}  // namespace

MembershipDriver::MembershipDriver(Options options, Ports ports)
    : options_(std::move(options)),
      self_(options_.machine.agent.self.node_id),
      ports_(std::move(ports)),
      machine_(options_.machine),
      config_check_({options_.voters, options_.machine.agent.settings, options_.config}),
      frames_out_(membership::ControlSender{options_.cluster, self_, options_.machine.agent.self.control}) {
  frames_out_.set_lineage(machine_.lineage());
}

void MembershipDriver::log(LogLevel level, std::string_view event, const std::string& fields) const {
  if (options_.log) options_.log(level, event, fields);
}

membership::Clocks MembershipDriver::clocks() {
  const std::int64_t wall = ports_.wall_ns ? ports_.wall_ns() : 0;  // before the other: a stop between the two is seen by the next
  now_ = ports_.clocks();
  if (ports_.random) machine_.draw(ports_.random());
  if (!ports_.wall_ns) return now_;
  const Duration jump = stopped_.look(wall, now_.boot);
  if (jump > clock_jump_told) {
    log(LogLevel::warn, "clock_stood_still", "text=\"the wall clock went " + std::to_string(milliseconds_of(jump)) +
        " ms ahead of the machine's elapsed time: its host has stopped it, or the wall clock was set\"");
  }
  if (wall >= lease_end_wall_ && now_.boot < lease_end_) end_lease();
  return now_;
}

/// The time that the boot clock has not counted is over all the same.
void MembershipDriver::end_lease() {
  lease_end_ = now_.boot;
  options_.page->set_lease_end(lease_end_, lease_end_wall_);
}

void MembershipDriver::begin() {
  const auto* const acceptor = machine_.acceptor();
  if (acceptor != nullptr && acceptor->record().view != nullptr) ports_.links.learn(*acceptor->record().view);
  machine_.tick(clocks());
  effects();
}

void MembershipDriver::turn() {
  again_ = false;
  watch_progress();
  machine_.tick(clocks());
  effects();
  finish_leaving();
  note_quiet();
  say_config();
  if (machine_.agent().phase() == membership::MemberAgent::Phase::gone) part();
}

void MembershipDriver::end() {
  part();
  // No handler will run any more: the process may take its time to end.
  if (ports_.node.is_quiet()) options_.page->set_lease_end(Instant{});
}

/// Out of the view: whoever waits for a coordinator need not wait until this one falls silent.
void MembershipDriver::part() {
  if (std::exchange(parted_, true)) return;
  if (machine_.agent().phase() == membership::MemberAgent::Phase::gone) options_.page->mark_left();
  machine_.resign(clocks());
  effects();
}

Instant MembershipDriver::next_wake() const {
  if (again_) return now_.boot;
  Instant until = machine_.next_wake();
  if (!leaving_.empty()) until = std::min(until, now_.boot + leaving_poll);
  const bool enforced = options_.page->lease_to_enforce().has_value();
  if (enforced || drops_) until = std::min(until, std::max(lease_end_, now_.boot + quiet_poll));
  return until;
}

void MembershipDriver::read(const std::string& route, BytesView bytes) {
  ++frames_;
  auto frame = membership::decode_control(bytes, options_.cluster, machine_.agent().view().get(), own_levels());
  if (!frame) {
    ++bad_frames_;
    return read_of_others(bytes, frame.error());
  }
  const NodeId& from = frame->sender.name;
  stranger_.reset();
  spoken_ = frame->level;
  if (!frame->sender.control.empty()) {
    // Anybody can say that it is any node: where one is, the view says, or the config before there is one.
    if (!ports_.links.is_at(from, frame->sender.control)) stranger_ = Stranger{from, frame->sender.control, {}, frame->level};
  } else {
    if (routes_.size() >= limits::control_routes_max && !routes_.contains(from)) routes_.clear();  // they ask again
    routes_[from] = {route, frame->level};
  }
  if (frame->lineage != machine_.lineage()) return read_of_lineage(std::move(*frame));
  if (frame->answer) send({from, *frame->answer});
  if (!frame->body) return;
  // Whoever answers at a seed may be any node.
  const auto* const hint = std::get_if<membership::Hint>(&*frame->body);
  const bool is_asked = !stranger_ || ports_.links.has_seeds();
  if (hint != nullptr && is_asked && !machine_.agent().view()) ports_.links.learn(hint->coordinator, hint->control);
  const auto epoch = membership::view_of_sender(*frame->body);
  if (epoch && stranger_) stranger_->has = *epoch;
  const bool room = heard_.size() < limits::control_peers_max || heard_.contains(from);  // strangers come and go
  if (epoch && room && !stranger_) heard_[from] = {*epoch, frame->level};
  if (const auto* said = std::get_if<membership::ConfigSaid>(&*frame->body)) return took(from, *said);
  const std::string fault = machine_.on({from, std::move(*frame->body), frame->lineage}, clocks());
  if (!fault.empty()) refuse(from, fault);
  effects();
  stranger_.reset();
}

/// The machine decides who has to be told what; nothing else in the frame is believed.
void MembershipDriver::read_of_lineage(membership::ControlFrame&& frame) {
  membership::Body body = frame.body ? std::move(*frame.body) : membership::Body{membership::ViewFetch{}};
  const std::string fault = machine_.on({frame.sender.name, std::move(body), frame.lineage}, clocks());
  if (!fault.empty()) refuse(frame.sender.name, fault);
  effects();
  stranger_.reset();
}

/// Another cluster or version: both sides are told what they are, and not only that nobody answers.
void MembershipDriver::read_of_others(BytesView bytes, const Error& why) {
  std::string text = why.text;
  if (why.code == ErrorCode::wrong_cluster) {
    text += ", and this node of '" + options_.cluster + "'; correct the name or the address in one of the configs";
  } else if (why.code == ErrorCode::version_mismatch) {
    text += ", and this node supports " + text_of(own_levels()) + "; run the later of the two reki on both";
  } else {
    return;
  }
  if (!machine_.agent().view()) not_let_in_ = text;
  if (is_due(std::string{name_of(why.code)})) log(LogLevel::warn, name_of(why.code), "text=\"" + text + '"');
  // Only who joins: so that two never answer each other's answers.
  const auto joins = membership::who_joins(bytes);
  if (!joins) return;
  // Who speaks another level reads at least that somebody speaks this one.
  const Level level = std::clamp(joins->level, own_levels().min, own_levels().max);
  ports_.links.send_to_stranger(joins->sender.control, frames_out_.write(membership::Refused{{}, text}, {}, level));
}

void MembershipDriver::refuse(const NodeId& from, const std::string& fault) {
  ++bad_frames_;
  if (!is_due("implausible")) return;
  log(LogLevel::warn, "implausible", "node=" + from.value + " text=\"" + fault + "; what it says is not believed\"");
}

void MembershipDriver::take(Task& task) {
  if (const auto* heard = std::get_if<HeardEpoch>(&task)) machine_.heard_epoch(heard->from, heard->epoch, clocks());
  else if (const auto* want = std::get_if<WantGranted>(&task)) machine_.want_granted(want->renewal, clocks());
  else if (const auto* written = std::get_if<Written>(&task)) took(*written);
  else if (const auto* answered = std::get_if<EtcdAnswered>(&task)) took(*answered);
  else machine_.leave(clocks());
  effects();
}

void MembershipDriver::took(const Written& written) {
  const Lineage before = machine_.lineage();
  machine_.persisted(written.version, clocks());
  if (machine_.lineage() != before) begin_lineage();
}

void MembershipDriver::begin_lineage() {
  const std::string name = membership::text_of(machine_.lineage());
  if (machine_.is_over()) {
    const std::string why = membership::retired_text(options_.cluster, machine_.lineage());
    log(LogLevel::error, "retired", "text=\"" + why + '"');
    if (ports_.end) ports_.end(why);
    return;
  }
  log(LogLevel::warn, "rescued", "lineage=" + name + " text=\"the register goes on in another lineage; this node joins it anew\"");
  frames_out_.set_lineage(machine_.lineage());
  write_notice();
}

void MembershipDriver::took(const EtcdAnswered& answered) {
  const bool answers = answered.reply.outcome != membership::EtcdReply::Outcome::unknown;
  if (etcd_answers_ && !answers) log(LogLevel::warn, "etcd_silent", "text=\"" + answered.error + '"');
  if (!etcd_answers_ && answers) log(LogLevel::info, "etcd_answers", "");
  etcd_answers_ = answers;
  machine_.etcd_answered(answered.reply, clocks());
}

/// In the order that membership.hpp asks for.
void MembershipDriver::effects() {
  if (auto write = machine_.take_write()) ports_.write(std::move(*write));
  for (const auto& event : machine_.take_events()) apply(event);
  // A request that is lost costs half of the lease; the next one still comes in time.
  if (auto txn = machine_.take_etcd()) ports_.ask_etcd(std::move(*txn), machine_.agent().timing().lease / 2);
  options_.page->note_sent(machine_.agent().sent());
  note_granted();
  machine_.take_messages(messages_);
  for (const auto& item : messages_) send(item);
}

void MembershipDriver::note_granted() {
  const std::uint64_t newest = machine_.agent().granted();
  if (newest == options_.page->lease_ends().granted.load(std::memory_order_relaxed)) return;
  options_.page->note_granted(newest);
  ports_.node.granted();
}

void MembershipDriver::apply(const membership::AgentEvent& event) {
  using namespace membership;
  if (const auto* installed = std::get_if<Installed>(&event)) {
    ports_.links.learn(*installed->view);
    learned_ = installed->view->epoch();
    if (machine_.agent().phase() == MemberAgent::Phase::member) not_let_in_.clear();
    frames_out_.remember(installed->view);
    std::erase_if(heard_, [&](const auto& each) { return installed->view->find(each.first) == nullptr; });
    write_notice();
    log(config_check_.look(*installed->view, machine_.agent().phase() != MemberAgent::Phase::joining));
    ports_.node.installed(installed->view, machine_.agent().incarnation());
  } else if (const auto* lost = std::get_if<Lost>(&event)) {
    leaving_.push_back({lost->slots, lost->of, now_.boot + limits::move_grace, Instant::never()});
    ports_.node.lost(lost->slots);
  } else if (const auto* gained = std::get_if<Gained>(&event)) {
    ports_.node.gained(gained->slots, gained->epoch);
  } else if (const auto* out = std::get_if<Fenced>(&event)) {
    fenced(*out);
  } else if (const auto* lease = std::get_if<LeaseExtended>(&event)) {
    extended(*lease);
  } else if (const auto* shorter = std::get_if<LeaseCut>(&event)) {
    cut(*shorter);
  } else if (const auto* outside = std::get_if<NotLetIn>(&event)) {
    not_let_in(outside->why);
  }
}

void MembershipDriver::not_let_in(const std::string& why) {
  not_let_in_ = why;
  if (is_due("not_let_in")) log(LogLevel::error, "not_let_in", "text=\"" + why + '"');
}

void MembershipDriver::log(const std::vector<ConfigCheck::Line>& lines) const {
  for (const auto& [event, text] : lines) log(LogLevel::warn, event, "text=\"" + text + '"');
}

/// Of a member's config. The coordinator hears of all, and answers those who have another.
void MembershipDriver::took(const NodeId& from, const membership::ConfigSaid& said) {
  const auto& view = machine_.agent().view();
  const bool is_member = !stranger_ && view && view->find(from, said.incarnation) != nullptr;
  stranger_.reset();
  if (!is_member || from == self_) return;
  log(config_check_.compare(from, said));
  if (machine_.coordinator() == nullptr || said.fingerprint == config_check_.own().fingerprint) return;
  membership::ConfigSaid own = config_check_.own();
  own.incarnation = machine_.agent().incarnation();
  send({from, std::move(own)});
}

void MembershipDriver::say_config() {
  const auto& agent = machine_.agent();
  if (agent.phase() != membership::MemberAgent::Phase::member || agent.coordinator() == self_) return;
  const auto* const said = config_check_.due(agent.coordinator(), agent.term(), now_.boot);
  if (said == nullptr) return;
  membership::ConfigSaid own = *said;
  own.incarnation = agent.incarnation();
  send({agent.coordinator(), std::move(own)});
}

/// Whether something that is said with each renewal is to be logged again.
bool MembershipDriver::is_due(const std::string& line) {
  if (refusals_logged_.size() >= refusals_remembered && !refusals_logged_.contains(line)) refusals_logged_.clear();
  const auto [last, first] = refusals_logged_.try_emplace(line, now_.boot);
  if (!first && now_.boot - last->second < refusals_apart) return false;
  last->second = now_.boot;
  return true;
}

void MembershipDriver::fenced(const membership::Fenced& event) {
  lease_end_ = std::min(lease_end_, now_.boot);
  lease_end_wall_ = LeaseEnds::not_by_wall_clock;
  options_.page->set_lease_end(lease_end_);
  leaving_.clear();
  log(LogLevel::warn, "fenced", "text=\"the cluster went on without this node; it drops its actors and joins anew\"");
  ports_.node.fenced(event.now);
  // What still runs of the dropped incarnation is the guard's to end, by its lease. Another lease would hide that one.
  drops_ = true;
  machine_.set_working(false);
  not_let_in_ = "a view has dropped it, and it asks to be let in anew once no function of its actors from before runs";
  write_notice();
}

void MembershipDriver::extended(const membership::LeaseExtended& event) {
  std::int64_t end_by_wall = LeaseEnds::not_by_wall_clock;
  if (ports_.wall_ns) {
    end_by_wall = stopped_.wall_at(event.end, event.from) + lateness_of(machine_.agent().view()->settings()).count();
    if (ports_.wall_ns() >= end_by_wall) return;  // it was asked for before the machine stood still
  }
  const Instant before = std::exchange(lease_end_, event.end);
  const std::int64_t before_by_wall = std::exchange(lease_end_wall_, end_by_wall);
  options_.page->set_lease_end(lease_end_, lease_end_wall_);
  // The clocks are read once all can see the new end: whoever found the gate closed by the earlier one did so before.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  const bool was_over = ports_.wall_ns && ports_.wall_ns() >= before_by_wall;
  if (clocks().boot >= before || was_over) ports_.node.resumed();
}

/// By the wall clock too: what is waited for it gets short with the lease.
void MembershipDriver::cut(const membership::LeaseCut& event) {
  if (event.end >= lease_end_) return;
  lease_end_ = event.end;
  if (lease_end_wall_ != LeaseEnds::not_by_wall_clock) {
    const auto lateness = lateness_of(machine_.agent().view()->settings());
    lease_end_wall_ = std::min(lease_end_wall_, stopped_.wall_at(event.end, event.from) + lateness.count());
  }
  options_.page->set_lease_end(lease_end_, lease_end_wall_);
}

/// What the guard says when this process is dead.
void MembershipDriver::write_notice() {
  const Incarnation incarnation = machine_.agent().incarnation();
  options_.page->set_incarnation(incarnation);
  DeathNotice notice;
  notice.endpoints = ports_.links.addresses();
  notice.endpoints.resize(std::min(notice.endpoints.size(), limits::death_notice_endpoints_max));
  membership::ControlWriter guard({options_.cluster, NodeId{"guard/" + self_.value}, {}});
  guard.set_lineage(machine_.lineage());
  notice.frame = guard.write(membership::Stopped{self_, incarnation}, {}, level_for(self_));
  if (auto written = options_.page->set_death_notice(notice); !written) {
    log(LogLevel::warn, "death_notice", "text=\"" + written.error().text + '"');
  }
}

void MembershipDriver::send(const membership::Outbox::Item& item) {
  const auto* const push = std::get_if<membership::ViewPush>(&item.body);
  if (push != nullptr && push->view->epoch() > learned_) {  // who has just been let in is among those it goes to
    ports_.links.learn(*push->view);
    learned_ = push->view->epoch();
  }
  if (const auto* refused = std::get_if<membership::Refused>(&item.body); refused != nullptr && is_due(item.to.value)) {
    const std::string at = stranger_ ? stranger_->control : std::string{};
    log(LogLevel::warn, "join_refused", "node=" + item.to.value + " at=" + at + " text=\"" + refused->why + '"');
  }
  if (stranger_ && item.to == stranger_->name && !ports_.links.is_at(item.to, stranger_->control)) {
    return ports_.links.send_to_stranger(stranger_->control, frames_out_.write(item.body, stranger_->has, stranger_->level));
  }
  const auto heard = heard_.find(item.to);
  const Epoch has = heard == heard_.end() ? Epoch{} : heard->second.has;
  if (const auto route = routes_.find(item.to); route != routes_.end()) {
    return ports_.links.answer(route->second.connection, frames_out_.write(item.body, has, route->second.level));
  }
  ports_.links.send(item.to, frames_out_.write(item.body, has, level_for(item.to)));
}

/// At which that node reads what is written to it: as it speaks itself. Who has not spoken and is in the view supports the
/// view's level. Who knows no view yet speaks as it was spoken to, at first as the earliest.
Level MembershipDriver::level_for(const NodeId& to) const {
  const auto& view = machine_.agent().view();
  if (!view) return spoken_.value_or(own_levels().min);
  if (const auto heard = heard_.find(to); heard != heard_.end()) return heard->second.level;
  const auto votes = [&](std::span<const Voter> voters) { return std::ranges::find(voters, to, &Voter::node) != voters.end(); };
  const bool is_in = view->find(to) != nullptr || votes(view->voters()) || votes(view->old_voters());
  return is_in ? view->level() : own_levels().min;
}

void MembershipDriver::finish_leaving() {
  const Instant now = clocks().boot;
  for (auto it = leaving_.begin(); it != leaving_.end();) {
    const bool done = it->done_at != Instant::never() ? now >= it->done_at : ports_.node.is_done_with(it->slots);
    if (!done && it->done_at == Instant::never() && now >= it->revoke_at) {
      ports_.node.revoke(it->slots);
      it->done_at = now + lateness_of(machine_.agent().view()->settings());
    }
    if (!done) {
      ++it;
      continue;
    }
    machine_.slots_stopped(it->slots, it->of, now_);
    it = leaving_.erase(it);
    effects();
    again_ = true;  // what it has led to may have changed `leaving_`
    return;
  }
}

/// Tells the guard that what it would end by force has ended by itself.
void MembershipDriver::note_quiet() {
  const bool enforced = now_.boot >= lease_end_ && options_.page->lease_to_enforce();
  if ((!drops_ && !enforced) || !ports_.node.is_quiet()) return;
  options_.page->declare_quiet(lease_end_);
  if (!std::exchange(drops_, false)) return;
  not_let_in_.clear();
  machine_.set_working(!stuck_);
  again_ = true;  // it may ask to be let in now
}

void MembershipDriver::watch_progress() {
  const std::string why = ports_.node.stuck(now_.boot, machine_.agent().timing().renew);
  if (stuck_ == !why.empty()) return;
  stuck_ = !stuck_;
  machine_.set_working(!stuck_ && !drops_);
  log(LogLevel::warn, stuck_ ? "stuck" : "working_again",
      stuck_ ? "text=\"" + why + "; it asks for no lease until that has changed\"" : std::string{});
}

ControlStatus MembershipDriver::status() const {
  const auto& agent = machine_.agent();
  const auto* const acceptor = machine_.acceptor();
  ControlStatus out;
  out.phase = agent.phase();
  out.coordinator = agent.coordinator();
  out.term = agent.term();
  out.installed = agent.installed();
  out.lease_end = lease_end_;
  out.config_warning = config_check_.warning();
  out.not_let_in = not_let_in_;
  out.is_coordinator = machine_.coordinator() != nullptr;
  out.votes = acceptor != nullptr && acceptor->self() != nullptr;
  out.store = acceptor != nullptr ? acceptor->record().store : 0;
  out.frames = frames_;
  out.bad_frames = bad_frames_;
  return out;
}

}  // namespace reki
