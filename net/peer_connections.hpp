#pragma once

#include "reki/core/base/ids.hpp"
#include "reki/core/base/time.hpp"

namespace reki {

/// The connections to the peers of a `RequestRouter`, as who owns the router uses them. On its thread.
class PeerConnections {
 public:
  /// This process goes on as another incarnation: it greets all peers anew, on new connections.
  virtual void set_incarnation(Incarnation incarnation, Instant now) = 0;

 protected:
  ~PeerConnections() = default;
};

}  // namespace reki
