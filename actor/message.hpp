#pragma once

#include <string_view>
#include <type_traits>

#include "reki/actor/fields.hpp"

/// What an actor looks like from outside: a plain struct that names its type, its messages and its arguments.
///
///     struct Counter {
///       static constexpr std::string_view type = "counter";
///       using Messages = reki::Messages<Increment, Get>;
///     };
namespace reki {

/// A message: a plain struct with a name and, if it is answered, a `Reply`.
template <class M>
concept Message = requires {
  { M::name } -> std::convertible_to<std::string_view>;
} && std::is_copy_constructible_v<M>;

namespace detail {
template <class M>
struct SelectReplyOf {
  using type = void;
};
template <class M>
  requires requires { typename M::Reply; }
struct SelectReplyOf<M> {
  using type = typename M::Reply;
};
}  // namespace detail

/// The type that a call of M returns; void when M names none.
template <class M>
using ReplyOf = typename detail::SelectReplyOf<M>::type;

/// The messages of an actor.
template <Message... Ms>
struct Messages {
  template <class M>
  static constexpr bool contains = (std::is_same_v<M, Ms> || ...);

  /// Calls `visit.template operator()<M>()` for each message.
  template <class Visitor>
  static constexpr void for_each(Visitor&& visit) {
    (visit.template operator()<Ms>(), ...);
  }
  static constexpr std::size_t count = sizeof...(Ms);
};

/// The start arguments of a type that takes none.
struct NoArgs {
  static constexpr std::string_view name = "no_args";
};

template <class A>
concept Interface = requires {
  { A::type } -> std::convertible_to<std::string_view>;
  typename A::Messages;
};

namespace detail {
template <class A>
struct SelectArgsOf {
  using type = NoArgs;
};
template <class A>
  requires requires { typename A::Args; }
struct SelectArgsOf<A> {
  using type = typename A::Args;
};
}  // namespace detail

template <class A>
using ArgsOf = typename detail::SelectArgsOf<A>::type;

/// True if actors of interface A take messages M: what makes a wrong message fail to compile.
template <class A, class M>
concept Handles = Interface<A> && Message<M> && A::Messages::template contains<M>;

}  // namespace reki
