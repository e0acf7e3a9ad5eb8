#include "reki/client/client_io.hpp"

#include <algorithm>
#include <iterator>
#include <random>
#include <span>

#include "reki/client/count_parts.hpp"
#include "reki/core/base/assert.hpp"
#include "reki/core/view/cluster_list.hpp"
#include "reki/net/clock.hpp"
#include "reki/net/poll.hpp"

namespace reki {
namespace {

/// Whose thread the present one is.
thread_local const ClientIo* io_of_this_thread = nullptr;

std::uint64_t random_number() {
  std::random_device device;
  const std::uint64_t high = device();
  return std::max<std::uint64_t>(high << 32 | device(), 1);
}

RequestRouter::Options router_options() {
  RequestRouter::Options out;
  out.seed = random_number();
  return out;
}

PeerLinks::Options link_options(const ClientIo::Options& options) {
  PeerLinks::Options out;
  out.cluster = options.cluster;
  out.name = options.name;
  out.incarnation = Incarnation{random_number()};
  return out;
}

/// For answers about one node of several, which must say which.
Error naming_node(const Outcome& outcome) {
  std::string text = outcome.text;
  if (outcome.node) text = "node '" + outcome.node->value + "': " + text;
  return Error{outcome.code, std::move(text), outcome.retry_after};
}

}  // namespace

ClientIo::ClientIo(Options options)
    : options_(std::move(options)),
      router_(router_options()),
      links_(context_, link_options(options_), router_),
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
  Completion& done = request.gathering ? request.gathering->done : request.done;
  if (done) done(Answer{Error{ErrorCode::shutting_down, "the client is closed"}});
}

std::shared_ptr<const View> ClientIo::view() const {
  const MutexLock lock(mutex_);
  return view_;
}

// ---- the leader

void ClientIo::run() {
  io_of_this_thread = this;
  try {
    while (!stopping_ && !broken_) {
      if (may_lend()) leadership_.lend([this] { return is_idle(); });
      now_ = boot_time();
      take_posted();
      send();
      receive();
    }
  } catch (const std::exception& e) {
    broken_ = e.what();
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
  } catch (const std::exception& e) {
    broken_ = e.what();
  }
}

/// Callers wait for their answers, one after the other, and there is nothing that has a callback.
bool ClientIo::may_lend() const { return callers_wait_ && nothing_under_way() && watches_.empty(); }

bool ClientIo::is_idle() const {
  return nothing_under_way() && own_.empty() && posted_.empty() && task_queue_.empty() && !stopping_ && !broken_;
}

/// A newer view that a node has spoken of is fetched without delay, whether or not a caller comes.
bool ClientIo::nothing_under_way() const {
  return router_.outstanding() == 0 && router_.epoch_seen() <= router_.epoch();
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
  router_.tick(now_);
  publish_view();
  watches_.tick(now_);
  links_.flush(now_);
  deliver();
}

void ClientIo::receive() {
  items_.assign(1, zmq::pollitem_t{nullptr, task_queue_.wakeup().fd(), ZMQ_POLLIN, 0});
  links_.append_to(items_);
  task_queue_.wakeup().arm();
  poll_until(items_, now_, nothing_to_do() ? std::min(router_.next_wake(), watches_.next_wake()) : now_);
  task_queue_.wakeup().disarm(items_[0].revents != 0);
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
  router_.submit(std::move(request), now_);
}

void ClientIo::carry(Watches::Question question, Completion done) {
  auto request = std::make_unique<Pending>(std::move(question.body));
  request->node = std::move(question.node);
  request->deadline = question.deadline;
  request->done = std::move(done);
  submit(std::move(request));
}

void ClientIo::end() {
  task_queue_.close();
  for (auto& request : std::exchange(posted_, {})) submit(std::move(request));
  take_posted();
  ended_ = true;
  for (auto& request : std::exchange(posted_, {})) submit(std::move(request));
  watches_.close();
  router_.shut_down();
  deliver();
  connected(fail(ErrorCode::shutting_down, "the client is closed"));
}

