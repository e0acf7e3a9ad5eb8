#pragma once

#include <utility>
#include <vector>

#include "reki/actor/registry.hpp"

namespace reki {

/// What the function of an actor that runs on this thread has sent. It leaves when the function has returned, so that
/// a crash leaves no half of its effects behind.
///
/// One at a time on a thread. Every registry that actors can send through asks `hold` first.
class Outputs {
 public:
  struct Held {
    Registry* to;
    Posting posting;
  };

  Outputs() : outer_(current_) {
    current_ = this;
    held_.swap(spare_);
  }
  ~Outputs() {
    drop(Error{ErrorCode::actor_crashed, "the sender crashed before its message left"});
    if (held_.capacity() <= spare_max) held_.swap(spare_);
  }
  Outputs(const Outputs&) = delete;
  Outputs& operator=(const Outputs&) = delete;

  /// True if a function of an actor runs on this thread, and the request is kept for its end.
  static bool hold(Registry& to, Submission& submission, Completion& done) {
    if (current_ == nullptr) return false;
    current_->held_.push_back({&to, {std::move(submission), std::move(done)}});
    return true;
  }
  /// Before a blocking call from such a function: what it has sent so far leaves now, to stay in order.
  static void release_before_blocking() {
    Outputs* const here = current_;
    if (here == nullptr || here->is_kept_) return;
    here->release();
    current_ = here;
  }
  /// Nothing leaves before its end, so that it can be held for longer.
  void keep() { is_kept_ = true; }
  /// The blocking call itself, while it lives. What is asked leaves at once, and not when the function returns, which waits for
  /// the answer; and if the thread runs something else meanwhile, that is none of this function's.
  class Blocking {
   public:
    Blocking() = default;
    ~Blocking() { end_blocking(outputs_); }
    Blocking(const Blocking&) = delete;
    Blocking& operator=(const Blocking&) = delete;

   private:
    void* const outputs_ = begin_blocking();
  };
  /// The same in two steps, for OutputHooks.
  static void* begin_blocking() {
    release_before_blocking();
    return std::exchange(current_, nullptr);
  }
  static void end_blocking(void* outputs) { current_ = static_cast<Outputs*>(outputs); }
  /// Sends what is held for a registry whose life ends: one that the function has made itself.
  static void release_to(Registry& to) {
    Outputs* const here = std::exchange(current_, nullptr);
    if (here == nullptr) return;
    for (auto& h : here->held_) {
      if (h.to != &to) continue;
      if (here->is_kept_) h.posting.done(Answer{Error{ErrorCode::unavailable, "its registry has ended before the lease was confirmed"}});
      else to.submit(std::move(h.posting.submission), std::move(h.posting.done));
    }
    std::erase_if(here->held_, [&](const Held& h) { return h.to == &to; });
    current_ = here;
  }
  /// Sends all that is held, and holds nothing more.
  void release() {
    current_ = outer_;
    for (auto& h : held_) h.to->submit(std::move(h.posting.submission), std::move(h.posting.done));
    held_.clear();
  }
  [[nodiscard]] bool empty() const { return held_.empty(); }
  /// Gives away what is held, and holds nothing more.
  [[nodiscard]] std::vector<Held> take() {
    current_ = outer_;
    return std::exchange(held_, {});
  }
  /// Answers all that is held with an error, and holds nothing more.
  void drop(const Error& error) {
    current_ = outer_;
    for (auto& h : held_) h.posting.done(Answer{error});
    held_.clear();
  }

 private:
  static constexpr std::size_t spare_max = 64;
  static constinit thread_local Outputs* current_;
  static thread_local std::vector<Held> spare_;  // memory of the last one, for the next: empty

  Outputs* outer_;
  std::vector<Held> held_;
  bool is_kept_ = false;
};

}  // namespace reki
