#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "reki/core/base/cond_var.hpp"
#include "reki/node/membership/membership_observer.hpp"
#include "reki/node/node.hpp"
#include "reki/node/registry/hosted_registry.hpp"

namespace reki {

class MembershipThread;
class DataDir;
class Server;
class VoterStore;

/// What a Node is inside: its registry, server and membership, and how a request gets from one to the other. The registry that
/// its actors see.
///
/// Threads as in Node, and those of what it puts together: what these call says so.
///
/// More members and functions than a class should have: it is the face of Node, and what its three parts tell each other goes
/// through here, so that none of them knows another.
class Node::Impl final : public Registry, private MembershipObserver {
 public:
  Impl(const Config& config, NodeId id, Factories factories, const NodeOptions& options);
  /// stop().
  ~Impl() override;
  /// Node::start, but for the checks of config and types.
  [[nodiscard]] Result<void> start(const Config& config, const NodeConfig& self, const NodeOptions& options);

  // As Node has them.
  bool stop();
  [[nodiscard]] bool ready() const { return ready_; }
  bool wait_until_ready(Duration timeout);
  [[nodiscard]] std::string why_not_ready() const;
  void set_view(std::shared_ptr<const View> view);
  [[nodiscard]] std::shared_ptr<const View> view() const;
  [[nodiscard]] const NodeId& id() const { return id_; }
  [[nodiscard]] Incarnation incarnation() const { return Incarnation{incarnation_.load()}; }
  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] RuntimeStats actor_stats() const { return local_.stats(); }
  [[nodiscard]] ServerStats server_stats() const;
  void submit(Submission submission, Completion done) override;
  void submit_many(std::vector<Posting> postings) override;
  Answer exchange(Submission& submission) override;
  Live find_live(std::string_view type, std::string_view key) override;
  Result<NodeId> owner(std::string_view type, std::string_view key) const override;
  [[nodiscard]] Result<Watch> watch(WatchFilter filter, WatchCallback callback) override;

 private:
  /// Where a key is.
  struct Place {
    const Member* owner = nullptr;
    bool here = false;
  };

  [[nodiscard]] Error not_joined() const;
  Result<void> open(const NodeConfig& self, const NodeOptions& options);
  Result<void> join(const Config& config, const NodeConfig& self, const NodeOptions& options);
  Result<void> open_data_dir(const Config& config, const NodeConfig& self);
  std::shared_ptr<const ClusterHooks> cluster_hooks();
  void publish(std::shared_ptr<const View> view, Incarnation incarnation);
  void set_ready(bool ready);
  void rerouted(std::string_view type, std::string_view key, EnvelopePtr request);
  void hand_over(HandedOver state);

  // Membership thread
  void installed(const std::shared_ptr<const View>& view, Incarnation incarnation) override;
  void lost(const SlotSet& slots) override { local_.lose(slots); }
  bool is_done_with(const SlotSet& slots) override;
  void revoke(const SlotSet& slots) override { local_.revoke(slots); }
  void gained(const SlotSet& slots, Epoch epoch) override { local_.gain(slots, epoch); }
  void fenced(Incarnation now) override;
  void resumed() override;
  std::string stuck(Instant now, Duration step_max) override;
  bool is_quiet() override { return local_.is_quiet() && handing_over_.load() == 0; }

  [[nodiscard]] Place place_of(const View& view, std::string_view type, std::string_view key) const;
  void forward(Submission&& submission, NodeId to, Completion done);
  void ask_all(Submission&& submission, Completion done);
  /// The request as it is, to one node, this one or another.
  void ask(const NodeId& node, Submission&& submission, Completion done);
  Bytes status() const;
  [[nodiscard]] std::uint64_t slots_here(const View* view) const;
  [[nodiscard]] bool votes(const View* view) const;

  // Constant after start().
  const NodeId id_;
  const std::string cluster_;
  const bool fixed_;
  const Duration stop_grace_;
  const Duration leave_timeout_;
  const Duration workers_stuck_;
  const LogSink log_;
  const Instant started_;
  std::string address_;
  std::uint64_t store_number_ = 0;     // of its voter's register; 0: it has none
  std::unique_ptr<DataDir> data_dir_;  // before all that runs actors: its lock says that they may run

  // Any thread.
  std::atomic<bool> ready_ = false;
  std::atomic<bool> leaving_ = false;
  std::atomic<std::uint64_t> incarnation_;
  std::atomic<int> handing_over_{0};  ///< States on their way to their next owners.
  mutable Mutex view_mutex_;  // not an atomic shared_ptr: libstdc++ 12's is a data race to ThreadSanitizer
  CondVar ready_changed_;
  std::shared_ptr<const View> view_ ABSL_GUARDED_BY(view_mutex_);
  std::unique_ptr<LeasePage> own_page_;
  LeasePage* const page_;
  HostedRegistry local_;
  std::unique_ptr<Server> server_;  // after local_, which it serves from
  std::unique_ptr<VoterStore> store_;
  std::unique_ptr<MembershipThread> membership_thread_;  // after all that it controls

  bool stopped_ = false;  // the thread of start and stop
  bool stopped_in_time_ = true;
};

}  // namespace reki
