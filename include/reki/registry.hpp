#pragma once

// To call actors: the calls in their three forms, refs, and tasks for coroutines. A registry to call them on is in
// reki/local_registry.hpp, reki/client.hpp or reki/node.hpp, or in an actor's Context.
#include "reki/actor/registry.hpp"
#include "reki/actor/task.hpp"
