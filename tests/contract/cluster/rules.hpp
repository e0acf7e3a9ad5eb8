#pragma once

#include <cstdint>
#include <iterator>
#include <string_view>

namespace reki::cluster {

/// What users may rely on while nodes, networks and disks fail. Each has a number by which documents may name it: C1 and so
/// on.
enum class Rule : std::uint8_t {
  one_actor = 1,
  growing_fences,
  only_with_the_lease,
  no_effect_without_the_lease,
  ends_with_the_lease,
  at_most_once,
  pinned,
  in_order,
  one_answer,
  own_start,
  never_back,
  state_once,
  dropped_senders,
  gets_empty,
  told_in_order,
  comes_back,
  nothing_left,
  done_once,
  confirmed,
  listed,
  waits,
  count,
};

inline constexpr std::string_view rules[] = {
    "nothing of a start begins once a later start of its key has begun",
    "the fences of a key's starts grow strictly, in the whole cluster",
    "no function of an actor begins without the lease of its node's incarnation",
    "what a function that ended without the lease, or in a slot that was revoked, has answered and sent takes no effect; "
    "a start that did so is none",
    "no function runs on beyond the lease and the guard's grace while a later start of the key runs",
    "a message is handled at most once; a call that is answered ok exactly once, by the start whose fence is in the answer; "
    "one that is answered with a code that says not executed, never",
    "what is pinned runs in the start that it is pinned to, or not at all",
    "messages of one sender to one start that go the same way are handled in the order in which they were sent last: one that was "
    "refused, or whose node is gone, is sent again",
    "each request is answered exactly once, by its deadline and a few milliseconds, and never with `internal`",
    "each `start` that is answered ok has a start of its own, which was made for that request",
    "no answer is about an earlier start than one that was known when it was asked",
    "a state that is handed over is restored at most once, for its own key, and by no start but the next; a node takes none "
    "for a key that is another's",
    "nothing is accepted from an incarnation of a node that the view in use has dropped",
    "a slot that a node has lost is empty there, or revoked, at the end of the grace of a move; it is not revoked earlier",
    "a watcher of a key is told of its starts in their order",
    "when nothing is wrong any more all nodes are in, under one view, with slots by their weights, and all keys can be used",
    "in the end nothing is left: no request, no actor",
    "a repeat of a client's request that has started or stopped an actor of a node finds that there, and starts or stops no other",
    "a call that was made after a start of its key had begun is answered by no earlier start",
    "a key that has one actor all through a listing of the cluster is on exactly one page, and in each count meanwhile; no page and "
    "no count has a key that had no actor",
    "a function of a blocking type may wait for an answer, of an actor here or elsewhere",
};
static_assert(std::size(rules) + 1 == static_cast<std::size_t>(Rule::count));

}  // namespace reki::cluster
