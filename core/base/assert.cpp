#include "reki/core/base/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace reki {
void assertion_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "reki: bug: '%s' does not hold at %s:%d\n", condition, file, line);
  std::abort();
}
}  // namespace reki
