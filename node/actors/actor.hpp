#pragma once

#include <optional>
#include <string_view>
#include <utility>

#include "reki/actor/envelope.hpp"
#include "reki/core/base/owned.hpp"

namespace reki {

class Registry;  // reki/registry.hpp: for actors that call others

/// Why an actor's on_stop runs.
enum class StopReason : std::uint8_t {
  stopped,       ///< Somebody called `stop` for its key.
  stopped_self,  ///< It asked for it.
  passivated,    ///< Nobody needed it for its type's idle time, or its type's cap made room for another.
  closing,       ///< The registry or node closes.
  moved,         ///< Its key belongs to another node from now on.
};
std::string_view name_of(StopReason reason);

/// Names a timer of one actor, to cancel it.
using TimerId = StrongId<struct TimerIdTag, std::uint64_t>;

/// What an actor may ask of its surroundings while one of its functions runs. Do not keep it.
///
/// Everything that is sent from within a handler, by this, through refs or by a Client, leaves when the handler has returned,
/// and not at all if it throws. A Client that the handler itself makes takes what goes by it along at its end.
class Context {
 public:
  virtual ~Context() = default;

  [[nodiscard]] virtual std::string_view type() const = 0;
  [[nodiscard]] virtual std::string_view key() const = 0;
  /// Fencing token of this start: give it to what is outside of the cluster and must refuse an older one.
  [[nodiscard]] virtual Fence fence() const = 0;
  /// Where it runs; empty inside one process without a cluster.
  [[nodiscard]] virtual const NodeId& node() const = 0;
  /// For refs and calls to other actors (reki/registry.hpp). A blocking `.get()` needs a type with `blocking` set.
  virtual Registry& registry() = 0;
  /// Ends this actor after the present handler; messages behind it find it stopped.
  virtual void stop_self() = 0;
  virtual TimerId set_timer(Duration after, EnvelopePtr message) = 0;
  /// No effect if it has fired or is none of this actor's.
  virtual void cancel_timer(TimerId id) = 0;

  /// Sends without waiting for anything; starts the other actor if need be.
  template <Interface A, Message M>
    requires Handles<A, M>
  void send(std::string_view key, M message, const ArgsOf<A>& args = {}) {
    detail::send_unanswered(registry(), A::type, key, EnvelopePtr{new TypedEnvelope<M>(std::move(message))},
                            detail::pack_args(args));
  }
};

/// What the runtime sees of every actor.
class AnyActor {
 public:
  AnyActor() = default;
  AnyActor(const AnyActor&) = delete;
  AnyActor& operator=(const AnyActor&) = delete;
  virtual ~AnyActor() noexcept(false) {}  // NOLINT: what a derived one throws is caught in ActorDelete

  /// After construction, before the first message. An error, or an exception, fails the start with its text.
  virtual Result<void> on_start(Context&) { return {}; }
  /// After the last message, unless the actor has crashed, or the node has lost its lease: another may run already
  /// then, and must not be disturbed. What it throws is logged and changes nothing.
  virtual void on_stop(Context&, StopReason) {}
  /// The state to go on with, when the key moves to another node: called after `on_stop(moved)`. With nothing, or when
  /// it throws, the new owner starts the actor afresh at the next request. At most `limits::state_bytes_max`.
  virtual std::optional<Bytes> save() { return std::nullopt; }
  /// What `save` gave on the last owner; before on_start. An error fails the start, and the state is lost.
  virtual Result<void> restore(BytesView) { return {}; }
};

/// An actor's destructor may throw, as any of its functions may: it is logged as a callback's failure is.
struct ActorDelete {
  void operator()(AnyActor* actor) const noexcept;
};
using ActorPtr = Owned<AnyActor, ActorDelete>;

/// Base of an actor that implements interface A:
///
///     class CounterActor : public reki::Actor<Counter> {
///      public:
///       std::int64_t on(const Increment& m) { return value_ += m.by; }
///       std::int64_t on(const Get&) { return value_; }
///      private:
///       std::int64_t value_ = 0;
///     };
///
/// One `on` for each message of A: `on(const M&)` or `on(const M&, Context&)`, returning the message's Reply, or
/// `Result<Reply>` to answer with an error of its own (`refused`). An exception is a crash: its caller gets
/// `actor_crashed` with its text, and the supervisor decides about a restart. Constructed with `const ArgsOf<A>&` if
/// it takes that, else with nothing. Only one of its functions runs at a time; different ones may run on different
/// threads.
template <Interface A>
class Actor : public AnyActor {
 public:
  using ActorInterface = A;

 protected:
  /// Sends `message` to this actor itself after `after`, unless it has ended by then.
  template <Message M>
    requires Handles<A, M>
  static TimerId send_later(Context& context, Duration after, M message) {
    return context.set_timer(after, EnvelopePtr{new TypedEnvelope<M>(std::move(message))});
  }
};

}  // namespace reki
