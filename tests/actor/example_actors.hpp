#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "reki/actor/registry.hpp"

namespace example {

struct Increment {
  static constexpr std::string_view name = "increment";
  using Reply = std::int64_t;
  std::int64_t by = 1;
  static constexpr auto fields = reki::fields("by", &Increment::by);
};
struct Get {
  static constexpr std::string_view name = "get";
  using Reply = std::int64_t;
};
struct Reset {
  static constexpr std::string_view name = "reset";
};
struct Counter {
  static constexpr std::string_view type = "counter";
  using Messages = reki::Messages<Increment, Get, Reset>;
};

struct Point {
  std::int32_t x = 0;
  std::int32_t y = 0;
  static constexpr auto fields = reki::fields("x", &Point::x, "y", &Point::y);
};
struct Draw {
  static constexpr std::string_view name = "draw";
  using Reply = Point;
  std::vector<Point> points;
  std::map<std::string, double> weights;
  std::optional<std::string> label;
  std::uint8_t width = 3;
  static constexpr auto fields = reki::fields("points", &Draw::points, "weights", &Draw::weights, "label",
                                              &Draw::label, "width", &Draw::width);
};
struct CanvasArgs {
  std::string title = "untitled";
  static constexpr auto fields = reki::fields("title", &CanvasArgs::title);
};
struct Canvas {
  static constexpr std::string_view type = "canvas";
  using Messages = reki::Messages<Draw>;
  using Args = CanvasArgs;
};

}  // namespace example
