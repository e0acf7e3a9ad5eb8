#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "coverage.hpp"
#include "operations.hpp"
#include "reki/actor/answer.hpp"
#include "reki/core/wire/wire.hpp"
#include "reki/node/actors/actor.hpp"
#include "reki/node/actors/executor.hpp"
#include "reki/node/guard/lease_page.hpp"
#include "rules.hpp"

namespace reki::contract {

struct Violation {
  Rule rule;
  std::string text;
};

/// Orders all that happens, also within one moment of virtual time. 0: never.
using Moment = std::uint64_t;

/// One request: what was asked, and what came of it.
struct Ask {
  std::uint32_t number = 0;
  wire::Op op = wire::Op::lookup;
  std::uint32_t key = 0;
  std::uint32_t caller = 0;  ///< Whose messages keep their order.
  std::uint32_t first = 0;   ///< The first of those with the same id: itself, if it is no repeat.
  Fence pin{};
  bool starts = false;
  std::uint32_t does = 0;
  std::uint32_t sent_in = 0;   ///< The run of a function that has sent it; 0: none.
  bool left_early = false;     ///< It has left before that function was over, which blocked.
  bool is_told_late = false;   ///< Its caller blocks, and others may run on its stack when the answer is there.
  bool is_answered_to = true;  ///< False: its outcome is told to nobody.
  Instant deadline = Instant::never();  ///< For its answer; never: whenever it left.

  Moment issued = 0;
  Moment answered = 0;
  Fence fence{};
  bool ok = false;
  bool must_not_run = false;     ///< Answered so that it is known not to be executed.
  std::uint32_t handled = 0;     ///< How often.
  std::uint32_t handled_in = 0;  ///< Run
  std::int64_t passed = 0;       ///< Oracle::passed when it was issued.
};

/// One actor object: one start.
struct Life {
  std::uint32_t key = 0;
  std::uint64_t request = 0;  ///< Whose arguments it was made with.
  Fence fence{};
  bool running = false;  ///< One of its functions.
  bool crashed = false;
  bool leaving = false;  ///< A handler that runs has asked for its end.
  bool leaves = false;   ///< Such a handler is over.
  bool goodbye = false;  ///< on_stop has begun.
  bool revoked = false;
  bool again = false;      ///< Not the first that was made with those arguments.
  StopReason said{};       ///< Of its on_stop, if that has begun.
  bool abandoned = false;  ///< Of an incarnation that is over.
  bool restored = false;
  bool ended_for_good = false;  ///< No restart follows.
  Moment made = 0;
  Moment live = 0;
  Moment closing = 0;  ///< Not before that has it been closed to messages. 0: it has not been.
  Moment proof = 0;    ///< The latest moment at which it was seen to be live.
  Moment over = 0;
  std::vector<std::uint32_t> timers{};
  struct Doubt {
    std::uint32_t ask;
    Moment answered;
  };
  std::vector<Doubt> doubts{};  ///< Answers that are wrong if it was live all the time.
};

enum class Function : std::uint8_t { construct, restore, on_start, handler, timer, on_stop, save };
enum class End : std::uint8_t { running, ok, failed, withheld };

/// One run of one function of an actor.
struct Run {
  std::uint32_t life = 0;
  Function function = Function::handler;
  End end = End::running;
  std::uint32_t ask = 0;
  std::uint64_t reopened = 0;  ///< Oracle::reopened_ at its end.
};

enum class Place : std::uint8_t { held, lost, emptied, arriving };

/// What has happened to one key.
struct Key {
  std::uint32_t life = 0;  ///< The one that is there; 0: none.
  std::uint32_t last = 0;  ///< The one before it.
  Fence latest{};
  Moment over = 0;  ///< The end of the latest life.
  Moment lost = 0;
  Instant lost_at{};
  Fence stopped{};              ///< The highest fence that a stop was answered with,
  Moment stop_answered = 0;     ///< and when.
  std::uint32_t ends = 0;       ///< Crashes and the like since the latest stop.
  std::uint32_t ends_most = 0;  ///< So many there have been at some moment.
  Place place = Place::held;
  std::uint32_t gains = 0;           ///< How often its slot has come.
  std::uint32_t losses = 0;          ///< How often it went.
  std::uint32_t wants = 0;           ///< Requests under way that may start it.
  Instant wanted = Instant{};        ///< When such a one ended last, or was sent that has no answer.
  std::vector<std::uint32_t> stops;  ///< Asks. Those that were answered go with the next end.
  std::vector<std::uint32_t> lives;  ///< By fence.
  std::vector<std::uint32_t> live;   ///< Those of them that became live.
};

/// Watches everything that actors and callers see, and holds it against the rules. Keeps the first violation.
///
/// It is told, and asks nobody but the clock and the lease. Same thread as the schedule.
class Oracle {
 public:
  Oracle(const Story& story, Clock clock, const LeasePage& page, bool prints);

