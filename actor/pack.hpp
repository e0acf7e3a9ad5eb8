#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "reki/actor/fields.hpp"
#include "reki/core/base/bytes.hpp"
#include "reki/core/base/error.hpp"
#include "reki/core/base/limits.hpp"
#include "reki/core/wire/msgpack_reader.hpp"
#include "reki/core/wire/msgpack_writer.hpp"

/// Values to msgpack and back (docs/protocol.md, section 4): numbers, words, bytes, containers and tuples of the standard library,
/// and structs with `fields`, which are arrays of them.
///
/// The same bytes as msgpack-cxx's, without it: its headers are two thirds of what a plugin took to compile. What only
/// msgpack-cxx knows, MSGPACK_DEFINE and a user's own adaptors among it, goes through it where reki/msgpack.hpp is included.
namespace reki {

namespace detail {

/// Writes and reads a T by msgpack-cxx; reki/msgpack.hpp has it.
template <class T>
struct ByMsgpackCxx {
  static_assert(sizeof(T) == 0,
                "reki cannot send this type: give it `fields`, or include reki/msgpack.hpp if msgpack-cxx knows it");
};

// What a type is by its shape, so that no header of a container is needed here.

template <class T>
concept EmptyMessage = std::is_empty_v<T> && requires { T::name; };
template <class T>
concept OneByte = std::same_as<T, char> || std::same_as<T, unsigned char> || std::same_as<T, std::byte>;
template <class T>
inline constexpr bool is_array = false;
template <class T, std::size_t N>
inline constexpr bool is_array<std::array<T, N>> = true;
template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class T>
inline constexpr bool is_tuple = false;
template <class... Ts>
inline constexpr bool is_tuple<std::tuple<Ts...>> = true;
template <class T>
inline constexpr bool is_pair = false;
template <class A, class B>
inline constexpr bool is_pair<std::pair<A, B>> = true;
template <class T>
concept Container = requires(T t) {
  typename T::value_type;
  typename T::allocator_type;
  t.begin() != t.end();
  t.size();
  t.clear();
};
template <class T>
concept MapContainer = Container<T> && requires { typename T::mapped_type; };
template <class T>
concept Sequence = is_array<T> || Container<T>;
/// A bin: bytes in one piece.
template <class T>
concept ByteSequence = Sequence<T> && OneByte<typename T::value_type> && requires(T t) { t.data(); };

void write_double(MsgpackWriter& out, double value);
void write_float(MsgpackWriter& out, float value);

/// Appends one value.
template <class T>
void write(MsgpackWriter& out, const T& value) {
  if constexpr (HasFields<T>) {
    out.write_array(static_cast<std::uint32_t>(std::remove_cvref_t<decltype(T::fields)>::count));
    for_each_field<T>([&](std::string_view, auto member) { write(out, value.*member); });
  } else if constexpr (EmptyMessage<T>) {
    out.write_array(0);
  } else if constexpr (std::is_same_v<T, bool>) {
    out.write_bool(value);
  } else if constexpr (std::signed_integral<T>) {
    out.write_int(value);
  } else if constexpr (std::unsigned_integral<T>) {
    out.write_uint(value);
  } else if constexpr (std::is_same_v<T, double>) {
    write_double(out, value);
  } else if constexpr (std::is_same_v<T, float>) {
    write_float(out, value);
  } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    out.write_str(value);
  } else if constexpr (ByteSequence<T>) {
    out.write_bin({reinterpret_cast<const char*>(value.data()), value.size()});
  } else if constexpr (is_optional<T>) {
    if (value) write(out, *value);
    else out.write_nil();
  } else if constexpr (is_tuple<T> || is_pair<T>) {
    out.write_array(static_cast<std::uint32_t>(std::tuple_size_v<T>));
    std::apply([&](const auto&... each) { (write(out, each), ...); }, value);
  } else if constexpr (MapContainer<T>) {
    out.write_map(static_cast<std::uint32_t>(value.size()));
    for (const auto& [key, each] : value) {
      write(out, key);
      write(out, each);
    }
  } else if constexpr (Sequence<T>) {
    out.write_array(static_cast<std::uint32_t>(value.size()));
    for (const auto& each : value) write(out, each);
  } else {
    ByMsgpackCxx<T>::write(out, value);
  }
}

/// Reads values, and knows why it cannot. Each `read` returns false if the value does not fit; what it has written is then
/// of no use, nor is this but for `error`.
class Unpacker {
 public:
  explicit Unpacker(BytesView bytes) : in_(bytes) {}

  template <class T>
  bool read(T& out) {
    if constexpr (HasFields<T> || EmptyMessage<T>) {
      return read_struct(out);
    } else if constexpr (std::is_same_v<T, bool>) {
      return in_.read_bool(out) || wrong();
    } else if constexpr (std::integral<T>) {
      return read_integer(out);
    } else if constexpr (std::is_same_v<T, double> || std::is_same_v<T, float>) {
      double value = 0;
      if (!read_double(value)) return false;
      out = static_cast<T>(value);
      return true;
    } else if constexpr (std::is_same_v<T, std::string>) {
      BytesView value;
      if (!read_bytes(value)) return false;
      out = value;
      return true;
    } else if constexpr (ByteSequence<T>) {
      return read_bin(out);
    } else if constexpr (is_optional<T>) {
      if (in_.read_nil()) return out.reset(), true;
      return read(out.emplace());
    } else if constexpr (is_tuple<T> || is_pair<T>) {
      return read_tuple(out);
    } else if constexpr (MapContainer<T>) {
      return read_map(out);
    } else if constexpr (Sequence<T>) {
      return read_sequence(out);
    } else {
      return ByMsgpackCxx<T>::read(*this, out);
    }
  }
  bool at_end() const { return in_.at_end(); }
  /// After a false `read`, or one that is not at the end.
  Error error() &&;

