#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "reki/core/base/bytes.hpp"
#include "reki/core/base/error.hpp"
#include "reki/core/base/ids.hpp"
#include "reki/core/wire/msgpack_reader.hpp"
#include "reki/core/wire/wire.hpp"

/// Between frames as bytes and the values of wire.hpp, by docs/protocol.md.
///
/// Pure; no thread safety. Decoding is total: any bytes give a value or an error (`malformed_frame`, or `too_large` for
/// a bound of limits.hpp) whose text says which element is wrong. It copies and allocates nothing unless it fails;
/// views in the values point into the frame, which must outlive them. What a later version appends to an array is
/// ignored.
namespace reki::wire {

/// The kind alone, so that the caller can choose among the functions below. Checks the frame's size too.
[[nodiscard]] Result<FrameKind> kind_of(BytesView frame);

[[nodiscard]] Result<Hello> decode_hello(BytesView frame);
[[nodiscard]] Result<Welcome> decode_welcome(BytesView frame);
[[nodiscard]] Result<Reject> decode_reject(BytesView frame);
[[nodiscard]] Result<Ping> decode_ping(BytesView frame);
[[nodiscard]] Result<Pong> decode_pong(BytesView frame);
[[nodiscard]] Result<Goodbye> decode_goodbye(BytesView frame);

[[nodiscard]] Bytes encode_hello(const Hello& hello);
[[nodiscard]] Bytes encode_welcome(const Welcome& welcome);
/// Cuts the text at `limits::error_text_bytes_max`, as encoding a reply does: half an explanation beats none.
[[nodiscard]] Bytes encode_reject(const Reject& reject);
[[nodiscard]] Bytes encode_ping(const Ping& ping);
[[nodiscard]] Bytes encode_pong(const Pong& pong);
[[nodiscard]] Bytes encode_goodbye(const Goodbye& goodbye);

/// What a batch's reader has come to.
enum class Next : std::uint8_t {
  end,   ///< No more.
  good,  ///< A request or reply is there.
  bad,   ///< One is there that cannot be used: of it only id, op and flags may be read; bad() says why.
  no_id,  ///< One is there whose id cannot be read, so that nobody can be told; bad() says why.
};

/// What the readers of requests and replies share: the cursor in the batch, and the words for what is wrong in it.
class BatchReader {
 public:
  /// After `Next::bad`: what to answer to that id (or, for a reply, what to give to the waiting call).
  [[nodiscard]] const Error& bad() const { return bad_; }

 protected:
  BatchReader(MsgpackReader in, std::uint32_t count, std::uint32_t extra, std::string_view noun)
      : in_(in), left_(count), extra_(extra), noun_(noun) {}

  /// Past what follows the batch in its frame. Fails on garbage.
  Result<Next> finish();
  /// Gives up the entry that starts at `start`, for `bad()`; fails if it is not msgpack, so that the next one cannot
  /// be found either.
  Result<Next> give_up(MsgpackReader start, Error why, Next as = Next::bad);
  /// Gives up the rest of the frame.
  Result<Next> lost(std::string_view why);
  std::string place(std::string_view what) const;

  MsgpackReader in_;
  std::uint32_t left_;   ///< Entries to come.
  std::uint32_t extra_;  ///< Elements of the frame after the batch.
  std::uint32_t index_ = 0;
  std::string_view noun_;
  Error bad_;
};

/// Reads the requests of a REQUEST frame one after the other.
///
/// One request that breaks a bound, has an element of the wrong kind or an unknown operation (`unsupported`) is `bad`
/// and does not spoil its batch. An error from next() means that the rest of the frame cannot be read; what was read
/// before it stands.
class RequestReader : public BatchReader {
 public:
  /// Fails if the frame is no REQUEST, is too large or announces more than `limits::requests_per_frame_max`.
  [[nodiscard]] static Result<RequestReader> open(BytesView frame);
  [[nodiscard]] const RequestHeader& header() const { return header_; }
  [[nodiscard]] Result<Next> next(Request& out);

 private:
  RequestReader(MsgpackReader in, const RequestHeader& header, std::uint32_t extra)
      : BatchReader(in, header.count, extra, "request"), header_(header) {}
  RequestHeader header_;
};

/// Reads the replies of a REPLY frame, by the rules of RequestReader. A code of a later version comes as its number.
class ReplyReader : public BatchReader {
 public:
  [[nodiscard]] static Result<ReplyReader> open(BytesView frame);
  [[nodiscard]] const ReplyHeader& header() const { return header_; }
  [[nodiscard]] Result<Next> next(Reply& out);

