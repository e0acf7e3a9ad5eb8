#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "messages.hpp"
#include "reki/node/actors/factories.hpp"

namespace reki::contract {

enum class Kind : std::uint8_t {
  lookup,
  lookup_or_start,
  start,
  stop,
  call,
  send,
  keep_ref,  ///< A look-up or a start by the typed calls, whose ref is kept.
  use_ref,   ///< Calls or sends through a ref that was kept.
  pinned,    ///< The same through its pinned().
  pinned_stop,
  blocking,   ///< A look-up or call whose caller blocks.
  many,       ///< A few keys of one type at once, some of them perhaps twice.
  repeat,     ///< Of a request from the wire, with its id.
  watch,      ///< In this process: of the key, or of its type.
  unwatch,    ///< One of those that watch in this process.
  ask_watch,  ///< One who watches from the wire asks on.
  list,       ///< A page of the keys of the type; where it was left off, if that was not the end.
  count_keys,
  next_slot,  ///< The slot of the key goes on: held, lost, emptied, arriving, held.
  revoke_slot,
  back_slot,  ///< What is arriving is not owned after all.
  end_lease,  ///< After `amount_us`.
  resume_lease,
  start_over,    ///< The node was dropped from the view.
  slot_returns,  ///< As next_slot, unless it is held.
  count,
};
std::string_view name_of(Kind kind);
inline constexpr std::size_t kind_count = static_cast<std::size_t>(Kind::count);
/// Of a bit of Does, and of Plan.
std::string_view name_of_does(std::size_t bit);
std::string_view name_of_plan(std::size_t bit);

/// One thing that somebody does, and what it leads to.
struct Operation {
  std::uint32_t number = 0;  ///< In the list as it was generated.
  Kind kind = Kind::lookup;
  std::uint32_t key = 0;
  std::uint32_t caller = 0;  ///< 0: in this process; else from the wire.
  bool joins = false;        ///< From the wire: together with the one before it.
  bool with_args = false;
  bool sends = false;  ///< use_ref, pinned: not calls. many: stops. watch, ask_watch, list, count_keys: of the type.
  bool fail_if_restarting = false;
  bool no_reply = false;
  bool then_start = false;  ///< Its callback starts the key at once.
  std::uint32_t plan = 0;   ///< Of the start that it makes.
  std::uint32_t does = 0;   ///< What its handler does.
  std::uint32_t amount_us = 0;
  std::uint32_t to = 0;
  std::uint32_t then_does = 0;
  std::uint32_t timeout_us = 0;
  std::uint32_t of = 0;        ///< repeat: the number of the operation.
  std::uint32_t pause_us = 0;  ///< Before it.
};
[[nodiscard]] std::string to_text(const Operation& operation);

/// All that a run is made of: equal stories, equal histories.
struct Story {
  std::uint64_t seed = 0;
  std::uint64_t order = 0;  ///< What the order of the turns is drawn from.
  std::uint32_t keys = 1;
  std::array<TypeOptions, type_count> types{};
  std::vector<Operation> operations;
};
inline constexpr std::uint32_t operations_default = 2000;
/// Equal seeds, equal stories. Each has some of the kinds of operations and of what may go wrong (swarm testing: Groce
/// et al.), and so many operations or a few more.
[[nodiscard]] Story story_of(std::uint64_t seed, std::uint32_t operations = operations_default);
[[nodiscard]] std::string to_text(const Story& story);

}  // namespace reki::contract
