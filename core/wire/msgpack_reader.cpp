#include "reki/core/wire/msgpack_reader.hpp"

#include <array>
#include <bit>

#include "reki/core/base/limits.hpp"

namespace reki {

bool MsgpackReader::read_long_array(std::uint32_t& count) {
  if (at_end() || (byte(0) != 0xdc && byte(0) != 0xdd)) return false;
  const std::size_t width = byte(0) == 0xdc ? 2 : 4;
  if (left() <= width) return false;
  const auto n = static_cast<std::uint32_t>(big_endian(1, width));
  if (left() - 1 - width < n) return false;
  at_ += 1 + width;
  count = n;
  return true;
}

bool MsgpackReader::read_wide_uint(std::uint64_t& value) {
  if (at_end()) return false;
  const std::uint8_t kind = byte(0);
  const bool is_unsigned = kind >= 0xcc && kind <= 0xcf;
  const bool is_signed = kind >= 0xd0 && kind <= 0xd3;
  if (!is_unsigned && !is_signed) return false;
  const std::size_t width = std::size_t{1} << (kind & 3);  // cc..cf end in 0..3, and so do d0..d3
  if (left() <= width) return false;
  if (is_signed && byte(1) > 0x7f) return false;
  switch (width) {  // constant widths: ids are read here, for every request
    case 1:
      value = byte(1);
      break;
    case 2:
      value = big_endian(1, 2);
      break;
    case 4:
      value = big_endian(1, 4);
      break;
    default:
      value = big_endian(1, 8);
  }
  at_ += 1 + width;
  return true;
}

bool MsgpackReader::long_bytes(std::size_t& head, std::size_t& size) const {
  std::size_t width = 0;
  switch (byte(0)) {
    case 0xc5:
    case 0xda:
      width = 2;
      break;
    case 0xc6:
    case 0xdb:
      width = 4;
      break;
    default:
      return false;
  }
  if (left() <= width) return false;
  head = 1 + width;
  size = big_endian(1, width);
  return true;
}

bool MsgpackReader::read_map(std::uint32_t& count) {
  if (at_end()) return false;
  const std::uint8_t kind = byte(0);
  std::size_t width = 0;
  std::uint32_t n = kind & 0x0f;
  if (kind == 0xde || kind == 0xdf) {
    width = kind == 0xde ? 2 : 4;
    if (left() <= width) return false;
    n = static_cast<std::uint32_t>(big_endian(1, width));
  } else if ((kind & 0xf0) != 0x80) {
    return false;
  }
  if ((left() - 1 - width) / 2 < n) return false;
  at_ += 1 + width;
  count = n;
  return true;
}

bool MsgpackReader::read_negative(std::int64_t& value) {
  if (at_end()) return false;
  const std::uint8_t kind = byte(0);
  if (kind >= 0xe0) {
    value = std::int64_t{kind} - 0x100;
    ++at_;
    return true;
  }
  if (kind < 0xd0 || kind > 0xd3) return false;
  const std::size_t width = std::size_t{1} << (kind & 3);
  if (left() <= width || byte(1) <= 0x7f) return false;
  const std::uint64_t sign = width == 8 ? 0 : ~std::uint64_t{0} << (8 * width);
  value = static_cast<std::int64_t>(big_endian(1, width) | sign);
  at_ += 1 + width;
  return true;
}

bool MsgpackReader::read_double(double& value) {
  if (at_end() || (byte(0) != 0xca && byte(0) != 0xcb)) return false;
  const std::size_t width = byte(0) == 0xca ? 4 : 8;
  if (left() <= width) return false;
  const std::uint64_t bits = big_endian(1, width);
  value = width == 4 ? static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits))) : std::bit_cast<double>(bits);
  at_ += 1 + width;
  return true;
}

