#include "wire_callers.hpp"

#include <algorithm>
#include <utility>

#include "reki/node/registry/shards/reply_sink.hpp"

namespace reki::contract {

/// Of one batch.
class WireCallers::Sink final : public ReplySink {
 public:
  Sink(World& world, std::span<const wire::Request> requests, const std::deque<Framed>& batch)
      : world_(world), requests_(requests), batch_(batch) {}

  void reply(const wire::Request& request, const wire::Reply& reply) override {
    const Framed& framed = framed_of(request);
    if (framed.no_reply) return;
    world_.answered(framed.ask, Answer{wire::outcome_of(reply, {})});
  }
  Completion expect(const wire::Request& request) override {
    const Framed& framed = framed_of(request);
    if (framed.no_reply) return {};
    return world_.answer_to(world_.oracle.of(framed.ask));
  }

 private:
  const Framed& framed_of(const wire::Request& request) {
    return batch_[static_cast<std::size_t>(&request - requests_.data())];
  }

  World& world_;
  const std::span<const wire::Request> requests_;
  const std::deque<Framed>& batch_;
};

void WireCallers::add(const Ask& ask, const Operation& o) {
  Framed& framed = batch_.emplace_back();
  framed.ask = ask.number;
  framed.no_reply = !ask.is_answered_to;
  framed.key = name_of_key(ask.key);
  wire::Request& request = framed.request;
  request.op = ask.op;
  request.flags = (o.fail_if_restarting ? wire::fail_if_restarting : 0U) | (framed.no_reply ? wire::no_reply : 0U);
  request.type = type_names[type_of_key(ask.key)];
  request.key = framed.key;
  request.fence = ask.pin;
  request.id = RequestId{ask.first};
  request.remaining_ms = std::max(1U, o.timeout_us / 1000);
  if (ask.starts) {
    framed.args = pack(World::args_of(ask, o));
    request.args = framed.args;
  }
  if (!wire::is_message(ask.op)) return;
  framed.payload = pack(World::work_of(ask, o));
  request.message = Work::name;
  request.payload = framed.payload;
}

void WireCallers::serve(std::uint32_t caller) {
  const std::deque<Framed> batch = std::exchange(batch_, {});
  std::vector<wire::Request> requests;
  for (const Framed& framed : batch) requests.push_back(framed.request);
  Sink sink(world_, requests, batch);
  world_.registry->serve(requests, Incarnation{100 + caller}, sink);
}

}  // namespace reki::contract
