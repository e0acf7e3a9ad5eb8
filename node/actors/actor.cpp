#include "reki/node/actors/actor.hpp"

namespace reki {

std::string_view name_of(StopReason reason) {
  switch (reason) {
    case StopReason::stopped:
      return "stopped";
    case StopReason::stopped_self:
      return "stopped_self";
    case StopReason::passivated:
      return "passivated";
    case StopReason::closing:
      return "closing";
    case StopReason::moved:
      return "moved";
  }
  return "unknown";
}

}  // namespace reki
