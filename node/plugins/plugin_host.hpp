#pragma once

#include <string>
#include <vector>

#include "reki/core/config/config.hpp"
#include "reki/node/actors/factories.hpp"

namespace reki {

struct PluginFile;  // core/config/config_print.hpp

/// Loads a plugin and adds its types. It is never unloaded: its actors' code lives there.
///
/// Fails with `bad_plugin`, with the path and the remedy: no such file, no shared object, not a plugin, built for
/// another ABI (the text has both), or not loadable. The file is read before it is loaded, so that no code of a
/// foreign or incompatible one runs. The program must export reki's symbols to it: `reki_plugin_host()` in CMake.
[[nodiscard]] Result<void> load_plugin(const std::string& path, Factories& factories);

/// Loads the plugins that the config names (paths are relative to the config's file) and sets the options of its types.
///
/// Fails with `bad_config` or `bad_plugin`, with the place in the file: what load_plugin says, a plugin without the
/// type, a type that has neither a plugin nor a factory in `factories`, options that cannot be.
[[nodiscard]] Result<void> configure_types(const Config& config, Factories& factories);

/// The files of all plugins that the config names, each once, in the order of the types.
[[nodiscard]] std::vector<PluginFile> plugin_files(const Config& config);

/// The type's part of the config as the runtime takes it.
[[nodiscard]] TypeOptions options_of(const TypeConfig& config);

}  // namespace reki
