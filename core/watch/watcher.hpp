#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "reki/core/base/bytes.hpp"
#include "reki/core/view/view.hpp"
#include "reki/core/watch/watch.hpp"
#include "reki/core/watch/watch_codec.hpp"

namespace reki {

/// Decides for one watch which nodes are asked what, and when, and turns their answers into what the watcher is told
/// (docs/protocol.md, section 8).
///
/// Pure; no thread safety. One question is under way with each node that matters: the key's owner, every member for a
/// type, any node for the nodes. What no node can tell is told from here: that a key has moved, that a node is gone from
/// the view, that one does not answer. So nothing is lost in silence: an event is told once, or `missed` is, or `moved`
/// with the reason `node_lost`.
class Watcher {
 public:
  struct Options {
    Duration pause_min = std::chrono::milliseconds(20);  ///< Before a node is asked again that could not answer; doubles.
    Duration pause_max = std::chrono::seconds(1);
  };
  using QuestionId = StrongId<struct WatcherQuestionTag, std::uint64_t>;
  /// To be sent to `node`; empty: to any.
  struct Question {
    QuestionId id;
    NodeId node;
    WatchPosition position;
  };

  explicit Watcher(WatchFilter filter) : Watcher(std::move(filter), Options{}) {}
  Watcher(WatchFilter filter, const Options& options);

  [[nodiscard]] const WatchFilter& filter() const { return filter_; }

  // What happens.

  /// A newer view, or the first.
  void set_view(std::shared_ptr<const View> view, Instant now);
  /// What came of a question; answers that do not matter any more are ignored. One to a node that has left is waited for, so
  /// that it must end soon.
  void answered(QuestionId id, ErrorCode code, std::string_view text, BytesView payload, Instant now);

  // What to do about it.

  /// The next one that is due. Ask until there is none, at the latest at next_wake() and after each event.
  [[nodiscard]] std::optional<Question> next_question(Instant now);
  /// `never()` while all that can be done is to wait for answers.
  [[nodiscard]] Instant next_wake() const;
  [[nodiscard]] std::optional<WatchEvent> next_event();

 private:
  /// The watch at one node.
  struct Leg {
    NodeId node;
    WatchPosition position;
    std::optional<QuestionId> asked;
    Instant due;             ///< Of the next question.
    unsigned failures = 0;   ///< In a row.
    bool unwatched = false;  ///< The watcher knows that it does not answer.
    bool late = false;       ///< Was there before it was asked; until its first answer.
    bool handed_over = false;  ///< Its last event of the key was: stopped, to move.
    bool ended = false;      ///< It has said that nothing more will come.
    bool leaves = false;     ///< By the last view that had it.
    Epoch moved;             ///< It has said that the key belongs to another node by this view; 0: it has not.
  };

  void add_leg(const NodeId& node, bool late, Instant now);
  void follow_owner(Instant now);
  void follow_members(Instant now);
  [[nodiscard]] bool is_gone(const Leg& leg) const;
  void ask_again_about_nodes(Instant now);
  void go_to(const NodeId& owner, WatchReason reason, Instant now);
  void settle_move(Leg& leg, Instant now);
  void take(Leg& leg, wire::WatchReply reply, Instant now);
  void failed(Leg& leg, ErrorCode code, std::string_view text, Instant now);
  void pause(Leg& leg, Instant now);
  [[nodiscard]] const Member* owner() const;
  WatchEvent& tell(WatchKind kind, const NodeId& node, WatchReason reason = WatchReason::none);
  void tell(const Leg& leg, WatchEvent&& event);

  const WatchFilter filter_;
  const Options options_;
  std::shared_ptr<const View> view_;
  std::vector<Leg> legs_;
  NodeId at_;  // of a key: where it was last watched
  std::uint64_t last_question_ = 0;
  std::deque<WatchEvent> events_;
};

}  // namespace reki
