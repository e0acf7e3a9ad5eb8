#include "reki/client/cli/json_codec.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include "reki/actor/msgpack_cxx.hpp"
#include "reki/core/base/base64.hpp"
#include "reki/core/base/closest_match.hpp"
#include "reki/core/base/limits.hpp"

namespace reki::cli {
namespace {

using Kind = Schema::Kind;
using Packer = msgpack::packer<reki::detail::BytesSink>;


tl::unexpected<Error> bad(const std::string& path, const std::string& what) {
  return fail(ErrorCode::invalid_argument, (path.empty() ? "" : path + ": ") + what);
}

std::string shown(const Json& value) {
  auto text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > 40) text = text.substr(0, 37) + "...";
  return text;
}

tl::unexpected<Error> expected(const std::string& path, const Schema& schema, const Json& got) {
  return bad(path, "expected " + to_string(schema) + ", got " + shown(got));
}

/// Writes values after one another; `path` is where in the JSON text it is.
class Writer {
 public:
  Result<void> write(const Json& value, const Schema& schema, const std::string& path) {
    switch (schema.kind) {
      case Kind::nil:
        if (!value.is_null()) return expected(path, schema, value);
        packer_.pack_nil();
        return {};
      case Kind::boolean:
        if (!value.is_boolean()) return expected(path, schema, value);
        packer_.pack(value.get<bool>());
        return {};
      case Kind::integer:
      case Kind::unsigned_integer:
        return write_integer(value, schema, path);
      case Kind::floating:
        if (!value.is_number()) return expected(path, schema, value);
        packer_.pack(value.get<double>());
        return {};
      case Kind::str:
        if (!value.is_string()) return expected(path, schema, value);
        packer_.pack(value.get_ref<const std::string&>());
        return {};
      case Kind::bin:
        return write_bin(value, schema, path);
      case Kind::optional:
        if (!value.is_null()) return write(value, schema.inner.at(0), path);
        packer_.pack_nil();
        return {};
      case Kind::array:
        return write_array(value, schema, path);
      case Kind::map:
        return write_map(value, schema, path);
      case Kind::structure:
        return write_struct(value, schema, path);
      case Kind::any:
        break;
    }
    for (const auto byte : Json::to_msgpack(value)) out_.push_back(static_cast<char>(byte));
    return {};
  }
  Bytes take() { return std::move(out_); }

 private:
  /// Also from a string of digits: for_any_reader.
  Result<void> write_integer(const Json& given, const Schema& schema, const std::string& path) {
    const Json value = given.is_string() ? Json::parse(given.get_ref<const std::string&>(), nullptr, false) : given;
    const bool is_other_text = given.is_string() && value.dump() != given.get_ref<const std::string&>();  // "1 "
    if (!value.is_number_integer() || is_other_text) return expected(path, schema, given);
    const bool wants_unsigned = schema.kind == Kind::unsigned_integer;
    if (value.is_number_unsigned()) {
      const auto number = value.get<std::uint64_t>();
      if (!wants_unsigned && number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        return bad(path, shown(value) + " is out of range; at most 9223372036854775807 fits");
      }
      packer_.pack(number);
      return {};
    }
    const auto number = value.get<std::int64_t>();
    if (wants_unsigned && number < 0) return bad(path, shown(value) + " is out of range; it must not be below 0");
    packer_.pack(number);
    return {};
  }

  Result<void> write_bin(const Json& value, const Schema& schema, const std::string& path) {
    if (!value.is_string()) return bad(path, "expected " + to_string(schema) + " as a string of base64, got " + shown(value));
    const auto bytes = from_base64(value.get_ref<const std::string&>());
    if (!bytes) return bad(path, "that is not base64");
    packer_.pack_bin(static_cast<std::uint32_t>(bytes->size()));
    packer_.pack_bin_body(bytes->data(), static_cast<std::uint32_t>(bytes->size()));
    return {};
  }

  Result<void> write_array(const Json& value, const Schema& schema, const std::string& path) {
    if (!value.is_array()) return expected(path, schema, value);
    packer_.pack_array(static_cast<std::uint32_t>(value.size()));
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (auto r = write(value[i], schema.inner.at(0), path + "[" + std::to_string(i) + "]"); !r) return r;
    }
    return {};
  }

  Result<void> write_map(const Json& value, const Schema& schema, const std::string& path) {
    if (!value.is_object()) return expected(path, schema, value);
    const Schema& key_schema = schema.inner.at(0);
    packer_.pack_map(static_cast<std::uint32_t>(value.size()));
    for (const auto& [name, element] : value.items()) {
      std::string place = path;
      place.append("[\"").append(name).append("\"]");
      // JSON has keys of one kind only.
      Json key = key_schema.kind == Kind::str ? Json(name) : Json::parse(name, nullptr, false);
      if (key.is_discarded()) key = name;
      if (auto r = write(key, key_schema, place + " (the key)"); !r) return r;
      if (auto r = write(element, schema.inner.at(1), place); !r) return r;
    }
    return {};
  }

  Result<void> write_struct(const Json& value, const Schema& schema, const std::string& path) {
    if (!value.is_object()) {
      return bad(path, "expected an object as " + to_string(schema) + ", got " + shown(value));
    }
    if (auto r = check_names(value, schema, path); !r) return r;
    std::size_t count = schema.fields.size();
    while (count > 0 && !value.contains(schema.fields[count - 1].name)) --count;
    packer_.pack_array(static_cast<std::uint32_t>(count));
    for (std::size_t i = 0; i < count; ++i) {
      const auto& field = schema.fields[i];
      const auto place = path.empty() ? field.name : path + "." + field.name;
      const auto given = value.find(field.name);
      if (given != value.end()) {
        if (auto r = write(*given, field.schema, place); !r) return r;
      } else if (!field.default_value.empty()) {
        out_ += field.default_value;
      } else {
        return bad(place, "is missing, and has no default");
      }
    }
    return {};
  }

