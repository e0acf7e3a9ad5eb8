#pragma once

#include <cstdint>
#include <string_view>

namespace reki::contract {

/// What users may rely on. Each has a number by which documents may name it: R1 and so on.
enum class Rule : std::uint8_t {
  one_actor = 1,
  growing_fences = 2,
  one_answer = 3,
  own_start = 4,
  pinned = 5,
  in_order = 6,
  own_timers = 7,
  life_cycle = 8,
  at_most_once = 9,
  stopped_when_told = 10,
  found_what_was_there = 11,
  only_with_the_lease = 12,
  nothing_left = 13,
  all_or_nothing = 14,
  state_once = 15,
  fresh_history = 16,
  watched = 17,
  listed = 18,
  blocks_where_it_may = 19,
  count = 20,
};

struct RuleText {
  Rule rule;
  std::string_view says;
};

inline constexpr RuleText rules[] = {
    {Rule::one_actor, "a key has at most one live actor"},
    {Rule::growing_fences, "the fences of a key's starts grow strictly"},
    {Rule::one_answer,
     "each request is answered exactly once, by its deadline and a few ticks, and never with `internal`"},
    {Rule::own_start,
     "each `start` that is answered ok, and each answer that says started, has a start of its own that was made for "
     "that request; "
     "repeats of its id get the same one, or what the supervisor has made of it"},
    {Rule::pinned,
     "what is pinned runs in the start that it is pinned to, or not at all; `gone` means that this start is over"},
    {Rule::in_order,
     "messages of one caller to one key that are handled are handled in the order in which they were sent"},
    {Rule::own_timers,
     "a timer's message is handled at most once, not early, not after it was cancelled in time, by the start that set "
     "it; it goes with it"},
    {Rule::life_cycle,
     "one function of an actor runs at a time: on_start first, then handlers, then at most one on_stop, and none after "
     "a crash"},
    {Rule::at_most_once,
     "a message is handled at most once; a call that is answered ok exactly once, by the start whose fence is in the "
     "answer; one that is "
     "answered with a code that says not executed, never"},
    {Rule::stopped_when_told,
     "when a stop is answered ok, or a call whose handler stopped its actor, that start is over and does nothing more; "
     "a repeat of the stop "
     "ends no later one"},
    {Rule::found_what_was_there,
     "a start whose fence a look-up is answered with, or `already_started`, was live at a moment between request and answer; "
     "`not_running`: "
     "there was one "
     "at which none was"},
    {Rule::only_with_the_lease,
     "without the lease, or in a slot that is lost, nothing is begun, and what ends then has no effect; what is "
     "emptied stays so"},
    {Rule::nothing_left,
     "in the end nothing is left: no actor, no entry, no request, no timer; and a slot that was lost gets empty"},
    {Rule::all_or_nothing, "what a function that threw has sent is never handled"},
    {Rule::state_once, "a state that is handed over is restored at most once, for its own key"},
    {Rule::fresh_history,
     "`restarting` and `crash_loop` count the crashes since the last explicit stop alone: two at least, and more than "
     "max_restarts"},
    {Rule::watched,
     "a watcher is told what has been, each start and each end once and in order, or that it has missed something; how "
     "it is "
     "is so at that moment; `ended` once; who has been told all knows how it is in the end"},
    {Rule::listed,
     "a list has each key once that has had one actor all the time, and a count counts it; neither has a key that "
     "nobody "
     "has an actor of or wants one of at that moment"},
    {Rule::blocks_where_it_may,
     "what blocks gets its answer in functions of `blocking` types, and in those of others `would_block` at once"},
};
static_assert(std::size(rules) + 1 == static_cast<std::size_t>(Rule::count));

}  // namespace reki::contract
