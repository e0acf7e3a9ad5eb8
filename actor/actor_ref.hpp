#pragma once

#include <memory>

#include "reki/actor/operation.hpp"

namespace reki {

template <Interface A>
class StartResult;

namespace detail {
/// Answers everything with an error.
Registry& no_registry();
template <Interface A>
StartResult<A> finish_start(Registry& registry, Submission&& sent, Answer&& answer);
}  // namespace detail

/// Names an actor by type and key, not one start of it: it keeps working through restarts and moves.
///
/// One from `lookup_or_start`, `start` starts the actor again when it has been passivated or stopped; one from
/// `lookup` never does and answers `not_running`. A value: copy it freely. Its registry must outlive it.
template <Interface A>
class ActorRef {
 public:
  /// Names no actor: what is asked of it is answered with `invalid_argument`.
  ActorRef() = default;
  /// `node` null: none. Not owned by the pointer if it lives as long as the registry anyway.
  ActorRef(Registry& registry, SmallString&& key, std::optional<Bytes>&& args, bool started, Fence fence,
           SharedNodeId&& node)
      : registry_(&registry), key_(std::move(key)), args_(std::move(args)), started_(started), fence_(fence), node_(std::move(node)) {}

  std::string_view key() const { return key_; }
  /// True if the look-up that made this ref started the actor, false if it found it.
  bool started() const { return started_; }
  /// Of the start that the look-up found or made.
  Fence fence() const { return fence_; }
  StartNumber start_number() const { return fence_.start(); }
  /// Where the actor was at the look-up; empty inside one process without a cluster.
  const NodeId& node() const {
    static const NodeId none;
    return node_ ? *node_ : none;
  }

  /// A ref to that one start: `gone` once it is over.
  [[nodiscard]] ActorRef pinned() const {
    ActorRef out = *this;
    out.pin_ = fence_;
    out.args_.reset();
    return out;
  }

  /// Runs the message's handler and answers with its reply. At most once: an outcome that is not known is
  /// `unknown_outcome`, and is not tried again.
  template <Message M>
    requires Handles<A, M>
  Operation<ReplyOf<M>> call(M message, CallOptions options = {}) const;
  /// Done once the message is in the actor's mailbox.
  template <Message M>
    requires Handles<A, M>
  Operation<void> send(M message, CallOptions options = {}) const;

 private:
  template <class M>
  Submission submission(wire::Op op, M message, const CallOptions& options) const;

  [[nodiscard]] Registry& registry() const { return registry_ != nullptr ? *registry_ : detail::no_registry(); }

  Registry* registry_ = nullptr;
  SmallString key_;
  std::optional<Bytes> args_;
  bool started_ = false;
  Fence fence_;
  Fence pin_;
  SharedNodeId node_;
};

template <Interface A>
inline constexpr bool made_of_key<ActorRef<A>> = true;

/// What a `start` has come to: the ref of the actor that it has started, or an error; with `already_started` also the ref of the one
/// that is there, which was live between the question and the answer.
///
///     auto mine = registry.start<Counter>("user_123").get();
///     if (mine.existing()) mine.existing()->call(Get{}).get();
template <Interface A>
class [[nodiscard]] StartResult : public Result<ActorRef<A>> {
 public:
  StartResult() = default;
  /// As `lookup` gives it. Empty if the answer is another.
  [[nodiscard]] const std::optional<ActorRef<A>>& existing() const { return existing_; }

 private:
  friend StartResult detail::finish_start<A>(Registry& registry, Submission&& sent, Answer&& answer);

  std::optional<ActorRef<A>> existing_;
};

}  // namespace reki

#include "reki/actor/registry.hpp"  // its calls
