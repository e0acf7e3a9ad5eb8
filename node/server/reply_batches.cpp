#include "reki/node/server/reply_batches.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "reki/core/base/assert.hpp"
#include "reki/node/server/printable.hpp"

namespace reki {
namespace {

/// Writers kept for the next round; each has a buffer as large as its largest batch was.
constexpr std::size_t writers_kept_max = 64;

}  // namespace

void ReplyBatches::add(Session& session, const wire::Reply& reply, Instant now) {
  if (reply.payload.size() > limits::message_bytes_max) {
    events_.count(ServerEvent::reply_too_large, now, "peer=" + printable(session.name));
  }
  events_.replies.add();
  if (!session.batch) {
    if (writers_.empty()) writers_.push_back(std::make_unique<wire::ReplyWriter>());
    session.batch = std::move(writers_.back());
    writers_.pop_back();
    packed_.push_back(session.id);
  }
  if (session.batch->add(reply)) {
    if (session.batch->size() >= limits::batch_bytes_target) send(session, now);
    else send_part(session, std::max(part_, limits::batch_part_of(session.under_way)), now);
    return;
  }
  send(session, now);
  const bool fits = session.batch->add(reply);
  REKI_ASSERT(fits);
}

/// What is packed, if it is that many: the peer goes on with it while this side does so with the rest.
void ReplyBatches::send_part(Session& session, std::size_t least, Instant now) {
  if (session.batch && session.batch->count() >= least) send(session, now);
}

void ReplyBatches::send(Session& session, Instant now) {
  if (session.batch->empty()) return;
  using Sent = FrameSink::Sent;
  const Sent sent = session.lost ? Sent::gone : sink_.send(session.route, session.batch->finish(epoch_, incarnation_));
  if (sent == Sent::ok) {
    events_.reply_frames.add();
  } else {
    if (sent == Sent::full) {
      events_.count(ServerEvent::reply_blocked, now,
                    "peer=" + printable(session.name) + " replies=" + std::to_string(session.batch->count()));
    } else {
      events_.count(ServerEvent::reply_unroutable);  // every short-lived client may leave before its last reply
    }
    session.lost = sent == Sent::gone;
  }
  session.batch->clear();
}

void ReplyBatches::flush(Instant now) {
  for (const SessionId id : packed_) {
    Session* const session = sessions_.find(id);
    if (session == nullptr) continue;
    send(*session, now);
    // A large batch's memory is not kept for the small ones to come.
    if (writers_.size() < writers_kept_max) writers_.push_back(std::move(session->batch));
    session->batch.reset();
    if (session->lost) sessions_.forget(*session);
  }
  packed_.clear();
}

}  // namespace reki
