#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "reki/client/pending.hpp"
#include "reki/core/outbound.hpp"
#include "reki/net/mailbag.hpp"
#include "reki/net/peer_links.hpp"

namespace reki {

/// The client's input and output: takes what callers post, sends it, and brings the outcomes back.
///
/// post() and view() from any thread; all else is one thread's, the one that round() runs on. That is a thread of its
/// own here; a caller that is about to block could run round() itself instead, under a lock, and save two wake-ups.
class ClientIo {
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
  std::shared_ptr<const View> view() const;
  bool on_io_thread() const { return std::this_thread::get_id() == thread_.get_id(); }

 private:
  static void too_late(Pending& request);
  void run();
  /// Sends what there is, waits until something happens, reads it, and hands out what came of it.
  void round();
  bool nothing_to_do() const;
  void end();

  void submit(std::unique_ptr<Pending> request);
  void deliver();
  void deliver_page(std::unique_ptr<Pending> request);
  void deliver_count(Pending& part);
  bool has_left(const Pending& request) const;
  void deliver_view(const Pending& fetch);
  void fetch_view(PeerIndex from);
  Result<void> install(BytesView payload);
  void publish_view();
  void connecting_failed(const Pending& fetch, const Error& why);
  void connected(Result<void> result);

  // Constant after construction.
  const Options options_;

  // Any thread.
  Mailbag<std::unique_ptr<Pending>> mailbag_;
  std::atomic<bool> stopping_ = false;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<const View> view_;             // guarded by mutex_
  std::optional<Result<void>> connect_result_;   // guarded by mutex_

  // I/O thread only.
  zmq::context_t context_{1};
  Outbound outbound_;
  PeerLinks links_;
  Instant now_;
  std::vector<std::unique_ptr<Pending>> posted_;
  std::vector<zmq::pollitem_t> items_;
  Epoch published_;                     // of view_
  std::size_t first_fetches_ = 0;       // of the addresses, under way
  ErrorCode connect_error_ = ErrorCode::unreachable;
  std::string connect_errors_;

  std::thread thread_;
};

}  // namespace reki