  // For ByMsgpackCxx.
  BytesView rest() const { return in_.rest(); }
  void advance(std::size_t bytes) { in_.advance(bytes); }
  bool fail(ErrorCode code, std::string text);

 private:
  template <class T>
  bool read_struct(T& out) {
    std::uint32_t left = 0;
    if (!begin_array(left)) return no_struct();
    if constexpr (HasFields<T>) {
      constexpr std::uint32_t known = std::remove_cvref_t<decltype(T::fields)>::count;
      if (left > known) return too_many_fields(known, left);
      bool good = true;
      for_each_field<T>([&](std::string_view name, auto member) {
        if (left == 0 || !good) return;
        --left;
        good = read(out.*member) || blame(name);
      });
      if (!good) return false;
    } else if (left > 0) {
      return too_many_fields(0, left);
    }
    return end();
  }
  template <class T>
  bool read_integer(T& out) {
    std::uint64_t value = 0;
    if (in_.read_uint(value)) {
      if (value > static_cast<std::uint64_t>(std::numeric_limits<T>::max())) return unfit();
      out = static_cast<T>(value);
      return true;
    }
    if constexpr (std::signed_integral<T>) {
      std::int64_t negative = 0;
      if (in_.read_negative(negative)) {
        if (negative < std::numeric_limits<T>::min()) return unfit();
        out = static_cast<T>(negative);
        return true;
      }
    }
    return wrong();
  }
  template <class T>
  bool read_bin(T& out) {
    BytesView value;
    if (!read_bytes(value)) return false;
    if constexpr (is_array<T>) {
      if (value.size() > out.size()) return unfit();
    } else {
      out.resize(value.size());
    }
    copy_bytes(value, out.data());
    return true;
  }
  template <class T>
  bool read_tuple(T& out) {
    std::uint32_t left = 0;
    if (!begin_array(left)) return false;
    if (is_pair<T> && left != 2) return unfit();
    const auto next = [&](auto& each) { return left == 0 || (--left, read(each)); };
    if (!std::apply([&](auto&... each) { return (next(each) && ...); }, out)) return false;
    return skip(left) && end();
  }
  template <class T>
  bool read_map(T& out) {
    std::uint32_t left = 0;
    if (!begin_map(left)) return false;
    out.clear();
    for (; left > 0; --left) {
      typename T::key_type key{};
      typename T::mapped_type value{};
      if (!read(key) || !read(value)) return false;
      if constexpr (requires { out.insert_or_assign(std::move(key), std::move(value)); }) {
        out.insert_or_assign(std::move(key), std::move(value));
      } else {
        out.emplace(std::move(key), std::move(value));
      }
    }
    return end();
  }
  template <class T>
  bool read_sequence(T& out) {
    std::uint32_t left = 0;
    if (!begin_array(left)) return false;
    if constexpr (is_array<T>) {
      if (left > out.size()) return unfit();
      for (std::uint32_t i = 0; i < left; ++i) {
        if (!read(out[i])) return false;
      }
    } else {
      out.clear();
      for (; left > 0; --left) {
        typename T::value_type value{};
        if (!read(value)) return false;
        if constexpr (requires { out.push_back(std::move(value)); }) out.push_back(std::move(value));
        else out.insert(std::move(value));
      }
    }
    return end();
  }

  // What is in each other is counted; `end` leaves one container, and is true.
  bool begin_array(std::uint32_t& count);
  bool begin_map(std::uint32_t& count);
  bool begin(std::uint32_t count);
  bool end() {
    --depth_;
    return true;
  }
  bool read_double(double& value);
  bool read_bytes(BytesView& value);
  bool skip(std::uint32_t values);
  static void copy_bytes(BytesView from, void* to);
  // Each says why, and is false.
  bool unfit();  ///< The value that was read, by its range or number.
  bool wrong();  ///< The value that could not be read.
  bool no_struct();
  bool too_many_fields(std::uint32_t known, std::uint32_t got);
  bool blame(std::string_view field);

  MsgpackReader in_;
  std::size_t depth_ = 0;
  ErrorCode code_ = ErrorCode::ok;
  std::string text_;  ///< Empty with a code: a wrong type or range.
};

}  // namespace detail

/// Appends `value` to `out`.
template <class T>
void pack_into(Bytes& out, const T& value) {
  MsgpackWriter writer(out);
  detail::write(writer, value);
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
  Result<T> out;
  if constexpr (HasFields<T> || std::is_empty_v<T>) {
    if (bytes.empty()) return out;
  }
  detail::Unpacker in(bytes);
  if (!in.read(*out) || !in.at_end()) out = tl::make_unexpected(std::move(in).error());
  return out;
}

}  // namespace reki
