#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

/// Every bound of reki, with its unit and its reason. What exceeds one is refused with a typed error, never cut.
namespace reki::limits {

// Names. A key is an id of the user's own; a kilobyte holds any that people write, and keeps an entry small.
inline constexpr std::size_t key_bytes_max = 1024;
inline constexpr std::size_t type_bytes_max = 64;
inline constexpr std::size_t message_name_bytes_max = 64;
inline constexpr std::size_t node_id_bytes_max = 64;
inline constexpr std::size_t cluster_id_bytes_max = 64;

// Bytes on the wire. A larger message belongs into a store, with its name in the actor's message.
inline constexpr std::size_t message_bytes_max = std::size_t{1} << 20;
inline constexpr std::size_t args_bytes_max = std::size_t{64} << 10;
/// What an actor hands over when its key moves: it travels as a message does, beside the arguments.
inline constexpr std::size_t state_bytes_max = message_bytes_max;
/// Requests that wait in one node for slots that are on their way to it. A hand-over takes tens of milliseconds.
inline constexpr std::size_t parked_max = 65536;
inline constexpr std::size_t error_text_bytes_max = 1024;
/// A frame that holds one largest message with its key, args and header always fits.
inline constexpr std::size_t frame_bytes_max = message_bytes_max + (std::size_t{128} << 10);
/// A sender closes a batch at this size: large enough to share one trip, small enough not to delay the first.
inline constexpr std::size_t batch_bytes_target = std::size_t{64} << 10;
inline constexpr std::size_t requests_per_frame_max = 4096;
/// Of very many requests, or replies, parts go out while the rest is worked on, so that both ends work at the same time:
/// a sixteenth, but not less than this, since a smaller part costs more to send than is won by it.
inline constexpr std::size_t batch_part_min = 32;
constexpr std::size_t batch_part_of(std::size_t all) { return all / 16 > batch_part_min ? all / 16 : batch_part_min; }

// The control plane, in frames of its own. The largest message is a view: about 130 KiB with 1000 nodes of usual names,
// and below 246 KiB whatever they are called, since a node's id, addresses and zone have a bound together.
inline constexpr std::size_t control_frame_bytes_max = std::size_t{256} << 10;
inline constexpr std::size_t member_names_bytes_max = 190;
/// Views before the newest that a node can tell the difference to; whoever is further behind gets the whole. Nodes
/// renew ten times a second, so they are a view or two behind; 16 of 1000 nodes are 4 MB.
inline constexpr std::size_t views_kept_max = 16;

// Decoding. msgpack from outside may claim any length; these bound what one value can make us allocate.
inline constexpr std::size_t decode_depth_max = 32;
inline constexpr std::size_t decode_items_max = std::size_t{1} << 17;

// Per key and per node: at the bound the newest is refused with `overloaded`.
/// A node that owes more answers than `backlog_requests`, and whose workers take longer than `backlog_time_max` to begin with
/// a turn, refuses further messages: what it has accepted is served within a few of these times, and is of use then. As many
/// as a burst of ordinary callers brings are never refused, since a busy machine may delay the workers as long.
inline constexpr std::uint64_t backlog_requests = 1024;
inline constexpr auto backlog_time_max = std::chrono::milliseconds(10);
inline constexpr std::size_t waiters_per_key_max = 65536;
inline constexpr std::size_t mailbox_messages_default = 10000;
inline constexpr std::size_t timers_per_actor_max = 64;
inline constexpr std::size_t outstanding_per_client_max = 262144;
inline constexpr std::size_t sessions_per_node_max = 10000;
/// Frames that a node reads before answers and other nodes have their turn.
inline constexpr int frames_per_round_max = 256;
inline constexpr std::size_t list_page_max = 10000;
inline constexpr std::size_t list_page_default = 1000;
inline constexpr std::size_t nodes_max = 1000;
/// More voters make every view change and every renewal wait for more machines, and survive no more than two at once.
inline constexpr std::size_t voters_max = 5;
/// Who is told of a node's death: its voters are five at most; 64 leaves room for more, with an I/O thread each.
inline constexpr std::size_t death_notice_endpoints_max = 64;
inline constexpr std::size_t death_notice_frame_bytes_max = 4096;

// Watching. What a watcher can catch up on; these are its queue, since nothing else is kept for one that does not ask.
// Of a type, per node, while somebody watches it: a minute of 68 starts and stops a second, or a burst of 2048 starts.
inline constexpr std::size_t watch_events_kept_max = 4096;
/// All of them always fit into one reply.
inline constexpr std::size_t watch_bytes_kept_max = message_bytes_max / 2;
/// Of a crash: what tells it from others.
inline constexpr std::size_t watch_text_bytes_max = 256;
/// Questions that a node holds open per type, and about nodes: a kilobyte each at most.
inline constexpr std::size_t watches_open_max = 16384;
/// Views by which the node got slots, 2 KiB each: what was asked before the oldest has missed something.
inline constexpr std::size_t watch_gains_kept_max = 32;
/// How long a node holds a question open. A watcher that is gone is forgotten after it.
inline constexpr auto watch_wait_max = std::chrono::seconds(30);
/// How long a type's events are kept after the last question: time for a watcher to be restarted.
inline constexpr auto watch_keep_time = std::chrono::minutes(1);

// Fairness: how long one actor may keep its worker while others wait.
inline constexpr int messages_per_turn = 64;
inline constexpr auto turn_time_max = std::chrono::microseconds(500);

// Time.
inline constexpr auto timeout_default = std::chrono::seconds(5);
inline constexpr auto timeout_max = std::chrono::hours(1);
inline constexpr auto stop_grace_default = std::chrono::seconds(5);
/// How long the actors of a slot that moves may take to stop. After that what they do has no effect any more, and the
/// new owner goes on: a handler must not keep a slot's keys from being served.
inline constexpr auto move_grace = std::chrono::seconds(1);
/// After so long without a sign of life of the thread that reads requests, a node lets its lease go. It never waits for
/// anything, so that milliseconds are much.
inline constexpr auto data_thread_stuck = std::chrono::seconds(2);
/// Likewise of its workers, of which there may be `blocking_threads`: all of them are in handlers.
inline constexpr auto workers_stuck_default = std::chrono::seconds(30);
/// A connection that has been silent for so long has to say HELLO again; a client of any use comes back sooner.
inline constexpr auto session_idle_max = std::chrono::minutes(10);
/// A node that closes goes on reading until nobody has sent anything for so long: a peer that has not heard of it yet is
/// told, where a connection that ends under its request leaves it in doubt. Above a round trip, and a few turns of a busy core.
inline constexpr auto closing_quiet = std::chrono::milliseconds(100);
/// How long it does so at most.
inline constexpr auto closing_time_max = std::chrono::milliseconds(500);
/// How long a node that closes waits for its last replies to leave.
inline constexpr auto flush_time_max = std::chrono::milliseconds(250);
/// How long a guard tries to tell of its node's death: the cluster has found out by itself by then.
inline constexpr auto death_notice_time_max = std::chrono::seconds(2);
/// A request follows at most this many redirects; more means that the views do not agree yet.
inline constexpr int redirects_max = 2;

// Callers whose request a node does not serve yet. A hand-over takes 10 to 50 ms, a failover 20 ms to 1 s.
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
/// Keys whose highest fence a caller remembers: 16 bytes each, so 1 MiB once that many have been used.
inline constexpr std::size_t fences_remembered_max = 65536;

}  // namespace reki::limits
