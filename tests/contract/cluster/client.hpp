#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "network.hpp"
#include "process.hpp"
#include "reki/actor/operation.hpp"
#include "reki/core/routing/request_router.hpp"
#include "reki/net/watches.hpp"

namespace reki::cluster {

/// A process with a client in it: the production's router and watches, and around them what client_io.cpp does with ZeroMQ.
class ClientProcess final : public std::enable_shared_from_this<ClientProcess>, private Watches::Carrier {
 public:
  ClientProcess(World& world, Endpoint self);

  void begin();
  /// Something is asked, now and then, until `end`.
  void ask_something();
  /// `work`: what a message says; `start`: how a start goes that is made for it. Their numbers are given here.
  void ask(wire::Op op, std::uint32_t key, Fence pin, Duration timeout, Work work = {}, Args start = {});
  void watch(std::uint32_t key);
  /// A list or count of the whole cluster.
  void ask_all(Submission submission, Completion done);
  void poll();
  [[nodiscard]] const RequestRouter& router() const { return router_; }

 private:
  [[nodiscard]] std::uint32_t draw_other(std::uint32_t key);
  void ask_node(NodeId node, wire::RequestBody body, Instant deadline, Completion done);
  void turn();
  void deliver();
  void fetch_view(PeerIndex from);
  void carry(Watches::Question question, Completion done) override;
  [[nodiscard]] Instant moment() const override;

  World& world_;
  const Endpoint self_;
  Watches watches_{*this};  // before router_, which has its questions
  RequestRouter router_;
  Links links_;
  Epoch published_;
  std::vector<Watch> watched_;
  std::map<std::uint32_t, Fence> fences_;  ///< Of starts that it was told of.
  TurnSlot slot_;
  bool has_posted_ = false;
};

}  // namespace reki::cluster
