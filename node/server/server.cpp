#include "reki/node/server/server.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <exception>
#include <span>
#include <utility>

#include "reki/core/base/assert.hpp"
#include "reki/core/base/limits.hpp"
#include "reki/net/clock.hpp"
#include "reki/net/poll.hpp"
#include "reki/net/socket_bounds.hpp"
#include "reki/node/support/listen.hpp"
#include "reki/node/support/thread_main.hpp"

namespace reki {
namespace {

/// Each peer has a DEALER and a pair of monitor sockets; a few are ours.
constexpr int sockets_max = static_cast<int>(limits::nodes_max) * 3 + 64;

zmq::context_t make_context() {
  zmq::context_t context(1);
  context.set(zmq::ctxopt::max_sockets, sockets_max);
  return context;
}

}  // namespace

std::size_t raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

Server::Server(const Options& options, HostedRegistry& registry)
    : log_(options.log),
      forwarded_time_(options.forwarded_time),
      goodbye_time_(options.goodbye_time),
      events_(options.log),
      context_(make_context()),
      socket_(context_, zmq::socket_type::router),
      plane_(options.plane, registry, *this, events_),
      links_(context_, plane_.router()),
      now_(boot_time()) {
  socket_.set(zmq::sockopt::router_mandatory, true);
  set_bounds(socket_, limits::frame_bytes_max);
  plane_.connect(links_);
}

Server::~Server() { stop(); }

Result<std::unique_ptr<Server>> Server::bind(const Options& options, HostedRegistry& registry) {
  try {
    std::unique_ptr<Server> server{new Server(options, registry)};
    if (auto bound = server->listen(options.listen); !bound) return tl::make_unexpected(bound.error());
    return server;
  } catch (const std::exception& e) {
    return fail(ErrorCode::internal, std::string("the node's sockets cannot be made: ") + e.what());
  }
}

Result<void> Server::listen(const std::string& address) {
  auto bound = bind_tcp(socket_, address);
  if (!bound) return tl::make_unexpected(std::move(bound.error()));
  listening_ = std::move(*bound);
  return {};
}

// ---- any thread

void Server::start() {
  thread_ = std::thread([this] { run(); });
}

void Server::refuse_new() {
  auto open = Phase::open;
  phase_.compare_exchange_strong(open, Phase::refusing);
  plane_.wakeup().signal();
}

void Server::stop() {
  if (!thread_.joinable()) return;
  REKI_ASSERT(std::this_thread::get_id() != thread_.get_id());
  phase_ = Phase::stopping;
  plane_.wakeup().signal();
  thread_.join();
}

// ---- data thread

void Server::run() {
  detail::on_worker_thread = true;  // what callbacks must not do here is what handlers must not do on a worker
  run_or_end_process(log_, "data_thread_ended", [this] {
    plane_.take_tasks(now_);  // the view comes before the first frame
    while (!is_done()) round();
  });
  finish();
}

void Server::round() {
  wait();
  read_frames();
  plane_.turn(now_);
  links_.flush(now_);
  enter(phase_);
}

void Server::wait() {
  Wakeup& wakeup = plane_.wakeup();
  items_.assign({zmq::pollitem_t{socket_.handle(), 0, ZMQ_POLLIN, 0}, zmq::pollitem_t{nullptr, wakeup.fd(), ZMQ_POLLIN, 0}});
  const std::size_t own = items_.size();
  links_.append_to(items_);
  wakeup.arm();
  const bool idle = !more_to_read_ && !links_.more_to_read() && !plane_.has_work() && phase_ == entered_;
  poll_until(items_, now_, idle ? std::min({plane_.next_wake(), links_.next_wake(), done_at_}) : now_);
  wakeup.disarm(items_[1].revents != 0);
  now_ = boot_time();
  links_.process(std::span(items_).subspan(own), now_);
}

/// A bounded number of frames, so that answers, and other nodes, have their turn.
void Server::read_frames() {
  more_to_read_ = true;
  try {
    zmq::message_t route;
    zmq::message_t frame;
    for (int i = 0; i < limits::frames_per_round_max; ++i) {
      if (!socket_.recv(route, zmq::recv_flags::dontwait)) {
        more_to_read_ = false;
        return;
      }
      const std::string_view from{static_cast<const char*>(route.data()), route.size()};
      heard_at_ = now_;
      if (!route.more() || !socket_.recv(frame, zmq::recv_flags::dontwait)) continue;
      if (frame.more()) {
        // The parts of a message come together or not at all.
        while (frame.more() && socket_.recv(frame, zmq::recv_flags::dontwait)) {
        }
        plane_.requests().not_a_frame(from, "a frame is one part; this message has several", now_);
      } else {
        plane_.catch_up(now_);
        plane_.requests().frame(from, BytesView{static_cast<const char*>(frame.data()), frame.size()}, now_);
      }
    }
  } catch (const zmq::error_t& e) {
    if (e.num() != EINTR) throw;
  }
}

void Server::enter(Phase phase) {
  if (phase == entered_) return;
  // Not unbind(): libzmq would close all connections with the listener, and the answers under way have to go there.
  plane_.requests().refuse_new();
  if (entered_ == Phase::open) heard_at_ = now_;  // whoever has sent something by now is refused
  entered_ = phase;
  if (phase != Phase::stopping) return;
  give_up_at_ = now_ + limits::closing_time_max;
  forwarded_until_ = now_ + forwarded_time_;
}

bool Server::is_done() {
  if (entered_ != Phase::stopping) return false;
  // What has moved on to its new owner is executed there, and its answer comes this way.
  const bool owes = plane_.router().owes_outcomes();
  if (now_ >= (owes ? forwarded_until_ : give_up_at_)) return true;
  done_at_ = heard_at_ + limits::closing_quiet;
  if (now_ < done_at_) return false;
  done_at_ = forwarded_until_;  // an answer wakes the thread
  return !owes && !more_to_read_;
}

void Server::finish() {
  plane_.close(now_);
  try {
    plane_.requests().take_answers(now_);
    plane_.requests().end_round(now_);
    wait_for_farewells();
    socket_.set(zmq::sockopt::linger, static_cast<int>(limits::flush_time_max.count()));
  } catch (const std::exception&) {
    // The sockets are what has failed; there is nobody left to tell.
  }
  socket_.close();
}

/// Until the others have closed their connections: what they have not read of one that this node closes, ZeroMQ throws away.
void Server::wait_for_farewells() {
  const Instant until = now_ + goodbye_time_;
  Duration step = std::chrono::milliseconds(2);
  while (plane_.requests().say_goodbye() && now_ < until) {
    items_.assign({zmq::pollitem_t{socket_.handle(), 0, ZMQ_POLLIN, 0}});
    poll_until(items_, now_, std::min(now_ + step, until));
    now_ = boot_time();
    read_frames();  // who comes now is told
    step = std::min<Duration>(2 * step, std::chrono::milliseconds(100));
  }
}

FrameSink::Sent Server::send(std::string_view route, BytesView frame) {
  constexpr auto flags = zmq::send_flags::dontwait;
  for (;;) {
    try {
      if (!socket_.send(zmq::const_buffer(route.data(), route.size()), flags | zmq::send_flags::sndmore))
        return Sent::full;
      break;
    } catch (const zmq::error_t& e) {
      if (e.num() == EHOSTUNREACH) return Sent::gone;
      if (e.num() != EINTR) throw;
    }
  }
  for (;;) {
    try {
      // Once the first part is taken the second is: the pipe was looked at then.
      return socket_.send(zmq::const_buffer(frame.data(), frame.size()), flags) ? Sent::ok : Sent::full;
    } catch (const zmq::error_t& e) {
      if (e.num() != EINTR) throw;
    }
  }
}

}  // namespace reki
