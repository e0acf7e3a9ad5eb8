#pragma once

// Moved, and gone in version 0.2: include reki/actor.hpp, and reki/registry.hpp for calls to others.
namespace reki {
/// See reki/actor.hpp. What a function of an actor sends by it, through refs or by a Client leaves when the function has
/// returned, and not at all if it throws.
class Context;
}  // namespace reki

#include "reki/actor.hpp"
#include "reki/registry.hpp"
