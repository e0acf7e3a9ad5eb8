#pragma once

// To be a node: embedded in a program of one's own (Node), or all of reki-node with actors of one's own (node_main).
#include "reki/actor.hpp"
#include "reki/node/node.hpp"
#include "reki/node/plugins/plugin_host.hpp"
#include "reki/node/program/node_main.hpp"
#include "reki/registry.hpp"
