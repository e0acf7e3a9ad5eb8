#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "messages.hpp"
#include "reki/actor/answer.hpp"
#include "reki/core/watch/watch.hpp"
#include "reki/core/wire/wire.hpp"
#include "reki/node/actors/executor.hpp"
#include "reki/node/guard/lease_page.hpp"
#include "rules.hpp"

namespace reki::cluster {

struct Violation {
  Rule rule;
  std::string text;
};

/// What is true of one process, whatever it knows of itself.
struct Host {
  std::string name;  ///< "n1/3": the third process of n1.
  LeasePage page;
  Incarnation incarnation;
  bool alive = true;
  bool paused = false;
  Instant runs_since;        ///< It stood still before.
  Instant last_lease_end;    ///< The latest there was.
  std::uint64_t resumes = 0;  ///< How often its lease has gone on after its end.
};
using HostPtr = std::shared_ptr<Host>;

/// Of timers' messages: in no order with others.
inline constexpr std::uint32_t no_sender = UINT32_MAX;

/// One request: what was asked, and what came of it.
struct Ask {
  std::uint32_t number = 0;
  wire::Op op = wire::Op::lookup;
  std::uint32_t key = 0;
  std::uint32_t sender = 0;  ///< Whose messages keep their order.
  std::uint32_t sent_in = 0;  ///< The run of a function that has sent it; 0: none.
  Fence pin{};
  Instant deadline;
  Fence floor{};  ///< The highest that was known of the key when it was asked.
  Fence begun{};  ///< The newest start of the key then.
  bool is_answered_to = true;
  std::uint64_t way = 0;    ///< The connection on which it was sent last; 0: it has stayed in its process.
  std::uint64_t place = 0;  ///< Among all that were sent.

  std::uint32_t answers = 0;
  std::uint32_t handled = 0;
  std::uint32_t handled_in = 0;  ///< Run
  bool must_not_run = false;     ///< Answered so that it is known not to be executed.
};

/// One actor object: one start.
struct Life {
  std::uint32_t key = 0;
  std::uint64_t ask = 0;  ///< With whose arguments it was made.
  Fence fence{};
  HostPtr host;
  Incarnation incarnation;
  std::uint32_t running = 0;  ///< The run of its function; 0: none.
  bool revoked = false;
  bool over = false;
  Instant over_at{};
  bool has_started = false;  ///< `on_start` has ended well.
  bool failed = false;  ///< `on_start` ended without the lease: it is no start.
  /// Host::resumes when its slot was revoked or its incarnation was dropped: what was held back then is dropped.
  std::optional<std::uint64_t> last_resume{};
};

/// One run of one function of an actor.
struct Run {
  std::uint32_t life = 0;
  bool starts = false;        ///< `on_start`
  bool ended = false;
  bool withheld = false;      ///< It ended without the lease.
  bool has_waited = false;    ///< For an answer: what it had sent has left before it has ended.
  std::uint64_t resumes = 0;  ///< Of its host, at its end.
};

/// Sees what no node can: all of them at once, and true time. It is told what actors, callers and nodes see, and holds it
/// against the rules. Keeps the first violation.
///
/// Same thread as the schedule.
class Oracle {
 public:
  Oracle(Clock clock, std::uint32_t keys, bool prints);

  [[nodiscard]] const std::optional<Violation>& violation() const { return violation_; }
  [[nodiscard]] std::uint64_t trace() const { return trace_; }
  void break_rule(Rule rule, std::string text);
  void note(const std::string& what);

