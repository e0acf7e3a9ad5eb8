// Any bytes into everything that reads bytes from a peer: no crash, no read outside, and what is read good is written
// and read back the same.
//
// With clang: cmake --preset fuzz && cmake --build --preset fuzz --target codec_fuzz
//             build/fuzz/tests/fuzz/codec_fuzz -max_len=4096 -max_total_time=180
// With any compiler codec_replay.cpp, a test, calls the same function with frames of its own making.

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "reki/core/membership/control_codec.hpp"
#include "reki/core/membership/voter_record.hpp"
#include "reki/core/view/view.hpp"
#include "reki/core/view/view_delta.hpp"
#include "reki/core/watch/watch_codec.hpp"
#include "reki/core/wire/codec.hpp"

using namespace reki;
using namespace reki::wire;

namespace {

void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

template <class Entry, class Reader, class Writer>
void requests_or_replies(BytesView frame) {
  auto reader = Reader::open(frame);
  if (!reader) return;
  for (Entry entry;;) {
    const auto next = reader->next(entry);
    if (!next || *next == Next::end) return;
    if (*next == Next::bad || *next == Next::no_id) {
      must(!reader->bad().text.empty(), "a bad entry says why");
      continue;
    }
    Writer writer;
    must(writer.add(entry), "what was read fits into a frame");
    auto again = Reader::open(writer.finish(Epoch{1}, Incarnation{2}));
    Entry back;
    must(again && *again->next(back) == Next::good, "what was written is read");
    must(entry == back, "what is read again is the same");
  }
}

void watch_reply(BytesView payload) {
  const auto reply = decode_watch_reply(payload);
  if (!reply) return;
  WatchReplyWriter writer;
  std::size_t bytes = 0;
  for (const auto& event : reply->events) {
    writer.add(event);
    bytes += watch_event_bytes_max(event);
  }
  const Bytes again = writer.take(reply->position);
  must(again.size() <= bytes + 64, "an event takes no more than is accounted for");
  const auto back = decode_watch_reply(again);
  must(back && back->position == reply->position && back->events == reply->events, "a reply to watch comes back");
}

const View& delta_base() {
  static const View view = *fixed_view("shop", 1, {{NodeId{"n1"}, Incarnation{7}, "tcp://localhost:1", 1, ""}});
  return view;
}

/// What is read good is written and read back; twice written it is the same.
void control(BytesView frame) {
  using namespace reki::membership;
  const auto good = decode_control(frame, {});
  if (!good || !good->body) return;
  const bool known = good->sender.cluster.empty() || !decode_control(frame, good->sender.cluster + "x");
  must(known || kind_of(*good->body) == ControlKind::init_probe, "another cluster's frame is refused");
  const Bytes once{ControlWriter{good->sender}.write(*good->body)};
  const auto again = decode_control(once, {});
  must(again.has_value(), "what was written is read");
  must(once == ControlWriter{again->sender}.write(*again->body), "what is read again is the same");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A copy of the exact size, so that the sanitizer sees a read past it.
  const std::vector<char> copy{reinterpret_cast<const char*>(data), reinterpret_cast<const char*>(data) + size};
  const BytesView frame{copy.data(), copy.size()};

  const auto kind = kind_of(frame);
  if (const auto hello = decode_hello(frame)) {
    must(kind && *kind == FrameKind::hello, "kind_of agrees");
    must(decode_hello(encode_hello(*hello)).has_value(), "HELLO comes back");
  }
  if (const auto welcome = decode_welcome(frame)) {
    must(decode_welcome(encode_welcome(*welcome)).has_value(), "WELCOME comes back");
  }
  if (const auto reject = decode_reject(frame)) {
    must(decode_reject(encode_reject(*reject)).has_value(), "REJECT comes back");
  }
  if (const auto ping = decode_ping(frame))
    must(decode_ping(encode_ping(*ping))->nonce == ping->nonce, "PING comes back");
  if (const auto pong = decode_pong(frame))
    must(decode_pong(encode_pong(*pong))->nonce == pong->nonce, "PONG comes back");
  if (const auto goodbye = decode_goodbye(frame))
    must(decode_goodbye(encode_goodbye(*goodbye))->frames == goodbye->frames, "GOODBYE comes back");
  requests_or_replies<Request, RequestReader, RequestWriter>(frame);
  requests_or_replies<Reply, ReplyReader, ReplyWriter>(frame);

  (void)decode_list_args(frame);
  (void)decode_list_page(frame);
  (void)decode_count(frame);
  (void)decode_view_args(frame);
  (void)decode_watch_args(frame);
  watch_reply(frame);
  if (const auto view = decode_view(frame)) must(decode_view(encode(*view)).value() == *view, "a view comes back");
  if (const auto delta = decode_view_delta(frame)) {
    must(!decode_view(frame), "no bytes are a view and a delta");
    must(decode_view_delta(encode(*delta)).value() == *delta, "a delta comes back");
    const auto made = apply(delta_base(), *delta);
    must(!made || view_check(*made) == delta->check, "a delta makes its view or none");
  }
  control(frame);
  (void)membership::decode_voter_slot(frame);
  return 0;
}
