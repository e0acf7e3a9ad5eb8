#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "reki/actor/message.hpp"
#include "reki/actor/pack.hpp"

namespace reki {

/// The shape of a msgpack value, for people and for other languages (docs/protocol.md, section 4).
struct Schema {
  enum class Kind : std::uint8_t { nil, boolean, integer, unsigned_integer, floating, str, bin, any, array, map, optional, structure };
  struct Field;

  Kind kind = Kind::any;
  std::vector<Schema> inner;  ///< array, optional: one; map: key and value.
  std::vector<Field> fields;  ///< structure only.
};

struct Schema::Field {
  std::string name;
  Schema schema;
  Bytes default_value;  ///< msgpack
};

struct MessageDescription {
  std::string name;
  Schema fields;
  Schema reply;
};

/// What a type of actor takes: the answer of `describe`.
struct TypeDescription {
  std::string type;
  Schema args;
  std::vector<MessageDescription> messages;
};

/// "int", "{by: int = 1}", "[str]": for people. A default of its own is shown where there is one.
std::string to_string(const Schema& schema);
/// The payload of `describe`.
Bytes encode_descriptions(const std::vector<TypeDescription>& types);
Result<std::vector<TypeDescription>> decode_descriptions(BytesView bytes);

/// The schema of T; `any` for what it cannot see into.
template <class T>
Schema schema_of() {
  using Kind = Schema::Kind;
  if constexpr (std::is_void_v<T>) {
    return {Kind::nil, {}, {}};
  } else if constexpr (HasFields<T>) {
    Schema out{Kind::structure, {}, {}};
    const T defaults{};
    for_each_field<T>([&](std::string_view name, auto member) {
      using FieldType = std::remove_cvref_t<decltype(defaults.*member)>;
      out.fields.push_back({std::string{name}, schema_of<FieldType>(), pack(defaults.*member)});
    });
    return out;
  } else if constexpr (detail::EmptyMessage<T>) {
    return {Kind::structure, {}, {}};
  } else if constexpr (std::is_same_v<T, bool>) {
    return {Kind::boolean, {}, {}};
  } else if constexpr (std::is_integral_v<T>) {
    return {std::is_signed_v<T> ? Kind::integer : Kind::unsigned_integer, {}, {}};
  } else if constexpr (std::is_floating_point_v<T>) {
    return {Kind::floating, {}, {}};
  } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    return {Kind::str, {}, {}};
  } else if constexpr (detail::ByteSequence<T>) {
    return {Kind::bin, {}, {}};
  } else if constexpr (detail::MapContainer<T>) {
    return {Kind::map, {schema_of<typename T::key_type>(), schema_of<typename T::mapped_type>()}, {}};
  } else if constexpr (detail::Sequence<T>) {
    return {Kind::array, {schema_of<typename T::value_type>()}, {}};
  } else if constexpr (detail::is_optional<T>) {
    return {Kind::optional, {schema_of<typename T::value_type>()}, {}};
  } else {
    return {Kind::any, {}, {}};
  }
}

/// The description of an actor's interface.
template <Interface A>
TypeDescription describe() {
  TypeDescription out{std::string{A::type}, schema_of<ArgsOf<A>>(), {}};
  A::Messages::for_each([&]<class M>() {
    out.messages.push_back({std::string{M::name}, schema_of<M>(), schema_of<ReplyOf<M>>()});
  });
  return out;
}

}  // namespace reki
