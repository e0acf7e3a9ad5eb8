#pragma once

// Moved, and gone in version 0.2: include reki/plugin.hpp, and reki/registry.hpp for calls to others.
#include "reki/plugin.hpp"
#include "reki/registry.hpp"
