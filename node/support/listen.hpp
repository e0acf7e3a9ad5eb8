#pragma once

#include <string>
#include <zmq.hpp>

#include "reki/core/base/error.hpp"
#include "reki/core/base/fork.hpp"

namespace reki {

/// A socket that listens. To be kept as long as it does.
struct Listening {
  std::string address;  ///< With the port that it has got.
  ClosedInChildren in_children;
};

/// Has the socket listen on "tcp://host:port", port 0 meaning any free one. `address_in_use` with the remedy if it cannot be
/// bound.
[[nodiscard]] Result<Listening> bind_tcp(zmq::socket_t& socket, const std::string& address);

/// What others are to connect to: the host as it was written, with the port of `bound`.
[[nodiscard]] std::string advertised(const std::string& listen, const std::string& bound);

}  // namespace reki
