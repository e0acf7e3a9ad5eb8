#pragma once

// Moved, and gone in version 0.2: include reki/actor.hpp, and reki/registry.hpp for calls to others.
#include "reki/actor.hpp"
#include "reki/registry.hpp"
