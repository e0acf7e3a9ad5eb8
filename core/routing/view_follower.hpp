#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reki/core/base/ids.hpp"
#include "reki/core/base/random.hpp"
#include "reki/core/base/time.hpp"
#include "reki/core/routing/routed_request.hpp"
#include "reki/core/routing/router_peers.hpp"
#include "reki/core/view/view.hpp"

namespace reki {

/// Decides when one who follows a cluster's views asks for a newer one, whom, and takes the answers.
///
/// Pure but for its draws, which its seed decides; no thread safety. Two reasons to ask, and one question for all that
/// wait:
///  - A node was heard of that goes by a newer view: it is asked at once, and others if it does not answer.
///  - Requests wait for a change of the view: somebody is asked every
///    `limits::view_poll_min` to `view_poll_max`, as long as that is so.
/// The next question waits for the last one's answer, but not longer than `limits::view_poll_patience`. With each
/// question a connection to one more node is made, since those that there are may all be of no use; and after
/// `limits::seeds_after` without an answer to the addresses that were given by hand, since the nodes of the view may
/// all have gone.
///
/// When due():
///
///     if (!behind() && nothing waits) calm();
///     else connect to one_more(), connect to seeds_wanted(), send question()
class ViewFollower {
 public:
  explicit ViewFollower(std::uint64_t seed) : random_(seed) {}

  // What happens.

  /// An address to fall back on.
  void add_seed(std::string address) { seeds_.push_back(std::move(address)); }
  /// `from` has said that it goes by the view of `epoch`.
  void heard_of(Epoch epoch, PeerIndex from, Instant now);
  /// There are requests that a newer view could help.
  void trouble(Instant now);
  /// There are none any more.
  void calm();
  void installed(Epoch epoch);
  /// A question is done. Its answer waits for take_answers(): a view changes too much to be taken in the middle of a
  /// frame.
  void answered(std::unique_ptr<RoutedRequest> question) { answers_.push_back(std::move(question)); }
  /// Calls `install(view)` for each view of the cluster that has come since; not all need be newer than the last one.
  template <class Install>
  void take_answers(const std::string& cluster, Instant now, Install install) {
    while (!answers_.empty()) {
      for (const auto& question : std::exchange(answers_, {})) {
        if (!question->outcome.node) continue;  // nobody has answered
        if (auto view = view_in(question->outcome, cluster)) install(std::move(view));
        count_answer(now);
      }
    }
  }

  // What to do.

  [[nodiscard]] bool has_answers() const { return !answers_.empty(); }
  // Never before there is a first view, which somebody else has to bring.
  [[nodiscard]] bool due(Instant now) const { return now >= next(); }
  [[nodiscard]] Instant next() const { return have_.value != 0 ? next_ : Instant::never(); }
  /// True if a view is known to exist that is newer than ours.
  [[nodiscard]] bool behind() const { return seen_ > have_; }
  /// A member that nobody has wanted anything of so far; null if there is none left.
  RouterPeer* one_more(RouterPeers& peers);
  [[nodiscard]] std::span<const std::string> seeds_wanted(Instant now) const;
  /// The next question, to be sent ahead of all else: to a peer that is there, to whoever was the last to know more
  /// than we do, else to all in turn. Null if there is nobody to ask.
  std::unique_ptr<RoutedRequest> question(RouterPeers& peers, Instant now);

 private:
  static std::shared_ptr<const View> view_in(const Outcome& outcome, const std::string& cluster);
  RouterPeer* whom_to_ask(RouterPeers& peers);
  void count_question(Instant now);
  void count_answer(Instant now);
  /// For how long questions have gone unanswered; 0 if none is open.
  [[nodiscard]] Duration silence(Instant now) const { return open_ ? now - unanswered_since_ : Duration{0}; }
  Instant later(Instant now);

  // When.
  SplitMix random_;
  Epoch have_;
  Epoch seen_;
  Instant next_ = Instant::never();
  Instant asked_;
  bool open_ = false;  // a question has been asked, or would have been, since the last answer
  Instant unanswered_since_;
  int fruitless_ = 0;

  // Whom.
  std::optional<PeerIndex> informant_;  // who was the last to know more than we do
  std::uint32_t next_asked_ = 0;
  std::uint32_t next_opened_ = 0;
  std::vector<std::string> seeds_;
  std::vector<std::unique_ptr<RoutedRequest>> answers_;
};

}  // namespace reki
