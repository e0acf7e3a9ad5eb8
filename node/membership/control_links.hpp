#pragma once

#include <string>
#include <vector>

#include "reki/core/base/bytes.hpp"
#include "reki/core/view/view.hpp"

namespace reki {

/// The control plane's connections, as its driver uses them. Frames are datagrams: what cannot be sent now is dropped,
/// since the machine repeats what matters. Called on the membership thread; must not block.
class ControlLinks {
 public:
  /// Where a node is to be found from now on.
  virtual void learn(const NodeId& node, const std::string& control) = 0;
  /// Connects to all of the view, so that the first message need not wait for that.
  virtual void learn(const View& view) = 0;
  /// Whether what is for that node goes to that address.
  [[nodiscard]] virtual bool is_at(const NodeId& node, const std::string& control) const = 0;
  virtual void send(const NodeId& to, BytesView frame) = 0;
  /// To who is in no view, or says so: at the address that it gives itself. A few such connections are kept.
  virtual void send_to_stranger(const std::string& control, BytesView frame) = 0;
  /// To whoever has spoken on this connection.
  virtual void answer(const std::string& route, BytesView frame) = 0;
  /// Whether some nodes are known by a common name only, so that none can be told by its address.
  [[nodiscard]] virtual bool has_seeds() const { return false; }
  /// Of all that are known, this node too.
  [[nodiscard]] virtual std::vector<std::string> addresses() const = 0;

 protected:
  ~ControlLinks() = default;
};

}  // namespace reki