  // Requests
  Ask& ask(wire::Op op, std::uint32_t key);
  Ask& of(std::uint32_t ask) { return asks_[ask]; }
  void issued(Ask& ask);
  void answered(std::uint32_t ask, const Answer& answer, const std::optional<Done>& done);
  /// It leaves on a connection, perhaps again.
  void transmitted(std::uint32_t ask, std::uint64_t way);
  /// A request of a client leaves that may start or stop an actor, perhaps again: of that sender and with this id.
  using RequestKey = std::pair<std::uint32_t, std::uint64_t>;
  void requested(const RequestKey& request, wire::Op op, std::uint32_t key) { requested_.try_emplace(request, op, key); }
  /// A node answers such a one, or another.
  void replied(const HostPtr& host, const RequestKey& request, const wire::Reply& reply);
  /// What an actor that still lives is told of a message that it has sent.
  void told_sender(std::uint32_t ask, const Answer& answer);
  [[nodiscard]] std::size_t unanswered() const { return unanswered_; }
  [[nodiscard]] Fence known(std::uint32_t key) const { return keys_[key].known; }
  /// For lists: the lives that are there for everybody to see.
  [[nodiscard]] std::vector<std::uint32_t> lives_there() const;
  [[nodiscard]] bool is_there(std::uint32_t life) const;
  [[nodiscard]] std::uint32_t key_of(std::uint32_t life) const { return lives_[life].key; }
  /// At any time since then, or its start was under way.
  [[nodiscard]] bool may_have_existed(std::uint32_t key, Instant since) const;
  void watched(std::uint32_t watcher, std::uint32_t key, const WatchEvent& event);

  // Actors
  std::uint32_t made(const HostPtr& host, std::uint32_t key, std::uint64_t ask);
  void destroyed(std::uint32_t life);
  /// Returns the run; 0: its process is dead, so that nobody sees it.
  std::uint32_t begin(std::uint32_t life, Fence fence, const char* function, std::uint32_t ask = 0);
  void end(std::uint32_t run);
  /// It waits for an answer now.
  void waits(std::uint32_t run) {
    runs_[run].has_waited = true;
    ++seen.waits;
  }
  std::uint64_t state_saved(std::uint32_t life);
  void state_restored(std::uint32_t life, std::uint64_t state);

  // Nodes
  void revoked(const HostPtr& host, const std::function<bool(std::uint32_t key)>& is_among);
  /// The host goes on as another incarnation.
  void dropped(const HostPtr& host);
  void look_at_leases();
  void add(const HostPtr& host) { hosts_.push_back(host); }

  struct Seen {
    std::uint64_t asks = 0, handled = 0, starts = 0, withheld = 0, moves = 0, restored = 0, watched = 0, zombies = 0, waits = 0, lists = 0;
    std::uint64_t codes[100] = {};
    void add(const Seen& other);
  };
  Seen seen;

 private:
  struct Key {
    Fence begun{};  ///< The highest of a start of which something has begun.
    Fence known{};  ///< The highest that a caller was told.
    Instant may_start_until{};  ///< The deadlines of what may start it.
    std::vector<std::uint32_t> lives;
    std::map<Fence, std::uint32_t> claimed;  ///< By `start`s that were answered ok.
  };
  struct State {
    std::uint32_t key;
    Fence of;  ///< Of the start that has left it.
    bool restored = false;
  };

  [[nodiscard]] Instant now() const { return clock_.now(); }
  [[nodiscard]] bool has_lease(const Life& life) const;
  [[nodiscard]] bool may_take_effect(const Run& run) const;
  [[nodiscard]] std::string name(const Life& life) const;
  [[nodiscard]] static std::string name(const Ask& ask);
  [[nodiscard]] std::uint32_t find_life(std::uint32_t key, Fence fence) const;
  void check_begin(Life& life, const char* function);
  void handle(Ask& ask, const Life& life, std::uint32_t run);
  void check_order(const Ask& ask, std::uint32_t life);
  void check_call(Ask& ask, const Answer& answer, const std::optional<Done>& done);
  void check_start(Ask& ask, const Answer& answer);

  const Clock clock_;
  const bool prints_;
  std::optional<Violation> violation_;
  std::uint64_t trace_ = 0;
  std::vector<Key> keys_;
  std::deque<Ask> asks_;
  std::deque<Life> lives_;
  std::vector<Run> runs_;
  std::vector<State> states_;
  std::vector<HostPtr> hosts_;
  /// By sender, way and life: the ask.
  std::map<std::tuple<std::uint32_t, std::uint64_t, std::uint32_t>, std::uint32_t> last_handled_;
  std::map<RequestKey, std::pair<wire::Op, std::uint32_t>> requested_;
  /// By request, process and incarnation of the node: the start that was made or ended for it.
  std::map<std::tuple<RequestKey, const Host*, std::uint64_t>, Fence> done_;
  std::uint64_t transmissions_ = 0;
  std::map<std::pair<std::uint32_t, std::uint32_t>, Fence> last_told_;             ///< By watcher and key.
  std::size_t unanswered_ = 0;
};

}  // namespace reki::cluster
