#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "history/history.hpp"

/// Checks the fences that were answered, in n log n: invariant I12 of the membership protocol and what else one key
/// with at most one live actor demands.
///
/// **What a key is.** A sequence of starts, each with a greater fence than the one before. Instants of a start f are
/// ```
///   begin(f) < down(f) <= over(f) <= begin(the next start)
/// ```
/// and is live between the first two. Between the other two no actor is live, but its key is not free yet: on_stop
/// runs, or it waits for a restart. Actors end by themselves (crash, passivation, death of the node) and are started
/// without anybody being told (a supervisor's restart, an answer that was lost), so any start may exist and end at any
/// time; what answers say are the only limits. Let "in the operation" mean: from its invocation to its return. Then
/// ```
///   running f                          in the operation is an instant at which f is live
///   started f                          that too; and begin(f) is in this request, from its first try (first_tries) on;
///                                      and f was begun by no other request
///   not_running, of lookup             in the operation is an instant at which nothing is live
///   not_running, of stop; stopped      in the operation is an instant from over(f) to begin(f') for neighbours f, f'
///   stopped f                          over(f) is in the operation: stops that wait together are answered together
///   failed_unexecuted, unknown         nothing: what they did is one of the things that may happen at any time
/// ```
/// **The rules.** "A, B" stands for: A returned before B was invoked. f is A's fence, g is B's.
/// ```
///   went_back         A, B                                                                    need g >= f   (I12)
///   start_not_new     A, first try of B;  B = started g                                       need g >  f
///   two_starters      A = started g, B = started g, of different requests                     never
///   over_already      A = stopped f, B                                                        need g >  f
///   was_not_running   A, N, B;  N = not_running or stopped;  B = running, started g           need g >  f
///                     the same, N a stop;                    B = stopped g as well            need g >  f
/// ```
/// **Why each holds.** A says begin(f) <= return of A. B with g < f says begin(g), down(g) or over(g) is after that,
/// but all of them are before begin(f): went_back. begin(g) is after the first try of B, so that nobody can have heard
/// of g or a later one before it: start_not_new. over(f) <= return of A leaves nothing to f and earlier ones:
/// over_already. N has an instant without a live start (a stop: between two starts); if f had begun before N, then it,
/// and all before it, are down (over) from there on: was_not_running. A lookup's not_running does not exclude that a
/// later stop is told stopped f, since f may be down and not over.
///
/// **Why there are no others.** Sort the instants as above: begin, down, over of the least fence, then of the next...
/// Each answer gives instants a least or a greatest time: begin(f) <= returns of all that answer f; begin(f) >= first
/// try of started f; down(f) >= invocations of running f and started f; over(f) between the invocations and the returns
/// of all stopped f. Times in this order exist if and only if no least time exceeds the greatest time of the same or a
/// later instant, and each such pair of answers is one of the first four rules. Given that, let every start be live as
/// briefly as it can: then a not_running finds its instant unless one start is live (a stop: not over) at the least
/// from before it until after it, which is the fifth. `history_test` holds the rules against the search of wgl.hpp,
/// which knows none of them.
namespace reki::history {

enum class Rule : std::uint8_t { went_back, start_not_new, two_starters, over_already, was_not_running };
[[nodiscard]] std::string_view name_of(Rule rule);

struct Violation {
  Rule rule = Rule::went_back;
  Operation earlier;                 ///< A; the greatest fence of those that break the rule with `later`.
  std::optional<Operation> between;  ///< N of was_not_running.
  Operation later;                   ///< B
};

/// The rule in a sentence and the operations, a line each.
[[nodiscard]] std::string describe(const History& history, const Violation& violation);

/// Checks keys one after the other and keeps the first violations. Thread safety: none.
class FenceOrder {
 public:
  /// Keeps the `keep` violations that were answered first.
  explicit FenceOrder(std::size_t keep) : keep_(keep) {}

  /// Checks the operations of one key, which are sorted by invocation. True if there is no violation.
  bool check(std::span<const Operation> one_key);

  /// Operations that break a rule as its B, of all keys so far. One that breaks several counts once, but for
  /// two_starters, which counts apart.
  [[nodiscard]] std::uint64_t violations() const { return violations_; }
  /// By the return of the later operation.
  [[nodiscard]] std::vector<Violation> first() const;

 private:
  /// What is known at a time: of all that returned before it, the one with the greatest fence.
  class Known {
   public:
    struct Item {
      Instant returned;
      Fence fence;
      std::uint32_t earlier;  ///< Index of the operation that has the fence...
      std::uint32_t between;  ///< ...and of the one that returned, if that is another.
    };
    void clear() { items_.clear(); }
    void add(Item item) { items_.push_back(item); }
    /// Sorts; afterwards `before` may be asked.
    void seal();
    /// Null if nothing with a fence had returned.
    [[nodiscard]] const Item* before(Instant at) const;

   private:
    std::vector<Item> items_;
  };

  void learn_answers(std::span<const Operation> one_key);
  void learn_not_running(std::span<const Operation> one_key);
  void check_starters(std::span<const Operation> one_key);
  void check_operation(std::span<const Operation> one_key, std::size_t index);
  void report(Rule rule, std::span<const Operation> one_key, const Known::Item& known, std::size_t later);
  void keep(const Violation& violation);

  std::size_t keep_;
  std::uint64_t violations_ = 0;
  std::vector<Violation> first_;

  // Of the key that is being checked.
  std::vector<Instant> first_tries_;
  std::vector<std::uint32_t> starters_;  ///< Indices of started ones, by fence and then by invocation.
  Known answered_;                       ///< All fences.
  Known over_;                           ///< Of stopped ones.
  Known down_;                           ///< What was answered before a not_running, at its return.
  Known free_;                           ///< The same for those of stops.
};

}  // namespace reki::history
