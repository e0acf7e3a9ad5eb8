#pragma once

#include <functional>
#include <string_view>

namespace reki {

enum class LogLevel : unsigned char { debug, info, warn, error };

/// Where a node's events go. Called on any of its threads, at a bounded rate; must not block or throw.
///
/// `event` is a fixed word to search for, `fields` is "name=value ..." for people and machines alike. An empty one
/// keeps a node silent: a library does not write to the terminal of the program it is in.
using LogSink = std::function<void(LogLevel level, std::string_view event, std::string_view fields)>;

}  // namespace reki
