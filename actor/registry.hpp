#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reki/actor/operation.hpp"
#include "reki/actor/schema.hpp"
#include "reki/actor/watch.hpp"

namespace reki {

template <Interface A>
class ActorRef;

/// The keys of one page; an empty cursor ends the list.
struct Page {
  std::vector<std::string> keys;
  Bytes cursor;
};

template <Interface A>
class StartResult;

namespace detail {
/// A default that is no temporary: in an expression with co_await GCC 12 copies one that is written as {} bytewise, and destroys both.
template <Interface A>
const ArgsOf<A>& no_args() {
  static const ArgsOf<A> none{};
  return none;
}
}  // namespace detail

/// Gives the actor for a key, starts it if it is not running, and never lets there be two.
///
/// The same calls inside one process (`LocalRegistry`), in a node (`Node`) and from outside (`Client`).
/// In a coroutine give a name to arguments that hold strings, and no braces in the call: GCC 12 destroys such a temporary twice.
/// Thread-safe. Must outlive every ref; destroying it answers what is under way with `shutting_down`, and a message that
/// may have been executed elsewhere with `unknown_outcome`.
class Registry {
 public:
  Registry() = default;
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;
  virtual ~Registry() = default;

  // One key. Each returns a Runnable: `.get()`, `.then(callback)` or `co_await` it.

  /// Finds the actor or starts it with `args`; the ref says which.
  template <Interface A>
  Operation<ActorRef<A>> lookup_or_start(std::string_view key, const ArgsOf<A>& args = detail::no_args<A>(), CallOptions options = {});
  /// Never starts; `not_running` if there is none. The ref never starts the actor either.
  template <Interface A>
  Operation<ActorRef<A>> lookup(std::string_view key, CallOptions options = {});
  /// `already_started` if there is one, or if another's start of it comes first: answered once that one is live, with its ref.
  template <Interface A>
  Operation<ActorRef<A>, StartResult<A>> start(std::string_view key, const ArgsOf<A>& args = detail::no_args<A>(), CallOptions options = {});
  /// Answers once the actor has stopped: messages that came before are handled first. `not_running` if there is none.
  template <Interface A>
  Operation<Fence> stop(std::string_view key, CallOptions options = {});
  /// Starts the actor if need be and calls it, in one trip. For an actor that must be running: `lookup`, then `call`.
  template <Interface A, Message M>
    requires Handles<A, M>
  Operation<ReplyOf<M>> call(std::string_view key, M message, const ArgsOf<A>& args = detail::no_args<A>(), CallOptions options = {});
  /// The same without a reply: done once the message is in the actor's mailbox.
  template <Interface A, Message M>
    requires Handles<A, M>
  Operation<void> send(std::string_view key, M message, const ArgsOf<A>& args = detail::no_args<A>(), CallOptions options = {});

  // Many keys, in one trip per owner.
  template <Interface A>
  ManyOperation<ActorRef<A>> lookup_or_start_many(std::span<const std::string> keys, const ArgsOf<A>& args = detail::no_args<A>(),
                                                  CallOptions options = {});
  template <Interface A>
  ManyOperation<ActorRef<A>> lookup_many(std::span<const std::string> keys, CallOptions options = {});
  template <Interface A>
  ManyOperation<Fence> stop_many(std::span<const std::string> keys, CallOptions options = {});

  // All keys of a type, never starting anything.

  /// Keys that begin with `prefix`, at most `limit` (1 to limits::list_page_max), from `cursor` on (empty: from the start).
  /// A key that exists all through the listing appears exactly once; the order is none that means anything.
  template <Interface A>
  Operation<Page> list(std::string_view prefix = {}, const Bytes& cursor = {},
                       std::size_t limit = limits::list_page_default, CallOptions options = {});
  template <Interface A>
  Operation<std::uint64_t> count(std::string_view prefix = {}, CallOptions options = {});
  /// Calls `visit(key)` for each key, page by page, blocking. Returns how many there were.
  template <Interface A, class Visitor>
  Result<std::uint64_t> for_each(Visitor visit, std::string_view prefix = {}, CallOptions options = {});

