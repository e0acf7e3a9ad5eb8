#include "client.hpp"

#include "reki/core/wire/codec.hpp"
#include "reki/net/scatter_gather.hpp"
#include "reki/node/server/data_plane.hpp"
#include "world.hpp"

namespace reki::cluster {

using namespace std::chrono_literals;
using wire::Op;

namespace {

RequestRouter::Options router_options(World& world, Endpoint self) {
  RequestRouter::Options out;
  out.identity = {world.config.cluster, wire::Role::client, "client" + std::to_string(self), Incarnation{world.random_number()}};
  out.seed = world.random_number();
  return out;
}

}  // namespace

ClientProcess::ClientProcess(World& world, Endpoint self)
    : world_(world), self_(self), router_(router_options(world, self)), links_(world.network, self, router_) {}

void ClientProcess::begin() {
  for (Endpoint node = 0; node < world_.nodes(); ++node) fetch_view(router_.add_peer(Network::listen_of(node)));
  poll();
}

void ClientProcess::fetch_view(PeerIndex from) {
  auto request = std::make_unique<Forwarded>(wire::RequestBody{.op = Op::view, .args = wire::encode_view_args(router_.epoch())});
  request->deadline = world_.now() + 20s;
  request->peer = from;
  request->done = Completion::of([this](Answer&& answer) {
    if (!answer.ok() || answer.payload.empty()) return;
    if (auto view = decode_view(answer.payload)) router_.set_view(std::make_shared<const View>(std::move(*view)), world_.now());
  });
  router_.submit(std::move(request), world_.now());
}

/// ClientIo::ask_all.
void ClientProcess::ask_all(Submission submission, Completion done) {
  if (router_.view() == nullptr) return done(Answer{Error{ErrorCode::unavailable, "it has no view yet"}});
  auto query = ClusterQuery::make(submission.op, submission.args);
  if (!query) return done(Answer{std::move(query.error())});
  auto ask_one = [this](NodeId node, wire::RequestBody body, Instant until, Completion answered) {
    ask_node(std::move(node), std::move(body), until, std::move(answered));
  };
  const Instant deadline = world_.now() + submission.timeout;
  ScatterGather::start(std::move(*query), {std::move(ask_one), [this] { return router_.view(); }}, std::move(submission), deadline,
                       std::move(done));
}

void ClientProcess::ask_node(NodeId node, wire::RequestBody body, Instant deadline, Completion done) {
  auto request = std::make_unique<Forwarded>(std::move(body));
  request->node = std::move(node);
  request->deadline = deadline;
  request->done = std::move(done);
  router_.submit(std::move(request), world_.now());
  has_posted_ = true;
  poll();
}

Instant ClientProcess::moment() const { return world_.now(); }

void ClientProcess::carry(Watches::Question question, Completion done) {
  ask_node(std::move(question.node), std::move(question.body), question.deadline, std::move(done));
}

void ClientProcess::watch(std::uint32_t key) {
  auto sink = std::make_shared<WatchSink>([this, key](const WatchEvent& event) { world_.oracle.watched(self_, key, event); });
  watches_.add(WatchFilter::of_key(std::string(Cell::type), name_of_key(key)), sink, world_.now());
  watched_.emplace_back(std::move(sink));
  poll();
}

void ClientProcess::ask_something() {
  const auto key = static_cast<std::uint32_t>(world_.below(world_.keys()));
  const std::uint64_t dice = world_.below(100);
  const Op op = dice < 45 ? Op::call : dice < 65 ? Op::send : dice < 80 ? Op::lookup_or_start : dice < 90 ? Op::start : dice < 95 ? Op::lookup : Op::stop;
  const bool pinned = (op == Op::call || op == Op::send) && world_.below(3) == 0 && fences_[key].value != 0;
  const Duration timeout = world_.below(4) == 0 ? Duration(std::chrono::milliseconds(20 + world_.below(500))) : Duration(3s);
  const std::uint32_t later_us = world_.below(4) == 0 ? static_cast<std::uint32_t>(1 + world_.below(400'000)) : 0;
  const auto asks = [&] { return world_.is_blocking && world_.below(4) == 0 ? draw_other(key) : 0; };
  const Args start{.start_lasts_us = world_.below(8) == 0 ? world_.draw_length() : 0, .to = draw_other(key), .asks = asks()};
  ask(op, key, pinned ? fences_[key] : Fence{}, timeout,
      {.lasts_us = world_.draw_length(), .to = draw_other(key), .later_us = later_us, .asks = asks()}, start);
}

/// A key to send to, from 1; 0: none.
std::uint32_t ClientProcess::draw_other(std::uint32_t key) {
  const std::uint32_t to = world_.below(3) == 0 ? static_cast<std::uint32_t>(world_.below(world_.keys())) + 1 : 0;
  return to == key + 1 ? 0 : to;
}

void ClientProcess::ask(Op op, std::uint32_t key, Fence pin, Duration timeout, Work work, Args start) {
  Ask& ask = world_.oracle.ask(op, key);
  ask.sender = self_;
  ask.pin = pin;
  ask.deadline = world_.now() + timeout;
  world_.oracle.issued(ask);
  const std::uint32_t number = ask.number;
  work.ask = start.ask = number;
  start.key = key;
  Submission submission(op, Cell::type, name_of_key(key));
  submission.timeout = timeout;
  submission.fence = pin;
  const bool starts = op == Op::lookup_or_start || op == Op::start || (wire::is_message(op) && pin.value == 0);
  if (starts) submission.args = pack(start);
  if (wire::is_message(op)) submission.message = EnvelopePtr{new TypedEnvelope<Work>(work)};
  auto request = std::make_unique<Forwarded>();
  request->deadline = ask.deadline;
  if (auto error = std::move(submission).encode_into(*request)) return world_.oracle.answered(number, Answer{std::move(*error)}, {});
  request->done = Completion::of([this, number, key](Answer&& answer) {
    std::optional<Done> done;
    if (auto unpacked = unpack<Done>(answer.payload); unpacked && world_.oracle.of(number).op == Op::call) done = *unpacked;
    if (answer.ok() && answer.fence.value != 0) fences_[key] = answer.fence;
    world_.oracle.answered(number, answer, done);
  });
  router_.submit(std::move(request), world_.now());
  has_posted_ = true;
  poll();
}

void ClientProcess::poll() {
  const Instant now = world_.now();
  if (slot_.due <= now) return;
  Instant due = has_posted_ || links_.has_input() ? now : std::min(router_.next_wake(), watches_.next_wake());
  due = std::max(due, now);
  if (due == Instant::never() || slot_.due <= due) return;
  slot_.due = due;
  world_.at(due + std::chrono::nanoseconds(1000 + world_.below(50'000)), [weak = weak_from_this(), ticket = ++slot_.ticket] {
    const auto self = weak.lock();
    if (!self || self->slot_.ticket != ticket) return;
    self->slot_.due = Instant::never();
    self->turn();
  });
}

/// ClientIo::send and ClientIo::receive.
void ClientProcess::turn() {
  const Instant now = world_.now();
  has_posted_ = false;
  links_.process(now);
  deliver();
  router_.tick(now);
  if (published_ != router_.epoch()) {
    published_ = router_.epoch();
    watches_.set_view(router_.view(), now);
  }
  watches_.tick(now);
  links_.flush(now);
  deliver();
}

void ClientProcess::deliver() {
  while (auto done = router_.next_done()) {
    const std::unique_ptr<Forwarded> request{static_cast<Forwarded*>(done.release())};
    request->done(Answer{std::move(request->outcome)});
  }
}

}  // namespace reki::cluster
