#include "network.hpp"

#include <algorithm>

#include "process.hpp"
#include "world.hpp"

namespace reki::cluster {

using namespace std::chrono_literals;

namespace {

constexpr int to_the_server = 0;
constexpr int to_the_client = 1;

Endpoint node_at(const std::string& address) {
  const auto dot = address.rfind('.');
  return static_cast<Endpoint>(std::stoul(address.substr(dot + 1)) - 1);
}

}  // namespace

Network::Network(World& world, std::size_t endpoints) : world_(world), endpoints_(endpoints) {
  for (auto& cuts : cuts_) cuts.resize(endpoints * endpoints);
  last_datagram_.resize(endpoints * endpoints);
  senders_.push_back(0);  // no connection has number 0
}

Duration Network::delay() {
  Duration out = 50us + std::chrono::microseconds(world_.below(200));
  if (world_.below(500) == 0) out += std::chrono::microseconds(world_.below(20'000));
  if (extra > Duration{0}) out += std::chrono::nanoseconds(world_.below(static_cast<std::uint64_t>(extra.count())));
  return out;
}

// Faults

void Network::cut(Plane plane, Endpoint from, Endpoint to) { ++cuts_[plane][from * endpoints_ + to]; }

void Network::mend(Plane plane, Endpoint from, Endpoint to) {
  if (--cuts_[plane][from * endpoints_ + to] > 0 || plane == control) return;
  for (const auto& weak : std::vector(all_)) {
    const auto c = weak.lock();
    if (!c) continue;
    const int way = c->from == from && c->to == to ? to_the_server : c->from == to && c->to == from ? to_the_client : -1;
    if (way < 0) continue;
    if (world_.below(2) == 0) {
      break_off(c);
      continue;
    }
    for (auto& frame : std::exchange(c->held[static_cast<std::size_t>(way)], {})) send(c, way, std::move(frame));
  }
}

void Network::reset(Endpoint a, Endpoint b) {
  for (const auto& weak : std::vector(all_)) {
    const auto c = weak.lock();
    if (c && ((c->from == a && c->to == b) || (c->from == b && c->to == a))) break_off(c);
  }
}

void Network::reset(Endpoint endpoint) {
  for (const auto& weak : std::vector(all_)) {
    const auto c = weak.lock();
    if (c && (c->from == endpoint || c->to == endpoint)) break_off(c);
  }
}

// The control plane

void Network::datagram(Endpoint from, const std::string& control_address, BytesView frame) {
  const Endpoint to = node_at(control_address);
  if (to >= world_.nodes() || is_cut(control, from, to)) return;
  Instant& last = last_datagram_[from * endpoints_ + to];
  last = std::max(last, world_.now() + delay());
  world_.at(last, [this, to, bytes = Bytes(frame)] { world_.machine(to).came_control(bytes); });
}

// The data plane

ConnectionPtr Network::open(Links& client, Endpoint from, PeerIndex peer, const std::string& address) {
  auto out = std::make_shared<Connection>();
  out->from = from;
  out->to = node_at(address);
  out->peer = peer;
  out->client = &client;
  std::erase_if(all_, [](const auto& weak) { return weak.expired(); });
  all_.push_back(out);
  try_connect(out);
  return out;
}

void Network::close(const ConnectionPtr& c) {
  c->client = nullptr;
  routes_.erase(c->route);
  c->up = false;
  ++c->generation;
}

void Network::connect_later(const ConnectionPtr& c) {
  world_.after(20ms + std::chrono::microseconds(world_.below(60'000)),
               [this, weak = std::weak_ptr(c)] {
                 if (const auto again = weak.lock()) try_connect(again);
               });
}

void Network::try_connect(const ConnectionPtr& c) {
  if (c->client == nullptr || c->up) return;
  const auto server = world_.machine(c->to).process;
  if (!server || !server->alive() || is_cut(data, c->from, c->to) || is_cut(data, c->to, c->from)) return connect_later(c);
  world_.after(delay() + delay(), [this, weak = std::weak_ptr(c), was = std::weak_ptr(server)] {
    const auto again = weak.lock();
    if (!again || again->client == nullptr || again->up) return;
    const auto still = was.lock();
    if (!still || !still->alive()) return connect_later(again);
    again->up = true;
    again->server = was;
    again->greeted = {};
    again->held = {};
    again->last = {};
    ++again->generation;
    senders_.push_back(again->from);
    again->number = senders_.size() - 1;
    again->route = "r" + std::to_string(again->number);
    routes_[again->route] = again;
    again->client->connected(again->peer);
  });
}

void Network::break_off(const ConnectionPtr& c) {
  if (!c->up) return;
  c->up = false;
  ++c->generation;
  c->held = {};
  routes_.erase(c->route);
  world_.after(delay(), [this, weak = std::weak_ptr(c)] {
    const auto again = weak.lock();
    if (!again || again->client == nullptr) return;
    again->client->went(again->peer);
    connect_later(again);
  });
}

ConnectionPtr Network::find(const std::string& route) const {
  const auto at = routes_.find(route);
  return at == routes_.end() ? nullptr : at->second;
}

bool Network::to_server(const ConnectionPtr& c, BytesView frame) {
  if (!c->up) return false;
  note_requests(*c, frame);
  send(c, to_the_server, Bytes(frame));
  return true;
}

void Network::note_requests(const Connection& c, BytesView frame) {
  auto reader = wire::RequestReader::open(frame);
  if (!reader) return;
  for (wire::Request request; reader->next(request) == wire::Next::good;) {
    const bool acts = request.op == wire::Op::start || request.op == wire::Op::lookup_or_start || request.op == wire::Op::stop;
    if (acts && c.from >= world_.nodes()) {
      world_.oracle.requested({c.from, request.id.value}, request.op, number_of_key(request.key));
    }
    if (!wire::is_message(request.op)) continue;
    if (const auto work = unpack<Work>(request.payload)) world_.oracle.transmitted(static_cast<std::uint32_t>(work->ask), c.number);
  }
}

bool Network::to_client(const std::string& route, const Process& server, BytesView frame) {
  const auto c = find(route);
  if (!c || c->server.lock().get() != &server) return false;
  send(c, to_the_client, Bytes(frame));
  return true;
}

void Network::send(const ConnectionPtr& c, int way, Bytes frame) {
  Instant& last = c->last[static_cast<std::size_t>(way)];
  last = std::max(last, world_.now() + delay());
  world_.at(last, [this, weak = std::weak_ptr(c), generation = c->generation, way, frame = std::move(frame)]() mutable {
    const auto there = weak.lock();
    if (there && there->generation == generation && there->up) arrive(there, way, std::move(frame));
  });
}

void Network::arrive(const ConnectionPtr& c, int way, Bytes frame) {
  auto& held = c->held[static_cast<std::size_t>(way)];
  const bool cut = way == to_the_server ? is_cut(data, c->from, c->to) : is_cut(data, c->to, c->from);
  if (cut || !held.empty()) {
    held.push_back(std::move(frame));
    return;
  }
  if (way == to_the_client) return c->client->came(c->peer, std::move(frame));
  if (const auto server = c->server.lock()) server->came(c, std::move(frame));
}

// Links

Links::Links(Network& network, Endpoint self, RequestRouter& router)
    : network_(network), self_(self), router_(router), frames_in_(router) {}

Links::~Links() { close_all(); }

void Links::close_all() {
  for (auto& [peer, link] : links_) network_.close(link.connection);
  links_.clear();
}

void Links::drop(PeerIndex peer) {
  const auto at = links_.find(peer.value);
  if (at == links_.end()) return;
  network_.close(at->second.connection);
  links_.erase(at);
}

void Links::set_incarnation(Incarnation incarnation, Instant now) {
  if (!router_.set_incarnation(incarnation)) return;
  std::vector<PeerIndex> open;
  for (const auto& [peer, link] : links_) open.emplace_back(peer);
  for (const PeerIndex peer : open) {
    drop(peer);
    router_.disconnected(peer, now);
  }
}

void Links::flush(Instant now) {
  for (const PeerIndex peer : std::exchange(unblocked_, {})) serve(peer, now);
  router_.take_work(work_);
  for (const PeerIndex peer : std::vector(work_)) serve(peer, now);
  router_.take_closed(work_);
  for (const PeerIndex peer : work_) drop(peer);
}

void Links::serve(PeerIndex peer, Instant now) {
  for (bool more = true; more;) {
    const BytesView frame = router_.next_frame(peer, now);
    if (frame.empty()) return;
    Link& link = links_[peer.value];
    if (!link.connection) link.connection = network_.open(*this, self_, peer, router_.peer(peer).address);
    more = router_.taken(peer, network_.to_server(link.connection, frame));
  }
}

void Links::process(Instant now) {
  has_input_ = false;
  std::vector<PeerIndex> over;
  for (auto& [index, link] : links_) {
    const PeerIndex peer{index};
    for (const Bytes& frame : std::exchange(link.inbox, {})) link.over |= frames_in_.read(peer, frame, now);
    if (std::exchange(link.disconnected, false)) router_.disconnected(peer, now);
    if (link.over) over.push_back(peer);
  }
  for (const PeerIndex peer : over) drop(peer);
}

void Links::came(PeerIndex peer, Bytes frame) {
  const auto at = links_.find(peer.value);
  if (at == links_.end()) return;
  at->second.inbox.push_back(std::move(frame));
  has_input_ = true;
}

void Links::went(PeerIndex peer) {
  const auto at = links_.find(peer.value);
  if (at == links_.end()) return;
  at->second.disconnected = true;
  has_input_ = true;
}

void Links::connected(PeerIndex peer) {
  unblocked_.push_back(peer);
  has_input_ = true;
}

}  // namespace reki::cluster
