// What args and payloads of reki's own operations hold: list, count, view.
#include <utility>

#include "reki/core/base/assert.hpp"
#include "reki/core/base/limits.hpp"
#include "reki/core/wire/codec.hpp"
#include "reki/core/wire/codec_elements.hpp"
#include "reki/core/wire/msgpack_writer.hpp"

namespace reki::wire {
namespace {

// A page's arrays, its cursor and the head of one more key.
constexpr std::size_t list_page_heads_bytes_max = 64 + 4 * msgpack_head_bytes_max;

/// Reads an array of elements that is all of `value`. The error is `malformed_message`.
template <class Read>
std::optional<Error> read_value(std::string_view noun, BytesView value, std::uint32_t required, Read read) {
  MsgpackReader in{value};
  Elements elements{in, required};
  read(elements, in);
  elements.skip_rest();
  if (!elements.ok()) return Error{ErrorCode::malformed_message, std::string{noun} + ": " + elements.fault_text()};
  if (!in.at_end()) return Error{ErrorCode::malformed_message, std::string{noun} + ": more bytes follow its end"};
  return std::nullopt;
}

}  // namespace

Bytes encode_list_args(const ListArgs& args) {
  Bytes out;
  MsgpackWriter writer{out};
  writer.write_array(2);
  writer.write_bin(args.cursor);
  writer.write_uint(args.limit);
  return out;
}

Result<ListArgs> decode_list_args(std::optional<BytesView> args) {
  ListArgs out{BytesView{}, limits::list_page_default};
  if (!args || args->empty()) return out;
  auto error = read_value("args of list", *args, 0, [&](Elements& e, MsgpackReader&) {
    e.bytes("cursor", out.cursor);
    e.number("limit", out.limit);
  });
  if (error) return tl::make_unexpected(*std::move(error));
  if (out.limit == 0) return fail(ErrorCode::invalid_argument, "the limit of a list is 0");
  if (out.limit > limits::list_page_max) {
    return fail(ErrorCode::too_large, "the limit of a list is " + std::to_string(out.limit) + ", at most " +
                                          std::to_string(limits::list_page_max) + " may be");
  }
  return out;
}

bool ListPageWriter::add(BytesView key) {
  const std::size_t room = limits::message_bytes_max - limits::key_bytes_max - list_page_heads_bytes_max;
  if (count_ == limits::list_page_max || keys_.size() + key.size() > room) return false;
  MsgpackWriter{keys_}.write_bin(key);
  ++count_;
  return true;
}

Bytes ListPageWriter::take(BytesView cursor) {
  Bytes out;
  out.reserve(keys_.size() + cursor.size() + list_page_heads_bytes_max);
  MsgpackWriter writer{out};
  writer.write_array(2);
  writer.write_array(count_);
  writer.write_value(keys_);
  writer.write_bin(cursor);
  keys_.clear();
  count_ = 0;
  return out;
}

Result<ListPage> decode_list_page(BytesView payload) {
  ListPage page;
  auto error = read_value("reply to list", payload, 2, [&](Elements& e, MsgpackReader& in) {
    std::uint32_t count = 0;
    e.array("keys", count);
    if (!e.ok()) return;
    page.keys.reserve(count);  // at most as many as the payload has bytes
    for (; count > 0; --count) {
      BytesView key;
      if (!in.read_bytes(key)) return e.fault("a key", "is not str or bin");
      page.keys.push_back(key);
    }
    e.bytes("cursor", page.cursor);
  });
  if (error) return tl::make_unexpected(*std::move(error));
  return page;
}

Bytes encode_count(std::uint64_t count) {
  Bytes out;
  MsgpackWriter{out}.write_uint(count);
  return out;
}

Result<std::uint64_t> decode_count(BytesView payload) {
  MsgpackReader in{payload};
  std::uint64_t count = 0;
  if (in.read_uint(count) && in.at_end()) return count;
  return fail(ErrorCode::malformed_message, "reply to count: is not an unsigned number");
}

Bytes encode_view_args(Epoch have, bool deltas) {
  Bytes out;
  MsgpackWriter writer{out};
  writer.write_array(deltas ? 2 : 1);
  writer.write_uint(have.value);
  if (deltas) writer.write_bool(true);
  return out;
}

Result<ViewArgs> decode_view_args(std::optional<BytesView> args) {
  ViewArgs out;
  if (!args || args->empty()) return out;
  auto error = read_value("args of view", *args, 0, [&](Elements& e, MsgpackReader&) {
    e.number("epoch", out.have.value);
    e.boolean("deltas", out.deltas);
  });
  if (error) return tl::make_unexpected(*std::move(error));
  return out;
}

}  // namespace reki::wire
