#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "reki/core/base/hash.hpp"
#include "reki/core/base/random.hpp"
#include "reki/core/routing/request_router.hpp"

/// A `RequestRouter` among nodes that behave, on virtual time: they say HELLO and PONG, know who owns what in their view,
/// are killed and come back, and are a trip away. For what only shows over time.
namespace router_test {

using namespace reki;
using namespace std::chrono_literals;
using wire::Op;

struct SimReply {
  ErrorCode code = ErrorCode::ok;
  std::string text{};
  std::string owner{};
  Fence fence{};
  Bytes payload{};
};

struct SimNode {
  std::string id;
  std::string address;
  Incarnation incarnation;
  std::shared_ptr<const View> view{};
  bool alive = true;      ///< False: connections are refused.
  bool frozen = false;    ///< Takes frames, and does with them what it does when it is thawed, if it is.
  std::string refuses{};  ///< Text of `unavailable`, for all but `view`; empty: serves.
  std::set<std::uint32_t> sessions{};
  std::vector<std::function<void()>> stash{};
  int executed = 0;
  int asked = 0;
  int asked_for_view = 0;
};

class SimCluster {
 public:
  struct Call final : RoutedRequest {
    std::uint64_t number = 0;
    Instant asked;
    Instant done;
  };

  explicit SimCluster(const std::vector<std::string>& ids, std::uint64_t seed = 1, bool shared_view = true);

  static std::string address_of(const std::string& id) { return "tcp://10.0.0.1:" + std::to_string(7000 + std::stoi(id.substr(1))); }
  /// A view of these, with the incarnations that the nodes have, made by a coordinator.
  std::shared_ptr<const View> view(std::uint32_t epoch, const std::vector<std::string>& ids, const std::set<std::string>& leaving = {});
  void give(const std::shared_ptr<const View>& view, const std::vector<std::string>& to) {
    for (const auto& id : to) node(id).view = view;
  }
  SimNode& node(const std::string& id) { return nodes.at(id); }
  SimNode& add(const std::string& id);
  /// kill -9, as the client sees it: its connections break.
  void kill(const std::string& id);
  void thaw(const std::string& id);
  /// Comes back at the same address as another incarnation.
  void restart(const std::string& id);
  /// Empty: nobody.
  static std::string owner(const View& view, const std::string& key) {
    const Member* owner = view.owner(slot_of(hash_key(key, hash_type("t", view.hash_seed()))));
    return owner == nullptr ? std::string{} : owner->node_id.value;
  }
  std::string key_of(const View& view, const std::string& id, int nth = 0) const;

  void submit(Op op, const std::string& key, Duration timeout = 2s);
  /// Until then, or until all is done.
  void run(Duration d) { run_until(now + d, false); }
  void run_until_done(Duration at_most) { run_until(now + at_most, true); }
  void at(Duration from_now, std::function<void()> event) { events.emplace(now + from_now, std::move(event)); }

  std::vector<const Call*> with(ErrorCode code) const;
  int count(ErrorCode code) const { return static_cast<int>(with(code).size()); }

  Instant now{5'000'000'000};
  Duration trip = 100us;  ///< One way.
  RequestRouter out;
  std::map<std::string, SimNode> nodes;
  /// What a node does instead of what it would do; nothing: what it would do.
  std::function<std::optional<SimReply>(SimNode&, const wire::Request&)> instead;
  std::vector<std::unique_ptr<Call>> done;
  std::size_t sent = 0;
  int late = 0;                           ///< Done after their deadline.
  Duration latest{0};                     ///< By how much, at most.
  std::map<std::uint64_t, int> executed;  ///< Calls, by their ids.
  std::uint32_t highest_peer = 0;

 private:
  struct Connection {
    SimNode* node = nullptr;
    Incarnation incarnation;
  };
  void run_until(Instant end, bool or_done);
  void pump();
  bool serve(PeerIndex peer);
  void send_batch(PeerIndex peer, SimNode& node, const Bytes& frame);
  void later(PeerIndex peer, std::function<void()> event);
  /// What the node does about a frame.
  void at_node(PeerIndex peer, SimNode& node, std::function<void()> event);
  void answer(PeerIndex peer, SimNode& node, const wire::Request& request);
  SimReply reply_of(SimNode& node, const wire::Request& request);
  SimNode* listener(PeerIndex peer);

  std::multimap<Instant, std::function<void()>> events;
  std::map<std::uint32_t, Connection> connections;
  std::set<std::uint32_t> open;  // what has had work once and is not closed
  std::uint64_t incarnations = 100;
  std::uint64_t calls = 0;
};

}  // namespace router_test