/// The head of one value: its kind, and the length that follows that.
struct MsgpackReader::Head {
  std::size_t size = 1;        ///< Of the head itself.
  std::uint64_t bytes = 0;     ///< That follow it and belong to the value.
  std::uint64_t children = 0;  ///< Values that follow it.
  bool container = false;
};

/// False if it is not whole, or none of msgpack's. What it says that follows need not be there.
bool MsgpackReader::read_head(Head& head) const {
  if (at_end()) return false;
  const std::uint8_t kind = byte(0);
  std::size_t width = 0;    // of the length that follows the kind
  std::uint64_t extra = 0;  // bytes besides kind, length and counted ones
  std::uint64_t count = 0;
  enum { none, bytes, array, map } counts = none;
  if (kind <= 0x7f || kind >= 0xe0 || kind == 0xc0 || kind == 0xc2 || kind == 0xc3) {
    // the value is in the kind
  } else if (kind <= 0x8f) {
    counts = map;
    count = kind & 0x0f;
  } else if (kind <= 0x9f) {
    counts = array;
    count = kind & 0x0f;
  } else if (kind <= 0xbf) {
    extra = kind & 0x1f;
  } else if (kind == 0xc1) {
    return false;  // never used by msgpack
  } else if (kind <= 0xc6) {
    counts = bytes;
    width = std::size_t{1} << (kind - 0xc4);
  } else if (kind <= 0xc9) {
    counts = bytes;
    width = std::size_t{1} << (kind - 0xc7);
    extra = 1;  // ext: its type
  } else if (kind <= 0xcb) {
    extra = kind == 0xca ? 4 : 8;
  } else if (kind <= 0xd3) {
    extra = std::uint64_t{1} << (kind & 3);
  } else if (kind <= 0xd8) {
    extra = 1 + (std::uint64_t{1} << (kind - 0xd4));  // fixext: its type and its bytes
  } else if (kind <= 0xdb) {
    counts = bytes;
    width = std::size_t{1} << (kind - 0xd9);
  } else {
    counts = kind <= 0xdd ? array : map;
    width = kind % 2 == 0 ? 2 : 4;
  }
  if (left() - 1 < width) return false;
  if (width > 0) count = big_endian(1, width);
  head.size = 1 + width;
  head.bytes = counts == bytes ? extra + count : extra;
  head.children = counts == array ? count : counts == map ? 2 * count : 0;
  head.container = counts == array || counts == map;
  return true;
}

/// Past the head of one value and past its bytes if it is no container; `children` values of a container follow.
bool MsgpackReader::skip_head(std::uint64_t& children, bool& container) {
  Head head;
  if (!read_head(head)) return false;
  const std::uint64_t rest = left() - head.size;
  if (rest < head.bytes || rest < head.children) return false;
  children = head.children;
  container = head.container;
  at_ += head.size + head.bytes;
  return true;
}

void MsgpackReader::announced(std::uint64_t& values, std::uint64_t& bytes) const {
  Head head;
  const bool whole = read_head(head);
  values = whole ? head.children : 0;
  bytes = whole ? head.bytes : 0;
}

bool MsgpackReader::skip() {
  MsgpackReader ahead = *this;
  std::array<std::uint64_t, limits::decode_depth_max> to_come;  // values still to come in each open container
  std::size_t depth = 0;
  std::size_t items = 0;
  do {
    std::uint64_t children = 0;
    bool container = false;
    if (++items > limits::decode_items_max || !ahead.skip_head(children, container)) return false;
    if (container && depth == limits::decode_depth_max) return false;
    if (children > 0) {
      to_come[depth++] = children;
    } else {
      while (depth > 0 && --to_come[depth - 1] == 0) --depth;
    }
  } while (depth > 0);
  *this = ahead;
  return true;
}

bool MsgpackReader::read_value(BytesView& value) {
  const char* start = at_;
  if (!skip()) return false;
  value = BytesView{start, static_cast<std::size_t>(at_ - start)};
  return true;
}

}  // namespace reki
