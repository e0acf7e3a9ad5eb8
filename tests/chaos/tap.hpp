#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace chaos {

using Mac = std::array<std::uint8_t, 6>;

/// The address of the n-th port's device: locally administered, the same in every run.
[[nodiscard]] constexpr Mac mac_of_port(std::size_t n) {
  return {0x02, 'r', 'k', 0, 0, static_cast<std::uint8_t>(n + 1)};
}

/// Makes a TAP device in a network namespace (a name of `ip netns`) and gives the file that its frames go through:
/// non-blocking, closed on exec. The device is down, and is gone with the file.
///
/// Moves the calling thread into the namespace and back. Needs root. Throws std::system_error with what failed.
[[nodiscard]] int open_tap(const std::string& name_space, const std::string& device, const Mac& mac);

}  // namespace chaos
