#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "reki/core/base/bytes.hpp"

namespace reki {

/// The most bytes that the head of one value takes: a number itself, or the kind and length of a str, bin, array, map.
inline constexpr std::size_t msgpack_head_bytes_max = 9;

/// Writes msgpack at a raw position in the smallest forms, for a buffer whose owner has made room beforehand.
///
/// Each method REQUIRES `msgpack_head_bytes_max` bytes of room, and the length of the bytes that it copies.
class MsgpackCursor {
 public:
  explicit MsgpackCursor(char* at) : at_(at) {}
  char* at() const { return at_; }

  void nil() { put(0xc0); }
  void boolean(bool value) { put(value ? 0xc3 : 0xc2); }
  void uint(std::uint64_t value) {
    if (value <= 0x7f) return put(static_cast<std::uint8_t>(value));
    const unsigned width_log2 = value <= 0xff ? 0 : value <= 0xffff ? 1 : value <= 0xffffffff ? 2 : 3;
    put(static_cast<std::uint8_t>(0xcc + width_log2));
    put_big_endian(value, 1U << width_log2);
  }
  /// Not negative: as uint has it.
  void integer(std::int64_t value) {
    if (value >= 0) return uint(static_cast<std::uint64_t>(value));
    if (value >= -32) return put(static_cast<std::uint8_t>(value));
    const unsigned width_log2 = value >= INT8_MIN ? 0 : value >= INT16_MIN ? 1 : value >= INT32_MIN ? 2 : 3;
    put(static_cast<std::uint8_t>(0xd0 + width_log2));
    put_big_endian(static_cast<std::uint64_t>(value), 1U << width_log2);
  }
  void float32(float value) {
    put(0xca);
    put_big_endian(std::bit_cast<std::uint32_t>(value), 4);
  }
  void float64(double value) {
    put(0xcb);
    put_big_endian(std::bit_cast<std::uint64_t>(value), 8);
  }
  void array(std::uint32_t count) { container(count, 0x90, 0xdc); }
  void map(std::uint32_t count) { container(count, 0x80, 0xde); }
  void str_head(std::size_t size) {
    if (size <= 31) return put(static_cast<std::uint8_t>(0xa0 | size));
    sized_head(size, 0xd9);
  }
  void bin_head(std::size_t size) { sized_head(size, 0xc4); }
  void str(std::string_view text) {
    str_head(text.size());
    raw(text);
  }
  void bin(BytesView bytes) {
    bin_head(bytes.size());
    raw(bytes);
  }
  void raw(BytesView bytes) {
    if (!bytes.empty()) std::memcpy(at_, bytes.data(), bytes.size());
    at_ += bytes.size();
  }
  void put(std::uint8_t byte) { *at_++ = static_cast<char>(byte); }
  /// The low `width` bytes of the value. REQUIRES: width is 1, 2, 4 or 8.
  void put_big_endian(std::uint64_t value, unsigned width) {
    static_assert(std::endian::native == std::endian::little);
    value = __builtin_bswap64(value) >> (64 - 8 * width);
    std::memcpy(at_, &value, sizeof value);  // a fixed size is one store; what is too much is overwritten or cut off
    at_ += width;
  }

 private:
  void container(std::uint32_t count, std::uint8_t fix, std::uint8_t wide) {
    if (count <= 15) return put(static_cast<std::uint8_t>(fix | count));
    put(count <= 0xffff ? wide : static_cast<std::uint8_t>(wide + 1));
    put_big_endian(count, count <= 0xffff ? 2 : 4);
  }
  /// REQUIRES: size < 2^32; limits.hpp keeps it far below.
  void sized_head(std::size_t size, std::uint8_t first) {
    const unsigned width_log2 = size <= 0xff ? 0 : size <= 0xffff ? 1 : 2;
    put(static_cast<std::uint8_t>(first + width_log2));
    put_big_endian(size, 1U << width_log2);
  }

  char* at_;
};

/// Appends msgpack to bytes that somebody else owns, in the smallest forms.
class MsgpackWriter {
 public:
  /// `out` must live on.
  explicit MsgpackWriter(Bytes& out) : out_(out) {}

  void write_nil() { out_.push_back(static_cast<char>(0xc0)); }
  void write_bool(bool value) { out_.push_back(static_cast<char>(value ? 0xc3 : 0xc2)); }
  void write_uint(std::uint64_t value) {
    head([&](MsgpackCursor& c) { c.uint(value); });
  }
  void write_int(std::int64_t value) {
    head([&](MsgpackCursor& c) { c.integer(value); });
  }
  void write_float(float value) {
    head([&](MsgpackCursor& c) { c.float32(value); });
  }
  void write_double(double value) {
    head([&](MsgpackCursor& c) { c.float64(value); });
  }
  void write_array(std::uint32_t count) {
    head([&](MsgpackCursor& c) { c.array(count); });
  }
  void write_map(std::uint32_t count) {
    head([&](MsgpackCursor& c) { c.map(count); });
  }
  void write_str(std::string_view text) {
    head([&](MsgpackCursor& c) { c.str_head(text.size()); });
    out_.append(text);
  }
  void write_bin(BytesView bytes) {
    head([&](MsgpackCursor& c) { c.bin_head(bytes.size()); });
    out_.append(bytes);
  }
  /// A value that is msgpack already.
  void write_value(BytesView value) { out_.append(value); }
  /// What has been written, to append to.
  [[nodiscard]] Bytes& bytes() { return out_; }

 private:
  template <class Write>
  void head(Write write) {
    char bytes[msgpack_head_bytes_max];
    MsgpackCursor cursor{bytes};
    write(cursor);
    out_.append(bytes, static_cast<std::size_t>(cursor.at() - bytes));
  }

  Bytes& out_;
};

}  // namespace reki
