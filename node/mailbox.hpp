#pragma once

#include <atomic>
#include <cstdint>

#include "reki/core/waiter.hpp"

namespace reki {

/// The messages that wait for one actor: any number of producers, one consumer at a time, intrusive.
///
/// Producers push onto a stack with one exchange of its head; the consumer takes the whole stack and turns it round. So
/// messages of one producer stay in order, and the consumer touches shared memory once a batch. The head also says
/// whether somebody sees to the actor already: a push that finds it idle has to schedule it, and nobody else does.
/// (The scheme of Hewitt-style "LIFO inbox" mailboxes, as CAF's.)
class Mailbox {
 public:
  /// Starts idle.
  Mailbox() : head_(idle_mark()) {}
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  /// True if the actor was idle: schedule it.
  [[nodiscard]] bool push(Waiter* message) {
    count_.fetch_add(1, std::memory_order_relaxed);
    Waiter* head = head_.load(std::memory_order_relaxed);
    do {
      message->link = head == idle_mark() ? nullptr : head;
    } while (!head_.compare_exchange_weak(head, message, std::memory_order_acq_rel, std::memory_order_relaxed));
    return head == idle_mark();
  }
  /// Marks it as seen to without a message. True if it was idle: schedule it.
  [[nodiscard]] bool wake() {
    Waiter* expected = idle_mark();
    return head_.compare_exchange_strong(expected, nullptr, std::memory_order_acq_rel, std::memory_order_relaxed);
  }
  /// True if nobody sees to the actor and no message waits.
  [[nodiscard]] bool is_idle() const { return head_.load(std::memory_order_acquire) == idle_mark(); }
  /// Messages that wait, roughly: producers and consumer may be under way.
  [[nodiscard]] std::uint32_t size() const { return count_.load(std::memory_order_relaxed); }

  // Consumer only, which it is from being scheduled until try_idle() says true.

  /// The oldest message, or nullptr.
  Waiter* pop() {
    if (ready_ == nullptr) {
      Waiter* newest = head_.exchange(nullptr, std::memory_order_acq_rel);
      while (newest != nullptr) {
        Waiter* older = newest->link;
        newest->link = ready_;
        ready_ = newest;
        newest = older;
      }
    }
    Waiter* out = ready_;
    if (out != nullptr) {
      ready_ = out->link;
      out->link = nullptr;
      count_.fetch_sub(1, std::memory_order_relaxed);
    }
    return out;
  }
  /// Puts what `pop` gave back in front.
  void put_back(Waiter* message) {
    message->link = ready_;
    ready_ = message;
    count_.fetch_add(1, std::memory_order_relaxed);
  }
  /// Goes idle if nothing has come. After true, the caller must not touch the actor any more.
  [[nodiscard]] bool try_idle() {
    if (ready_ != nullptr) return false;
    Waiter* expected = nullptr;
    return head_.compare_exchange_strong(expected, idle_mark(), std::memory_order_acq_rel, std::memory_order_relaxed);
  }

 private:
  // An address that no message can have.
  Waiter* idle_mark() const { return reinterpret_cast<Waiter*>(const_cast<Mailbox*>(this)); }

  std::atomic<Waiter*> head_;
  Waiter* ready_ = nullptr;
  std::atomic<std::uint32_t> count_{0};
};

}  // namespace reki
