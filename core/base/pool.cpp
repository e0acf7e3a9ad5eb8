#include "reki/core/base/pool.hpp"

#include <vector>

#include "reki/core/base/limits.hpp"
#include "reki/core/base/mutex.hpp"

namespace reki::detail {

constinit thread_local std::array<Magazines, Magazines::sizes> own_magazines{};

namespace {

using Block = Magazines::Block;

void free_all(Block* first) {
  while (first != nullptr) ::operator delete(std::exchange(first, first->next));
}

/// Full magazines that no thread has. Never destroyed: threads that end late look at it.
class Depot {
 public:
  static Depot& instance() {
    static auto* const depot = new Depot;
    return *depot;
  }
  Block* take(std::size_t which) {
    const MutexLock lock(mutex_);
    auto& full = full_[which];
    if (full.empty()) return nullptr;
    Block* const out = full.back();
    full.pop_back();
    bytes_ -= bytes_of(which);
    return out;
  }
  void put(Block* magazine, std::size_t which) noexcept {
    {
      const MutexLock lock(mutex_);
      if (bytes_ + bytes_of(which) <= limits::pooled_bytes_max) {
        bytes_ += bytes_of(which);
        full_[which].push_back(magazine);
        return;
      }
    }
    free_all(magazine);
  }

 private:
  static constexpr std::size_t bytes_of(std::size_t which) { return (which + 1) * Magazines::step * Magazines::capacity; }
  Depot() {
    for (std::size_t which = 0; which < full_.size(); ++which) full_[which].reserve(limits::pooled_bytes_max / bytes_of(which));
  }

  Mutex mutex_;
  std::array<std::vector<Block*>, Magazines::sizes> full_ ABSL_GUARDED_BY(mutex_);
  std::size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

enum class Keeps : unsigned char { not_yet, yes, no_more };
constinit thread_local Keeps keeps = Keeps::not_yet;

/// Frees what the thread has kept when it ends; what is deleted after that is not kept.
struct Keeper {
  Keeper() {
    keeps = Keeps::yes;
    for (auto& each : own_magazines) each.room = Magazines::capacity;
  }
  ~Keeper() {
    keeps = Keeps::no_more;
    for (auto& each : own_magazines) {
      free_all(std::exchange(each.loaded, nullptr));
      free_all(std::exchange(each.previous, nullptr));
      each.room = 0;
    }
  }
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;
};

bool keeps_what_it_deletes() {
  if (keeps == Keeps::not_yet) thread_local const Keeper keeper;
  return keeps == Keeps::yes;
}

}  // namespace

void* Magazines::reload(std::size_t which) {
  Magazines& own = own_magazines[which];
  if (keeps_what_it_deletes()) {
    own.loaded = own.previous != nullptr ? std::exchange(own.previous, nullptr) : Depot::instance().take(which);
    if (own.loaded != nullptr) {
      own.room = 1;
      return std::exchange(own.loaded, own.loaded->next);
    }
  }
  return ::operator new((which + 1) * step);
}

void Magazines::unload(void* memory, std::size_t which) noexcept {
  Magazines& own = own_magazines[which];
  if (!keeps_what_it_deletes()) return ::operator delete(memory);
  if (own.room == 0) {
    if (own.previous != nullptr) Depot::instance().put(own.previous, which);
    own.previous = own.loaded;
    own.loaded = nullptr;
    own.room = capacity;
  }
  --own.room;
  own.loaded = new (memory) Block{own.loaded};
}

}  // namespace reki::detail
