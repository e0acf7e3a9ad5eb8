#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "reki/core/base/cond_var.hpp"
#include "reki/node/membership/membership_observer.hpp"
#include "reki/node/registry/hosted_registry.hpp"
#include "reki/node/server/data_plane.hpp"
#include "reki/node/support/log.hpp"

namespace reki {

/// The registry of a cluster as one of its nodes has it: what belongs here is done by the node's HostedRegistry, all else is
/// asked of its owner through the node's DataPlane. What the membership decides about slots, views and leases reaches both
/// through here, and so do requests and states whose slots have gone. The registry that actors see.
///
/// Without a thread or a socket of its own, so that a node and a simulation run the same code.
///
/// Any thread calls what Registry has; what MembershipObserver has is the membership thread's.
class ClusterRegistry final : public Registry, public MembershipObserver {
 public:
  struct Options {
    NodeId id;
    Incarnation incarnation;
    /// One that never changes by itself, and no membership; null: views come by `installed`.
    std::shared_ptr<const View> fixed_view;
    Duration workers_stuck{};  ///< The pool of workers has taken nothing up for so long: see `stuck`.
    HostedOptions hosted;      ///< Without hooks, node and incarnation.
    LeasePage* page = nullptr;
    Clock clock{};
    LogSink log;
  };
  /// What it needs of the node around it. All may be called on any thread, and must not block.
  struct Ports {
    std::function<void()> look_again;  ///< `is_done_with` may have changed.
    /// For the next process: the cluster has let this incarnation in.
    std::function<Result<void>(Incarnation)> keep_incarnation;
    std::function<std::string()> why_not_ready;
    /// MembershipDriver::WantGranted
    std::function<void(std::uint64_t renewal)> want_granted{};
  };
  ClusterRegistry(Factories factories, Options options, Ports ports);

  /// Once, before anything else is called. It must live as long as anything is asked here.
  void attach(DataPlane& plane) { plane_ = &plane; }
  [[nodiscard]] HostedRegistry& local() { return local_; }

  // Any thread
  [[nodiscard]] bool ready() const { return ready_; }
  [[nodiscard]] bool wait_until_ready(Duration timeout);
  [[nodiscard]] std::shared_ptr<const View> view() const;
  [[nodiscard]] Incarnation incarnation() const { return Incarnation{incarnation_.load()}; }
  /// With a fixed view: from now on by this one, if it is newer.
  void set_view(std::shared_ptr<const View> view);
  /// With a fixed view: it serves.
  void open();
  /// The node is going: it is not ready again, and watchers are told when the last slot is empty. True if it was ready.
  bool begin_leaving();
  RuntimeStats stats() const { return local_.stats(); }

  // Registry
  void submit(Submission submission, Completion done) override;
  void submit_many(std::vector<Posting> postings) override;
  Answer exchange(Submission& submission) override;
  Live find_live(std::string_view type, std::string_view key) override;
  Result<NodeId> owner(std::string_view type, std::string_view key) const override;
  [[nodiscard]] Result<Watch> watch(WatchFilter filter, WatchCallback callback) override;

  // MembershipObserver
  void installed(const std::shared_ptr<const View>& view, Incarnation incarnation) override;
  void lost(const SlotSet& slots) override { local_.lose(slots); }
  [[nodiscard]] bool is_done_with(const SlotSet& slots) override;
  void revoke(const SlotSet& slots) override { local_.revoke(slots); }
  void gained(const SlotSet& slots, Epoch epoch) override { local_.gain(slots, epoch); }
  void fenced(Incarnation now) override;
  void resumed() override;
  void granted() override { local_.granted(); }
  [[nodiscard]] std::string stuck(Instant now, Duration step_max) override;
  [[nodiscard]] bool is_quiet() override { return local_.is_quiet() && handing_over_.load() == 0; }

 private:
  /// Where a key is.
  struct Place {
    const Member* owner = nullptr;
    bool here = false;
  };

  HostedOptions hosted_options();
  [[nodiscard]] Error not_joined() const;
  [[nodiscard]] Place place_of(const View& view, std::string_view type, std::string_view key) const;
  void publish(std::shared_ptr<const View> view, Incarnation incarnation);
  void set_ready(bool ready);
  void rerouted(std::string_view type, std::string_view key, EnvelopePtr request);
  void hand_over(HandedOver state);

  [[nodiscard]] std::unique_ptr<Forwarded> forwarded(Submission&& submission, NodeId to, Completion done) const;
  void forward(Submission&& submission, NodeId to, Completion done);
  void ask_all(Submission&& submission, Completion done);
  /// The request as it is, to one node, this one or another.
  void ask(const NodeId& node, Submission&& submission, Completion done);

  // Constant once attached.
  const Options options_;
  const Ports ports_;
  DataPlane* plane_ = nullptr;

  // Any thread.
  std::atomic<bool> ready_ = false;
  std::atomic<bool> leaving_ = false;
  std::atomic<std::uint64_t> incarnation_;
  std::atomic<int> handing_over_{0};  ///< States on their way to their next owners.
  mutable Mutex view_mutex_;  // not an atomic shared_ptr: libstdc++ 12's is a data race to ThreadSanitizer
  CondVar ready_changed_;
  std::shared_ptr<const View> view_ ABSL_GUARDED_BY(view_mutex_);
  HostedRegistry local_;
};

}  // namespace reki
