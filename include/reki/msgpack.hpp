#pragma once

// For messages with types that msgpack-cxx knows and reki does not: MSGPACK_DEFINE, its adaptors.
#include "reki/actor/msgpack_cxx.hpp"
