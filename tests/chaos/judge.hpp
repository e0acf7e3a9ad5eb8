#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "witness.hpp"

/// Decides from the witnesses of all processes whether a key ever had two actors that counted.
///
/// "Newer" is a start of the same key with a higher fence, and "after" is on the one clock of the machine.
namespace chaos {

enum class Kind : std::uint8_t {
  // Break the promise.
  class_a,              ///< A message was admitted to an actor after a newer start had begun.
  class_b_with_effect,  ///< An output was accepted after a newer start had begun, of a handler that was not over by then.
  duplicate_fence,      ///< Two starts of a key have one fence.
  stale_start,          ///< A start began after a newer one.
  overlap,              ///< One start of an actor ran two handlers at a time.
  after_stop,           ///< A message was admitted to a start of an actor after its own stop.
  // Allowed, and counted.
  class_b,            ///< A handler was still running after a newer start had begun, without effect.
  frozen_admission,   ///< Looks like class A, but the thread had been stopped in between: admitted before, run after.
  frozen_start,       ///< The same for a start.
  late_output,        ///< An output was accepted after a newer start had begun; its handler was over before that.
  unfinished,         ///< A handler without an end, of a process that was killed, before a newer start.
};
inline constexpr std::size_t kinds = 11;

[[nodiscard]] std::string_view name_of(Kind kind);
[[nodiscard]] bool breaks_the_promise(Kind kind);

/// A time in which a process was stopped by SIGSTOP, noted by the one who sent it: `from` before that, `to` before
/// SIGCONT.
struct Freeze {
  std::uint32_t pid = 0;
  std::int64_t from_ns = 0;
  std::int64_t to_ns = 0;
};

/// Records later than this after a thaw cannot be of what a thread had begun before it was stopped.
inline constexpr std::int64_t thaw_ns_max = 100'000'000;

/// One case, for people.
struct Example {
  Kind kind{};
  std::string key;
  WitnessRecord record;  ///< What happened.
  std::uint64_t newer_fence = 0;
  std::int64_t newer_at_ns = 0;  ///< When that start began, or the other of two things that contradict each other.
};
inline constexpr std::uint64_t examples_per_kind = 10;

struct Verdict {
  std::uint64_t records = 0;
  std::uint64_t keys = 0;
  std::uint64_t starts = 0;
  std::uint64_t handlers = 0;
  std::uint64_t outputs = 0;
  std::uint64_t take_overs = 0;  ///< Starts of a key in another process than its last one.
  std::map<Kind, std::uint64_t> counts;
  std::vector<Example> examples;  ///< At most `examples_per_kind` of each.

  [[nodiscard]] std::uint64_t count(Kind kind) const {
    const auto found = counts.find(kind);
    return found == counts.end() ? 0 : found->second;
  }
  [[nodiscard]] bool promise_is_kept() const;
};

[[nodiscard]] Verdict judge(const std::vector<WitnessRecord>& records, const std::vector<Freeze>& freezes);

}  // namespace chaos