  // What happens, as it happens.

  /// Tells `callback` what becomes of a key, of all keys of a type or of the nodes, until the Watch is destroyed:
  ///
  ///     auto watch = registry.watch(WatchFilter::of_key("counter", "user_123"), [](const WatchEvent& event) { ... });
  ///
  /// First how it is (`running`, `not_running`..., for a type `watching` per node), then each event once, those of a key
  /// in order; or `missed` where something is not told, and how it is after that. It goes on through crashes, moves and
  /// lost connections. The callback runs on the thread that brings the event: do not block it, others wait for it too.
  /// Fails with `too_large`, `invalid_argument`, `unsupported`.
  [[nodiscard]] virtual Result<Watch> watch(WatchFilter filter, WatchCallback callback);

  // Without the type's C++ declaration: for commands, gateways and tools.

  /// The types that can be started here, with their messages; `type` empty: all of them.
  Operation<std::vector<TypeDescription>> describe(std::string_view type = {}, CallOptions options = {});
  /// Runs any request; `done` is called exactly once, at the latest soon after the time-out, on any thread, and
  /// possibly before this returns.
  virtual void submit(Submission submission, Completion done) = 0;
  /// The same for many at once, so that those for one owner share one trip.
  virtual void submit_many(std::vector<Posting> postings);
  /// Blocks for the answer. May move the message out of `submission`, and nothing else.
  /// `would_block` on a thread that runs handlers of actors, or callbacks of a node or client.
  virtual Answer exchange(Submission& submission);
  /// A live actor. `node` is where it is, and lives as long as the registry. Fence 0: none.
  struct Live {
    Fence fence;
    const NodeId* node = nullptr;
  };
  /// The answer to a look-up, if it can be given without waiting and without an allocation. Fence 0 says nothing: ask by
  /// `exchange` or `submit`.
  virtual Live find_live(std::string_view type, std::string_view key);
  /// The node that owns a key, from the table alone; empty inside one process without a cluster.
  virtual Result<NodeId> owner(std::string_view type, std::string_view key) const = 0;
};

namespace detail {
/// Set on threads that must not wait for an answer: workers, and those that run callbacks of nodes and clients.
extern thread_local bool on_worker_thread;
/// What an actor's function sends is kept until it has returned. How, for a registry that is not of the runtime that runs it, and
/// may be used in actors all the same: a Client. Set where actors run in this process.
struct OutputHooks {
  /// True if an actor's function runs on this thread: the request is kept.
  bool (*hold)(Registry& to, Submission& submission, Completion& done);
  /// What is kept leaves now.
  void (*release_before_blocking)();
  /// The same of what goes to `to`, whose life ends.
  void (*release_to)(Registry& to);
  /// The same, and what is asked until `end_blocking` leaves at once; that takes what this gives.
  void* (*begin_blocking)();
  void (*end_blocking)(void* kept);
};
extern std::atomic<const OutputHooks*> output_hooks;
/// A blocking call while it lives: an actor's function that waits for an answer cannot wait for its own end to ask.
class BlockingCall {
 public:
  BlockingCall();
  BlockingCall(const BlockingCall&) = delete;
  BlockingCall& operator=(const BlockingCall&) = delete;
  ~BlockingCall();

 private:
  const OutputHooks* const hooks_;
  void* const kept_;
};
/// Something that comes once, and that one thread waits for. Copies are of the same.
class OneShotEvent {
 public:
  OneShotEvent();
  void set() const;
  void wait() const;

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;  // set() may return after wait() has
};
/// Submits and blocks for the answer, or until the time-out has passed and the registry owes the answer still.
Answer wait_for_answer(Registry& registry, Submission submission);
}  // namespace detail

}  // namespace reki

#include "reki/actor/actor_ref.hpp"
#include "reki/actor/registry_calls.hpp"
