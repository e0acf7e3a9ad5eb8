#pragma once

#include <functional>
#include <memory>

#include "reki/actor/answer.hpp"
#include "reki/core/base/mutex.hpp"
#include "reki/core/base/time.hpp"
#include "reki/core/routing/cluster_query.hpp"
#include "reki/core/wire/request_body.hpp"

namespace reki {

/// Carries out one ClusterQuery: asks the nodes that it names, and tells the caller what came of it.
///
/// Answers of nodes may come on any thread, and the next nodes are asked on that thread. It lives until the last answer
/// has come.
class ScatterGather : public std::enable_shared_from_this<ScatterGather> {
 public:
  /// How to reach the nodes. Both are called on the thread of start() and those of the answers, without a lock, and
  /// must be good until the last answer.
  struct Reach {
    std::function<void(NodeId node, wire::RequestBody body, Instant deadline, Completion done)> ask;
    std::function<std::shared_ptr<const View>()> view;  ///< The present one, which is not null.
  };
  /// `body` is what is asked, but for the arguments. Calls `done` once.
  static void start(ClusterQuery query, Reach reach, wire::RequestBody body, Instant deadline, Completion done);

 private:
  ScatterGather(ClusterQuery query, Reach reach, wire::RequestBody body, Instant deadline, Completion done);
  void begin();
  void carry_out(ClusterQuery::Next next);
  void answered(const ClusterQuery::Part& part, Answer&& answer);

  const Reach reach_;
  const wire::RequestBody body_;
  const Instant deadline_;
  Mutex mutex_;
  ClusterQuery query_ ABSL_GUARDED_BY(mutex_);
  Completion done_;  // of whoever query_ has given the end to
};

}  // namespace reki
