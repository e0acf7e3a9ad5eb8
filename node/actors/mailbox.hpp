#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "reki/core/activation/waiter.hpp"
#include "reki/core/base/assert.hpp"

namespace reki {

/// The messages that wait for one actor: any number of producers, one consumer at a time, intrusive.
///
/// Producers push onto a stack with one exchange of its head; the consumer takes the whole stack and turns it round. So
/// messages of one producer stay in order, and the consumer touches shared memory once a batch. The head also says how many
/// there are, and whether the actor is scheduled: a push that finds it idle has to schedule it, and nobody else does. (A
/// Treiber stack as inbox, as in CAF.)
///
/// `push` REQUIRES the shard's lock; `offer` does not, and is refused unless the actor is live.
///
/// Not a queue behind a mutex: from thread to thread 18 M messages/s pass here, 11 M/s through a deque behind a mutex
/// (`local_bench --what parts`); and an idle actor's takes 16 bytes.
class Mailbox {
 public:
  /// What the consumer has taken and not handled yet. Apart from the mailbox, so that it need not be on a cache line that
  /// producers write to.
  class Taken {
    friend class Mailbox;
    Waiter* first_ = nullptr;  // each knows how many are behind it
  };

  /// Starts idle, and closed to offers.
  Mailbox() = default;
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  enum class Offered : std::uint8_t {
    refused,  ///< It is closed: the message is still the caller's.
    taken,
    taken_and_idle,  ///< Schedule the actor.
  };
  /// Takes the message if it is open.
  [[nodiscard]] Offered offer(Waiter* message) { return add(message, closed); }
  /// Takes the message whether or not it is open. True if the actor was idle: schedule it.
  [[nodiscard]] bool push(Waiter* message) { return add(message, 0) == Offered::taken_and_idle; }
  /// Marks it as scheduled without a message. True if it was idle: schedule it.
  [[nodiscard]] bool wake() {
    std::uint64_t head = head_.load(std::memory_order_relaxed);
    while ((head & idle) != 0) {
      if (head_.compare_exchange_weak(head, head & ~idle, std::memory_order_acq_rel, std::memory_order_relaxed)) return true;
    }
    return false;
  }
  /// Whether messages that are offered are taken. What was offered before `close` stands before what is pushed after it.
  void open() { head_.fetch_and(~closed, std::memory_order_acq_rel); }
  void close() { head_.fetch_or(closed, std::memory_order_acq_rel); }
  /// True if the actor is not scheduled and no message waits.
  [[nodiscard]] bool is_idle() const { return (head_.load(std::memory_order_acquire) & idle) != 0; }
  /// Messages that wait, roughly: producers and consumer may be under way, and where many were taken it says up to a quarter
  /// too many.
  [[nodiscard]] std::size_t size() const {
    const auto pushed = static_cast<std::int64_t>(head_.load(std::memory_order_relaxed) >> count_shift);
    return static_cast<std::size_t>(std::max<std::int64_t>(0, pushed + rest_.load(std::memory_order_relaxed)));
  }

  // Consumer only, which it is from being scheduled until try_idle() says true.

  /// The oldest message, or nullptr.
  Waiter* pop(Taken& taken) {
    const std::int32_t came = taken.first_ == nullptr ? take(taken) : 0;
    Waiter* const out = taken.first_;
    if (out == nullptr) return nullptr;
    taken.first_ = out->link;
    out->link = nullptr;
    count(came + shown(out->behind) - shown(out->behind + 1));
    return out;
  }
  /// Puts what `pop` gave back in front.
  void put_back(Taken& taken, Waiter* message) {
    message->link = taken.first_;
    message->behind = taken.first_ != nullptr ? taken.first_->behind + 1 : 0;
    taken.first_ = message;
    count(shown(message->behind + 1) - shown(message->behind));
  }
  /// Goes idle if nothing has come. After true, the caller must not touch the actor any more. False: look again.
  [[nodiscard]] bool try_idle(const Taken& taken) {
    if (taken.first_ != nullptr) return false;
    std::uint64_t expected = head_.load(std::memory_order_relaxed) & closed;
    return head_.compare_exchange_strong(expected, expected | idle, std::memory_order_acq_rel, std::memory_order_relaxed);
  }

 private:
  // The head: marks, the newest message's address, which has 48 bits (as in ActivationIndex), and above it how many there
  // are, up to count_max.
  static constexpr std::uint64_t idle = 1;    ///< The actor is not scheduled; then there is no message.
  static constexpr std::uint64_t closed = 2;
  static constexpr int count_shift = 48;
  static constexpr std::uint64_t count_max = 0xffff;
  static constexpr std::uint64_t address_bits = ((std::uint64_t{1} << count_shift) - 1) & ~(idle | closed);
  static_assert(alignof(Waiter) > (idle | closed));

  static Waiter* message_of(std::uint64_t head) {
    return reinterpret_cast<Waiter*>(head & address_bits);  // NOLINT(performance-no-int-to-ptr): count and marks share its word
  }
  /// Refuses if one of those marks is there.
  Offered add(Waiter* message, std::uint64_t refuse_at) {
    const auto address = reinterpret_cast<std::uintptr_t>(message);
    REKI_ASSERT((address & ~address_bits) == 0);
    std::uint64_t head = head_.load(std::memory_order_relaxed);
    std::uint64_t count = 0;
    std::uint64_t next = 0;
    do {
      if ((head & refuse_at) != 0) return Offered::refused;
      message->link = message_of(head);
      count = head >> count_shift;
      next = address | (head & closed) | std::min(count + 1, count_max) << count_shift;
    } while (!head_.compare_exchange_weak(head, next, std::memory_order_acq_rel, std::memory_order_relaxed));
    if (count == count_max) rest_.fetch_add(1, std::memory_order_relaxed);
    return (head & idle) != 0 ? Offered::taken_and_idle : Offered::taken;
  }
  /// How many of so many are counted: to write each single one where producers look would take longer than to handle it.
  static std::int32_t shown(std::uint32_t count) {
    const std::uint32_t step = std::max(std::bit_floor(count) / 4, 1U);
    return static_cast<std::int32_t>((count + step - 1) & ~(step - 1));
  }
  void count(std::int32_t more) {
    if (more != 0) rest_.fetch_add(more, std::memory_order_relaxed);
  }
  /// Takes what was pushed. What it adds to `rest_`.
  std::int32_t take(Taken& taken) {
    Waiter* newest = message_of(head_.fetch_and(closed, std::memory_order_acq_rel));
    std::uint32_t came = 0;
    for (; newest != nullptr; ++came) {
      Waiter* const older = newest->link;
      newest->link = taken.first_;
      newest->behind = came;
      taken.first_ = newest;
      newest = older;
    }
    const auto counted_already = came > count_max ? static_cast<std::int32_t>(came - count_max) : 0;
    return shown(came) - counted_already;
  }

  std::atomic<std::uint64_t> head_{idle | closed};
  std::atomic<std::int32_t> rest_{0};  ///< Those taken, and those pushed beyond what the head can count.
};

}  // namespace reki
