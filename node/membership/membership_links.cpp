#include "reki/node/membership/membership_links.hpp"

#include <algorithm>

#include "reki/core/base/limits.hpp"
#include "reki/net/clock.hpp"
#include "reki/net/socket_bounds.hpp"
#include "reki/node/support/listen.hpp"

namespace reki {
namespace {

constexpr auto dontwait = zmq::send_flags::dontwait;

zmq::context_t make_context() {
  zmq::context_t context(1);
  context.set(zmq::ctxopt::max_sockets, static_cast<int>(limits::control_peers_max + limits::control_strangers_max + limits::seeds_max * limits::seed_addresses_max) + 16);
  return context;
}

/// False if it cannot be sent now; nothing else fails but our own mistakes.
bool try_send(zmq::socket_t& socket, zmq::const_buffer bytes, zmq::send_flags flags) {
  for (;;) {
    try {
      return socket.send(bytes, flags).has_value();
    } catch (const zmq::error_t& e) {
      if (e.num() == EHOSTUNREACH) return false;
      if (e.num() != EINTR) throw;
    }
  }
}

}  // namespace

MembershipLinks::MembershipLinks(NodeId self, NameResolver::Lookup lookup)
    : self_(std::move(self)),
      context_(make_context()),
      router_(context_, zmq::socket_type::router),
      peer_dialer_(lookup),
      stranger_dialer_(lookup, limits::stranger_lookups_max),
      seeds_(context_, std::move(lookup)) {
  router_.set(zmq::sockopt::router_mandatory, true);
  set_bounds(router_, limits::control_frame_bytes_max);
}

Result<std::string> MembershipLinks::listen(const std::string& address) {
  auto bound = bind_tcp(router_, address);
  if (!bound) return tl::make_unexpected(std::move(bound.error()));
  listening_ = std::move(*bound);
  return listening_.address;
}

void MembershipLinks::set_complain(Dialer::Complain complain) {
  peer_dialer_.set_complain(complain);
  stranger_dialer_.set_complain(complain);
  complain_ = std::move(complain);
}

void MembershipLinks::append_to(std::vector<zmq::pollitem_t>& items) const {
  items.push_back({nullptr, peer_dialer_.fd(), ZMQ_POLLIN, 0});
  items.push_back({nullptr, stranger_dialer_.fd(), ZMQ_POLLIN, 0});
  items.push_back({nullptr, seeds_.fd(), ZMQ_POLLIN, 0});
}

void MembershipLinks::turn(Instant now) {
  peer_dialer_.turn(now);
  stranger_dialer_.turn(now);
  seeds_.turn([this](const std::string& host, const std::string& why) {
    if (complain_) complain_(host, why);
  });
}

void MembershipLinks::learn(const NodeId& node, const std::string& control) {
  if (control.empty() || node == self_) return;
  auto it = peers_.find(node);
  if (it == peers_.end()) {
    if (peers_.size() >= limits::control_peers_max) return;
    it = peers_.try_emplace(node).first;
  }
  if (it->second.address == control) return;
  it->second.address = control;
  connect(it->second, peer_dialer_);
}

void MembershipLinks::learn(const View& view) {
  for (const Member& m : view.members()) learn(m.node_id, m.control);
  // A member's own word is newer than where its voter was when it was made one.
  for (const Voter& v : view.voters()) {
    if (view.find(v.node) == nullptr) learn(v.node, v.control);
  }
  seeds_.rest();
}

void MembershipLinks::connect(Peer& peer, Dialer& dialer) {
  dialer.forget(peer.socket);
  peer.socket = zmq::socket_t(context_, zmq::socket_type::dealer);
  set_bounds(peer.socket, limits::control_frame_bytes_max, limits::control_frames_to_peer_max);
  set_reconnecting(peer.socket, limits::control_reconnect_wait_max);
  try {
    dialer.connect(peer.socket, peer.address, boot_time());
  } catch (const zmq::error_t&) {
    // An address that cannot be: messages to it are dropped, and counted.
  }
}

bool MembershipLinks::receive(std::string& route, zmq::message_t& frame) {
  for (;;) {
    try {
      zmq::message_t from;
      if (!router_.recv(from, zmq::recv_flags::dontwait)) return false;
      if (!from.more() || !router_.recv(frame, zmq::recv_flags::dontwait)) continue;
      const bool one_part = !frame.more();
      while (frame.more() && router_.recv(frame, zmq::recv_flags::dontwait)) {
      }
      if (!one_part) continue;
      route.assign(static_cast<const char*>(from.data()), from.size());
      return true;
    } catch (const zmq::error_t& e) {
      if (e.num() != EINTR) throw;
    }
  }
}

void MembershipLinks::send(const NodeId& to, BytesView frame) {
  if (seeds_.has(to)) {
    if (!seeds_.send(to, frame, boot_time())) ++dropped_;
    return;
  }
  const auto it = peers_.find(to);
  if (it == peers_.end() || !try_send(it->second.socket, zmq::const_buffer(frame.data(), frame.size()), dontwait)) {
    ++dropped_;
  }
}

bool MembershipLinks::is_at(const NodeId& node, const std::string& control) const {
  const auto it = peers_.find(node);
  return it != peers_.end() && it->second.address == control;
}

void MembershipLinks::send_to_stranger(const std::string& control, BytesView frame) {
  auto it = std::ranges::find(strangers_, control, &Peer::address);
  if (it == strangers_.end()) {
    if (strangers_.size() >= limits::control_strangers_max) {
      stranger_dialer_.forget(strangers_.front().socket);
      strangers_.pop_front();
    }
    it = strangers_.insert(strangers_.end(), Peer{control, {}});
    connect(*it, stranger_dialer_);
  }
  if (!try_send(it->socket, zmq::const_buffer(frame.data(), frame.size()), dontwait)) ++dropped_;
}

void MembershipLinks::answer(const std::string& route, BytesView frame) {
  const bool there =
      try_send(router_, zmq::const_buffer(route.data(), route.size()), dontwait | zmq::send_flags::sndmore);
  if (!there || !try_send(router_, zmq::const_buffer(frame.data(), frame.size()), dontwait)) ++dropped_;
}

std::vector<std::string> MembershipLinks::addresses() const {
  std::vector<std::string> out{listening_.address};
  for (const auto& [node, peer] : peers_) out.push_back(peer.address);
  return out;
}

}  // namespace reki
