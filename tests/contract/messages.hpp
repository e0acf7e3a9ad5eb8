#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "reki/actor/message.hpp"

/// The interfaces of the actors that are tested. What one does is written in its messages and its arguments, so that a
/// list of operations says all of it.
namespace reki::contract {

/// What a handler does, in this order; any of them together.
enum Does : std::uint32_t {
  meanwhile = 1U << 0,   ///< Lets others run, and the list of operations go on, while it runs itself.
  takes_long = 1U << 1,  ///< Time passes.
  sets_timer = 1U << 2,
  cancels_timer = 1U << 3,  ///< The latest that it has set.
  sends = 1U << 4,          ///< To another, without asking for an outcome.
  calls = 1U << 5,          ///< Another, and goes on.
  asks = 1U << 6,           ///< Another, and blocks for the answer.
  gets = 1U << 7,           ///< Looks another up, or starts it, by `.get()`.
  waits = 1U << 8,          ///< The same and a call, in a task that it waits for.
  stops_other = 1U << 9,
  ends_late = 1U << 10,  ///< Time passes after all that.
  leaves = 1U << 11,     ///< stop_self
  refuses = 1U << 12,
  crashes = 1U << 13,
  throws_odd = 1U << 14,  ///< What is no std::exception.
};
inline constexpr std::uint32_t does_count = 15;
inline constexpr std::uint32_t does_block = Does::asks | Does::gets | Does::waits;

/// What the other functions of one start do.
enum Plan : std::uint32_t {
  constructor_throws = 1U << 0,
  constructor_slow = 1U << 1,
  start_fails = 1U << 2,
  start_throws = 1U << 3,
  start_slow = 1U << 4,
  start_meanwhile = 1U << 5,
  start_sets_timer = 1U << 6,
  start_sends = 1U << 7,
  start_leaves = 1U << 8,
  restarts_fail = 1U << 9,  ///< Each start but the first throws in on_start, until there were four.
  stop_throws = 1U << 10,
  stop_slow = 1U << 11,
  stop_sends = 1U << 12,
  stop_meanwhile = 1U << 13,
  saves = 1U << 14,
  save_throws = 1U << 15,
  restore_throws = 1U << 16,
  restore_fails = 1U << 17,
};
inline constexpr std::uint32_t plan_count = 18;

/// Whose timer it is, and how many of its messages exist: so that one that ought to be gone is seen.
class TimerToken {
 public:
  TimerToken() = default;
  explicit TimerToken(int& count) : count_(&count) { ++count; }
  TimerToken(const TimerToken& other) : count_(other.count_) {
    if (count_ != nullptr) ++*count_;
  }
  TimerToken& operator=(TimerToken other) {
    std::swap(count_, other.count_);
    return *this;
  }
  ~TimerToken() {
    if (count_ != nullptr) --*count_;
  }

 private:
  int* count_ = nullptr;
};

struct Done {
  std::uint64_t fence = 0;  ///< Of the start that has done it.
  std::uint64_t ask = 0;
  static constexpr auto fields = reki::fields("fence", &Done::fence, "ask", &Done::ask);
};
struct Work {
  static constexpr std::string_view name = "work";
  using Reply = Done;
  std::uint64_t ask = 0;  ///< Its number in the oracle.
  std::uint32_t does = 0;
  std::uint32_t amount_us = 0;
  std::uint32_t to = 0;         ///< The other's key.
  std::uint32_t then_does = 0;  ///< What the other does.
  static constexpr auto fields = reki::fields("ask", &Work::ask, "does", &Work::does, "amount_us", &Work::amount_us,
                                              "to", &Work::to, "then_does", &Work::then_does);
};
struct Tick {
  static constexpr std::string_view name = "tick";
  std::uint64_t timer = 0;  ///< Its number in the oracle.
  std::uint32_t does = 0;
  TimerToken token{};
  static constexpr auto fields = reki::fields("timer", &Tick::timer, "does", &Tick::does);
};
struct Args {
  static constexpr std::string_view name = "args";
  std::uint64_t request = 0;  ///< The first of those with the same id.
  std::uint32_t key = 0;
  std::uint32_t plan = 0;
  std::uint32_t amount_us = 0;
  std::uint32_t to = 0;
  static constexpr auto fields = reki::fields("request", &Args::request, "key", &Args::key, "plan", &Args::plan,
                                              "amount_us", &Args::amount_us, "to", &Args::to);
};

/// What all types have in common: they differ in their options alone.
struct SubjectInterface {
  using Messages = reki::Messages<Work, Tick>;
  using Args = contract::Args;
};
struct Plain : SubjectInterface {
  static constexpr std::string_view type = "plain";
};
struct Other : SubjectInterface {
  static constexpr std::string_view type = "other";
};
/// Its type is `blocking`.
struct Asker : SubjectInterface {
  static constexpr std::string_view type = "asker";
};

inline constexpr std::uint32_t type_count = 3;
inline constexpr std::uint32_t blocking_type = 2;
inline constexpr std::string_view type_names[type_count] = {Plain::type, Other::type, Asker::type};
/// Keys are numbers, of which each third is of the same type.
inline constexpr std::uint32_t type_of_key(std::uint32_t key) { return key % type_count; }
inline std::string name_of_key(std::uint32_t key) { return "k" + std::to_string(key); }

/// Calls `use.template operator()<A>()` with the key's interface.
template <class Use>
decltype(auto) with_interface(std::uint32_t key, Use&& use) {
  switch (type_of_key(key)) {
    case 0:
      return use.template operator()<Plain>();
    case 1:
      return use.template operator()<Other>();
    default:
      return use.template operator()<Asker>();
  }
}

}  // namespace reki::contract
