#include "reki/core/routing/incoming_frames.hpp"

#include "reki/core/wire/codec.hpp"

namespace reki {

bool IncomingFrames::read(PeerIndex peer, BytesView frame, Instant now) {
  ++stats_.frames;
  const auto kind = wire::kind_of(frame);
  if (!kind) return ++stats_.malformed, false;
  switch (*kind) {
    case wire::FrameKind::reply:
      return read_replies(peer, frame, now), false;
    case wire::FrameKind::welcome:
      if (const auto welcome = wire::decode_welcome(frame)) return router_.welcomed(peer, *welcome, now), false;
      break;
    case wire::FrameKind::reject:
      if (const auto reject = wire::decode_reject(frame)) return router_.rejected(peer, reject->code, reject->text, now), false;
      break;
    case wire::FrameKind::pong:
      if (const auto pong = wire::decode_pong(frame)) return router_.heard(peer, pong->epoch, now), false;
      break;
    case wire::FrameKind::goodbye:
      if (const auto goodbye = wire::decode_goodbye(frame)) return router_.goodbye(peer, goodbye->frames, now), true;
      break;
    default:
      break;
  }
  return ++stats_.malformed, false;
}

void IncomingFrames::read_replies(PeerIndex peer, BytesView frame, Instant now) {
  auto reader = wire::ReplyReader::open(frame);
  if (!reader) {
    ++stats_.malformed;
    return;
  }
  for (wire::Reply reply;;) {
    const auto next = reader->next(reply);
    if (!next) {
      ++stats_.malformed;
      return;
    }
    if (*next == wire::Next::end) return;
    ++stats_.replies;
    if (*next == wire::Next::no_id) {
      ++stats_.malformed;
    } else if (*next == wire::Next::good) {
      router_.replied(peer, reader->header(), reply, now);
    } else {
      router_.reply_unreadable(peer, reader->header(), reply.id, reader->bad(), now);
    }
  }
}

}  // namespace reki
