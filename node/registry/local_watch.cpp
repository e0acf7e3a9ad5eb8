#include "reki/node/registry/local_watch.hpp"

#include "reki/core/watch/watch_codec.hpp"
#include "reki/node/registry/runtime.hpp"

namespace reki {

Result<Watch> LocalWatch::begin(std::shared_ptr<Runtime> runtime, WatchFilter filter, WatchCallback callback) {
  if (auto good = check(filter); !good) return tl::make_unexpected(good.error());
  if (filter.about_nodes()) return fail(ErrorCode::unsupported, "there are no nodes to watch: this is no cluster");
  if (!runtime->has_type(filter.type)) {
    return tl::make_unexpected(unknown_type(*runtime, filter.type));
  }
  if (runtime->is_in_child()) return fail(ErrorCode::unavailable, used_after_fork);
  auto sink = std::make_shared<WatchSink>(std::move(callback));
  std::make_shared<LocalWatch>(std::move(runtime), std::move(filter), sink)->go_on();
  return Watch{std::move(sink)};
}

void LocalWatch::go_on() {
  for (bool more = true; more; more = tell()) {
    second_.store(false, std::memory_order_relaxed);
    runtime_->watches().ask({filter_.type, filter_.key, position_, limits::watch_wait_max},
                    Completion::of([self = shared_from_this()](Answer&& answer) {
                      self->answer_ = std::move(answer);
                      // Whoever comes second goes on: an answer that comes at once must not do so from inside of the
                      // question, again and again.
                      if (self->second_.exchange(true, std::memory_order_acq_rel) && self->tell()) self->go_on();
                    }));
    if (!second_.exchange(true, std::memory_order_acq_rel)) return;
  }
}

bool LocalWatch::tell() {
  if (!answer_.ok() || sink_->cancelled()) return false;
  const auto reply = wire::decode_watch_reply(answer_.payload);
  if (!reply) return false;
  position_ = reply->position;
  bool ended = false;
  for (WatchEvent event : reply->events) {
    ended |= event.kind == WatchKind::ended;
    event.type = filter_.type;
    if (event.key.empty()) event.key = filter_.key;
    sink_->deliver(event);
  }
  return !ended && !sink_->cancelled();
}

}  // namespace reki
