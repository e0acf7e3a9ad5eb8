#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "reki/actor/schema.hpp"
#include "reki/core/activation/restart_policy.hpp"
#include "reki/core/activation/type_lease.hpp"
#include "reki/node/actors/actor.hpp"

namespace reki {

/// How the actors of a type are run. `[types.NAME]` in the config sets the same.
struct TypeOptions {
  RestartPolicy restart{};
  Duration idle{0};      ///< Passivated after this long without use; 0: never.
  std::size_t cap = 0;   ///< Live actors per node; above it the least recently used is passivated; 0: none.
  std::size_t mailbox = limits::mailbox_messages_default;  ///< Messages that may wait for one actor.
  bool blocking = false;  ///< Its functions may block: they run on threads of their own.
  Duration stop_grace = limits::stop_grace_default;  ///< How long a stop may spend on messages that came before it.
  /// `confirmed` costs each message a round trip to the coordinator and its voters, and its functions may not block for
  /// calls. Without a cluster it changes nothing: nobody else can have the key.
  TypeLease lease = TypeLease::timed;
};

/// How one message of a type is handled.
struct MessageHandler {
  std::string name;
  const void* tag = nullptr;
  /// Runs the handler on a typed envelope of this tag and puts the reply into it.
  Result<void> (*typed)(AnyActor& actor, Context& context, Envelope& envelope) = nullptr;
  /// Decodes the message, runs the handler, encodes the reply.
  Result<Bytes> (*encoded)(AnyActor& actor, Context& context, BytesView message) = nullptr;
};

/// A type of actor: its factory, its handlers and how it is run. Immutable once a registry has it.
struct ActorType {
  std::string name;
  TypeOptions options;
  std::vector<MessageHandler> handlers;
  TypeDescription description;
  /// Makes one from packed arguments. Runs user code, which may throw.
  std::function<Result<ActorPtr>(BytesView args)> make;
};

namespace detail {

template <class Impl, class M>
auto invoke_handler(AnyActor& actor, Context& context, const M& message) {
  auto& impl = static_cast<Impl&>(actor);
  if constexpr (requires { impl.on(message, context); }) return impl.on(message, context);
  else return impl.on(message);
}

template <class T>
inline constexpr bool is_result = false;
template <class T>
inline constexpr bool is_result<Result<T>> = true;

/// The handler's reply, whatever way it is written, as Result<Reply>; an error of the actor's own becomes `refused`.
template <class Impl, class M>
Result<ReplyOf<M>> handle(AnyActor& actor, Context& context, const M& message) {
  using Returned = decltype(invoke_handler<Impl>(actor, context, message));
  if constexpr (is_result<Returned>) {
    static_assert(std::is_same_v<Returned, Result<ReplyOf<M>>>, "a handler returns the Reply or Result<Reply>");
    auto result = invoke_handler<Impl>(actor, context, message);
    if (!result) result.error().code = ErrorCode::refused;
    return result;
  } else if constexpr (std::is_void_v<ReplyOf<M>>) {
    static_assert(std::is_void_v<Returned>, "this message has no Reply: its handler returns nothing");
    invoke_handler<Impl>(actor, context, message);
    return {};
  } else {
    static_assert(std::is_convertible_v<Returned, ReplyOf<M>>, "a handler returns the message's Reply");
    return Result<ReplyOf<M>>{invoke_handler<Impl>(actor, context, message)};
  }
}

template <class Impl, class M>
MessageHandler make_handler() {
  return {std::string{M::name}, &message_tag<M>,
          [](AnyActor& actor, Context& context, Envelope& envelope) -> Result<void> {
            auto& typed = static_cast<TypedEnvelope<M>&>(envelope);
            auto result = handle<Impl>(actor, context, std::as_const(typed.message));
            if (!result) return tl::make_unexpected(std::move(result).error());
            if constexpr (!std::is_void_v<ReplyOf<M>>) typed.reply.emplace(std::move(*result));
            return {};
          },
          [](AnyActor& actor, Context& context, BytesView bytes) -> Result<Bytes> {
            auto message = unpack<M>(bytes);
            if (!message) return tl::make_unexpected(std::move(message).error());
            auto result = handle<Impl>(actor, context, std::as_const(*message));
            if (!result) return tl::make_unexpected(std::move(result).error());
            if constexpr (std::is_void_v<ReplyOf<M>>) return Bytes{"\xc0"};
            else return pack(*result);
          }};
}

template <class Args>
Result<Args> unpack_args(BytesView bytes) {
  auto args = unpack<Args>(bytes);
  // One code for all of it: whatever else a factory fails with is start_failed.
  if (!args) args.error() = Error{ErrorCode::malformed_message, "arguments: " + args.error().text};
  return args;
}

template <class Impl>
Result<ActorPtr> construct(BytesView bytes) {
  using Args = ArgsOf<typename Impl::ActorInterface>;
  auto args = unpack_args<Args>(bytes);
  if (!args) return tl::make_unexpected(std::move(args).error());
  if constexpr (std::is_constructible_v<Impl, const Args&>) return ActorPtr{new Impl(*args)};
  else return ActorPtr{new Impl()};
}

}  // namespace detail

/// The types of actors that a registry can start: an object that main() builds and hands over, or a plugin fills.
///
///     reki::Factories factories;
///     factories.add<CounterActor>({.idle = 10min});
class Factories {
 public:
  /// Adds the type that Impl implements. The later of two of one name wins, so that a program can replace a plugin's.
  template <class Impl>
    requires Interface<typename Impl::ActorInterface>
  Factories& add(TypeOptions options = {}) {
    return add_type<Impl>(std::move(options), &detail::construct<Impl>);
  }

  /// The same with a factory of one's own, for actors that need more than arguments: a database, a clock.
  /// `make(const Args&) -> std::unique_ptr<Impl>` or `Result<std::unique_ptr<Impl>>`.
  template <class Impl, class Make>
    requires std::is_invocable_v<Make, const ArgsOf<typename Impl::ActorInterface>&>
  Factories& add(TypeOptions options, Make make) {
    using Args = ArgsOf<typename Impl::ActorInterface>;
    return add_type<Impl>(std::move(options),
                          [make = std::move(make)](BytesView bytes) -> Result<ActorPtr> {
                            auto args = detail::unpack_args<Args>(bytes);
                            if (!args) return tl::make_unexpected(std::move(args).error());
                            auto made = make(std::as_const(*args));
                            if constexpr (detail::is_result<decltype(made)>) {
                              if (!made) return tl::make_unexpected(std::move(made).error());
                              return ActorPtr{made->release()};
                            } else {
                              return ActorPtr{made.release()};
                            }
                          });
  }

  /// The same with a type of another set.
  Factories& add(ActorType type) {
    types_.insert_or_assign(type.name, std::move(type));
    return *this;
  }

  /// Replaces a type's options. `unknown_type`, with those there are; `invalid_argument` for options that cannot be.
  Result<void> configure(std::string_view type, TypeOptions options);
  [[nodiscard]] const std::map<std::string, ActorType, std::less<>>& types() const { return types_; }

 private:
  template <class Impl, class Make>
  Factories& add_type(TypeOptions options, Make make) {
    using A = typename Impl::ActorInterface;
    ActorType type{std::string{A::type}, std::move(options), {}, describe<A>(), std::move(make)};
    A::Messages::for_each([&]<class M>() { type.handlers.push_back(detail::make_handler<Impl, M>()); });
    return add(std::move(type));
  }

  std::map<std::string, ActorType, std::less<>> types_;
};

}  // namespace reki
