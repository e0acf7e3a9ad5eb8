#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "reki/core/base/bytes.hpp"
#include "reki/core/base/limits.hpp"
#include "reki/core/base/time.hpp"

namespace reki {

/// What is to be said once a node is dead, and to whom. Whoever says it needs no codec: the node has encoded it.
struct DeathNotice {
  std::vector<std::string> endpoints;  ///< "tcp://host:port" of ROUTERs, at most death_notice_endpoints_max.
  Bytes frame;                         ///< One ZeroMQ message of one part, at most death_notice_frame_bytes_max.
};

struct Told {
  std::size_t endpoints = 0;     ///< Those that the notice was sent to: libzmq took their address.
  std::size_t acknowledged = 0;  ///< Those of them that answered.
};

/// Sends the notice to all of its endpoints at once, and again to those that have not answered after 50, 200 and 500
/// ms: a receiver bears it several times, and answers with any frame.
///
/// Blocks until all have answered; until shortly after the last attempt, if one has or all connections have taken
/// everything; and at most for about `at_most`. An endpoint that is silent, unreachable, or a name that does not
/// resolve delays no other: each has an I/O thread of its own.
///
/// Uses a ZeroMQ context of its own, made here. Any thread. Throws zmq::error_t if there is no memory or file
/// descriptor left.
Told tell_death(const DeathNotice& notice, Duration at_most = limits::death_notice_time_max);

}  // namespace reki
