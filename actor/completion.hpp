#pragma once

#include <cstdint>
#include <utility>

#include "reki/actor/user_code.hpp"
#include "reki/core/base/owned.hpp"
#include "reki/core/base/pool.hpp"

namespace reki {

struct Answer;  // answer.hpp
class Envelope;
struct EnvelopeDelete {
  void operator()(Envelope* envelope) const;
};
using EnvelopePtr = Owned<Envelope, EnvelopeDelete>;

/// The one place that an answer goes to. Move-only; must be called exactly once, on any thread.
///
/// A function and three words instead of std::function, because one sits in every message and most of them are
/// made and answered without an allocation. One that is destroyed unanswered answers `internal`: a caller may
/// be told of our bug, but never be left to hang.
class Completion {
 public:
  using Function = void (*)(void* context, std::uint64_t a, std::uint64_t b, Answer&& answer);

  Completion() = default;
  Completion(Function function, void* context, std::uint64_t a = 0, std::uint64_t b = 0)
      : function_(function), context_(context), a_(a), b_(b) {}
  Completion(Completion&& other) noexcept
      : function_(std::exchange(other.function_, nullptr)), context_(other.context_), a_(other.a_), b_(other.b_) {}
  Completion& operator=(Completion&& other) noexcept {
    std::swap(function_, other.function_);
    std::swap(context_, other.context_);
    std::swap(a_, other.a_);
    std::swap(b_, other.b_);
    return *this;
  }
  ~Completion() {
    if (function_ != nullptr) answer_dropped();
  }

  explicit operator bool() const { return function_ != nullptr; }
  void operator()(Answer&& answer) {
    if (Function f = std::exchange(function_, nullptr)) f(context_, a_, b_, std::move(answer));
  }

  /// Wraps any callable; allocates. What it throws ends here.
  template <class Callback>
  static Completion of(Callback callback) {
    struct Kept : PoolAllocated {
      explicit Kept(Callback&& c) : callback(std::move(c)) {}
      Callback callback;
    };
    return Completion{[](void* context, std::uint64_t, std::uint64_t, Answer&& answer) {
                        const Owned<Kept> kept(static_cast<Kept*>(context));
                        detail::call_back(kept->callback, std::move(answer));
                      },
                      new Kept(std::move(callback))};
  }

 private:
  void answer_dropped();

  Function function_ = nullptr;
  void* context_ = nullptr;
  std::uint64_t a_ = 0;
  std::uint64_t b_ = 0;
};

}  // namespace reki
