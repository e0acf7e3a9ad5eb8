#pragma once

#include <reki/actor.hpp>

struct Add {
  static constexpr std::string_view name = "add";
  using Reply = std::int64_t;
  std::int64_t by = 1;
  static constexpr auto fields = reki::fields("by", &Add::by);
};
struct Tally {
  static constexpr std::string_view type = "tally";
  using Messages = reki::Messages<Add>;
};
