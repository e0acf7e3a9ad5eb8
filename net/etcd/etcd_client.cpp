#include "reki/net/etcd/etcd_client.hpp"

#include <filesystem>
#include <utility>

namespace reki::etcd {
namespace {

std::string beside(const Config& config, const std::string& path) {
  if (path.empty()) return path;
  return (std::filesystem::path(config.file).parent_path() / path).string();
}

}  // namespace

Options options_of(const Config& config) {
  const EtcdConfig& etcd = *config.etcd;
  return {etcd.endpoints, keys_of(etcd.prefix, config.cluster), beside(config, etcd.ca), beside(config, etcd.cert),
          beside(config, etcd.key)};
}

Client::Client(Options options, Answered answered)
    : connection_(std::move(options)), answered_(std::move(answered)), thread_([this] { run(); }) {}

Client::~Client() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void Client::ask(membership::EtcdTxn txn, Duration timeout) {
  {
    const MutexLock lock(mutex_);
    next_ = std::move(txn);
    timeout_ = timeout;
  }
  changed_.notify_one();
}

void Client::run() {
  for (;;) {
    std::optional<membership::EtcdTxn> txn;
    Duration timeout{0};
    {
      const MutexLock lock(mutex_);
      while (!next_ && !stopping_) changed_.wait(mutex_);
      if (stopping_) return;
      txn = std::exchange(next_, std::nullopt);
      timeout = timeout_;
    }
    auto reply = connection_.ask(*txn, timeout);
    if (reply) {
      answered_(std::move(*reply), {});
      continue;
    }
    membership::EtcdReply unknown;
    unknown.number = txn->number;
    answered_(std::move(unknown), std::move(reply.error().text));
  }
}

}  // namespace reki::etcd
