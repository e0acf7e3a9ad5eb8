#pragma once

#include <cstdint>
#include <string>

#include "reki/registry.hpp"

namespace reki {
class Factories;
}

/// What the suite starts and asks; the same in this process and, as a plugin, on the nodes of a cluster.
namespace ancestors {

struct Add {
  static constexpr std::string_view name = "add";
  using Reply = std::int64_t;  ///< The sum so far.
  std::int64_t by = 1;
  static constexpr auto fields = reki::fields("by", &Add::by);
};
struct Read {
  static constexpr std::string_view name = "read";
  using Reply = std::int64_t;
};
struct Crash {
  static constexpr std::string_view name = "crash";
};
/// Ends itself.
struct Leave {
  static constexpr std::string_view name = "leave";
};

struct WorkerArgs {
  std::int64_t initial = 0;
  std::string fault{};  ///< "refuse": its start fails. "throw": its constructor throws. "crash": it crashes right after its start.
  std::string marks{};  ///< A folder in which it has a file of its own as long as its object lives; empty: none.
  static constexpr auto fields =
      reki::fields("initial", &WorkerArgs::initial, "fault", &WorkerArgs::fault, "marks", &WorkerArgs::marks);
};

/// Restarted after a crash.
struct Worker {
  static constexpr std::string_view type = "worker";
  using Messages = reki::Messages<Add, Read, Crash, Leave>;
  using Args = WorkerArgs;
};
/// Never restarted.
struct Mortal {
  static constexpr std::string_view type = "mortal";
  using Messages = reki::Messages<Add, Read, Crash, Leave>;
  using Args = WorkerArgs;
};

/// True once the door is open.
struct Knock {
  static constexpr std::string_view name = "knock";
  using Reply = bool;
};
struct Knocks {
  static constexpr std::string_view name = "knocks";
  using Reply = std::int64_t;  ///< How many there were.
};
struct Open {
  static constexpr std::string_view name = "open";
};
struct Door {
  static constexpr std::string_view type = "door";
  using Messages = reki::Messages<Knock, Knocks, Open>;
};

/// Its start lasts until the door of that key is open.
struct SlowArgs {
  std::string door{};
  static constexpr auto fields = reki::fields("door", &SlowArgs::door);
};
struct Slow {
  static constexpr std::string_view type = "slow";
  using Messages = reki::Messages<Add, Read>;
  using Args = SlowArgs;
};

/// No factory makes these.
struct Nobody {
  static constexpr std::string_view type = "nobody";
  using Messages = reki::Messages<Read>;
};

/// All of them but Nobody. Defined by the plugin, which the suite links too.
void add_types(reki::Factories& factories);

}  // namespace ancestors