  static Result<void> check_names(const Json& value, const Schema& schema, const std::string& path) {
    std::vector<std::string_view> names;
    for (const auto& field : schema.fields) names.emplace_back(field.name);
    for (const auto& [name, element] : value.items()) {
      if (std::find(names.begin(), names.end(), name) != names.end()) continue;
      std::string what = "there is no field '" + name + "'";
      const auto meant = closest_match(name, names);
      if (!meant.empty()) what += "; did you mean '" + std::string{meant} + "'?";
      else what += names.empty() ? "; it has none" : "; it takes " + to_string(schema);
      return bad(path, what);
    }
    return {};
  }

  Bytes out_;
  reki::detail::BytesSink sink_{&out_};
  Packer packer_{sink_};
};

Json plain(const msgpack::object& object);
Json read(const msgpack::object& object, const Schema& schema);

Json key_text(const Json& key) { return key.is_string() ? key : Json(key.dump()); }

Json read_struct(const msgpack::object& object, const Schema& schema) {
  if (object.type != msgpack::type::ARRAY || object.via.array.size > schema.fields.size()) return plain(object);
  Json out = Json::object();
  for (std::size_t i = 0; i < schema.fields.size(); ++i) {
    const auto& field = schema.fields[i];
    if (i < object.via.array.size) {
      out[field.name] = read(object.via.array.ptr[i], field.schema);
    } else if (auto value = to_json(field.default_value, field.schema)) {
      out[field.name] = std::move(*value);
    }
  }
  return out;
}

Json read(const msgpack::object& object, const Schema& schema) {
  switch (schema.kind) {
    case Kind::structure:
      return read_struct(object, schema);
    case Kind::optional:
      return object.is_nil() ? Json() : read(object, schema.inner.at(0));
    case Kind::array: {
      if (object.type != msgpack::type::ARRAY) return plain(object);
      Json out = Json::array();
      for (const auto& element : object.via.array) out.push_back(read(element, schema.inner.at(0)));
      return out;
    }
    case Kind::map: {
      if (object.type != msgpack::type::MAP) return plain(object);
      Json out = Json::object();
      for (const auto& [key, value] : object.via.map) {
        out[key_text(read(key, schema.inner.at(0))).get<std::string>()] = read(value, schema.inner.at(1));
      }
      return out;
    }
    default:
      return plain(object);
  }
}

/// By msgpack's own types; the depth is bounded by the unpacker.
Json plain(const msgpack::object& object) {
  switch (object.type) {
    case msgpack::type::BOOLEAN:
      return object.via.boolean;
    case msgpack::type::POSITIVE_INTEGER:
      return object.via.u64;
    case msgpack::type::NEGATIVE_INTEGER:
      return object.via.i64;
    case msgpack::type::FLOAT32:
    case msgpack::type::FLOAT64:
      return object.via.f64;
    case msgpack::type::STR:
      return std::string{object.via.str.ptr, object.via.str.size};
    case msgpack::type::BIN:
      return to_base64({object.via.bin.ptr, object.via.bin.size});
    case msgpack::type::ARRAY: {
      Json out = Json::array();
      for (const auto& element : object.via.array) out.push_back(plain(element));
      return out;
    }
    case msgpack::type::MAP: {
      Json out = Json::object();
      for (const auto& [key, value] : object.via.map) out[key_text(plain(key)).get<std::string>()] = plain(value);
      return out;
    }
    case msgpack::type::EXT:
      return to_base64({object.via.ext.data(), object.via.ext.size});
    default:
      return {};
  }
}

}  // namespace

Result<Json> parse_json(std::string_view text) {
  bool too_deep = false;
  const auto watch = [&](int depth, Json::parse_event_t, Json&) {
    too_deep |= depth > static_cast<int>(limits::decode_depth_max);
    return !too_deep;
  };
  try {
    Json out = Json::parse(text, watch);
    if (!too_deep) return out;
  } catch (const Json::exception& e) {
    return fail(ErrorCode::invalid_argument, "not JSON: " + std::string{text} + "\n  " + e.what() +
                                                 "\n  (in a shell, quote it: '{\"by\":2}')");
  }
  return fail(ErrorCode::invalid_argument, "the JSON is nested deeper than " + std::to_string(limits::decode_depth_max));
}

Result<Bytes> to_msgpack(const Json& value, const Schema& schema) {
  Writer writer;
  try {
    if (auto r = writer.write(value, schema, {}); !r) return tl::make_unexpected(r.error());
  } catch (const std::exception& e) {
    return fail(ErrorCode::invalid_argument, e.what());
  }
  return writer.take();
}

Result<Json> to_json(BytesView bytes, const Schema& schema) {
  if (bytes.empty()) {
    if (schema.kind != Kind::structure) return Json();
    bytes = std::string_view{"\x90", 1};  // no field given
  }
  try {
    std::size_t used = 0;
    const auto handle = msgpack::unpack(bytes.data(), bytes.size(), used, nullptr, nullptr, reki::detail::unpack_limits());
    if (used != bytes.size()) return fail(ErrorCode::malformed_message, "bytes after the end of the value");
    return read(handle.get(), schema);
  } catch (const std::exception& e) {
    return fail(ErrorCode::malformed_message, e.what());
  }
}

}  // namespace reki::cli
