#include "reki/node/membership/membership_thread.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <utility>

#include "reki/core/base/limits.hpp"
#include "reki/net/clock.hpp"
#include "reki/net/poll.hpp"
#include "reki/net/random_number.hpp"
#include "reki/node/support/exit_codes.hpp"
#include "reki/node/support/listen.hpp"
#include "reki/node/support/thread_main.hpp"

namespace reki {
namespace {

Instant raw_time() {
  timespec ts{};
  clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
  return Instant{std::int64_t{ts.tv_sec} * 1'000'000'000 + ts.tv_nsec};
}

}  // namespace

MembershipThread::MembershipThread(Options options, VoterStore* store)
    : options_(std::move(options)), links_(options_.machine.agent.self.node_id) {
  links_.set_complain([log = options_.log](const std::string& host, const std::string& why) {
    if (log) log(LogLevel::warn, "name_lookup", "host=" + host + " text=\"" + why + '"');
  });
  if (store == nullptr) return;
  writer_.emplace(*store, StoreWriter::Callbacks{
                              .written = [this](StoreWriter::Written w) { tasks_.push(Task{MembershipDriver::Written{w.version}}); },
                              .failed =
                                  [log = options_.log](const Error& e) {
                                    if (log) log(LogLevel::error, "register_lost", "text=\"" + e.text + '"');
                                    std::abort();  // what was promised may not be on the disk: this voter must not go on
                                  },
                          });
}

Result<std::unique_ptr<MembershipThread>> MembershipThread::bind(Options options, MembershipObserver& node, VoterStore* store) {
  std::unique_ptr<MembershipThread> out{new MembershipThread(std::move(options), store)};
  auto address = out->links_.listen(out->options_.listen);
  if (!address) return tl::make_unexpected(std::move(address.error()));
  out->address_ = std::move(*address);
  for (const auto& [peer, control] : out->options_.peers) out->links_.learn(peer, control);
  for (const std::string& seed : out->options_.seeds) out->links_.add_seed(seed);
  auto machine = out->options_.machine;
  const std::string& told = out->options_.advertise;
  machine.agent.self.control = told.empty() ? advertised(out->options_.listen, out->address_) : told;
  machine.etcd = out->options_.etcd.has_value();
  out->make_driver(std::move(machine), node);
  return out;
}

void MembershipThread::make_driver(membership::Membership::Options machine, MembershipObserver& node) {
  if (machine.etcd) {
    auto answered = [this](membership::EtcdReply reply, std::string error) {
      tasks_.push(Task{MembershipDriver::EtcdAnswered{std::move(reply), std::move(error)}});
    };
    etcd_.emplace(*options_.etcd, std::move(answered));
  }
  auto clocks = [this] {
    now_ = boot_time();
    return membership::Clocks{now_, raw_time()};
  };
  auto write = [this](membership::Membership::Write w) { writer_->write(std::move(w)); };
  auto end = [](const std::string& why) {
    std::fputs(("reki-node: " + why + "\n").c_str(), stderr);
    std::_Exit(exit_usage);  // no function of an actor may run any more, and no lease holds
  };
  auto ask_etcd = [this](membership::EtcdTxn txn, Duration timeout) { etcd_->ask(std::move(txn), timeout); };
  driver_.emplace(MembershipDriver::Options{options_.cluster, std::move(machine), options_.voters, options_.config, options_.page, options_.log},
                  MembershipDriver::Ports{links_, node, std::move(clocks), std::move(write), std::move(ask_etcd), wall_clock_ns, random_number, end});
}

MembershipThread::~MembershipThread() { stop(); }

// ---- any thread

void MembershipThread::start() {
  thread_ = std::thread([this] { run(); });
}

void MembershipThread::heard_epoch(NodeId from, Epoch epoch) { 
  tasks_.push(Task{MembershipDriver::HeardEpoch{std::move(from), epoch}});
 }

ControlStatus MembershipThread::status() const {
  const MutexLock lock(status_mutex_);
  return status_;
}

bool MembershipThread::leave(Duration limit) {
  if (!thread_.joinable()) return true;
  tasks_.push(Task{MembershipDriver::Leave{}});
  const Instant end = boot_time() + limit;
  const auto gone = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(status_mutex_) {
    return status_.phase == membership::MemberAgent::Phase::gone;
  };
  const MutexLock lock(status_mutex_);
  // Without a lease for so long there is nothing that others would have to be handed: they have taken it. A lease that is over
  // only now may be one that this machine was too busy to renew. Asked of the page, since a node is ready before its status
  // tells of the lease.
  const auto taken_at = [this] { return options_.page->lease_end() + options_.machine.agent.timing.wait; };
  while (!gone() && boot_time() < std::min(end, taken_at())) {
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

// ---- membership thread

void MembershipThread::run() {
  run_or_end_process(options_.log, "control_thread_ended", [this] {
    driver_->begin();
    while (!stopping_) round();
    driver_->end();
  });
}

void MembershipThread::round() {
  wait();
  read_frames();
  take_tasks();
  driver_->turn();
  publish();
}

void MembershipThread::wait() {
  Wakeup& posted = tasks_.wakeup();
  items_.assign({zmq::pollitem_t{links_.router().handle(), 0, ZMQ_POLLIN, 0},
                 zmq::pollitem_t{nullptr, posted.fd(), ZMQ_POLLIN, 0}});
  links_.append_to(items_);
  const Instant until = std::min(driver_->next_wake(), links_.next_wake());
  posted.arm();
  const bool idle = !more_to_read_ && tasks_.empty() && !stopping_;
  poll_until(items_, now_, idle ? until : now_);
  posted.disarm(items_[1].revents != 0);
  const Instant now = boot_time();
  const bool has_news = std::ranges::any_of(items_.begin() + 2, items_.end(), [](const auto& item) { return item.revents != 0; });
  if (has_news || now >= links_.next_wake()) links_.turn(now);
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
    driver_->read(route, BytesView{static_cast<const char*>(frame.data()), frame.size()});
  }
}

void MembershipThread::take_tasks() {
  tasks_.take(taken_);
  for (Task& task : taken_) driver_->take(task);
  taken_.clear();
}

void MembershipThread::publish() {
  ControlStatus status = driver_->status();
  status.dropped = links_.dropped();
  const MutexLock lock(status_mutex_);
  const auto before = std::exchange(status_, std::move(status)).phase;
  if (before != status_.phase) status_changed_.notify_all();
}

}  // namespace reki
