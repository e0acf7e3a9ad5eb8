#pragma once

// Moved, and gone in version 0.2: include reki/local_registry.hpp.
#include "reki/local_registry.hpp"
