#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "reki/bench/rounds.hpp"
#include "reki/node/registry/local_registry.hpp"

/// The actors that are measured: as little as an actor can be, so that what is seen is the registry and not they.
namespace reki::bench {

struct Get {
  static constexpr std::string_view name = "get";
  using Reply = std::int64_t;
};
/// One message that it counts.
struct Count {
  static constexpr std::string_view name = "count";
};
/// A ball on its way between two actors.
struct Ball {
  static constexpr std::string_view name = "ball";
  std::int64_t hits = 0;
  static constexpr auto fields = reki::fields("hits", &Ball::hits);
};
struct Thing {
  static constexpr std::string_view type = "thing";
  using Messages = reki::Messages<Get, Count, Ball>;
};

/// All things tell of their messages to one round; null: to nobody.
[[nodiscard]] Factories things(Round* round = nullptr);

/// Starts an actor for each of them and returns once all live.
void start_all(Registry& registry, const std::vector<std::string>& keys);

}  // namespace reki::bench
