#pragma once

#include <cstdint>

#include "reki/actor.hpp"

/// What the remote benchmarks call: an actor that answers what it is given.
namespace bench_echo {

struct Poke {
  static constexpr std::string_view name = "poke";
  using Reply = std::uint64_t;  ///< The same value.
  std::uint64_t value = 0;
  static constexpr auto fields = reki::fields("value", &Poke::value);
};

/// Keeps its core busy before it answers: a node is to be overloaded by clients that cost less than it does.
struct Work {
  static constexpr std::string_view name = "work";
  using Reply = std::uint64_t;  ///< The same number.
  std::uint64_t micros = 0;
  static constexpr auto fields = reki::fields("micros", &Work::micros);
};

struct Echo {
  static constexpr std::string_view type = "bench_echo";
  using Messages = reki::Messages<Poke, Work>;
};

}  // namespace bench_echo
