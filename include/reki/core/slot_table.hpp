#pragma once

// Moved, and gone in version 0.2: include reki/node.hpp or reki/client.hpp.
#include "reki/core/view/slot_table.hpp"
