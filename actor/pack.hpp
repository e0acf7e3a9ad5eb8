#pragma once

#include <cstdint>
#include <limits>
#include <msgpack.hpp>
#include <string>
#include <type_traits>

#include "reki/actor/fields.hpp"
#include "reki/core/base/bytes.hpp"
#include "reki/core/base/error.hpp"
#include "reki/core/base/limits.hpp"
#include "reki/core/wire/msgpack_reader.hpp"

/// Values to msgpack and back (docs/protocol.md, section 4): a struct with `fields` is an array of them, anything
/// else is what msgpack-cxx makes of it, a user's own MSGPACK_DEFINE included.
namespace reki {

namespace detail {
/// What msgpack::packer writes to.
struct BytesSink {
  Bytes* out;
  void write(const char* data, std::size_t size) { out->append(data, size); }
};

/// Bounds for bytes from outside: msgpack-cxx has none of its own, and five bytes can ask for 100 GB.
inline msgpack::unpack_limit unpack_limits() {
  return {limits::decode_items_max,  limits::decode_items_max,  limits::message_bytes_max,
          limits::message_bytes_max, limits::message_bytes_max, limits::decode_depth_max};
}

template <class T>
void convert_fields(const msgpack::object& object, T& out);

/// Numbers, words, and structs of such: what most messages are, and what a cursor reads without allocating anything, while
/// msgpack-cxx makes a tree of objects first.
template <class T>
constexpr bool is_plain() {
  if constexpr (HasFields<T>) {
    bool all = true;
    for_each_field<T>([&](std::string_view, auto member) {
      all &= is_plain<std::remove_cvref_t<decltype(std::declval<T&>().*member)>>();
    });
    return all;
  } else {
    return std::is_integral_v<T> || std::is_same_v<T, std::string>;
  }
}

/// False if it does not fit; `out` is then of no use.
template <class T>
bool read_plain(MsgpackReader& in, T& out) {
  if constexpr (std::is_same_v<T, bool>) {
    return in.read_bool(out);
  } else if constexpr (std::is_integral_v<T>) {
    std::uint64_t value = 0;
    if (!in.read_uint(value) || value > static_cast<std::uint64_t>(std::numeric_limits<T>::max())) return false;
    out = static_cast<T>(value);
    return true;
  } else if constexpr (std::is_same_v<T, std::string>) {
    BytesView value;
    if (!in.read_bytes(value) || value.size() > limits::message_bytes_max) return false;
    out = value;
    return true;
  } else {
    std::uint32_t left = 0;
    if (!in.read_array(left) || left > std::remove_cvref_t<decltype(T::fields)>::count) return false;
    bool good = true;
    for_each_field<T>([&](std::string_view, auto member) {
      if (left > 0 && good) good = read_plain(in, out.*member);
      left -= left > 0 ? 1 : 0;
    });
    return good;
  }
}
}  // namespace detail

/// Appends `value` to `out`.
template <class T>
void pack_into(Bytes& out, const T& value) {
  detail::BytesSink sink{&out};
  msgpack::packer<detail::BytesSink> packer(sink);
  packer.pack(value);
}

template <class T>
Bytes pack(const T& value) {
  Bytes out;
  pack_into(out, value);
  return out;
}

/// Reads exactly one T from `bytes`; no bytes at all are a T with its defaults, if T has fields.
/// Fails with `malformed_message` and the field's name, or `too_large`; never throws.
template <class T>
Result<T> unpack(BytesView bytes) {
  T out{};
  if constexpr (HasFields<T> || std::is_empty_v<T>) {
    if (bytes.empty()) return out;
  }
  if constexpr (detail::is_plain<T>()) {
    T plain{};
    MsgpackReader in{bytes};
    if (detail::read_plain(in, plain) && in.at_end()) return plain;
    // Negative, or wrong, and then msgpack-cxx knows in what.
  }
  try {
    std::size_t read = 0;
    const auto handle = msgpack::unpack(bytes.data(), bytes.size(), read, nullptr, nullptr, detail::unpack_limits());
    if (read != bytes.size()) return fail(ErrorCode::malformed_message, "bytes after the end of the value");
    handle.get().convert(out);
  } catch (const msgpack::size_overflow& e) {
    return fail(ErrorCode::too_large, std::string{"a value exceeds the decoding limits: "} + e.what());
  } catch (const std::exception& e) {
    return fail(ErrorCode::malformed_message, e.what());
  }
  return out;
}

}  // namespace reki

namespace msgpack {
MSGPACK_API_VERSION_NAMESPACE(MSGPACK_DEFAULT_API_NS) {
  namespace adaptor {

  /// A message without fields is an empty array.
  template <class T>
  concept RekiPlain = reki::HasFields<T> || (std::is_empty_v<T> && requires { T::name; });

  template <RekiPlain T>
  struct pack<T> {
    template <class Stream>
    packer<Stream>& operator()(packer<Stream>& out, const T& value) const {
      if constexpr (reki::HasFields<T>) {
        out.pack_array(static_cast<std::uint32_t>(std::remove_cvref_t<decltype(T::fields)>::count));
        reki::for_each_field<T>([&](std::string_view, auto member) { out.pack(value.*member); });
      } else {
        out.pack_array(0);
      }
      return out;
    }
  };

  template <RekiPlain T>
  struct convert<T> {
    const msgpack::object& operator()(const msgpack::object& from, T& value) const {
      reki::detail::convert_fields(from, value);
      return from;
    }
  };

  }  // namespace adaptor
}
}  // namespace msgpack

namespace reki::detail {

/// Thrown through msgpack-cxx's converters and caught in `unpack`.
struct FieldError : msgpack::type_error {
  std::string text;
  explicit FieldError(std::string t) : text(std::move(t)) {}
  const char* what() const noexcept override { return text.c_str(); }
};

template <class T>
void convert_fields(const msgpack::object& object, T& out) {
  if (object.type != msgpack::type::ARRAY) throw FieldError("expected an array of fields");
  std::size_t known = 0;
  if constexpr (HasFields<T>) known = std::remove_cvref_t<decltype(T::fields)>::count;
  const auto& array = object.via.array;
  if (array.size > known) {
    throw FieldError("expected at most " + std::to_string(known) + " fields, got " + std::to_string(array.size));
  }
  if constexpr (HasFields<T>) {
    std::uint32_t i = 0;
    for_each_field<T>([&](std::string_view name, auto member) {
      if (i >= array.size) return;
      try {
        array.ptr[i++].convert(out.*member);
      } catch (const FieldError& e) {
        throw FieldError("field '" + std::string{name} + "': " + e.text);
      } catch (const msgpack::type_error&) {
        throw FieldError("field '" + std::string{name} + "' has the wrong type or is out of range");
      }
    });
  }
}

}  // namespace reki::detail
