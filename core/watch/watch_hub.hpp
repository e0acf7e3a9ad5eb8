#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "reki/core/base/bytes.hpp"
#include "reki/core/base/intrusive_list.hpp"
#include "reki/core/view/slot_set.hpp"
#include "reki/core/watch/event_log.hpp"
#include "reki/core/watch/watch.hpp"

namespace reki {

/// A watcher's question, with whatever its asker adds to know where the answer goes.
struct WatchQuestion : ListHook<struct WatchQuestionTag> {
  WatchQuestion() = default;
  virtual ~WatchQuestion() = default;

  std::string key;         ///< Empty: all keys of the type.
  std::uint64_t hash = 0;  ///< hash_key of it, for `release`.
  WatchPosition position;  ///< Where the watcher has got to.
  Instant deadline;        ///< Answered by then, with no events if need be.
  std::uint64_t order = 0; ///< Of its hub: of two that are due at the same time the older is answered first.
};

/// Decides what a node answers to those who watch one of its types: keeps the events, and holds open the questions to
/// which there is nothing to tell yet.
///
/// Pure. REQUIRES the type's lock; answers are sent outside of it. Events are kept from the first question until
/// `watch_keep_time` after the last. While `recording` is false `publish` has no effect: a type that nobody watches costs
/// the reading of a flag. Watchers themselves are not remembered.
class WatchHub {
 public:
  struct Options {
    EventLog::Options log;
    std::size_t open_max = limits::watches_open_max;
    Duration keep_time = limits::watch_keep_time;
  };
  /// A question that is over, and its payload.
  struct Answered {
    std::unique_ptr<WatchQuestion> question;
    Result<Bytes> payload;
  };
  /// The present state of what is asked about.
  struct Present {
    WatchEvent event;      ///< Told to a watcher without a position that can be resumed from, after the events.
    bool at_once = false;  ///< Told in any case, without waiting.
  };

  WatchHub(Incarnation incarnation, const Options& options) : options_(options), incarnation_(incarnation), log_(options.log) {}
  ~WatchHub();
  WatchHub(const WatchHub&) = delete;
  WatchHub& operator=(const WatchHub&) = delete;

  [[nodiscard]] bool recording() const { return recording_; }
  /// Something has happened. Adds the questions that it answers. No effect unless recording().
  void publish(WatchEvent event, std::vector<Answered>& out);
  /// Answers, or holds the question open: `overloaded` if there are too many. REQUIRES: nothing about what is asked was
  /// published since `present` was read.
  void ask(std::unique_ptr<WatchQuestion> question, const Present& present, Instant now, std::vector<Answered>& out);
  /// Answers those that have waited long enough, and gives up recording if nobody has asked for long.
  void tick(Instant now, std::vector<Answered>& out);
  /// Answers, without events, the questions about keys for which `chosen(hash)`: another node may have the answer now.
  template <class Predicate>
  void release(Predicate chosen, std::vector<Answered>& out) {
    for (auto at = open_.begin(); at != open_.end();) {
      WatchQuestion& question = **at++;
      if (!question.key.empty() && chosen(question.hash)) answer(question, out);
    }
  }
  /// These slots were gained: what happened to their keys before is not known here. Who asks about one with an older
  /// position is told `missed`.
  void gain(const SlotSet& slots, std::vector<Answered>& out);
  /// Events from now on are answered by close() only, all together with the end: the node might be gone between two
  /// answers.
  void hold_back();
  /// Answers all questions, those to come too, with `ended` at the end.
  void close(WatchEvent ended, std::vector<Answered>& out);
  /// Of an incarnation that a view has dropped: all questions are refused as `unavailable`, those to come too.
  void abandon(std::vector<Answered>& out);
  [[nodiscard]] std::size_t open() const { return open_.size(); }

 private:
  struct Sooner {
    bool operator()(const WatchQuestion* a, const WatchQuestion* b) const {
      return a->deadline != b->deadline ? a->deadline < b->deadline : a->order < b->order;
    }
  };
  struct Gain {
    std::uint64_t sequence;
    SlotSet slots;
  };
  using Asking = IntrusiveList<WatchQuestion, WatchQuestionTag>;

  /// What there is to tell now, or nothing. Without `present`: only what has happened.
  std::optional<Bytes> reply_to(const WatchQuestion& question, const Present* present) const;
  /// The position of who has been told `ended`: beyond all events.
  [[nodiscard]] WatchPosition after_end() const { return {incarnation_, log_.last() + 1}; }
  [[nodiscard]] bool gained_since(const WatchQuestion& question) const;
  void hold(std::unique_ptr<WatchQuestion> question);
  std::unique_ptr<WatchQuestion> let_go(WatchQuestion& question);
  void answer(WatchQuestion& question, std::vector<Answered>& out);
  void answer_all(Asking& asking, const Bytes& payload, std::vector<Answered>& out);

  const Options options_;
  const Incarnation incarnation_;
  EventLog log_;
  bool recording_ = false;
  bool held_back_ = false;
  bool abandoned_ = false;
  std::deque<Gain> gains_;            // while recording
  std::uint64_t gains_known_since_ = 0;  // those of lower numbers are forgotten
  std::optional<WatchEvent> ended_;
  Instant asked_;  // last

  std::uint64_t last_order_ = 0;
  // Owns what is held open.
  std::set<WatchQuestion*, Sooner> open_;
  Asking of_type_;
  std::unordered_map<std::string, Asking> of_key_;  // none of them empty
};

}  // namespace reki
