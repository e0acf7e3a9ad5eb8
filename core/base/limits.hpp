#pragma once

#include <cstddef>
#include <cstdint>

#include "reki/core/base/limits_time.hpp"

/// Every bound of reki, with its unit and its reason; those of time and of repetition are in limits_time.hpp. What exceeds
/// one is refused with a typed error, never cut. How they depend on each other is asserted below them, or where the parts
/// between them are known (the codecs).
namespace reki::limits {

// Names. A key is an id of the user's own; a kilobyte holds any that people write, and keeps an entry small.
inline constexpr std::size_t key_bytes_max = 1024;
inline constexpr std::size_t type_bytes_max = 64;
inline constexpr std::size_t message_name_bytes_max = 64;
inline constexpr std::size_t node_id_bytes_max = 64;
inline constexpr std::size_t cluster_id_bytes_max = 64;
/// Longest host that DNS allows, and what stands around it in "tcp://[host]:65535".
inline constexpr std::size_t endpoint_bytes_max = 253 + 14;

// Bytes on the wire. A larger message belongs into a store, with its name in the actor's message.
inline constexpr std::size_t message_bytes_max = std::size_t{1} << 20;
inline constexpr std::size_t args_bytes_max = std::size_t{64} << 10;
/// What an actor hands over when its key moves: it travels as a message does, beside the arguments.
inline constexpr std::size_t state_bytes_max = message_bytes_max;
/// Requests that wait in one node for slots that are on their way to it. A hand-over takes tens of milliseconds.
inline constexpr std::size_t parked_max = 65536;
/// Starts and stops of a shard, a 64th of the keys, whose outcome a repeat still finds after the actor's end: 64 bytes each,
/// and more than what ends in a shard within a client's retries, 50 ms apart, at 300 000 ends a second on the node.
inline constexpr std::size_t ended_requests_max = 1024;
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
/// Frames that a connection keeps for a peer that does not take them, and as many of those that have come and are not read.
inline constexpr int frames_queued_max = 1000;

static_assert(message_bytes_max + args_bytes_max + key_bytes_max + type_bytes_max + message_name_bytes_max < frame_bytes_max,
              "the codec adds its heads to it, and asserts that too");
static_assert(state_bytes_max <= message_bytes_max, "a state is handed over in the place of a message");
static_assert(error_text_bytes_max <= message_bytes_max);
static_assert(batch_bytes_target < frame_bytes_max, "one more largest request may join a batch that is not closed yet");
static_assert(batch_part_of(requests_per_frame_max) <= requests_per_frame_max);

// The control plane, in frames of its own. The largest message is a view: about 130 KiB with 1000 nodes of usual names,
// and below 246 KiB whatever they are called, since a node's id, addresses and zone have a bound together.
inline constexpr std::size_t control_frame_bytes_max = std::size_t{256} << 10;
inline constexpr std::size_t member_names_bytes_max = 190;
/// Of a sender: a node's id, or "guard/" with one, or "init/" with a number.
inline constexpr std::size_t control_name_bytes_max = 80;
/// Views before the newest that a node can tell the difference to; whoever is further behind gets the whole. Nodes
/// renew ten times a second, so they are a view or two behind; 16 of 1000 nodes are 4 MB.
inline constexpr std::size_t views_kept_max = 16;
inline constexpr std::size_t nodes_max = 1000;
/// More voters make every view change and every renewal wait for more machines, and survive no more than two at once.
inline constexpr std::size_t voters_max = 5;
/// Nodes that one can speak to at once on the control plane: more than `nodes_max`, for those who come while others go.
inline constexpr std::size_t control_peers_max = 2 * nodes_max;
/// Names of hosts that are looked up at once by one plane of a node, or by a client; further ones wait.
inline constexpr int name_lookups_max = 16;
/// The same of strangers' names, beside those of peers: anybody can make names up that nobody answers for, and each may hold
/// its place for twenty seconds.
inline constexpr int stranger_lookups_max = 4;
/// Frames for one peer that wait for it. What a peer does not take is old soon: the machine repeats what matters.
inline constexpr int control_frames_to_peer_max = 64;
/// Peers without an address that are remembered, to answer them: guards, and `reki init`.
inline constexpr std::size_t control_routes_max = 64;
/// Connections to nodes that are in no view, or not where they say they are: those that want to join.
inline constexpr std::size_t control_strangers_max = 32;
/// How far an epoch or a ballot's round may be ahead of what is stored here, to be believed. A cluster that changes its view
/// ten times a second, day and night, takes 29 hours for so many.
inline constexpr std::uint64_t ahead_max = std::uint64_t{1} << 20;
/// How long nothing runs in a register that was rescued, after the act and after each start: as long as the longest lease is
/// waited for, whatever the survivor's view says, since it may not have seen a change.
inline constexpr std::chrono::seconds rescue_rest{2};
/// Names in `seeds`: one or two are usual, another one per data centre.
inline constexpr std::size_t seeds_max = 16;
/// Addresses of one such name that are connected to while a node looks for its cluster: any of them will do.
inline constexpr std::size_t seed_addresses_max = 64;
/// Renewals of one member that may wait for a confirmation; more means that none comes.
inline constexpr std::size_t pending_renewals_per_member_max = 8;
/// Deaths that are remembered for a coordinator to come: a rack's worth.
inline constexpr std::size_t stops_remembered_max = 64;
/// Who is told of a node's death: its voters are five at most; 64 leaves room for more, with an I/O thread each.
inline constexpr std::size_t death_notice_endpoints_max = 64;
inline constexpr std::size_t death_notice_frame_bytes_max = 4096;
/// An answer of etcd's: it has the view once, and a refusal too, in base64: at most 342 KiB.
inline constexpr std::size_t etcd_reply_bytes_max = std::size_t{512} << 10;

static_assert(nodes_max * member_names_bytes_max < control_frame_bytes_max, "view_codec.cpp asserts it with all heads");
static_assert(member_names_bytes_max > node_id_bytes_max, "an id leaves room for its addresses");
static_assert(control_name_bytes_max >= node_id_bytes_max + sizeof "guard/" - 1);
static_assert(control_frames_to_peer_max <= frames_queued_max);
static_assert(control_peers_max >= nodes_max + 2 * voters_max, "voters need not be members");
static_assert(death_notice_endpoints_max >= 2 * voters_max, "the voters, and those of the view before");
static_assert(death_notice_frame_bytes_max <= control_frame_bytes_max);
static_assert(etcd_reply_bytes_max > (control_frame_bytes_max + 2) / 3 * 4, "base64 has 4 letters for 3 bytes");

// Decoding. msgpack from outside may claim any length; these bound what one value can make us allocate.
inline constexpr std::size_t decode_depth_max = 32;
inline constexpr std::size_t decode_items_max = std::size_t{1} << 17;

// Per key and per node: at the bound the newest is refused with `overloaded`.
/// A node that owes more answers than `backlog_requests`, and whose workers take longer than `backlog_time_max` to begin with
/// a turn, refuses further messages: what it has accepted is served within a few of these times, and is of use then. As many
/// as a burst of ordinary callers brings are never refused, since a busy machine may delay the workers as long.
inline constexpr std::uint64_t backlog_requests = 1024;
inline constexpr std::size_t waiters_per_key_max = 65536;
inline constexpr std::size_t mailbox_messages_default = 10000;
inline constexpr std::size_t timers_per_actor_max = 64;
/// Turns of one actor, of a type whose lease is confirmed, whose effects may wait for a grant: more than one comes to in a round
/// trip mostly. At the bound its next turn waits, and what comes waits in its mailbox, which has a bound of its own.
inline constexpr std::size_t unconfirmed_turns_max = 256;
inline constexpr std::size_t outstanding_per_client_max = 262144;
inline constexpr std::size_t sessions_per_node_max = 10000;
/// Frames that a node reads, of either plane, before answers and other nodes have their turn.
inline constexpr int frames_per_round_max = 256;
inline constexpr std::size_t list_page_max = 10000;
inline constexpr std::size_t list_page_default = 1000;
/// Keys whose highest fence a caller remembers: 16 bytes each, so 1 MiB once that many have been used.
inline constexpr std::size_t fences_remembered_max = 65536;
/// Memory of messages and requests that no thread uses, kept for the next burst.
inline constexpr std::size_t pooled_bytes_max = std::size_t{32} << 20;
/// Files that a node needs beside its connections.
inline constexpr std::size_t files_kept = 256;
/// Lines in the log a second of each event of a server: no peer can flood it, and the next line says how many were left out.
inline constexpr std::uint32_t event_lines_per_second_max = 5;

static_assert(outstanding_per_client_max >= requests_per_frame_max);
static_assert(sessions_per_node_max >= nodes_max, "each node of the cluster may have a session with each other");
static_assert(list_page_default <= list_page_max);

// The config file. What exceeds one of these is a slip of the pen.
inline constexpr std::uint32_t node_weight_max = 1'000'000;
inline constexpr std::size_t type_cap_max = 1'000'000'000;
inline constexpr std::size_t mailbox_messages_max = 1'000'000;
inline constexpr std::uint32_t worker_threads_max = 1024;
inline constexpr std::uint32_t restarts_max = 1'000'000;
inline constexpr std::size_t etcd_endpoints_max = 16;
inline constexpr std::size_t etcd_prefix_bytes_max = 200;
/// Mistakes that are told at a time; who has made more has given the wrong file.
inline constexpr std::size_t config_problems_shown_max = 100;

static_assert(mailbox_messages_default <= mailbox_messages_max);

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

static_assert(watch_bytes_kept_max < message_bytes_max);
static_assert(watch_text_bytes_max <= error_text_bytes_max);
static_assert(watch_bytes_kept_max > key_bytes_max + watch_text_bytes_max + node_id_bytes_max, "one event is always kept");

// Fairness: how many messages one actor may take from its mailbox while others wait for its worker.
inline constexpr int messages_per_turn = 64;

}  // namespace reki::limits
