// In place of supported_levels.cpp in programs of the next level, which tests build (cmake/RekiNext.cmake).
#include "reki/core/base/levels.hpp"

namespace reki {

constinit const LevelRange supported_levels{first_level, next_level};

}  // namespace reki
