#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "reki/actor/answer.hpp"
#include "reki/actor/watch.hpp"
#include "reki/core/watch/watcher.hpp"
#include "reki/core/wire/request_body.hpp"

namespace reki {

/// The watches of a client or node: a `Watcher` each, whose questions go out with the other requests of their owner.
///
/// Of the owner's I/O thread alone, which runs the callbacks. Must outlive the questions it has given to its carrier,
/// so that it is declared before what carries them.
class Watches {
 public:
  /// One request `watch`; to any node if `node` is empty.
  struct Question {
    wire::RequestBody body;
    NodeId node;
    Instant deadline;
  };
  /// Brings questions to nodes.
  class Carrier {
   public:
    /// `done` is called on this thread, and not before this returns.
    virtual void carry(Question question, Completion done) = 0;
    /// This moment, and not the round's, which may be older than a question.
    [[nodiscard]] virtual Instant moment() const = 0;

   protected:
    ~Carrier() = default;
  };

  explicit Watches(Carrier& carrier) : carrier_(carrier) {}
  Watches(const Watches&) = delete;
  Watches& operator=(const Watches&) = delete;

  void add(WatchFilter filter, std::shared_ptr<WatchSink> sink, Instant now);
  /// The view that questions are routed by.
  void set_view(std::shared_ptr<const View> view, Instant now);
  /// Asks again what had to wait. Call at next_wake() at the latest.
  void tick(Instant now);
  [[nodiscard]] bool empty() const { return entries_.empty(); }
  [[nodiscard]] Instant next_wake() const { return wakes_.empty() ? Instant::never() : wakes_.begin()->first; }
  /// Tells all watchers that it is over.
  void close();

 private:
  struct Entry {
    Entry(WatchFilter filter, std::shared_ptr<WatchSink> s) : watcher(std::move(filter)), sink(std::move(s)) {}
    Watcher watcher;
    std::shared_ptr<WatchSink> sink;
    Instant wake = Instant::never();
  };
  using Entries = std::map<std::uint64_t, Entry>;

  static void complete(void* self, std::uint64_t watch, std::uint64_t question, Answer&& answer);
  void answered(std::uint64_t watch, Watcher::QuestionId question, const Answer& answer);
  /// Tells what is new, asks what is due; forgets a watch that was cancelled.
  void serve(Entries::iterator at, Instant now);

  Carrier& carrier_;
  std::shared_ptr<const View> view_;
  Entries entries_;
  std::uint64_t last_ = 0;
  std::set<std::pair<Instant, std::uint64_t>> wakes_;  // of those with something to ask later
};

}  // namespace reki
