#pragma once

// Moved, and gone in version 0.2: include reki/local_registry.hpp, reki/node.hpp or reki/plugin.hpp.
#include "reki/core/activation/restart_policy.hpp"
