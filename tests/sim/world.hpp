#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "etcd.hpp"
#include "event_queue.hpp"
#include "invariants.hpp"
#include "network.hpp"
#include "reki/core/base/error.hpp"
#include "reki/core/membership/membership.hpp"
#include "reki/core/base/random.hpp"
#include "reki/core/wire/wire.hpp"
#include "traffic.hpp"

namespace reki::sim {

/// A control message on its way.
struct Letter {
  membership::Message message;
  Time left = 0;
};

/// A request or a reply on its way: what docs/protocol.md puts into frames, as far as the rules look at it.
struct Packet {
  std::uint16_t from = 0;  ///< Endpoints.
  std::uint16_t to = 0;
  std::uint8_t key = 0;
  bool reply = false;
  wire::Op op = wire::Op::lookup;
  ErrorCode code = ErrorCode::ok;
  std::uint32_t call = 0;       ///< The caller's number for it; 0: nobody waits for a reply.
  Epoch epoch;                  ///< Of the sender's view.
  Incarnation incarnation;      ///< Of the sender, if it is a node.
  Incarnation target;           ///< For this incarnation of the receiver; 0: any.
  Duration remaining{0};        ///< Of the caller's deadline, when sent.
  Fence fence;
  membership::ViewPtr view;     ///< With wrong_node, and to who has an older one.
  bool superseded = false;      ///< For the checker: a newer start of the sending actor's key had begun when it left.
};

/// A transaction on its way to etcd.
struct EtcdRequest {
  std::uint16_t from = 0;
  std::uint32_t process = 0;
  membership::EtcdTxn txn;
};

/// A key that the simulated clients use.
struct Key {
  std::string name;
  std::uint64_t hash = 0;
  SlotId slot;
  bool confirmed = false;  ///< Of a type whose lease is.
};

struct Stats {
  std::uint64_t events = 0;
  std::uint64_t letters = 0;
  std::uint64_t packets = 0;
  std::uint64_t steps = 0;
  std::uint64_t calls = 0;
  std::uint64_t calls_ok = 0;
  std::uint64_t starts = 0;
  std::uint64_t handlers = 0;
  std::uint64_t views = 0;
  std::uint64_t elections = 0;
  std::uint64_t ends = 0;
  std::uint64_t fenced = 0;

  Stats& operator+=(const Stats& other);
};

/// What all parts of one simulation share.
class World {
 public:
  /// The last of the network's endpoints is etcd, if there is one.
  World(std::vector<NodeId> names, std::size_t clients, bool has_etcd, const membership::Timing& timing,
        const Weather& weather, std::uint64_t seed, const Truth& truth);

  void post(std::uint16_t from, const NodeId& to, membership::Body&& body, Lineage lineage);
  /// The same in the name of people, who know of a rescue.
  void post(std::uint16_t from, const NodeId& to, membership::Body&& body) { post(from, to, std::move(body), invariants.lineage()); }
  void send(Packet&& packet);
  void ask_etcd(std::uint16_t from, std::uint32_t process, membership::EtcdTxn&& txn);
  /// It has arrived: its answer, if it gets there, is on its way.
  void etcd_asked(std::uint32_t payload);
  void schedule(Time at, Event::Kind kind, std::uint16_t node, std::uint32_t process = 0, std::uint32_t payload = 0) {
    queue.push({at, 0, payload, process, node, kind});
  }
  /// A line of the trace.
  void note(std::uint16_t node, const std::string& text) const;
  /// Makes the run's fingerprint depend on this.
  void mark(std::uint64_t what) { trace = (trace ^ what) * 0x9e3779b97f4a7c15U + (trace >> 29); }
  [[nodiscard]] Time below(Time bound) { return static_cast<Time>(random.below(static_cast<std::uint64_t>(bound))); }
  [[nodiscard]] bool chance(std::uint32_t permille) { return random.below(1000) < permille; }

  const std::vector<NodeId> names;
  const membership::Timing timing;
  [[nodiscard]] Settings settings() const {
    return {timing.lease, timing.wait, etcd ? EngineKind::etcd : EngineKind::embedded};
  }
  Time now = 0;
  EventQueue queue;
  Network network;
  Pool<Letter> letters;
  Pool<Packet> packets;
  Pool<EtcdRequest> etcd_requests;
  Pool<membership::EtcdReply> etcd_replies;
  std::optional<Etcd> etcd;
  Invariants invariants;
  SplitMix random;
  std::vector<Key> keys;
  Stats stats;
  std::uint64_t trace = 0;
  bool verbose = false;
  std::optional<Traffic> traffic;  ///< Of control messages; nothing: not counted.
};

/// All keys lie in slots that are 0 modulo this, so that one shard of an activation table has them all.
inline constexpr std::uint32_t shards = 256;

}  // namespace reki::sim
