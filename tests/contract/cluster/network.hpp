#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "reki/core/base/bytes.hpp"
#include "reki/core/routing/incoming_frames.hpp"
#include "reki/core/routing/request_router.hpp"
#include "reki/net/peer_connections.hpp"

namespace reki::cluster {

class Links;
class Process;
class World;

/// Nodes by their numbers, then clients.
using Endpoint = std::uint32_t;

/// Of one DEALER: one connection of TCP after the other, each in order, or broken.
struct Connection {
  Endpoint from = 0;
  Endpoint to = 0;
  PeerIndex peer{};
  Links* client = nullptr;  ///< Null: closed.
  std::weak_ptr<Process> server;
  bool up = false;
  std::uint64_t generation = 0;  ///< Of the present one.
  std::uint64_t number = 0;      ///< Of the present one, in the whole network.
  std::string route;             ///< Likewise, as the node's ROUTER names it.
  Incarnation greeted;           ///< As whom a node has said HELLO on it.
  std::string greeted_as;
  std::array<Instant, 2> last{};           ///< Arrivals, towards the server and back.
  std::array<std::deque<Bytes>, 2> held{};  ///< What a cut keeps from arriving.
};
using ConnectionPtr = std::shared_ptr<Connection>;

/// What ZeroMQ and the wires between machines do, at virtual time: frames of the control plane are datagrams, each way in
/// order; those of the data plane come in order or not at all, and a connection breaks now and then.
class Network {
 public:
  Network(World& world, std::size_t endpoints);

  static std::string listen_of(Endpoint node) { return "tcp://10.0.0." + std::to_string(node + 1) + ":7701"; }
  static std::string control_of(Endpoint node) { return "tcp://10.0.0." + std::to_string(node + 1) + ":17701"; }

  // Faults
  enum Plane : std::uint8_t { control = 0, data = 1 };
  /// One way; as often as it was cut it has to be mended.
  void cut(Plane plane, Endpoint from, Endpoint to);
  void mend(Plane plane, Endpoint from, Endpoint to);
  /// Breaks all connections between the two.
  void reset(Endpoint a, Endpoint b);
  /// All connections to and from an endpoint.
  void reset(Endpoint endpoint);
  Duration extra{0};  ///< Up to so much longer each frame takes.

  // The control plane
  void datagram(Endpoint from, const std::string& control_address, BytesView frame);

  // The data plane
  ConnectionPtr open(Links& client, Endpoint from, PeerIndex peer, const std::string& address);
  void close(const ConnectionPtr& connection);
  /// False if there is no connection at present.
  bool to_server(const ConnectionPtr& connection, BytesView frame);
  bool to_client(const std::string& route, const Process& server, BytesView frame);
  [[nodiscard]] ConnectionPtr find(const std::string& route) const;
  /// Whose connection it is or was.
  [[nodiscard]] Endpoint sender_on(const std::string& route) const { return senders_[std::stoul(route.substr(1))]; }

 private:
  [[nodiscard]] bool is_cut(Plane plane, Endpoint from, Endpoint to) const { return cuts_[plane][from * endpoints_ + to] > 0; }
  Duration delay();
  void note_requests(const Connection& connection, BytesView frame);
  void send(const ConnectionPtr& connection, int way, Bytes frame);
  void arrive(const ConnectionPtr& connection, int way, Bytes frame);
  void try_connect(const ConnectionPtr& connection);
  void connect_later(const ConnectionPtr& connection);
  void break_off(const ConnectionPtr& connection);

  World& world_;
  const std::size_t endpoints_;
  std::array<std::vector<int>, 2> cuts_;
  std::vector<Instant> last_datagram_;
  std::vector<std::weak_ptr<Connection>> all_;
  std::map<std::string, ConnectionPtr> routes_;
  std::vector<Endpoint> senders_;  ///< By Connection::number.
};

/// The connections of one RequestRouter: what net/peer_links.hpp does with ZeroMQ's sockets.
class Links final : public PeerConnections {
 public:
  Links(Network& network, Endpoint self, RequestRouter& router);
  ~Links();
  Links(const Links&) = delete;
  Links& operator=(const Links&) = delete;

  void set_incarnation(Incarnation incarnation, Instant now) override;
  /// Sends what the router has for peers.
  void flush(Instant now);
  /// Tells the router what has come.
  void process(Instant now);
  [[nodiscard]] bool has_input() const { return has_input_; }
  void close_all();

  // The network
  void came(PeerIndex peer, Bytes frame);
  void went(PeerIndex peer);
  void connected(PeerIndex peer);

 private:
  struct Link {
    ConnectionPtr connection;
    std::deque<Bytes> inbox;
    bool disconnected = false;
    bool over = false;
  };
  void serve(PeerIndex peer, Instant now);
  void drop(PeerIndex peer);

  Network& network_;
  const Endpoint self_;
  RequestRouter& router_;
  IncomingFrames frames_in_;
  std::map<std::uint32_t, Link> links_;
  std::vector<PeerIndex> work_;
  std::vector<PeerIndex> unblocked_;
  bool has_input_ = false;
};

}  // namespace reki::cluster
