#include "reki/node/membership/membership_thread.hpp"

#include <ctime>
#include <utility>

#include "reki/core/base/limits.hpp"
#include "reki/core/membership/control_codec.hpp"
#include "reki/net/clock.hpp"
#include "reki/net/poll.hpp"
#include "reki/node/support/listen.hpp"
#include "reki/node/support/thread_main.hpp"

namespace reki {

using membership::Message;

namespace {

/// How often a node that gives slots up looks whether they are empty, beside being told.
constexpr auto leaving_poll = std::chrono::milliseconds(20);
/// How often it looks whether its handlers have ended after the lease.
constexpr auto quiet_poll = std::chrono::milliseconds(1);

Instant raw_time() {
  timespec ts{};
  clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
  return Instant{std::int64_t{ts.tv_sec} * 1'000'000'000 + ts.tv_nsec};
}

}  // namespace

MembershipThread::MembershipThread(Options options, MembershipObserver& node, VoterStore* store)
    : options_(std::move(options)), self_(options_.machine.agent.self.node_id), node_(node), links_(self_) {
  if (store == nullptr) return;
  writer_.emplace(*store, StoreWriter::Callbacks{
                              .written = [this](StoreWriter::Written w) { tasks_.push(Task{w}); },
                              .failed =
                                  [this](const Error& e) {
                                    log(LogLevel::error, "register_lost", "text=\"" + e.text + '"');
                                    std::abort();  // what was promised may not be on the disk: this voter must not go on
                                  },
                          });
}

Result<std::unique_ptr<MembershipThread>> MembershipThread::bind(Options options, MembershipObserver& node, VoterStore* store) {
  auto machine = options.machine;
  std::unique_ptr<MembershipThread> out{new MembershipThread(std::move(options), node, store)};
  auto address = out->links_.listen(out->options_.listen);
  if (!address) return tl::make_unexpected(std::move(address.error()));
  out->address_ = std::move(*address);
  machine.agent.self.control = advertised(out->options_.listen, out->address_);
  for (const auto& [peer, control] : out->options_.peers) out->links_.learn(peer, control);
  out->frames_out_.emplace(membership::ControlSender{out->options_.cluster, out->self_, machine.agent.self.control});
  machine.etcd = out->options_.etcd.has_value();
  if (machine.etcd) {
    // A request that is lost costs half of the lease; the next one still comes in time.
    const Duration timeout = machine.agent.timing.lease / 2;
    auto answered = [to = out.get()](membership::EtcdReply reply, std::string error) {
      to->tasks_.push(Task{EtcdAnswered{std::move(reply), std::move(error)}});
    };
    out->etcd_.emplace(*out->options_.etcd, timeout, std::move(answered));
  }
  out->machine_ = std::make_unique<membership::Membership>(std::move(machine));
  return out;
}

MembershipThread::~MembershipThread() { stop(); }

// ---- any thread

void MembershipThread::start() {
  thread_ = std::thread([this] { run(); });
}

void MembershipThread::heard_epoch(NodeId from, Epoch epoch) { tasks_.push(Task{HeardEpoch{std::move(from), epoch}}); }

ControlStatus MembershipThread::status() const {
  const MutexLock lock(status_mutex_);
  return status_;
}

bool MembershipThread::leave(Duration limit) {
  if (!thread_.joinable()) return true;
  tasks_.push(Task{Leave{}});
  const Instant end = boot_time() + limit;
  const auto gone = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(status_mutex_) {
    return status_.phase == membership::MemberAgent::Phase::gone;
  };
  const MutexLock lock(status_mutex_);
  // Without a lease there is nothing that others would have to be handed: they take it.
  while (!gone() && boot_time() < std::min(end, status_.lease_end)) {
    status_changed_.wait_for(status_mutex_, options_.machine.agent.timing.renew / 2);
  }
  return gone();
}

void MembershipThread::stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  tasks_.wakeup().signal();
  thread_.join();
  writer_.reset();  // what was promised last is written
  etcd_.reset();
}

void MembershipThread::log(LogLevel level, std::string_view event, const std::string& fields) const {
  if (options_.log) options_.log(level, event, fields);
}

// ---- membership thread

membership::Clocks MembershipThread::clocks() { return now_ = {boot_time(), raw_time()}; }

void MembershipThread::run() {
  run_or_end_process(options_.log, "control_thread_ended", [this] {
    machine_->tick(clocks());
    effects();
    while (!stopping_) round();
    part();
    // No handler will run any more: the process may take its time to end.
    if (node_.is_quiet()) options_.page->set_lease_end(Instant{});
  });
}

void MembershipThread::round() {
  wait();
  read_frames();
  take_tasks();
  watch_progress();
  machine_->tick(clocks());
  effects();
  finish_leaving();
  note_quiet();
  if (machine_->agent().phase() == membership::MemberAgent::Phase::gone) part();
  publish();
}

/// Out of the view: whoever waits for a coordinator need not wait until this one falls silent.
void MembershipThread::part() {
  if (std::exchange(parted_, true)) return;
  if (machine_->agent().phase() == membership::MemberAgent::Phase::gone) options_.page->mark_left();
  machine_->resign(clocks());
  effects();
}

void MembershipThread::wait() {
  Wakeup& posted = tasks_.wakeup();
  items_.assign({zmq::pollitem_t{links_.router().handle(), 0, ZMQ_POLLIN, 0},
                 zmq::pollitem_t{nullptr, posted.fd(), ZMQ_POLLIN, 0}});
  Instant until = machine_->next_wake();
  if (!leaving_.empty()) until = std::min(until, now_.boot + leaving_poll);
  const bool enforced = options_.page->lease_to_enforce().has_value();
  if (enforced) until = std::min(until, std::max(lease_end_, now_.boot + quiet_poll));
  posted.arm();
  const bool idle = !more_to_read_ && tasks_.empty() && !stopping_;
  poll_until(items_, now_.boot, idle ? until : now_.boot);
  posted.disarm(items_[1].revents != 0);
}

void MembershipThread::read_frames() {
  more_to_read_ = true;
  std::string route;
  zmq::message_t frame;
  for (int i = 0; i < limits::frames_per_round_max; ++i) {
    if (!links_.receive(route, frame)) {
      more_to_read_ = false;
      return;
    }
    read(route, BytesView{static_cast<const char*>(frame.data()), frame.size()});
  }
}

void MembershipThread::read(const std::string& route, BytesView bytes) {
  ++frames_;
  auto frame = membership::decode_control(bytes, options_.cluster, machine_->agent().view().get());
  if (!frame) {
    ++bad_frames_;
    return;
  }
  const NodeId& from = frame->sender.name;
  if (!frame->sender.control.empty()) {
    links_.learn(from, frame->sender.control);
  } else {
    if (routes_.size() >= limits::control_routes_max && !routes_.contains(from)) routes_.clear();  // they ask again
    routes_[from] = route;
  }
  if (frame->answer) send({from, *frame->answer});
  if (!frame->body) return;
  const bool room = epochs_.size() < limits::control_peers_max || epochs_.contains(from);  // strangers come and go
  if (const auto epoch = membership::view_of_sender(*frame->body); epoch && room) epochs_[from] = *epoch;
  machine_->on({from, std::move(*frame->body)}, clocks());
  effects();
}

void MembershipThread::take_tasks() {
  tasks_.take(taken_);
  for (Task& task : taken_) {
    if (const auto* heard = std::get_if<HeardEpoch>(&task)) machine_->heard_epoch(heard->from, heard->epoch, clocks());
    else if (const auto* written = std::get_if<StoreWriter::Written>(&task)) machine_->persisted(written->version, clocks());
    else if (const auto* answered = std::get_if<EtcdAnswered>(&task)) take(*answered);
    else machine_->leave(clocks());
    effects();
  }
  taken_.clear();
}

void MembershipThread::take(const EtcdAnswered& answered) {
  const bool answers = answered.reply.outcome != membership::EtcdReply::Outcome::unknown;
  if (etcd_answers_ && !answers) log(LogLevel::warn, "etcd_silent", "text=\"" + answered.error + '"');
  if (!etcd_answers_ && answers) log(LogLevel::info, "etcd_answers", "");
  etcd_answers_ = answers;
  machine_->etcd_answered(answered.reply, clocks());
}

/// In the order that membership.hpp asks for.
void MembershipThread::effects() {
  if (auto write = machine_->take_write()) writer_->write(std::move(*write));
  if (auto txn = machine_->take_etcd()) etcd_->ask(std::move(*txn));
  for (const auto& event : machine_->take_events()) apply(event);
  machine_->take_messages(messages_);
  for (const auto& item : messages_) send(item);
}

void MembershipThread::apply(const membership::AgentEvent& event) {
  using namespace membership;
  const Instant now = now_.boot;
  if (const auto* installed = std::get_if<Installed>(&event)) {
    links_.learn(*installed->view);
    frames_out_->remember(installed->view);
    std::erase_if(epochs_, [&](const auto& each) { return installed->view->find(each.first) == nullptr; });
    write_notice();
    node_.installed(installed->view, machine_->agent().incarnation());
  } else if (const auto* lost = std::get_if<Lost>(&event)) {
    leaving_.push_back({lost->slots, lost->of, now + limits::move_grace, Instant::never()});
    node_.lost(lost->slots);
  } else if (const auto* gained = std::get_if<Gained>(&event)) {
    node_.gained(gained->slots, gained->epoch);
  } else if (const auto* fenced = std::get_if<Fenced>(&event)) {
    lease_end_ = Instant{};
    options_.page->set_lease_end(lease_end_);
    leaving_.clear();
    log(LogLevel::warn, "fenced", "text=\"the cluster went on without this node; it drops its actors and joins anew\"");
    node_.fenced(fenced->now);
    write_notice();
  } else if (const auto* lease = std::get_if<LeaseExtended>(&event)) {
    const bool was_over = boot_time() >= lease_end_;
    lease_end_ = lease->end;
    options_.page->set_lease_end(lease_end_);
    if (was_over) node_.resumed();
  }
}

/// What the guard says when this process is dead.
void MembershipThread::write_notice() {
  const Incarnation incarnation = machine_->agent().incarnation();
  options_.page->set_incarnation(incarnation);
  DeathNotice notice;
  notice.endpoints = links_.addresses();
  notice.endpoints.resize(std::min(notice.endpoints.size(), limits::death_notice_endpoints_max));
  membership::ControlWriter guard({options_.cluster, NodeId{"guard/" + self_.value}, {}});
  notice.frame = guard.write(membership::Stopped{self_, incarnation});
  if (auto written = options_.page->set_death_notice(notice); !written) {
    log(LogLevel::warn, "death_notice", "text=\"" + written.error().text + '"');
  }
}

void MembershipThread::send(const membership::Outbox::Item& item) {
  const auto epoch = epochs_.find(item.to);
  const BytesView frame = frames_out_->write(item.body, epoch == epochs_.end() ? Epoch{} : epoch->second);
  const auto route = routes_.find(item.to);
  if (route != routes_.end()) links_.answer(route->second, frame);
  else links_.send(item.to, frame);
}

void MembershipThread::finish_leaving() {
  const Instant now = clocks().boot;
  for (auto it = leaving_.begin(); it != leaving_.end();) {
    const bool done = it->done_at != Instant::never() ? now >= it->done_at : node_.is_done_with(it->slots);
    if (!done && it->done_at == Instant::never() && now >= it->revoke_at) {
      node_.revoke(it->slots);
      const auto& timing = options_.machine.agent.timing;
      it->done_at = now + (timing.wait - timing.lease) / 2;
    }
    if (!done) {
      ++it;
      continue;
    }
    machine_->slots_stopped(it->slots, it->of, now_);
    it = leaving_.erase(it);
    effects();
    return look_again();  // what it has led to may have changed `leaving_`
  }
}

/// Tells the guard that what it would end by force has ended by itself.
void MembershipThread::note_quiet() {
  if (lease_end_ == Instant{} || now_.boot < lease_end_ || !options_.page->lease_to_enforce()) return;
  if (node_.is_quiet()) options_.page->declare_quiet(lease_end_);
}

void MembershipThread::watch_progress() {
  const std::string why = node_.stuck(now_.boot, options_.machine.agent.timing.renew);
  if (stuck_ == !why.empty()) return;
  stuck_ = !stuck_;
  machine_->set_working(!stuck_);
  log(LogLevel::warn, stuck_ ? "stuck" : "working_again",
      stuck_ ? "text=\"" + why + "; it asks for no lease until that has changed\"" : std::string{});
}

void MembershipThread::publish() {
  const auto& agent = machine_->agent();
  const auto* const acceptor = machine_->acceptor();
  const MutexLock lock(status_mutex_);
  const auto before = std::exchange(status_.phase, agent.phase());
  status_.coordinator = agent.coordinator();
  status_.term = agent.term();
  status_.installed = agent.installed();
  status_.lease_end = lease_end_;
  status_.is_coordinator = machine_->coordinator() != nullptr;
  status_.votes = acceptor != nullptr && acceptor->self() != nullptr;
  status_.frames = frames_;
  status_.bad_frames = bad_frames_;
  status_.dropped = links_.dropped();
  if (before != status_.phase) status_changed_.notify_all();
}

}  // namespace reki
