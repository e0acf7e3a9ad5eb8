#pragma once

#include <cstdint>
#include <string_view>

#include "reki/core/base/bytes.hpp"

namespace reki {

/// Takes frames to peers. The data thread's; must not block.
class FrameSink {
 public:
  enum class Sent : std::uint8_t {
    ok,
    full,  ///< The peer does not read; dropped, its callers have deadlines.
    gone,  ///< No such connection any more.
  };
  /// `route`: ROUTER's name of the connection.
  virtual Sent send(std::string_view route, BytesView frame) = 0;

 protected:
  ~FrameSink() = default;
};

}  // namespace reki
