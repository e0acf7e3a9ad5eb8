#pragma once

// The registry of a cluster, from outside.
#include "reki/client/client.hpp"
#include "reki/registry.hpp"
