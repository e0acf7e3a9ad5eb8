#pragma once

#include <cstdint>

namespace reki {

/// From the system; never 0. For what must differ from all that any process has ever drawn: incarnations, stores, seeds.
[[nodiscard]] std::uint64_t random_number();

}  // namespace reki
