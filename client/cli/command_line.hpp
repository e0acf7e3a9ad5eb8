#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "reki/core/base/levels.hpp"
#include "reki/core/base/limits.hpp"
#include "reki/core/base/time.hpp"

namespace reki::cli {

/// What the user typed, checked for form only.
struct CommandLine {
  std::string verb;  ///< "start", "config check", "voters set"...

  // Whom to talk to, and how.
  std::string config;
  std::vector<std::string> connect;
  std::string cluster;
  bool json = false;
  Duration timeout = limits::timeout_default;

  // Of the verb.
  std::string type;
  std::string key;
  std::string message;
  std::string payload = "{}";        ///< JSON
  std::optional<std::string> args;   ///< JSON
  bool only_new = false;             ///< start: fail if it runs already
  bool no_start = false;             ///< call, send
  std::string prefix;
  std::string cursor;                ///< base64
  std::uint32_t limit = limits::list_page_default;
  bool all = false;
  std::string node;
  std::string file;
  std::vector<std::string> ids;      ///< voters: nodes
  std::vector<std::string> lost;     ///< voters rescue: NODE/STORE
  std::string confirm;               ///< voters rescue
  std::string profile;               ///< profile set
  std::optional<Level> level;        ///< config check
  bool if_needed = false;            ///< init
  double seconds = 2;                ///< bench: per measurement
  std::uint32_t keys = 10000;        ///< bench
  bool nodes = false;                ///< watch
  Duration watch_for{0};             ///< watch: how long; 0: until it is interrupted
  std::uint64_t count = 0;           ///< watch: how many events; 0: all
};

/// The command line, or the exit code if there is nothing more to do: help was printed, or what is wrong.
std::variant<CommandLine, int> parse_command_line(int argc, char** argv);

}  // namespace reki::cli
