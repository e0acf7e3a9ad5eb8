#pragma once

#include <cstdint>

#include "reki/actor.hpp"

/// The interface of a counter: what callers include. Everything else is in counter_actor.cpp.
namespace counter {

struct Increment {
  static constexpr std::string_view name = "increment";
  using Reply = std::int64_t;  ///< The new value.
  std::int64_t by = 1;
  static constexpr auto fields = reki::fields("by", &Increment::by);
};

struct Get {
  static constexpr std::string_view name = "get";
  using Reply = std::int64_t;
};

struct Counter {
  static constexpr std::string_view type = "counter";
  using Messages = reki::Messages<Increment, Get>;
};

}  // namespace counter
