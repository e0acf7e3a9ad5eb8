#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <utility>

namespace reki {

/// The named members of a plain struct, in the order in which they cross the wire.
template <class... Members>
struct Fields {
  std::array<std::string_view, sizeof...(Members)> names;
  std::tuple<Members...> members;

  static constexpr std::size_t count = sizeof...(Members);
};

namespace detail {
template <class Tuple, std::size_t... Even>
constexpr auto make_fields(const Tuple& pairs, std::index_sequence<Even...>) {
  return Fields<std::tuple_element_t<2 * Even + 1, Tuple>...>{{std::get<2 * Even>(pairs)...},
                                                              {std::get<2 * Even + 1>(pairs)...}};
}
}  // namespace detail

/// Describes a struct to the wire, to the command line and to other languages:
///
///     struct Increment {
///       std::int64_t by = 1;
///       static constexpr auto fields = reki::fields("by", &Increment::by);
///     };
///
/// The order is part of the protocol: add new fields at the end, with a default; never reorder or remove.
template <class... NamesAndMembers>
constexpr auto fields(NamesAndMembers... pairs) {
  static_assert(sizeof...(pairs) % 2 == 0, "fields(\"name\", &T::name, ...)");
  return detail::make_fields(std::make_tuple(pairs...), std::make_index_sequence<sizeof...(pairs) / 2>{});
}

template <class T>
concept HasFields = requires { T::fields.names; };

/// Calls `visit(name, member_pointer)` for each field of T, in order.
template <HasFields T, class Visitor>
constexpr void for_each_field(Visitor&& visit) {
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (visit(T::fields.names[I], std::get<I>(T::fields.members)), ...);
  }(std::make_index_sequence<std::remove_cvref_t<decltype(T::fields)>::count>{});
}

}  // namespace reki
