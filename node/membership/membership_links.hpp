#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "reki/core/base/bytes.hpp"
#include "reki/core/base/limits.hpp"
#include "reki/core/view/view.hpp"
#include "reki/net/dialer.hpp"
#include "reki/node/membership/control_links.hpp"
#include "reki/node/membership/seed_links.hpp"
#include "reki/node/support/listen.hpp"

namespace reki {

/// The control plane's sockets: one ROUTER that listens, and a DEALER to each node that is spoken to.
///
/// Names of strangers are looked up apart from those of peers, so that made-up ones keep no peer waiting.
///
/// Thread: the membership thread.
class MembershipLinks final : public ControlLinks {
 public:
  explicit MembershipLinks(NodeId self, NameResolver::Lookup lookup = NameResolver::by_system);

  /// `address_in_use` with the remedy. Returns where it listens, with the port that it has got.
  [[nodiscard]] Result<std::string> listen(const std::string& address);
  [[nodiscard]] zmq::socket_t& router() { return router_; }
  /// Asks at all addresses of that name too, under it as a node's id: what is sent to it goes to one of them.
  void add_seed(const std::string& seed) { seeds_.add(seed); }
  /// Whoever is to be told of look-ups that have thrown.
  void set_complain(Dialer::Complain complain);

  /// Adds what `turn` waits for to what the caller polls.
  void append_to(std::vector<zmq::pollitem_t>& items) const;
  /// When `turn` is due in any event.
  [[nodiscard]] Instant next_wake() const { return std::min(peer_dialer_.next_wake(), stranger_dialer_.next_wake()); }
  /// After each poll: connects to names that have been found.
  void turn(Instant now);

  void learn(const NodeId& node, const std::string& control) override;
  void learn(const View& view) override;
  [[nodiscard]] bool is_at(const NodeId& node, const std::string& control) const override;
  /// The next frame that has come; false if there is none. `route` names its connection.
  [[nodiscard]] bool receive(std::string& route, zmq::message_t& frame);
  void send(const NodeId& to, BytesView frame) override;
  void send_to_stranger(const std::string& control, BytesView frame) override;
  void answer(const std::string& route, BytesView frame) override;
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }
  [[nodiscard]] std::vector<std::string> addresses() const override;
  [[nodiscard]] bool has_seeds() const override { return !seeds_.empty(); }

 private:
  struct Peer {
    std::string address;
    zmq::socket_t socket;
  };
  void connect(Peer& peer, Dialer& dialer);

  const NodeId self_;
  zmq::context_t context_;
  zmq::socket_t router_;
  Dialer peer_dialer_;
  Dialer stranger_dialer_;
  SeedLinks seeds_;
  Dialer::Complain complain_;
  Listening listening_;
  std::map<NodeId, Peer> peers_;
  std::deque<Peer> strangers_;  ///< Those connected to last, at most `limits::control_strangers_max`.
  std::uint64_t dropped_ = 0;
};

}  // namespace reki
