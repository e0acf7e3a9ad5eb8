#pragma once

#include <memory>

#include "reki/core/base/ids.hpp"

namespace reki {

/// A node's id that many hold; null: no node's.
using SharedNodeId = std::shared_ptr<const NodeId>;

}  // namespace reki
