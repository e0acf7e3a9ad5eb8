#pragma once

// What watchers are told, and the Watch that ends it.
#include "reki/actor/watch.hpp"
