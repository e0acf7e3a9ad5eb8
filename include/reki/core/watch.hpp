#pragma once

// Moved, and gone in version 0.2: include reki/watch.hpp.
#include "reki/core/watch/watch.hpp"
