#pragma once

// To write a plugin: a shared object with types of actors, which reki-node loads.
#include "reki/actor.hpp"
#include "reki/node/plugins/plugin.hpp"