  [[nodiscard]] const std::optional<Violation>& violation() const { return violation_; }
  [[nodiscard]] std::uint64_t trace() const { return trace_; }
  void break_rule(Rule rule, std::string text);

  // Requests: oracle_requests.cpp
  Ask& ask(wire::Op op, std::uint32_t key);
  Ask& of(std::uint32_t ask) { return asks_[ask]; }
  /// What it asks is known now.
  void issued(Ask& ask);
  void answered(std::uint32_t ask, const Outcome& outcome, const std::optional<Done>& done);
  /// A request that a caller has waited for in place is over.
  [[nodiscard]] bool all_answered() const { return unanswered_ == 0; }

  // Actors: oracle_actors.cpp
  std::uint32_t made(std::uint32_t key, std::uint64_t request);
  void destroyed(std::uint32_t life);
  std::uint32_t begin(std::uint32_t life, Function function, Fence fence, std::uint32_t ask = 0);
  void end(std::uint32_t run, bool ok);
  void stops(std::uint32_t life, StopReason reason);
  void leaves(std::uint32_t life);
  void blocks(std::uint32_t run);
  [[nodiscard]] const Life& life(std::uint32_t number) const { return lives_[number]; }
  [[nodiscard]] const Run& run(std::uint32_t number) const { return runs_[number]; }
  /// How many starts were made with the arguments of that request.
  [[nodiscard]] std::uint32_t starts_of(std::uint64_t request) const;

  // Timers and states: oracle_actors.cpp
  Tick timer_set(std::uint32_t life, Duration after, std::uint32_t does);
  void timer_cancelled(std::uint32_t timer);
  void timer_handled(std::uint32_t life, std::uint32_t timer);
  std::uint64_t state_saved(std::uint32_t life);
  void state_handed_over(std::uint64_t state);
  void state_restored(std::uint32_t life, std::uint64_t state);

  // The node: oracle_node.cpp
  void slot(std::uint32_t key, Place place);
  void revoked(std::uint32_t key);
  void reopened() {
    ++reopened_;
    reopened_at_ = now();
  }
  void abandoned();
  void closing();
  /// No slot is here any more, and no actor.
  void vacated();
  [[nodiscard]] bool has_actor(std::uint32_t key) const { return keys_[key].life != 0; }
  [[nodiscard]] const Key& key(std::uint32_t number) const { return keys_[number]; }
  [[nodiscard]] const TypeOptions& options(std::uint32_t key) const { return story_.types[type_of_key(key)]; }
  [[nodiscard]] std::uint32_t keys() const { return static_cast<std::uint32_t>(keys_.size()); }
  [[nodiscard]] bool has_lease() const { return now() < page_.lease_end(); }
  /// How many incarnations of the node there were before this one.
  [[nodiscard]] std::uint32_t drops() const { return drops_; }
  /// Watchers may be told that it is over.
  [[nodiscard]] bool may_end() const { return may_end_; }
  [[nodiscard]] std::uint32_t starts() const { return static_cast<std::uint32_t>(lives_.size()); }
  /// Somebody may want its actor, or have wanted it a moment ago.
  [[nodiscard]] bool may_exist(std::uint32_t key) const;
  [[nodiscard]] Instant now() const { return clock_.now(); }
  /// For the trace.
  void note(const char* what, std::uint64_t a, std::uint64_t b);
  /// The key's slot was lost so long ago that all that waits for a turn has had one.
  [[nodiscard]] bool was_long_ago(std::uint32_t key) const {
    return now() - keys_[key].lost_at > std::chrono::milliseconds(150);
  }
  /// Between two turns.
  void look();
  /// After the registry was closed. `entries`: RuntimeStats::actors.
  void at_the_end(bool closed, std::uint64_t entries);
  /// So much time has passed inside of functions.
  void passed(std::int64_t ns) { passed_ += ns; }
  [[nodiscard]] std::int64_t passed() const { return passed_; }

