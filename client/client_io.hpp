#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "reki/actor/answer_promise.hpp"
#include "reki/client/io_leadership.hpp"
#include "reki/client/pending.hpp"
#include "reki/core/base/cond_var.hpp"
#include "reki/core/routing/request_router.hpp"
#include "reki/net/peer_links.hpp"
#include "reki/net/task_queue.hpp"
#include "reki/net/watches.hpp"

namespace reki {

/// The client's input and output: takes what callers post, sends it, and brings the outcomes back.
///
/// post...() and view() from any thread; all else belongs to the leader (IoLeadership): a thread of its own,
/// or a caller in post_and_drive(). Callbacks run on the thread alone.
///
/// More members than a class should have: the parts that take turns at the leader, and what one round of it keeps.
class ClientIo final : private Watches::Carrier {
 public:
  struct Options {
    std::string cluster;
    std::vector<std::string> addresses;
    std::string name;
    Instant connect_by;
  };

  explicit ClientIo(Options options);
  /// Answers everything that is under way, then joins.
  ~ClientIo();

  /// Blocks until there is a view, or none can be had.
  Result<void> wait_connected();
  /// Answers at once with `shutting_down` if it is too late.
  void post(std::unique_ptr<Pending> request);
  void post_all(std::vector<std::unique_ptr<Pending>> requests);
  /// The same for a request whose answer goes to `promise`, where the present thread is going to wait: it does the input
  /// and output until the answer is there, if nobody else does.
  void post_and_drive(std::unique_ptr<Pending> request, const AnswerPromise& promise);
  std::shared_ptr<const View> view() const;
  bool on_io_thread() const;

 private:
  static void too_late(Pending& request);
  void post_here(std::unique_ptr<Pending> request);
  void run();
  void drive(const AnswerPromise& promise);
  bool may_lend() const;
  bool is_idle() const;
  bool nothing_under_way() const;
  // One round: sends what there is; waits until something happens, reads it, and hands out what came of it.
  void take_posted();
  void send();
  void receive();
  bool nothing_to_do() const;
  void end();

  void submit(std::unique_ptr<Pending> request);
  void ask_all(std::unique_ptr<Pending> request);
  void deliver();
  void deliver_view(const Pending& fetch);
  void fetch_view(PeerIndex from);
  Result<void> install(BytesView payload);
  void publish_view();
  void connecting_failed(const Pending& fetch, const Error& why);
  void connected(Result<void> result);
  void carry(Watches::Question question, Completion done) override;
  [[nodiscard]] Instant moment() const override;

  // Constant after construction.
  const Options options_;

  // Any thread.
  TaskQueue<std::unique_ptr<Pending>> task_queue_;
  std::atomic<bool> stopping_ = false;
  mutable Mutex mutex_;
  CondVar changed_;
  std::shared_ptr<const View> view_ ABSL_GUARDED_BY(mutex_);
  std::optional<Result<void>> connect_result_ ABSL_GUARDED_BY(mutex_);
  IoLeadership leadership_;

  // Of the leader.
  zmq::context_t context_{1};
  Watches watches_{*this};  // before router_, which has its questions
  RequestRouter router_;
  PeerLinks links_;
  Instant now_;
  std::vector<std::unique_ptr<Pending>> own_;     // posted by callbacks
  std::vector<std::unique_ptr<Pending>> posted_;  // taken from the queue and from `own_`, to be submitted
  bool ended_ = false;
  bool callers_wait_ = false;                     // for the answer to the last request
  std::optional<std::string> broken_;             // why nothing more can be sent
  std::vector<zmq::pollitem_t> items_;
  std::size_t first_fetches_ = 0;       // of the addresses, under way
  ErrorCode connect_error_ = ErrorCode::unreachable;
  std::string connect_errors_;

  std::thread thread_;
};

}  // namespace reki
