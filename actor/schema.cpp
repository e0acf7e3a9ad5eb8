#include "reki/actor/schema.hpp"

#include <array>
#include <sstream>

#include "reki/actor/msgpack_cxx.hpp"

namespace reki {
namespace {

using Kind = Schema::Kind;
using Packer = msgpack::packer<detail::BytesSink>;

struct KindName {
  Kind kind;
  std::string_view name;
};
constexpr std::array kind_names{
    KindName{Kind::nil, "nil"},     KindName{Kind::boolean, "bool"},           KindName{Kind::integer, "int"},
    KindName{Kind::str, "str"},     KindName{Kind::unsigned_integer, "uint"},  KindName{Kind::floating, "float"},
    KindName{Kind::bin, "bin"},     KindName{Kind::any, "any"},                KindName{Kind::array, "array"},
    KindName{Kind::map, "map"},     KindName{Kind::optional, "optional"},      KindName{Kind::structure, "struct"},
};

std::string_view name_of(Kind kind) {
  for (const auto& row : kind_names) {
    if (row.kind == kind) return row.name;
  }
  return "any";
}

void pack_schema(Packer& out, const Schema& schema) {
  const auto name = name_of(schema.kind);
  switch (schema.kind) {
    case Kind::array:
    case Kind::optional:
    case Kind::map:
      out.pack_array(static_cast<std::uint32_t>(1 + schema.inner.size()));
      out.pack(name);
      for (const auto& inner : schema.inner) pack_schema(out, inner);
      return;
    case Kind::structure:
      out.pack_array(2);
      out.pack(name);
      out.pack_array(static_cast<std::uint32_t>(schema.fields.size()));
      for (const auto& field : schema.fields) {
        out.pack_array(3);
        out.pack(field.name);
        pack_schema(out, field.schema);
        out.pack_bin(static_cast<std::uint32_t>(field.default_value.size()));
        out.pack_bin_body(field.default_value.data(), static_cast<std::uint32_t>(field.default_value.size()));
      }
      return;
    default:
      out.pack(name);
  }
}

[[noreturn]] void bad(const char* what) { throw detail::FieldError(Error{ErrorCode::malformed_message, what}); }

const msgpack::object& element(const msgpack::object& object, std::uint32_t i) {
  if (object.type != msgpack::type::ARRAY || i >= object.via.array.size) bad("a description is too short");
  return object.via.array.ptr[i];
}

std::string_view text(const msgpack::object& object) {
  if (object.type != msgpack::type::STR) bad("a description has something else where a name should be");
  return {object.via.str.ptr, object.via.str.size};
}

Kind kind_of(std::string_view name) {
  for (const auto& row : kind_names) {
    if (row.name == name) return row.kind;
  }
  return Kind::any;  // of a later version
}

// Recursion is bounded: `unpack` has refused anything deeper than limits::decode_depth_max.
Schema read_schema(const msgpack::object& object) {
  if (object.type == msgpack::type::STR) return {kind_of(text(object)), {}, {}};
  Schema out{kind_of(text(element(object, 0))), {}, {}};
  if (out.kind == Kind::structure) {
    const auto& fields = element(object, 1);
    if (fields.type != msgpack::type::ARRAY) bad("a struct's fields are not an array");
    for (std::uint32_t i = 0; i < fields.via.array.size; ++i) {
      const auto& field = fields.via.array.ptr[i];
      const auto& value = element(field, 2);
      if (value.type != msgpack::type::BIN) bad("a field's default is not bin");
      out.fields.push_back({std::string{text(element(field, 0))}, read_schema(element(field, 1)),
                            Bytes{value.via.bin.ptr, value.via.bin.size}});
    }
    return out;
  }
  const std::uint32_t wanted = out.kind == Kind::map ? 2 : out.kind == Kind::array || out.kind == Kind::optional ? 1 : 0;
  for (std::uint32_t i = 0; i < wanted; ++i) out.inner.push_back(read_schema(element(object, i + 1)));
  return out;
}

TypeDescription read_description(const msgpack::object& object) {
  TypeDescription out{std::string{text(element(object, 0))}, read_schema(element(object, 1)), {}};
  const auto& messages = element(object, 2);
  if (messages.type != msgpack::type::ARRAY) bad("a type's messages are not an array");
  for (std::uint32_t i = 0; i < messages.via.array.size; ++i) {
    const auto& message = messages.via.array.ptr[i];
    out.messages.push_back({std::string{text(element(message, 0))}, read_schema(element(message, 1)), read_schema(element(message, 2))});
  }
  return out;
}

std::string default_text(const Bytes& value) {
  try {
    std::ostringstream out;
    out << msgpack::unpack(value.data(), value.size(), nullptr, nullptr, detail::unpack_limits()).get();
    return out.str();
  } catch (const std::exception&) {
    return {};
  }
}

}  // namespace

std::string to_string(const Schema& schema) {
  switch (schema.kind) {
    case Kind::array:
      return "[" + to_string(schema.inner.at(0)) + "]";
    case Kind::optional:
      return to_string(schema.inner.at(0)) + "?";
    case Kind::map:
      return "{" + to_string(schema.inner.at(0)) + ": " + to_string(schema.inner.at(1)) + "}";
    case Kind::structure: {
      std::string out = "{";
      for (const auto& field : schema.fields) {
        if (out.size() > 1) out += ", ";
        out += field.name + ": " + to_string(field.schema);
        const auto value = default_text(field.default_value);
        if (!value.empty()) out += " = " + value;
      }
      return out + "}";
    }
    default:
      return std::string{name_of(schema.kind)};
  }
}

Bytes encode_descriptions(const std::vector<TypeDescription>& types) {
  Bytes bytes;
  detail::BytesSink sink{&bytes};
  Packer out(sink);
  out.pack_array(static_cast<std::uint32_t>(types.size()));
  for (const auto& type : types) {
    out.pack_array(3);
    out.pack(type.type);
    pack_schema(out, type.args);
    out.pack_array(static_cast<std::uint32_t>(type.messages.size()));
    for (const auto& message : type.messages) {
      out.pack_array(3);
      out.pack(message.name);
      pack_schema(out, message.fields);
      pack_schema(out, message.reply);
    }
  }
  return bytes;
}

Result<std::vector<TypeDescription>> decode_descriptions(BytesView bytes) {
  try {
    const auto handle = msgpack::unpack(bytes.data(), bytes.size(), nullptr, nullptr, detail::unpack_limits());
    const auto& list = handle.get();
    if (list.type != msgpack::type::ARRAY) bad("descriptions are not an array");
    std::vector<TypeDescription> out;
    for (std::uint32_t i = 0; i < list.via.array.size; ++i) out.push_back(read_description(list.via.array.ptr[i]));
    return out;
  } catch (const std::exception& e) {
    return fail(ErrorCode::malformed_message, e.what());
  }
}

}  // namespace reki
