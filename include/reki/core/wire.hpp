#pragma once

// Moved, and gone in version 0.2: include any of reki's headers.
#include "reki/core/wire/wire.hpp"
