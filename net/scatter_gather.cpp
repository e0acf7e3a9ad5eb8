#include "reki/net/scatter_gather.hpp"

#include <utility>

#include "reki/actor/envelope.hpp"

namespace reki {

ScatterGather::ScatterGather(ClusterQuery query, Reach reach, wire::RequestBody body, Instant deadline, Completion done)
    : reach_(std::move(reach)),
      body_(std::move(body)),
      deadline_(deadline),
      query_(std::move(query)),
      done_(std::move(done)) {}

void ScatterGather::start(ClusterQuery query, Reach reach, wire::RequestBody body, Instant deadline, Completion done) {
  const std::shared_ptr<ScatterGather> self{
      new ScatterGather(std::move(query), std::move(reach), std::move(body), deadline, std::move(done))};
  self->begin();
}

void ScatterGather::begin() {
  const auto view = reach_.view();
  ClusterQuery::Next next;
  {
    const MutexLock lock(mutex_);
    next = query_.begin(*view);
  }
  carry_out(std::move(next));
}

void ScatterGather::carry_out(ClusterQuery::Next next) {
  for (auto& part : next.ask) {
    wire::RequestBody body = body_;
    body.args = part.args;
    NodeId node = part.node;
    auto answered = [self = shared_from_this(), part = std::move(part)](Answer&& answer) {
      self->answered(part, std::move(answer));
    };
    reach_.ask(std::move(node), std::move(body), deadline_, Completion::of(std::move(answered)));
  }
  if (next.done) done_(Answer{std::move(*next.done)});
}

void ScatterGather::answered(const ClusterQuery::Part& part, Answer&& answer) {
  const auto view = reach_.view();
  ClusterQuery::Next next;
  {
    const MutexLock lock(mutex_);
    next = query_.answered(part, std::move(answer), *view);
  }
  carry_out(std::move(next));
}

}  // namespace reki
