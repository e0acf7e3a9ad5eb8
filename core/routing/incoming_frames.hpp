#pragma once

#include <cstdint>

#include "reki/core/routing/request_router.hpp"

namespace reki {

/// Reads the frames of peers and tells a `RequestRouter` what they say.
///
/// Pure, and total: what is no frame, or none for us, is counted. Owned by the thread that owns the router, which must
/// outlive this.
class IncomingFrames {
 public:
  struct Stats {
    std::uint64_t frames = 0;
    std::uint64_t replies = 0;
    std::uint64_t malformed = 0;
  };

  explicit IncomingFrames(RequestRouter& router) : router_(router) {}

  /// True if it was GOODBYE: nothing more comes, and the peer waits for the connection to be closed.
  bool read(PeerIndex peer, BytesView frame, Instant now);
  /// A message came that is not even a frame.
  void not_a_frame() {
    ++stats_.frames;
    ++stats_.malformed;
  }
  [[nodiscard]] const Stats& stats() const { return stats_; }

 private:
  void read_replies(PeerIndex peer, BytesView frame, Instant now);

  RequestRouter& router_;
  Stats stats_;
};

}  // namespace reki
