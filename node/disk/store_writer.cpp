#include "reki/node/disk/store_writer.hpp"

#include <utility>

namespace reki {

StoreWriter::StoreWriter(VoterStore& store, Callbacks callbacks)
    : store_(store), callbacks_(std::move(callbacks)), thread_([this] { run(); }) {}

StoreWriter::~StoreWriter() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void StoreWriter::write(membership::Membership::Write write) {
  {
    const MutexLock lock(mutex_);
    next_ = std::move(write);
  }
  changed_.notify_one();
}

void StoreWriter::run() {
  for (;;) {
    std::optional<membership::Membership::Write> write;
    {
      const MutexLock lock(mutex_);
      while (!next_ && !stopping_) changed_.wait(mutex_);
      if (!next_) return;
      write = std::exchange(next_, std::nullopt);
    }
    if (auto stored = store_.write(write->record); !stored) return callbacks_.failed(stored.error());
    callbacks_.written({write->version});
  }
}

}  // namespace reki
