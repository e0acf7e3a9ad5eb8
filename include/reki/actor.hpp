#pragma once

// To write an actor: its interface of messages, and what runs. It calls others by way of reki/registry.hpp.
#include "reki/actor/message.hpp"
#include "reki/node/actors/actor.hpp"
