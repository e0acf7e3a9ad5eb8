#pragma once

#include "reki/actor/answer.hpp"
#include "reki/core/wire/wire.hpp"

namespace reki {

/// Who has sent requests to a node, and takes their answers. Called on the thread that serves them, while it does.
class ReplySink {
 public:
  /// The answer, which is there at once: what was found, or asked about all keys, or why the request is refused.
  virtual void reply(const wire::Request& request, const wire::Reply& reply) = 0;
  /// The answer comes later, on any thread. Where it is to go; empty if nobody wants one.
  [[nodiscard]] virtual Completion expect(const wire::Request& request) = 0;

 protected:
  ~ReplySink() = default;
};

}  // namespace reki
