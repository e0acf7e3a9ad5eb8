#include "reki/client/client_io.hpp"

#include <algorithm>
#include <iterator>
#include <span>

#include "reki/actor/registry.hpp"
#include "reki/actor/user_code.hpp"
#include "reki/core/base/assert.hpp"
#include "reki/net/clock.hpp"
#include "reki/net/poll.hpp"
#include "reki/net/random_number.hpp"
#include "reki/net/scatter_gather.hpp"

namespace reki {
namespace {

/// Whose thread the present one is.
thread_local const ClientIo* io_of_this_thread = nullptr;

RequestRouter::Options router_options(const ClientIo::Options& options) {
  RequestRouter::Options out;
  out.identity.cluster = options.cluster;
  out.identity.name = options.name;
  out.identity.incarnation = Incarnation{random_number()};
  out.seed = random_number();
  return out;
}

}  // namespace

ClientIo::ClientIo(Options options)
    : options_(std::move(options)),
      router_(router_options(options_)),
      links_(context_, router_),
      now_(boot_time()) {
  first_fetches_ = options_.addresses.size();
  for (const auto& address : options_.addresses) fetch_view(router_.add_peer(address));
  thread_ = std::thread([this] { run(); });
}

ClientIo::~ClientIo() {
  REKI_ASSERT(!on_io_thread());
  stopping_ = true;
  task_queue_.wakeup().signal();
  leadership_.recall();
  thread_.join();
}

// ---- any thread

Result<void> ClientIo::wait_connected() {
  const MutexLock lock(mutex_);
  while (!connect_result_) changed_.wait(mutex_);
  return *connect_result_;
}

bool ClientIo::on_io_thread() const { return io_of_this_thread == this; }

void ClientIo::post(std::unique_ptr<Pending> request) {
  if (on_io_thread()) return post_here(std::move(request));
  if (!task_queue_.push(std::move(request))) return too_late(*request);  // NOLINT(bugprone-use-after-move): it is as it was
  leadership_.recall();
}

void ClientIo::post_all(std::vector<std::unique_ptr<Pending>> requests) {
  if (on_io_thread()) {
    for (auto& request : requests) post_here(std::move(request));
    return;
  }
  if (task_queue_.push_all(requests)) return leadership_.recall();
  for (auto& request : requests) too_late(*request);
}

void ClientIo::post_and_drive(std::unique_ptr<Pending> request, const AnswerPromise& promise) {
  request->caller_waits = true;
  if (!task_queue_.push_quietly(std::move(request))) return too_late(*request);  // NOLINT(bugprone-use-after-move)
  if (!leadership_.take()) return task_queue_.wakeup().signal();
  drive(promise);
  leadership_.give_back([this] { return is_idle(); });
}

/// For callbacks, which run between two rounds' sending: no lock and no wake-up.
void ClientIo::post_here(std::unique_ptr<Pending> request) {
  if (ended_) return too_late(*request);
  own_.push_back(std::move(request));
}

/// Only a callback of the I/O thread can still ask when the queue is closed: callers must not outlive the client.
void ClientIo::too_late(Pending& request) {
  if (request.done) request.done(Answer{Error{ErrorCode::shutting_down, "the client is closed"}});
}

std::shared_ptr<const View> ClientIo::view() const {
  const MutexLock lock(mutex_);
  return view_;
}

// ---- the leader

void ClientIo::run() {
  io_of_this_thread = this;
  detail::on_worker_thread = true;  // callbacks run here, and who waits in one waits for this thread
  try {
    while (!stopping_ && !broken_) {
      if (may_lend()) leadership_.lend([this] { return is_idle(); });
      now_ = boot_time();
      take_posted();
      send();
      receive();
    }
  } catch (...) {
    broken_ = text_of_current_exception();
  }
  // libzmq or memory gave up.
  if (broken_) connected(fail(ErrorCode::internal, "input and output stopped: " + *broken_));
  end();
}

/// What a caller does until its answer is there. It leaves to the thread what has callbacks.
void ClientIo::drive(const AnswerPromise& promise) {
  try {
    now_ = boot_time();
    while (!stopping_ && !broken_) {
      take_posted();
      if (!std::ranges::all_of(posted_, &Pending::caller_waits, [](const auto& r) -> const Pending& { return *r; })) return;
      send();
      if (promise.has_arrived()) return;
      receive();
      if (promise.has_arrived()) return;
    }
  } catch (...) {
    broken_ = text_of_current_exception();
  }
}

/// Callers wait for their answers, one after the other, and there is nothing that has a callback.
bool ClientIo::may_lend() const { return callers_wait_ && nothing_under_way() && watches_.empty(); }

bool ClientIo::is_idle() const {
  return nothing_under_way() && own_.empty() && posted_.empty() && task_queue_.empty() && !stopping_ && !broken_;
}

/// A newer view that a node has spoken of is fetched without delay, whether or not a caller comes.
bool ClientIo::nothing_under_way() const {
  return router_.outstanding() == 0 && !router_.is_behind();
}

void ClientIo::take_posted() {
  if (posted_.empty()) task_queue_.take(posted_);
  std::ranges::move(own_, std::back_inserter(posted_));
  own_.clear();
}

void ClientIo::send() {
  constexpr std::size_t ahead = 4;
  for (std::size_t i = 0; i < posted_.size(); ++i) {
    if (i + ahead < posted_.size()) router_.prefetch(*posted_[i + ahead]);
    submit(std::move(posted_[i]));
  }
  posted_.clear();
  if (router_.tick(now_)) publish_view();
  watches_.tick(now_);
  links_.flush(now_);
  deliver();
}

void ClientIo::receive() {
  Wakeup& wakeup = task_queue_.wakeup();
  items_.assign(1, zmq::pollitem_t{nullptr, wakeup.fd(), ZMQ_POLLIN, 0});
  links_.append_to(items_);
  wakeup.arm();
  poll_until(items_, now_, nothing_to_do() ? std::min({router_.next_wake(), watches_.next_wake(), links_.next_wake()}) : now_);
  wakeup.disarm(items_[0].revents != 0);
  now_ = boot_time();
  links_.process(std::span(items_).subspan(1), now_);
  // Before what it makes callers ask next is sent: so that goes with this round.
  deliver();
}

bool ClientIo::nothing_to_do() const { return !stopping_ && !links_.more_to_read() && own_.empty() && task_queue_.empty(); }

void ClientIo::submit(std::unique_ptr<Pending> request) {
  callers_wait_ = request->caller_waits;
  if (request->then == Pending::Then::watch) {
    return watches_.add({std::string{request->type.view()}, std::string{request->key.view()}}, std::move(request->sink), now_);
  }
  if (request->then == Pending::Then::ask_all) return ask_all(std::move(request));
  router_.submit(std::move(request), now_);
}

void ClientIo::ask_all(std::unique_ptr<Pending> request) {
  auto ask_one = [this, caller_waits = request->caller_waits](NodeId node, wire::RequestBody body, Instant deadline, Completion done) {
    auto part = std::make_unique<Pending>(std::move(body));
    part->node = std::move(node);
    part->deadline = deadline;
    part->done = std::move(done);
    part->caller_waits = caller_waits;
    submit(std::move(part));
  };
  ScatterGather::start(std::move(*request->query), {std::move(ask_one), [this] { return router_.view(); }},
                       static_cast<wire::RequestBody&&>(*request), request->deadline, std::move(request->done));
}

void ClientIo::carry(Watches::Question question, Completion done) {
  auto request = std::make_unique<Pending>(std::move(question.body));
  request->node = std::move(question.node);
  request->deadline = question.deadline;
  request->done = std::move(done);
  submit(std::move(request));
}

Instant ClientIo::moment() const { return boot_time(); }

void ClientIo::end() {
  task_queue_.close();
  for (auto& request : std::exchange(posted_, {})) submit(std::move(request));
  take_posted();
  ended_ = true;
  for (auto& request : std::exchange(posted_, {})) submit(std::move(request));
  watches_.close();
  do {  // what asks all nodes may go on with the next one
    router_.shut_down();
    deliver();
  } while (router_.outstanding() != 0);
  connected(fail(ErrorCode::shutting_down, "the client is closed"));
}

void ClientIo::deliver() {
  while (auto done = router_.next_done()) {
    std::unique_ptr<Pending> request{static_cast<Pending*>(done.release())};
    switch (request->then) {
      case Pending::Then::answer:
        request->done(Answer{std::move(request->outcome)});
        break;
      case Pending::Then::fetch_view:
        deliver_view(*request);
        break;
      case Pending::Then::ask_all:
      case Pending::Then::watch:
        break;  // are never submitted
    }
  }
}

// ---- views

/// The first one; from then on the router asks for newer ones itself.
void ClientIo::fetch_view(PeerIndex from) {
  auto request = std::make_unique<Pending>(
      wire::RequestBody{.op = wire::Op::view, .args = wire::encode_view_args(router_.epoch())});
  request->deadline = options_.connect_by;
  request->peer = from;
  request->then = Pending::Then::fetch_view;
  submit(std::move(request));
}

void ClientIo::deliver_view(const Pending& fetch) {
  Result<void> result;
  if (fetch.outcome.code != ErrorCode::ok) {
    result = fail(fetch.outcome.code, fetch.outcome.text);
  } else if (!fetch.outcome.payload.empty()) {  // empty: ours is the newest
    result = install(fetch.outcome.payload);
  }
  --first_fetches_;
  if (!result) connecting_failed(fetch, result.error());
}

Result<void> ClientIo::install(BytesView payload) {
  auto view = decode_view(payload);
  if (!view) return tl::make_unexpected(view.error());
  if (view->cluster_id() != router_.identity().cluster) {
    return fail(ErrorCode::wrong_cluster, "its view is of cluster '" + view->cluster_id() + "'");
  }
  if (router_.set_view(std::make_shared<const View>(std::move(*view)), now_)) publish_view();
  connected({});
  return {};
}

void ClientIo::publish_view() {
  {
    const MutexLock lock(mutex_);
    view_ = router_.view();
  }
  watches_.set_view(router_.view(), now_);
}

void ClientIo::connecting_failed(const Pending& fetch, const Error& why) {
  if (connect_error_ == ErrorCode::unreachable) connect_error_ = why.code;
  connect_errors_ += "\n  " + router_.peer(*fetch.peer).address + ": " + why.message();
  if (first_fetches_ > 0 || router_.view()) return;
  connected(fail(connect_error_, (options_.cluster.empty() ? "no node" : "no node of cluster '" + options_.cluster + "'") + " has answered:" + connect_errors_));
}

void ClientIo::connected(Result<void> result) {
  {
    const MutexLock lock(mutex_);
    if (connect_result_) return;
    connect_result_ = std::move(result);
  }
  changed_.notify_all();
}

}  // namespace reki
