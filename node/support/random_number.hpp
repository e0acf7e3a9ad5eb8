#pragma once

#include <cstdint>

namespace reki {

/// From the system; never 0. For what must differ from all that any node has ever drawn: incarnations, stores.
[[nodiscard]] std::uint64_t random_number();

}  // namespace reki
