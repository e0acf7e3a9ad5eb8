#pragma once

#include <cstdint>
#include <utility>

#include "reki/core/base/ids.hpp"
#include "reki/core/base/time.hpp"
#include "reki/core/wire/request_body.hpp"

namespace reki {

/// Who sent a request: with it a retry is told from a second request. All 0 for a caller in this process.
struct RequestOrigin {
  Incarnation caller;
  RequestId id;

  explicit operator bool() const { return caller.value != 0; }
  friend bool operator==(const RequestOrigin&, const RequestOrigin&) = default;
  template <class H>
  friend H AbslHashValue(H state, const RequestOrigin& origin) {
    return H::combine(std::move(state), origin.caller.value, origin.id.value);
  }
};

/// What decides over a request, as far as the activation table looks at it.
struct Demand {
  wire::Op op = wire::Op::lookup;
  bool starts = false;              ///< May start the actor.
  bool fail_if_restarting = false;  ///< Wants `restarting` rather than to wait for a back-off.
  Instant deadline = Instant::never();
  Fence pin;                        ///< Only for this start; 0: any.
  RequestOrigin origin;
};

/// What a request asks of the activation table. `from`: who asks.
template <class Text, class Blob>
[[nodiscard]] Demand demand_of(const wire::BasicRequestBody<Text, Blob>& body, Instant deadline, RequestOrigin from) {
  const auto& [op, flags, type, key, args, fence] = body;  // type and key are where it is asked
  const bool always = op == wire::Op::start || op == wire::Op::lookup_or_start;
  const bool starts = always || (args.has_value() && op != wire::Op::lookup && op != wire::Op::stop);
  return {op, starts, (flags & wire::fail_if_restarting) != 0, deadline, fence, from};
}
/// The request anew, for another process. `args`: with which it starts, if it does.
[[nodiscard]] inline wire::RequestBody body_of(const Demand& demand, std::string_view type, std::string_view key, BytesView args) {
  const auto& [op, starts, fail_if_restarting, deadline, pin, origin] = demand;  // who carries it has deadline and origin
  return {op,
          fail_if_restarting ? static_cast<std::uint32_t>(wire::fail_if_restarting) : 0U,
          type,
          key,
          starts ? std::optional<Bytes>{args} : std::nullopt,
          pin};
}

/// A demand that waits for a key. Intrusive; owned by the list that it is in.
struct Waiter : Demand {
  /// What it waits for.
  enum class For : std::uint8_t {
    start,  ///< The start under way.
    stop,   ///< The end of the start under way.
    next,   ///< The end, and then a start of its own.
  };

  Waiter() = default;
  explicit Waiter(const Demand& demand) : Demand(demand) {}
  virtual ~Waiter() = default;
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  Waiter* link = nullptr;
  For waits_for = For::start;
  bool begins = false;  ///< It is this one's request that the start is made for.
  std::uint32_t behind = 0;  ///< In a mailbox: how many that were taken with it come after it.
};

/// First in, first out. Does not own: whoever drains it owns what comes out.
class WaiterList {
 public:
  WaiterList() = default;
  WaiterList(WaiterList&& other) noexcept { *this = static_cast<WaiterList&&>(other); }
  WaiterList& operator=(WaiterList&& other) noexcept {
    last_ = std::exchange(other.last_, nullptr);
    size_ = std::exchange(other.size_, 0);
    return *this;
  }

  [[nodiscard]] bool empty() const { return last_ == nullptr; }
  [[nodiscard]] std::size_t size() const { return size_; }
  void push(Waiter* waiter) {
    if (last_ == nullptr) {
      waiter->link = waiter;
    } else {
      waiter->link = last_->link;
      last_->link = waiter;
    }
    last_ = waiter;
    ++size_;
  }
  /// The oldest, or nullptr.
  Waiter* pop() {
    if (last_ == nullptr) return nullptr;
    Waiter* out = last_->link;
    last_->link = out->link;
    if (out == last_) last_ = nullptr;
    --size_;
    return out;
  }
  /// Puts so many of the oldest behind all others. REQUIRES: there are as many.
  void rotate(std::size_t count) {
    for (; count > 0; --count) last_ = last_->link;
  }
  /// Takes out, in order, those for which `chosen` is true.
  template <class Predicate>
  WaiterList take_if(Predicate chosen) {
    WaiterList out;
    WaiterList rest;
    while (Waiter* waiter = pop()) (chosen(*waiter) ? out : rest).push(waiter);
    *this = static_cast<WaiterList&&>(rest);
    return out;
  }
  /// The oldest of those for which `chosen` is true, or nullptr.
  template <class Predicate>
  [[nodiscard]] Waiter* first(Predicate chosen) const {
    Waiter* w = last_;
    for (std::uint32_t i = 0; i < size_; ++i) {
      w = w->link;
      if (chosen(*w)) return w;
    }
    return nullptr;
  }
  template <class Predicate>
  [[nodiscard]] bool any(Predicate chosen) const {
    return first(chosen) != nullptr;
  }

 private:
  // A ring, so that one pointer is enough: each key that has an actor has such a list.
  Waiter* last_ = nullptr;  // links to the oldest
  std::uint32_t size_ = 0;
};

}  // namespace reki
