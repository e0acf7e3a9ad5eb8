#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "reki/core/config/config.hpp"
#include "reki/core/membership/messages.hpp"

namespace reki {

/// A plugin's file, as it is on one machine.
struct PluginFile {
  std::string name;           ///< Without its folder, which may be another on each machine.
  std::uint64_t content = 0;  ///< A hash: two builds are two versions. 0: it cannot be read.

  friend bool operator==(const PluginFile&, const PluginFile&) = default;
};

/// What should be the same on all nodes, beside what the view has: types with their caps and other options, and plugins.
/// Not what each node has for itself: id, addresses, weight, zone, data_dir, [runtime]; nor where others are.
///
/// Nodes with different fingerprints are told of, and nothing else depends on it.
///
/// Pure; equal on every machine. Without an incarnation; the fingerprint is never 0, and of all types and plugins, also of
/// those for which the texts have no room.
[[nodiscard]] membership::ConfigSaid print_of(const Config& config, std::span<const PluginFile> plugins);

}  // namespace reki
