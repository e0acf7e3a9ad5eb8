#pragma once

// Moved, and gone in version 0.2: include reki/node.hpp.
#include "reki/node/support/log.hpp"
