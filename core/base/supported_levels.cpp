#include "reki/core/base/levels.hpp"

namespace reki {

constinit const LevelRange supported_levels{first_level, first_level};

}  // namespace reki