void ClientIo::deliver() {
  while (auto done = router_.next_done()) {
    std::unique_ptr<Pending> request{static_cast<Pending*>(done.release())};
    switch (request->then) {
      case Pending::Then::answer:
        request->done(Answer{std::move(request->outcome)});
        break;
      case Pending::Then::list:
        deliver_page(std::move(request));
        break;
      case Pending::Then::count:
        deliver_count(*request);
        break;
      case Pending::Then::fetch_view:
        deliver_view(*request);
        break;
      case Pending::Then::watch:
        break;  // is never submitted
    }
  }
}

void ClientIo::deliver_page(std::unique_ptr<Pending> request) {
  Outcome& outcome = request->outcome;
  const bool left = has_left(*request);  // its keys are others' now, and that is as good as an empty page
  if (outcome.code != ErrorCode::ok && !left) return request->done(Answer{naming_node(outcome)});
  const Result<wire::ListPage> page = left ? wire::ListPage{} : wire::decode_list_page(outcome.payload);
  if (!page) return request->done(Answer{page.error()});
  outcome.code = ErrorCode::ok;
  outcome.text.clear();
  if (!page->cursor.empty()) {
    outcome.payload = with_cursor(*page, encode(ClusterCursor{request->node, Bytes{page->cursor}}));
    return request->done(Answer{std::move(outcome)});
  }
  const Member* next = node_after(*router_.view(), request->node.value);
  if (next == nullptr || !page->keys.empty()) {
    outcome.payload = with_cursor(*page, next == nullptr ? Bytes{} : encode(ClusterCursor{next->node_id, {}}));
    return request->done(Answer{std::move(outcome)});
  }
  // An empty page would only make the caller ask again. The same record cannot: it has been one request already.
  auto further = std::make_unique<Pending>(static_cast<wire::RequestBody&&>(*request));
  further->deadline = request->deadline;
  further->node = next->node_id;
  further->args = wire::encode_list_args({{}, request->list_limit});
  further->then = Pending::Then::list;
  further->list_limit = request->list_limit;
  further->done = std::move(request->done);
  further->caller_waits = request->caller_waits;
  submit(std::move(further));
}

/// The node has left the cluster while it was to be asked.
bool ClientIo::has_left(const Pending& request) const {
  return request.outcome.code == ErrorCode::unreachable && router_.view()->find(request.node) == nullptr;
}

void ClientIo::deliver_count(Pending& part) {
  CountGathering& all = *part.gathering;
  if (!all.done) return;  // another node's part has failed
  if (has_left(part)) {
    // Its actors are on other nodes now, perhaps on some that were counted before.
    for (auto& again : count_parts(part, *router_.view(), std::exchange(all.done, {}))) submit(std::move(again));
    return;
  }
  if (part.outcome.code != ErrorCode::ok) return all.done(Answer{naming_node(part.outcome)});
  const auto count = wire::decode_count(part.outcome.payload);
  if (!count) return all.done(Answer{Error{count.error().code, "node '" + part.node.value + "': " + count.error().text}});
  all.sum += *count;
  if (--all.missing != 0) return;
  Answer answer;
  answer.payload = wire::encode_count(all.sum);
  all.done(std::move(answer));
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
  if (view->cluster_id() != links_.cluster()) {
    return fail(ErrorCode::wrong_cluster, "its view is of cluster '" + view->cluster_id() + "'");
  }
  router_.set_view(std::make_shared<const View>(std::move(*view)), now_);
  publish_view();
  connected({});
  return {};
}

void ClientIo::publish_view() {
  if (published_ == router_.epoch()) return;
  published_ = router_.epoch();
  {
    const MutexLock lock(mutex_);
    view_ = router_.view();
  }
  watches_.set_view(router_.view(), now_);
}

void ClientIo::connecting_failed(const Pending& fetch, const Error& why) {
  if (connect_error_ == ErrorCode::unreachable) connect_error_ = why.code;
  connect_errors_ += "\n  " + router_.address(*fetch.peer) + ": " + why.message();
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
