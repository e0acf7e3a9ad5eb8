#include "reki/node/actors/actor.hpp"

#include <typeinfo>

#include "reki/actor/user_code.hpp"

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

void ActorDelete::operator()(AnyActor* actor) const noexcept {
  const std::type_info& type = typeid(*actor);
  try {
    delete actor;
  } catch (...) {
    detail::report_failed_callback(type);
  }
}

}  // namespace reki
