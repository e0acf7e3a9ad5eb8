#pragma once

// A registry inside one process, with the factories that it starts actors by.
#include "reki/actor.hpp"
#include "reki/node/registry/local_registry.hpp"
#include "reki/registry.hpp"
