#include "reki/node/server/server.hpp"

#include <sys/resource.h>

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

RequestRouter::Options router_options(const Server::Options& options) {
  RequestRouter::Options out;
  out.identity = {options.cluster, wire::Role::node, options.node.value, options.incarnation};
  out.seed = options.incarnation.value;
  out.follow_views = false;  // they come to us by themselves
  return out;
}

RequestServer::Options request_server_options(const Server::Options& options) {
  return {options.node, options.cluster, options.incarnation, options.sessions_max, options.status,
          options.heard_epoch, options.why_no_view};
}

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
      goodbye_time_(options.goodbye_time),
      events_(options.log),
      context_(make_context()),
      socket_(context_, zmq::socket_type::router),
      answers_(AnswerQueue::create()),
      requests_(request_server_options(options), registry, *answers_, *this, events_),
      router_(router_options(options)),
      links_(context_, router_),
      now_(boot_time()) {
  socket_.set(zmq::sockopt::router_mandatory, true);
  set_bounds(socket_, limits::frame_bytes_max);
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

void Server::set_view(std::shared_ptr<const View> view, Incarnation incarnation) {
  Task task{NewView{std::move(view), incarnation}};
  tasks_.push(std::move(task));
}

void Server::forward(std::unique_ptr<Forwarded> request) {
  Task task{std::move(request)};
  if (tasks_.push(std::move(task))) return;
  std::get<0>(task)->done(Answer{Error{ErrorCode::shutting_down, "the node is closed"}});
}

void Server::forward_all(std::vector<std::unique_ptr<Forwarded>> requests) {
  std::vector<Task> tasks;
  tasks.reserve(requests.size());
  for (auto& request : requests) tasks.emplace_back(std::move(request));
  if (tasks_.push_all(tasks)) return;
  for (auto& task : tasks) std::get<0>(task)->done(Answer{Error{ErrorCode::shutting_down, "the node is closed"}});
}

void Server::watch(WatchFilter filter, std::shared_ptr<WatchSink> sink) {
  Task task{NewWatch{std::move(filter), std::move(sink)}};
  tasks_.push(std::move(task));
}

void Server::refuse_new() {
  auto open = Phase::open;
  phase_.compare_exchange_strong(open, Phase::refusing);
  tasks_.wakeup().signal();
}

void Server::stop() {
  if (!thread_.joinable()) return;
  REKI_ASSERT(std::this_thread::get_id() != thread_.get_id());
  phase_ = Phase::stopping;
  tasks_.wakeup().signal();
  thread_.join();
}

Duration Server::delay(Instant now, Duration step_max) {
  if (probe_.ask(now)) tasks_.push(Task{SignOfLife{}});
  return probe_.owed(now, step_max);
}

// ---- data thread

void Server::run() {
  detail::on_worker_thread = true;  // what callbacks must not do here is what handlers must not do on a worker
  run_or_end_process(log_, "data_thread_ended", [this] {
    take_tasks();  // the view comes before the first frame
    while (!is_done()) round();
  });
  finish();
}

void Server::round() {
  wait();
  read_frames();
  requests_.take_answers(now_);
  take_tasks();
  router_.tick(now_);
  watches_.tick(now_);
  deliver();
  requests_.tick(now_);
  requests_.flush(now_);
  links_.flush(now_);
  enter(phase_);
}

void Server::wait() {
  Wakeup& answered = answers_->wakeup();
  Wakeup& posted = tasks_.wakeup();
  items_.assign({zmq::pollitem_t{socket_.handle(), 0, ZMQ_POLLIN, 0},
                 zmq::pollitem_t{nullptr, answered.fd(), ZMQ_POLLIN, 0},
                 zmq::pollitem_t{nullptr, posted.fd(), ZMQ_POLLIN, 0}});
  const std::size_t own = items_.size();
  links_.append_to(items_);
  answered.arm();
  posted.arm();
  const bool idle =
      !more_to_read_ && !links_.more_to_read() && answers_->empty() && tasks_.empty() && phase_ == entered_;
  poll_until(items_, now_,
             idle ? std::min({router_.next_wake(), requests_.next_wake(), watches_.next_wake(), done_at_}) : now_);
  answered.disarm(items_[1].revents != 0);
  posted.disarm(items_[2].revents != 0);
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
        requests_.not_a_frame(from, "a frame is one part; this message has several", now_);
      } else {
        requests_.frame(from, BytesView{static_cast<const char*>(frame.data()), frame.size()}, now_);
      }
    }
  } catch (const zmq::error_t& e) {
    if (e.num() != EINTR) throw;
  }
}

void Server::take_tasks() {
  tasks_.take(taken_);
  for (auto& task : taken_) {
    std::visit([this](auto& item) { take(std::move(item)); }, task);
  }
  taken_.clear();
}

void Server::take(std::unique_ptr<Forwarded> request) { router_.submit(std::move(request), now_); }

void Server::take(NewView next) {
  requests_.set_view(next.view, next.incarnation);
  links_.set_incarnation(next.incarnation, now_);
  router_.set_view(next.view, now_);
  watches_.set_view(std::move(next.view), now_);
}

void Server::carry(Watches::Question question, Completion done) {
  auto request = std::make_unique<Forwarded>(std::move(question.body));
  request->node = std::move(question.node);
  request->deadline = question.deadline;
  request->done = std::move(done);
  router_.submit(std::move(request), now_);
}

void Server::deliver() {
  while (auto done = router_.next_done()) {
    const std::unique_ptr<Forwarded> request{static_cast<Forwarded*>(done.release())};
    request->done(Answer{std::move(request->outcome)});
  }
}

void Server::enter(Phase phase) {
  if (phase == entered_) return;
  // Not unbind(): libzmq would close all connections with the listener, and the answers under way have to go there.
  requests_.refuse_new();
  if (entered_ == Phase::open) heard_at_ = now_;  // whoever has sent something by now is refused
  entered_ = phase;
  if (phase == Phase::stopping) give_up_at_ = now_ + limits::closing_time_max;
}

bool Server::is_done() {
  if (entered_ != Phase::stopping) return false;
  if (now_ >= give_up_at_) return true;
  done_at_ = heard_at_ + limits::closing_quiet;
  if (now_ < done_at_) return false;
  done_at_ = give_up_at_;  // what was forwarded wakes the thread when it is answered
  return router_.outstanding() == 0 && !more_to_read_;
}

void Server::finish() {
  tasks_.close();
  take_tasks();
  watches_.close();
  router_.shut_down();
  deliver();
  try {
    requests_.take_answers(now_);
    requests_.flush(now_);
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
  while (requests_.say_goodbye() && now_ < until) {
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
