#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "reki/core/base/limits.hpp"
#include "reki/core/wire/codec.hpp"
#include "reki/node/server/frame_sink.hpp"
#include "reki/node/server/server_events.hpp"
#include "reki/node/server/sessions.hpp"

namespace reki {

/// Packs the replies of one round into one frame per session, and sends them.
///
/// Of very many replies a part goes out before the rest is worked on, so that both ends work at the same time. What a
/// peer does not read is dropped and counted: its callers have deadlines. Owned by the data thread.
class ReplyBatches {
 public:
  /// All of them must outlive this.
  ReplyBatches(Sessions& sessions, FrameSink& sink, ServerEvents& events)
      : sessions_(sessions), sink_(sink), events_(events) {}

  /// As whom replies are sent from now on.
  void set_sender(Epoch epoch, Incarnation incarnation) {
    epoch_ = epoch;
    incarnation_ = incarnation;
  }
  /// So many requests have come in one frame, whose replies are added now.
  void begin_frame(std::uint32_t requests) { part_ = limits::batch_part_of(requests); }
  void add(Session& session, const wire::Reply& reply, Instant now);
  /// All replies to the frame that are there at once have been added.
  void end_frame(Session& session, Instant now) { send_part(session, limits::batch_part_min, now); }
  /// Sends all that is packed, and forgets the sessions whose connection is gone. At the end of each round.
  void flush(Instant now);

 private:
  void send_part(Session& session, std::size_t least, Instant now);
  void send(Session& session, Instant now);

  Sessions& sessions_;
  FrameSink& sink_;
  ServerEvents& events_;
  Epoch epoch_;
  Incarnation incarnation_;
  std::size_t part_ = limits::batch_part_min;                ///< So many replies go out at a time.
  std::vector<SessionId> packed_;                            ///< Sessions with a batch.
  std::vector<std::unique_ptr<wire::ReplyWriter>> writers_;  ///< That wait for use.
};

}  // namespace reki