  Coverage coverage;

  struct Seen {
    std::uint64_t starts = 0, restarts = 0, crashes = 0, stops = 0, passivations = 0, moves = 0, restored = 0,
                  timers = 0, handled = 0, withheld = 0, asks = 0, repeats = 0;
    std::uint64_t codes[100] = {};
    void add(const Seen& other);
  };
  [[nodiscard]] const Seen& seen() const { return seen_; }

 private:
  struct Timer {
    std::uint32_t life;
    Instant due;
    int messages = 0;  ///< That exist.
    bool cancelled = false;
    bool handled = false;
  };
  struct State {
    std::uint32_t key;
    std::uint32_t life;
    bool restored = false;
  };

  [[nodiscard]] Key& key_of(const Life& life) { return keys_[life.key]; }
  [[nodiscard]] std::string name(const Life& life) const;
  [[nodiscard]] std::string name(const Ask& ask) const;
  [[nodiscard]] Moment next() { return ++moment_; }
  [[nodiscard]] std::uint32_t find_life(std::uint32_t key, Fence fence) const;

  void begin_handling(Ask& ask, const Life& life, std::uint32_t run);
  void check_sender(const Ask& ask);
  void check_may_begin(const Life& life, Function function);
  void end_start(Life& life, Run& run);
  [[nodiscard]] bool is_stop_pending_since(const Key& key, Moment since) const;
  void check_cause_of_stop(const Life& life);
  void closes(Life& life, Moment at);
  void settle_doubts(Life& life);

  void check_message_answer(Ask& ask, const Outcome& outcome, const std::optional<Done>& done);
  void check_started(const Ask& ask);
  [[nodiscard]] bool is_restart_of(std::uint32_t key, Fence first, const Life& latest) const;
  void check_found(const Ask& ask);
  void check_stop_answer(Ask& ask);
  void check_absence(const Ask& ask, bool is_gone);
  void check_restart_code(const Ask& ask, ErrorCode code);

  const Story& story_;
  const Clock clock_;
  const LeasePage& page_;
  const bool prints_;
  std::optional<Violation> violation_;
  Moment moment_ = 0;
  std::uint64_t trace_ = 0;
  std::vector<Key> keys_;
  std::deque<Ask> asks_;
  std::deque<Life> lives_;
  std::vector<Run> runs_;
  std::deque<Timer> timers_;
  std::vector<State> states_;
  std::vector<std::uint32_t> just_over_;                              ///< Lives
  absl::flat_hash_map<std::uint64_t, std::uint32_t> latest_handled_;  ///< By caller and key: the ask.
  absl::flat_hash_map<std::uint64_t, Fence>
      begun_by_;  ///< By request: the fence of the start that it was told it made.
  absl::flat_hash_map<std::uint64_t, std::uint32_t> starts_of_;
  absl::flat_hash_map<std::uint64_t, std::uint32_t> claimed_;  ///< By key and fence: the request that was told so.
  std::uint64_t reopened_ = 0;
  Instant reopened_at_{};  ///< The lease came back the last time.
  std::uint32_t drops_ = 0;
  bool may_end_ = false;
  std::int64_t passed_ = 0;
  std::size_t unanswered_ = 0;
  std::size_t existing_ = 0;
  Seen seen_;
};

}  // namespace reki::contract
