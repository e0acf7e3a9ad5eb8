#pragma once

#include "reki/core/base/time.hpp"

/// The bounds of time and of repetition; limits.hpp has the others.
namespace reki::limits {

// What callers and the config may ask for.
inline constexpr auto timeout_default = std::chrono::seconds(5);
inline constexpr auto timeout_max = std::chrono::hours(1);
/// A registry answers by the deadline itself, and knows best what became of the request; a caller that blocks gives up on
/// its own when nothing has come for so long after it.
inline constexpr auto answer_grace = std::chrono::milliseconds(50);
inline constexpr auto stop_grace_default = std::chrono::seconds(5);
inline constexpr auto stop_grace_min = std::chrono::milliseconds(1);
inline constexpr auto stop_grace_max = std::chrono::hours(1);
/// More is a slip of the pen.
inline constexpr auto idle_max = std::chrono::hours(24 * 365);
inline constexpr auto restart_wait_min = std::chrono::microseconds(1);
inline constexpr auto restart_wait_max = std::chrono::hours(24);

static_assert(timeout_default <= timeout_max);
static_assert(stop_grace_min <= stop_grace_default && stop_grace_default <= stop_grace_max);
static_assert(restart_wait_min < restart_wait_max && restart_wait_max <= idle_max);

// Fairness, and what is refused or given up when it takes too long.
/// How long one actor may keep its worker while others wait.
inline constexpr auto turn_time_max = std::chrono::microseconds(500);
/// See `backlog_requests`.
inline constexpr auto backlog_time_max = std::chrono::milliseconds(10);
/// How long a worker keeps to itself that it has something for another thread: to wake one costs more than most turns.
inline constexpr auto wakeup_deferred_max = std::chrono::microseconds(50);
/// How long the actors of a slot that moves may take to stop. After that what they do has no effect any more, and the
/// new owner goes on: a handler must not keep a slot's keys from being served.
inline constexpr auto move_grace = std::chrono::seconds(1);
/// After so long without a sign of life of the thread that reads requests, a node lets its lease go. It never waits for
/// anything, so that milliseconds are much.
inline constexpr auto data_thread_stuck = std::chrono::seconds(2);
/// Likewise of its workers, of which there may be `blocking_threads`: all of them are in handlers.
inline constexpr auto workers_stuck_default = std::chrono::seconds(30);

static_assert(wakeup_deferred_max < turn_time_max, "what is deferred is looked at between two turns");
static_assert(turn_time_max < backlog_time_max, "one turn of another actor is no backlog");
static_assert(move_grace < timeout_default, "who calls a key that moves is served by the new owner");
static_assert(data_thread_stuck < workers_stuck_default, "the data thread never waits, and workers may");

// Connections.
/// A connection that is not there after this is tried again; on a LAN it takes well under a millisecond.
inline constexpr auto connect_time_max = std::chrono::seconds(2);
/// How often the name of a peer without a connection is looked up again.
inline constexpr auto name_look_again = std::chrono::seconds(1);
/// Who connects and does not say ZMTP's greeting in this time is no peer.
inline constexpr auto handshake_time_max = std::chrono::seconds(2);
/// From one attempt to connect to the next, doubled from the first to the last: a restarted node is found again soon, one
/// that is down for long costs little.
inline constexpr auto reconnect_wait_min = std::chrono::milliseconds(10);
inline constexpr auto reconnect_wait_max = std::chrono::milliseconds(500);
/// The same of the control plane, where a restarted voter is to be heard before a lease ends.
inline constexpr auto control_reconnect_wait_max = std::chrono::milliseconds(200);
/// A connection that has been silent for so long has to say HELLO again; a client of any use comes back sooner.
inline constexpr auto session_idle_max = std::chrono::minutes(10);
/// A node that closes goes on reading until nobody has sent anything for so long: a peer that has not heard of it yet is
/// told, where a connection that ends under its request leaves it in doubt. Above a round trip, and a few turns of a busy core.
inline constexpr auto closing_quiet = std::chrono::milliseconds(100);
/// How long it does so at most.
inline constexpr auto closing_time_max = std::chrono::milliseconds(500);
/// How long a node that closes waits for its last replies to leave.
inline constexpr auto flush_time_max = std::chrono::milliseconds(250);
/// How long its process stays after its GOODBYE, for clients that are busy and have not read it yet: with the connection what
/// they have not read would be gone (ZeroMQ drops it). Who has read it closes the connection, and is waited for no more.
inline constexpr auto goodbye_time_max = std::chrono::seconds(2);
/// How long a guard tries to tell of its node's death: the cluster has found out by itself by then.
inline constexpr auto death_notice_time_max = std::chrono::seconds(2);

static_assert(reconnect_wait_min < control_reconnect_wait_max && control_reconnect_wait_max <= reconnect_wait_max);
static_assert(reconnect_wait_max < connect_time_max);
static_assert(turn_time_max < closing_quiet && closing_quiet < closing_time_max);

// Callers whose request a node does not serve yet. A hand-over takes 10 to 50 ms, a failover 20 ms to 1 s.
/// A request follows at most this many redirects; more means that the views do not agree yet.
inline constexpr int redirects_max = 2;
/// Before the first repetition, per node: several trips on a LAN, a fraction of the shortest hand-over.
inline constexpr auto retry_wait_min = std::chrono::milliseconds(2);
/// What the wait grows to: a failover is a second at most, so this adds little to it, and costs a node little.
inline constexpr auto retry_wait_max = std::chrono::milliseconds(50);
/// How often a wait is used before it doubles. So the wait stays a fraction of the time that has passed, and adds but
/// a few milliseconds to a hand-over; doubled each time it would be as long as all waits before it together.
inline constexpr int retries_per_wait = 8;
/// Of the requests that wait for a node that does not serve, as many are tried after each wait: enough to meet a slot
/// that is served if there are such, and next to nothing for a node. Each that is served lets two more follow.
inline constexpr int retry_probes = 64;
/// A request that waits ends so long before its deadline, so that its caller hears why in time: two ticks of a timer.
inline constexpr auto give_up_before = std::chrono::milliseconds(2);
/// From one question for a newer view to the next, while requests wait for one: a few milliseconds late on average.
inline constexpr auto view_poll_min = std::chrono::milliseconds(10);
inline constexpr auto view_poll_max = std::chrono::milliseconds(20);
/// After so long without an answer another node is asked as well.
inline constexpr auto view_poll_patience = std::chrono::milliseconds(50);
/// For how long an answer is of use: a far node's may take longer than the patience.
inline constexpr auto view_poll_timeout = std::chrono::seconds(1);
/// A newer view that so many answers in a row do not have has gone with the node that spoke of it.
inline constexpr int view_polls_fruitless_max = 16;
/// When no node of the view has answered for so long, those of the client's own config are asked as well.
inline constexpr auto seeds_after = std::chrono::milliseconds(500);
/// How long nobody may do a client's input and output before its thread does so again, and hears what nodes say by
/// themselves. Long against a call, so that the thread hardly ever wakes for nothing.
inline constexpr auto io_unled_max = std::chrono::milliseconds(2);

static_assert(retry_wait_min < retry_wait_max && retry_wait_max < timeout_default);
static_assert(give_up_before < answer_grace && answer_grace < timeout_default);
static_assert(view_poll_min < view_poll_max && view_poll_max < view_poll_patience && view_poll_patience < view_poll_timeout);
static_assert(view_poll_patience < seeds_after, "nodes of the view have been asked before");
static_assert(closing_quiet > retry_wait_max, "who waits for a node that closes asks it once more, and is told");

// Watching.
/// How long a node holds a question open. A watcher that is gone is forgotten after it.
inline constexpr auto watch_wait_max = std::chrono::seconds(30);
/// How long reki's own watchers ask for: for so long a watch that was cancelled may still cost a node something.
inline constexpr auto watch_question_time = std::chrono::seconds(5);
/// How long a type's events are kept after the last question: time for a watcher to be restarted.
inline constexpr auto watch_keep_time = std::chrono::minutes(1);

static_assert(watch_question_time < watch_wait_max);
static_assert(watch_wait_max < watch_keep_time, "what comes while a question is open is there for the next");
static_assert(watch_wait_max < session_idle_max, "a session with an open question is not idle for too long");

}  // namespace reki::limits
