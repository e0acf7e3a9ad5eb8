#pragma once

#include <cstdint>
#include <string>

#include "reki/actor/message.hpp"

/// The interface of the actors of the simulated cluster. What one does is written in its messages.
namespace reki::cluster {

struct Done {
  std::uint64_t fence = 0;  ///< Of the start that has done it.
  std::uint64_t ask = 0;
  static constexpr auto fields = reki::fields("fence", &Done::fence, "ask", &Done::ask);
};
struct Work {
  static constexpr std::string_view name = "work";
  using Reply = Done;
  std::uint64_t ask = 0;      ///< Its number in the oracle.
  std::uint32_t lasts_us = 0;  ///< The world goes on meanwhile.
  std::uint32_t to = 0;        ///< The key that it sends to, from 1; 0: nothing is sent.
  std::uint32_t later_us = 0;  ///< A timer is set; 0: none is.
  std::uint32_t asks = 0;      ///< The key that it calls and waits for, from 1; 0: none.
  static constexpr auto fields = reki::fields("ask", &Work::ask, "lasts_us", &Work::lasts_us, "to", &Work::to, "later_us",
                                              &Work::later_us, "asks", &Work::asks);
};
struct Args {
  static constexpr std::string_view name = "args";
  std::uint64_t ask = 0;  ///< Whose start it is.
  std::uint32_t key = 0;
  std::uint32_t start_lasts_us = 0;
  std::uint32_t to = 0;    ///< As in Work, sent by `on_start`.
  std::uint32_t asks = 0;  ///< As in Work, by `on_start`.
  static constexpr auto fields = reki::fields("ask", &Args::ask, "key", &Args::key, "start_lasts_us", &Args::start_lasts_us, "to",
                                              &Args::to, "asks", &Args::asks);
};
struct Cell {
  static constexpr std::string_view type = "cell";
  using Messages = reki::Messages<Work>;
  using Args = cluster::Args;
};

inline std::string name_of_key(std::uint32_t key) { return "k" + std::to_string(key); }
inline std::uint32_t number_of_key(std::string_view name) { return static_cast<std::uint32_t>(std::stoul(std::string(name.substr(1)))); }

}  // namespace reki::cluster
