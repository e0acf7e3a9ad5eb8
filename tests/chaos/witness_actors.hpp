#pragma once

#include <cstdint>
#include <string>

#include "reki/actor/registry.hpp"

/// The actors that are under chaos, and what their callers say to them.
namespace chaos {

/// Who answered.
struct Seen {
  std::int64_t total = 0;  ///< What this start of the actor has been given by all `add`s.
  std::uint64_t fence = 0;
  std::string node;
  static constexpr auto fields = reki::fields("total", &Seen::total, "fence", &Seen::fence, "node", &Seen::node);
};

struct Add {
  static constexpr std::string_view name = "add";
  using Reply = Seen;
  std::int64_t n = 1;
  static constexpr auto fields = reki::fields("n", &Add::n);
};
/// Keeps the handler asleep.
struct Hold {
  static constexpr std::string_view name = "hold";
  using Reply = Seen;
  std::int64_t ms = 0;
  static constexpr auto fields = reki::fields("ms", &Hold::ms);
};
/// Keeps the handler busy.
struct Spin {
  static constexpr std::string_view name = "spin";
  using Reply = Seen;
  std::int64_t ms = 0;
  static constexpr auto fields = reki::fields("ms", &Spin::ms);
};
/// Sends an Accept to another actor of this type, then keeps the handler asleep: the output is not released before
/// the handler has returned.
struct Emit {
  static constexpr std::string_view name = "emit";
  using Reply = Seen;
  std::string to;
  std::int64_t hold_ms = 0;
  static constexpr auto fields = reki::fields("to", &Emit::to, "hold_ms", &Emit::hold_ms);
};
/// Output of another actor.
struct Accept {
  static constexpr std::string_view name = "accept";
  std::string from;
  std::uint64_t fence = 0;
  std::uint64_t message = 0;  ///< The sender's run of its handler.
  static constexpr auto fields = reki::fields("from", &Accept::from, "fence", &Accept::fence, "message", &Accept::message);
};

/// Starts without arguments.
struct Witnessed {
  static constexpr std::string_view type = "witness";
  using Messages = reki::Messages<Add, Hold, Spin, Emit, Accept>;
};

}  // namespace chaos
