#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reki/core/base/error.hpp"
#include "reki/core/base/ids.hpp"
#include "reki/core/base/time.hpp"

/// What clients asked of keys, what they were told, and when: recorded by the simulator and by chaos tests, and judged
/// afterwards by fence_order.hpp and wgl.hpp (both at once: check.hpp). history_file.hpp has its form in a file.
namespace reki::history {

enum class Call : std::uint8_t { lookup_or_start, lookup, stop };

enum class Answer : std::uint8_t {
  running,            ///< lookup_or_start, lookup: the actor with this fence was live, and not started for this call.
  started,            ///< lookup_or_start: the actor with this fence was started for this very request.
  not_running,        ///< lookup, stop.
  stopped,            ///< stop: the start with this fence is over. Fence 0: it was not told which.
  failed_unexecuted,  ///< An error which promises that this request never began a start or a stop, and never will.
  unknown,            ///< No answer, or an error that does not promise that (deadline_exceeded does not, since a start
                      ///< that has begun goes on): it may take effect at any time from its invocation on, or never.
};

[[nodiscard]] std::string_view name_of(Call call);
[[nodiscard]] std::string_view name_of(Answer answer);
/// "epoch:start", as in history files.
[[nodiscard]] std::string to_text(Fence fence);

/// One call of one client on one key. 48 bytes, since a history may hold ten million.
struct Operation {
  std::uint32_t key = 0;      ///< Of History::key.
  std::uint32_t client = 0;   ///< Of History::new_client.
  std::uint64_t request = 0;  ///< Operations of one client that share it are tries of one request; 0: the only try.
  /// Before it was sent, and after the answer was there, on a clock that all clients of the history share.
  Instant invoked;
  Instant returned = Instant::never();  ///< never() if and only if `unknown`.
  Fence fence;                          ///< 0 where the answer has none.
  Call call = Call::lookup;
  Answer answer = Answer::unknown;
  std::uint16_t file = 0;  ///< Where it was read: a number of History::new_file and a line; 0 if it was not read.
  std::uint32_t line = 0;
};

/// True if a was answered before b was sent. Equal times count as concurrent: a clock's tick may hold both.
[[nodiscard]] constexpr bool precedes(const Operation& a, const Operation& b) { return a.returned < b.invoked; }
/// True if the answer says something about the key.
[[nodiscard]] constexpr bool is_answered(const Operation& o) {
  return o.answer != Answer::unknown && o.answer != Answer::failed_unexecuted;
}
/// True if the answer says that an actor was live.
[[nodiscard]] constexpr bool is_live(const Operation& o) {
  return o.answer == Answer::running || o.answer == Answer::started;
}

/// Operations with the names that their numbers stand for. Thread safety: none.
class History {
 public:
  /// The number of a key; the same for the same name.
  std::uint32_t key(std::string_view name);
  /// A new number with each call: clients of two files are two, whatever they are called.
  std::uint32_t new_client(std::string_view name);
  /// Fails with `invalid_argument` at the 65536th.
  Result<std::uint16_t> new_file(std::string_view name);

  /// Adds an operation, in any order; the `returned` of an unknown one becomes never(). Fails with `invalid_argument`,
  /// and adds nothing, if no such call can have such an answer or the times are not in order: a mistake of the
  /// recorder.
  Result<void> add(Operation operation);

  [[nodiscard]] const std::string& key_name(std::uint32_t key) const { return keys_[key]; }
  [[nodiscard]] const std::string& client_name(std::uint32_t client) const { return clients_[client]; }
  [[nodiscard]] std::size_t size() const { return operations_.size(); }

  /// All operations, in groups of one key each, in a group by invocation. Sorts them if any was added since the last
  /// time: n log n, in place. The span and numbers into it are valid until the next `add`.
  [[nodiscard]] std::span<const Operation> by_key();
  /// Calls f(span of the operations of one key) for each key that has any.
  template <class F>
  void for_each_key(F f) {
    const auto all = by_key();
    for (std::size_t begin = 0, end = 0; begin < all.size(); begin = end) {
      while (end < all.size() && all[end].key == all[begin].key) ++end;
      f(all.subspan(begin, end - begin));
    }
  }

  /// "a#17 lookup_or_start(cart/42) = started 5:1 from 0.000001000 to 0.000002000 s [a.history:12]", for people.
  [[nodiscard]] std::string describe(const Operation& operation) const;

 private:
  std::deque<std::string> keys_;  ///< Their addresses stay, for key_numbers_.
  absl::flat_hash_map<std::string_view, std::uint32_t> key_numbers_;
  std::vector<std::string> clients_;
  std::vector<std::string> files_{""};
  std::vector<Operation> operations_;
  bool sorted_ = true;
};

/// For each of the operations of one key, when its request was first tried: the least `invoked` of the tries of it that
/// may have been executed, its own included. Only a lookup_or_start has tries that count together.
///
/// A node that knows a request again tells its caller that this request started the actor, though it was an earlier try
/// that did; so the start may be older than the try that is told of it.
void first_tries(std::span<const Operation> one_key, std::vector<Instant>& out);

}  // namespace reki::history
