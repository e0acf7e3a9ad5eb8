#include "reki/net/random_number.hpp"

#include <sys/random.h>

namespace reki {

std::uint64_t random_number() {
  std::uint64_t number = 0;
  while (number == 0) {
    if (getrandom(&number, sizeof number, 0) != static_cast<ssize_t>(sizeof number)) number = 0;
  }
  return number;
}

}  // namespace reki
