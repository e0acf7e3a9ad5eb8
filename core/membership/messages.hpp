#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "reki/core/base/time.hpp"
#include "reki/core/view/stage.hpp"
#include "reki/core/view/view.hpp"

/// What nodes say to each other on the control plane. Every message stands alone: it may be lost, doubled, late or
/// overtaken, and the receiver's rules make that harmless. How they look as bytes: docs/protocol.md, "Control plane".
namespace reki::membership {

using ViewPtr = std::shared_ptr<const View>;

// --- between members and the coordinator

/// Member → coordinator, every `renew` and whenever `cleared` has grown: the heartbeat, and a renewal for a longer lease.
struct Renew {
  Incarnation incarnation;
  Epoch installed;
  Epoch cleared;
  std::uint64_t seq = 0;    ///< Grows with each; 0: a report only, no lease is asked for.
  bool leaving = false;     ///< It wants to hand over and go.
  std::uint64_t store = 0;  ///< Of its own register store, if that is empty and could be a voter's; else 0.
  std::uint64_t random = 0;  ///< Drawn for it: a copy of the process, out of a snapshot, counts on from the same `seq`.
};
/// Coordinator → member: the lease lasts `Timing::lease` from when the renewal `seq` was sent.
struct Grant {
  Incarnation incarnation;
  std::uint64_t seq = 0;
  Term term;
  Epoch epoch;    ///< Of the newest view.
  Epoch barrier;  ///< All members of this view have cleared it; 0: of none that is known.
  std::uint64_t random = 0;  ///< Of the renewal.
};
/// Coordinator → member: what a grant says, without a lease.
struct News {
  Term term;
  Epoch epoch;
  Epoch barrier;
};
/// Node → coordinator: let this incarnation of mine into the view after `base`, and into no other: so an old copy of the
/// message can never bring a dropped incarnation back.
struct Join {
  Member member;
  Epoch base;  ///< 0: not known yet; the answer is the view.
  std::uint64_t store = 0;
  Settings settings{};  ///< Of the node's config.
};
/// Coordinator → node that wants to join: it may not, as long as that is so.
struct Refused {
  Incarnation incarnation;
  std::string why;  ///< For people: what, and what to do. At most `limits::error_text_bytes_max`.
};
/// This incarnation of the node will never again run an actor: said by itself after its last one, or by its guard when
/// the process is dead.
struct Stopped {
  NodeId node;
  Incarnation incarnation;
};
/// Answer to a `Stopped` once it need not be said again.
struct StoppedAck {
  Incarnation incarnation;
};
/// Anybody → anybody: a view newer than `have`, please.
struct ViewFetch {
  Epoch have;
};
/// A view that was chosen.
struct ViewPush {
  ViewPtr view;
};
/// Answer of a node that is not the coordinator, as far as it knows.
struct Hint {
  Term term;
  NodeId coordinator;
  std::string control;
};

/// Member → coordinator, now and then, and its answer if it says something else: what the sender's config says that should be
/// the same on all nodes, beside the settings. For people; no machine looks at it.
struct ConfigSaid {
  Incarnation incarnation;
  std::uint32_t fingerprint = 0;
  std::string types;    ///< "counter 3f2a1b9c, ...": each with a hash of its options. At most `limits::error_text_bytes_max`.
  std::string plugins;  ///< The same of files.
};

// --- between candidates, coordinators and voters; `store` names the store that is meant

struct PreVote {
  std::uint64_t store = 0;
  Term ballot;
};
struct PreVoteReply {
  std::uint64_t store = 0;
  Term ballot;
  Term promised;
  bool granted = false;
};
struct Prepare {
  std::uint64_t store = 0;
  Term ballot;
};
struct Promise {
  std::uint64_t store = 0;
  Term ballot;
  Term accepted;
  ViewPtr view;  ///< Accepted last.
  /// Since it last acknowledged a heartbeat, of any coordinator; nothing: it does not know.
  std::optional<Duration> since_ack;
};
struct Accept {
  std::uint64_t store = 0;
  Term ballot;
  ViewPtr view;
};
struct Accepted {
  std::uint64_t store = 0;
  Term ballot;
  Epoch epoch;
};
struct Heartbeat {
  std::uint64_t store = 0;
  Term ballot;
  std::uint64_t seq = 0;
};
struct HeartbeatAck {
  std::uint64_t store = 0;
  Term ballot;
  std::uint64_t seq = 0;
};
/// Answer to all of the above whose ballot is too low; and to a heartbeat whose ballot is higher than what was promised.
struct Nack {
  std::uint64_t store = 0;
  Term ballot;
  Term promised;
};
/// Coordinator → voters: I am going; become coordinator without waiting for me to fall silent.
struct Resign {
  Term term;
};

// --- from `reki init`

/// Which store is there, if it is empty?
struct InitProbe {};
struct InitState {
  std::uint64_t store = 0;
  bool empty = false;
  std::string cluster;
  Epoch epoch;  ///< Of the view in it; 0: none.
  LevelRange levels{};  ///< That the node's program supports.
};
/// Make `view`, the cluster's first, the content of the empty store.
struct Init {
  std::uint64_t store = 0;
  ViewPtr view;
};

// --- from `reki voters`

/// Command → coordinator: these nodes are to vote, and no others. Said again until the answer is `done` or `refused`.
struct SetVoters {
  /// Highest number of the voters that the sender knows: it grows with each change, so that an old copy of the message
  /// changes nothing.
  std::uint16_t highest = 0;
  std::vector<NodeId> nodes;  ///< 1, 3 or 5.
};
enum class ChangeState : std::uint8_t {
  done,        ///< It is so, in a view that was chosen.
  under_way,   ///< The change has begun.
  not_yet,     ///< `why` has to change first, which may happen by itself.
  refused,     ///< `why` has to be put right by somebody.
};
struct SetVotersReply {
  using State = ChangeState;
  State state = State::done;
  std::string why;  ///< For people. At most `limits::error_text_bytes_max`.
};

// --- from `reki profile`

/// Command → coordinator: this is to be the profile. Said again until the answer is `done` or `refused`.
struct SetProfile {
  /// Of the newest view that the sender knows: a change begins from that one and no other, so that an old copy of the
  /// message changes nothing.
  Epoch base;
  Profile profile = Profile::lan;
};
struct SetProfileReply {
  using State = ChangeState;
  State state = State::done;  ///< `done`: all members have cleared a view that has it.
  std::string why;            ///< As of SetVotersReply.
  Epoch epoch;                ///< Of the newest view.
};

// --- from `reki upgrade`

/// Command → coordinator: this is to be the level. Said again until the answer is `done` or `refused`.
struct SetLevel {
  Epoch base;  ///< As of SetProfile.
  Level level = first_level;
};
struct SetLevelReply {
  using State = ChangeState;
  State state = State::done;  ///< `done`: all members have cleared a view that has it.
  std::string why;            ///< As of SetVotersReply.
  Epoch epoch;                ///< Of the newest view.
};

// --- about lineages

/// Voter that has just started → the others of its view; and their answer. Who is of another lineage says so with its frame.
struct LineageAsk {
  std::uint64_t nonce = 0;
};
/// Also the answer to each frame of an earlier lineage, with 0.
struct LineageIs {
  std::uint64_t nonce = 0;
};

// --- from `reki voters rescue`

/// What is in the register there? Of any lineage.
struct RescueProbe {};
struct RescueState {
  std::uint64_t store = 0;
  std::uint64_t retired = 0;  ///< VoterRecord::retired
  Lineage lineage;
  Term accepted;
  ViewPtr view;          ///< Accepted last; null: the store is empty.
  Epoch known;           ///< Of the newest view that the node knows.
  bool served = false;   ///< The node has a lease, or has heard a coordinator just now: most voters run.
};
/// Command → survivor: begin this lineage, if your store still is as it was.
struct Rescue {
  std::uint64_t store = 0;
  Term accepted;
  Epoch epoch;
  Lineage lineage;
};

using Body = std::variant<Renew, Grant, News, Join, Stopped, StoppedAck, ViewFetch, ViewPush, Hint, PreVote,
                          PreVoteReply, Prepare, Promise, Accept, Accepted, Heartbeat, HeartbeatAck, Nack, Resign,
                          InitProbe, InitState, Init, Refused, SetVoters, SetVotersReply, SetProfile, SetProfileReply, ConfigSaid,
                          SetLevel, SetLevelReply, LineageAsk, LineageIs, RescueProbe, RescueState, Rescue>;

struct Message {
  NodeId from;
  Body body;
  Lineage lineage{};  ///< Of the sender.
};

/// Messages on their way out, oldest first.
class Outbox {
 public:
  struct Item {
    NodeId to;
    Body body;
  };
  void send(NodeId to, Body body) { items.push_back({std::move(to), std::move(body)}); }
  std::vector<Item> items;
};

}  // namespace reki::membership