 private:
  ReplyReader(MsgpackReader in, const ReplyHeader& header, std::uint32_t extra)
      : BatchReader(in, header.count, extra, "reply"), header_(header) {}
  ReplyHeader header_;
};

/// What the writers of requests and replies share: a frame that grows entry by entry in one reused buffer.
///
/// The head has fixed widths and is filled in at the end, so that a batch may wait for a connection whose incarnation
/// is not known yet.
class BatchWriter {
 public:
  [[nodiscard]] std::size_t size() const { return size_; }  ///< In bytes, head included.
  [[nodiscard]] std::uint32_t count() const { return count_; }
  [[nodiscard]] bool empty() const { return count_ == 0; }
  /// Forgets the entries, keeps the buffer.
  void clear() {
    size_ = head_bytes;
    count_ = 0;
  }

 protected:
  static constexpr std::size_t head_bytes = 19;

  /// Room for `bytes` more, or nullptr if the frame would exceed a bound.
  char* room_for(std::size_t bytes);
  void added(const char* end) {
    size_ = static_cast<std::size_t>(end - buffer_.data());
    ++count_;
  }
  void write_head(FrameKind kind, Epoch epoch, Incarnation incarnation);
  BytesView finished() const { return BytesView{buffer_.data(), size_}; }

 private:
  Bytes buffer_;  // its first size_ bytes are the frame, the others are room
  std::size_t size_ = head_bytes;
  std::uint32_t count_ = 0;
};

/// Builds a REQUEST frame.
class RequestWriter : public BatchWriter {
 public:
  /// False if the frame is full: send it, clear it, add again. REQUIRES: !check(request).
  [[nodiscard]] bool add(const Request& request);
  /// The frame, until the next add() or clear().
  [[nodiscard]] BytesView finish(Epoch epoch, Incarnation target);
};

/// Builds a REPLY frame.
class ReplyWriter : public BatchWriter {
 public:
  /// False if the frame is full. A payload above `limits::message_bytes_max` becomes the error `too_large`.
  [[nodiscard]] bool add(const Reply& reply);
  [[nodiscard]] BytesView finish(Epoch epoch, Incarnation incarnation);
};

/// Arguments of `list`.
struct ListArgs {
  BytesView cursor;  ///< Empty: from the start.
  std::uint32_t limit = 0;
};
[[nodiscard]] Bytes encode_list_args(const ListArgs& args);
/// Without args: the start, and `limits::list_page_default`. `invalid_argument` for a limit of 0, `too_large` for one
/// above `limits::list_page_max`, else `malformed_message`.
[[nodiscard]] Result<ListArgs> decode_list_args(std::optional<BytesView> args);

/// Builds the payload of a reply to `list` key by key.
class ListPageWriter {
 public:
  /// False if the page is full in keys or bytes; the cursor then has to continue before this key.
  [[nodiscard]] bool add(BytesView key);
  [[nodiscard]] std::uint32_t count() const { return count_; }
  /// REQUIRES: at most `limits::key_bytes_max` + 64 bytes of cursor. The writer is empty after it.
  [[nodiscard]] Bytes take(BytesView cursor);

 private:
  Bytes keys_;
  std::uint32_t count_ = 0;
};
struct ListPage {
  std::vector<BytesView> keys;
  BytesView cursor;  ///< Empty: this was the last page.
};
[[nodiscard]] Result<ListPage> decode_list_page(BytesView payload);

[[nodiscard]] Bytes encode_count(std::uint64_t count);
[[nodiscard]] Result<std::uint64_t> decode_count(BytesView payload);

/// Arguments of `view`.
struct ViewArgs {
  Epoch have;           ///< Of the asker's view; 0: it has none.
  bool deltas = false;  ///< It can use a delta to that view (view_delta.hpp).
};
[[nodiscard]] Bytes encode_view_args(Epoch have, bool deltas = false);
/// What is left out is as above.
[[nodiscard]] Result<ViewArgs> decode_view_args(std::optional<BytesView> args);

}  // namespace reki::wire
