#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "reki/core/base/cond_var.hpp"
#include "reki/core/config/config.hpp"
#include "reki/net/etcd/etcd_json.hpp"

namespace reki::etcd {

struct Options {
  std::vector<std::string> endpoints;  ///< As in the config; at least one.
  Keys keys;
  // Paths of PEM files; may be empty.
  std::string ca;
  std::string cert;
  std::string key;
};
/// `bad_config` if the config wants an etcd and this program was linked without libcurl.
[[nodiscard]] Result<void> usable(const Config& config);
/// REQUIRES: the config has an [etcd]. Paths are relative to its file.
[[nodiscard]] Options options_of(const Config& config);

/// Carries transactions out over etcd's JSON gateway, one after the other, on a connection that is kept. After a failure
/// the next endpoint has its turn. Proxies that the environment names are not used.
///
/// One thread. Without libcurl each transaction fails with `bad_config`.
class Connection {
 public:
  explicit Connection(Options options);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Blocks for `timeout` at most (resolving a name may take longer). The text of an error names the endpoint. Fails with
  ///   - `unreachable`: there was no connection; nothing was sent
  ///   - `bad_config`: certificates do not fit; nothing was sent
  ///   - `unknown_outcome`, `malformed_frame`: the transaction may have taken effect, or may do so later
  [[nodiscard]] Result<membership::EtcdReply> ask(const membership::EtcdTxn& txn, Duration timeout);

 private:
  struct Curl;
  [[nodiscard]] Result<membership::EtcdReply> ask_at(const std::string& endpoint, const membership::EtcdTxn& txn,
                                                     Duration timeout);
  const Options options_;
  std::size_t next_ = 0;
  std::unique_ptr<Curl> curl_;
};

/// A connection on a thread of its own: for one transaction at a time, each of which gets a reply.
class Client {
 public:
  /// `error` is empty unless the outcome is `unknown`.
  using Answered = std::function<void(membership::EtcdReply reply, std::string error)>;
  /// `answered` is called on the client's thread.
  Client(Options options, Answered answered);
  /// Waits for the one under way.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Any thread. The transaction has `timeout`. REQUIRES: the one before has been answered.
  void ask(membership::EtcdTxn txn, Duration timeout);

 private:
  void run();

  Connection connection_;  // the client's thread only
  const Answered answered_;
  Mutex mutex_;
  CondVar changed_;
  std::optional<membership::EtcdTxn> next_ ABSL_GUARDED_BY(mutex_);
  Duration timeout_ ABSL_GUARDED_BY(mutex_){0};  // of the next
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace reki::etcd
