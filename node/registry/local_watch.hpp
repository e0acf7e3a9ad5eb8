#pragma once

#include <atomic>
#include <memory>

#include "reki/actor/answer.hpp"
#include "reki/actor/watch.hpp"

namespace reki {

class Runtime;

/// One watch of a registry in this process: asks its runtime question after question, without a network.
///
/// One thread at a time: whoever brings an answer delivers the events and asks the next question. Exists as long as a
/// question is open; the runtime answers all of them when it closes.
class LocalWatch : public std::enable_shared_from_this<LocalWatch> {
 public:
  [[nodiscard]] static Result<Watch> begin(std::shared_ptr<Runtime> runtime, WatchFilter filter, WatchCallback callback);
  LocalWatch(std::shared_ptr<Runtime> runtime, WatchFilter filter, std::shared_ptr<WatchSink> sink)
      : runtime_(std::move(runtime)), filter_(std::move(filter)), sink_(std::move(sink)) {}

 private:
  void go_on();
  /// False if it is over.
  bool tell();

  const std::shared_ptr<Runtime> runtime_;
  const WatchFilter filter_;
  const std::shared_ptr<WatchSink> sink_;
  WatchPosition position_;
  Answer answer_;
  std::atomic<bool> second_{false};
};

}  // namespace reki
