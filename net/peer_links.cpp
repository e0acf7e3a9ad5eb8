#include "reki/net/peer_links.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "reki/core/base/limits.hpp"
#include "reki/net/socket_bounds.hpp"

namespace reki {
namespace {

// Read from one peer, so that no peer starves the others. `limits::batch_part_min` replies end its round as well: what
// is asked next upon them is better sent at once.
constexpr int frames_per_round = 64;

/// Names of monitors are global to the context, which links of several owners may share.
std::string next_monitor_name() {
  static std::atomic<std::uint64_t> count = 0;
  return "inproc://reki-link-" + std::to_string(++count);
}

void set_common(zmq::socket_t& socket) {
  set_bounds(socket, limits::frame_bytes_max);
  set_reconnecting(socket, limits::reconnect_wait_max);
  socket.set(zmq::sockopt::connect_timeout, static_cast<int>(milliseconds_of(limits::connect_time_max)));
}

}  // namespace

struct PeerLinks::Link {
  Link(zmq::context_t& context, PeerIndex p, Dialer& d)
      : peer(p), dialer(d), socket(context, zmq::socket_type::dealer), monitor(context, zmq::socket_type::pair) {
    set_common(socket);
    monitor.set(zmq::sockopt::linger, 0);
    const auto name = next_monitor_name();
    // Only the loss: that a connection is there again shows in the socket taking messages.
    if (zmq_socket_monitor(socket.handle(), name.c_str(), ZMQ_EVENT_DISCONNECTED) != 0) throw zmq::error_t();
    monitor.connect(name);
  }
  ~Link() {
    dialer.forget(socket);
    zmq_socket_monitor(socket.handle(), nullptr, 0);
  }

  const PeerIndex peer;
  Dialer& dialer;
  zmq::socket_t socket;
  zmq::socket_t monitor;
  bool blocked = false;       // has something to send that the socket does not take
  bool disconnected = false;  // to be told once all that came before has been read
  bool over = false;          // GOODBYE was read: the node waits for the connection to be closed
};

PeerLinks::PeerLinks(zmq::context_t& context, RequestRouter& router)
    : context_(context), router_(router), frames_in_(router) {}

void PeerLinks::set_incarnation(Incarnation incarnation, Instant now) {
  if (!router_.set_incarnation(incarnation)) return;
  for (const PeerIndex peer : std::exchange(open_, {})) {
    links_[peer.value].reset();
    router_.disconnected(peer, now);
  }
}

PeerLinks::~PeerLinks() = default;

void PeerLinks::append_to(std::vector<zmq::pollitem_t>& items) const {
  for (const PeerIndex peer : open_) {
    Link& link = *links_[peer.value];
    const auto events = static_cast<short>(link.blocked ? ZMQ_POLLIN | ZMQ_POLLOUT : ZMQ_POLLIN);
    items.push_back({link.socket.handle(), 0, events, 0});
    items.push_back({link.monitor.handle(), 0, ZMQ_POLLIN, 0});
  }
  items.push_back({nullptr, dialer_.fd(), ZMQ_POLLIN, 0});
}

void PeerLinks::process(std::span<const zmq::pollitem_t> items, Instant now) {
  more_to_read_ = false;
  if (now >= dialer_.next_wake() || (!items.empty() && items.back().revents != 0)) dialer_.turn(now);
  for (std::size_t i = 0; i < open_.size() && 2 * i + 1 < items.size(); ++i) {
    Link& link = *links_[open_[i].value];
    // The monitor first: what came before the connection broke is then there to be read.
    if (items[2 * i + 1].revents != 0) read_monitor(link);
    if ((items[2 * i].revents & ZMQ_POLLIN) != 0 || link.disconnected) read_frames(link, now);
    if ((items[2 * i].revents & ZMQ_POLLOUT) != 0) serve(link.peer, now);
  }
  std::erase_if(open_, [this](PeerIndex peer) {
    auto& link = links_[peer.value];
    if (!link->over) return false;
    link.reset();
    return true;
  });
}

void PeerLinks::flush(Instant now) {
  router_.take_work(work_);
  for (const PeerIndex peer : work_) serve(peer, now);
  router_.take_closed(work_);
  for (const PeerIndex peer : work_) {
    if (peer.value < links_.size()) links_[peer.value].reset();
    std::erase(open_, peer);
  }
}

/// Null if libzmq does not take the address; `why` says so then.
PeerLinks::Link* PeerLinks::link_of(PeerIndex peer, Instant now, std::string& why) {
  if (links_.size() <= peer.value) links_.resize(peer.value + std::size_t{1});
  auto& link = links_[peer.value];
  if (link) return link.get();
  try {
    auto made = std::make_unique<Link>(context_, peer, dialer_);
    dialer_.connect(made->socket, router_.peer(peer).address, now);
    link = std::move(made);
    open_.push_back(peer);
  } catch (const zmq::error_t& e) {
    why = std::string{"libzmq does not take the address: "} + e.what();
  }
  return link.get();
}

/// Sends all that is due to the peer, or as much as its socket takes.
void PeerLinks::serve(PeerIndex peer, Instant now) {
  if (peer.value < links_.size() && links_[peer.value]) links_[peer.value]->blocked = false;
  for (bool more = true; more;) {
    const BytesView frame = router_.next_frame(peer, now);
    if (frame.empty()) return;
    std::string why;
    Link* const link = link_of(peer, now, why);
    const bool sent = link != nullptr && send(*link, frame);
    more = router_.taken(peer, sent);
    if (link == nullptr) return router_.rejected(peer, ErrorCode::unreachable, why, now);
    link->blocked = !sent;
  }
}

bool PeerLinks::send(Link& link, BytesView frame) {
  try {
    if (!link.socket.send(zmq::const_buffer(frame.data(), frame.size()), zmq::send_flags::dontwait)) return false;
  } catch (const zmq::error_t& e) {
    if (e.num() != EINTR && e.num() != EHOSTUNREACH) throw;
    return false;
  }
  return true;
}

void PeerLinks::read_monitor(Link& link) {
  try {
    for (zmq::message_t event; link.monitor.recv(event, zmq::recv_flags::dontwait);) {
      // An event has two parts: the number and value, then the address. There is but one number that we asked for.
      std::uint16_t number = 0;
      if (event.more() && event.size() >= sizeof number) {
        std::memcpy(&number, event.data(), sizeof number);
        if (number == ZMQ_EVENT_DISCONNECTED) link.disconnected = true;
      }
    }
  } catch (const zmq::error_t& e) {
    if (e.num() != EINTR) throw;
  }
}

void PeerLinks::read_frames(Link& link, Instant now) {
  try {
    zmq::message_t frame;
    const std::uint64_t& replies = frames_in_.stats().replies;
    const std::uint64_t enough = replies + limits::batch_part_of(router_.outstanding());
    for (int i = 0; i < frames_per_round && replies < enough; ++i) {
      if (!link.socket.recv(frame, zmq::recv_flags::dontwait)) {
        if (std::exchange(link.disconnected, false)) router_.disconnected(link.peer, now);
        return;
      }
      if (frame.more()) {  // not ours: a frame is one part
        frames_in_.not_a_frame();
        while (frame.more() && link.socket.recv(frame, zmq::recv_flags::dontwait)) {
        }
        continue;
      }
      link.over |= frames_in_.read(link.peer, BytesView{static_cast<const char*>(frame.data()), frame.size()}, now);
    }
    more_to_read_ = true;
  } catch (const zmq::error_t& e) {
    if (e.num() != EINTR) throw;
    more_to_read_ = true;
  }
}

}  // namespace reki
