#pragma once

#include <functional>
#include <optional>
#include <thread>

#include "reki/core/base/cond_var.hpp"
#include "reki/core/membership/membership.hpp"
#include "reki/node/disk/voter_store.hpp"

namespace reki {

/// Writes a voter's record on a thread of its own: an fsync may take long, and a renewal must not wait for it.
///
/// Only the latest record is of interest: what is handed over while another is being written replaces what waits.
class StoreWriter {
 public:
  struct Written {
    std::uint64_t version = 0;
  };
  /// Called on the writer's thread. After `failed` nothing is written any more: what the disk has is not known, and the
  /// process must end (Rebello et al., "Can Applications Recover from fsync Failures?").
  struct Callbacks {
    std::function<void(Written)> written;
    std::function<void(const Error&)> failed;
  };
  /// `store` must outlive this.
  StoreWriter(VoterStore& store, Callbacks callbacks);
  /// What was handed over is written first.
  ~StoreWriter();
  StoreWriter(const StoreWriter&) = delete;
  StoreWriter& operator=(const StoreWriter&) = delete;

  void write(membership::Membership::Write write);

 private:
  void run();

  VoterStore& store_;
  const Callbacks callbacks_;
  Mutex mutex_;
  CondVar changed_;
  std::optional<membership::Membership::Write> next_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace reki
