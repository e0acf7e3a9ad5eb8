#include "router_cluster.hpp"

#include <algorithm>

namespace router_test {
namespace {

RequestRouter::Options options_of(std::uint64_t seed) {
  RequestRouter::Options out;
  out.seed = seed;
  return out;
}

}  // namespace

SimCluster::SimCluster(const std::vector<std::string>& ids, std::uint64_t seed, bool shared_view) : out(options_of(seed)) {
  for (const auto& id : ids) add(id);
  if (!shared_view) return;
  const auto first = view(1, ids);
  give(first, ids);
  out.set_view(first, now);
}

SimNode& SimCluster::add(const std::string& id) {
  nodes[id] = SimNode{id, address_of(id), Incarnation{++incarnations}};
  return nodes[id];
}

std::shared_ptr<const View> SimCluster::view(std::uint32_t epoch, const std::vector<std::string>& ids,
                                             const std::set<std::string>& leaving) {
  std::vector<Member> members;
  for (const auto& id : ids) {
    const auto state = leaving.contains(id) ? MemberState::leaving : MemberState::up;
    members.push_back({NodeId{id}, node(id).incarnation, node(id).address, 1, {}, state});
  }
  std::sort(members.begin(), members.end(), [](const Member& a, const Member& b) { return a.node_id < b.node_id; });
  const auto table = fixed_view("test", 1, members).value().table();
  return std::make_shared<const View>(
      View::make({"test", Epoch{epoch}, Term{1}, members[0].node_id, 1}, members, table).value());
}

std::string SimCluster::key_of(const View& view, const std::string& id, int nth) const {
  for (int i = 0;; ++i) {
    if (owner(view, "k" + std::to_string(i)) == id && nth-- == 0) return "k" + std::to_string(i);
  }
}

void SimCluster::kill(const std::string& id) {
  node(id).alive = false;
  node(id).sessions.clear();
  node(id).stash.clear();
  for (auto at = connections.begin(); at != connections.end();) {
    if (at->second.node == &node(id)) {
      const PeerIndex peer{at->first};
      events.emplace(now + trip, [this, peer] {
        if (open.contains(peer.value)) out.disconnected(peer, now);
      });
      at = connections.erase(at);
    } else {
      ++at;
    }
  }
}

void SimCluster::thaw(const std::string& id) {
  node(id).frozen = false;
  for (auto& event : std::exchange(node(id).stash, {})) event();
}

void SimCluster::restart(const std::string& id) {
  node(id).alive = true;
  node(id).frozen = false;
  node(id).sessions.clear();
  node(id).refuses.clear();
  node(id).incarnation = Incarnation{++incarnations};
}

void SimCluster::submit(Op op, const std::string& key, Duration timeout) {
  auto r = std::make_unique<Call>();
  r->op = op;
  r->type = "t";
  r->key = key;
  if (op == Op::call || op == Op::send) r->message = "m";
  r->number = ++calls;
  r->payload = std::to_string(r->number);
  r->asked = now;
  r->deadline = now + timeout;
  out.submit(std::move(r), now);
}

void SimCluster::run_until(Instant end, bool or_done) {
  pump();
  while (now < end && !(or_done && out.outstanding() == 0)) {
    Instant next = std::min(end, out.next_wake());
    if (!events.empty()) next = std::min(next, events.begin()->first);
    now = std::max(now + 10us, next);
    while (!events.empty() && events.begin()->first <= now) {
      const auto event = std::move(events.begin()->second);
      events.erase(events.begin());
      event();
    }
    pump();
  }
}

void SimCluster::pump() {
  out.tick(now);
  std::vector<PeerIndex> peers;
  out.take_work(peers);
  for (const PeerIndex peer : peers) {
    open.insert(peer.value);
    highest_peer = std::max(highest_peer, peer.value);
  }
  for (const std::uint32_t peer : std::set<std::uint32_t>{open}) {
    while (serve(PeerIndex{peer})) {
    }
  }
  out.take_closed(peers);
  for (const PeerIndex peer : peers) {
    open.erase(peer.value);
    connections.erase(peer.value);
  }
  while (auto r = out.next_done()) {
    if (now > r->deadline) ++late;
    latest = std::max(latest, now - r->deadline);
    done.emplace_back(static_cast<Call*>(r.release()));
    done.back()->done = now;
  }
}

SimNode* SimCluster::listener(PeerIndex peer) {
  for (auto& [id, node] : nodes) {
    if (node.address == out.peer(peer).address) return node.alive ? &node : nullptr;
  }
  return nullptr;
}

/// Sends the next thing that is due; false if there is nothing, or nobody takes it.
bool SimCluster::serve(PeerIndex peer) {
  const BytesView frame = out.next_frame(peer, now);
  if (frame.empty()) return false;
  SimNode* const node = listener(peer);
  if (node == nullptr) {
    out.taken(peer, false);
    return false;
  }
  auto& connection = connections[peer.value];
  if (connection.node == nullptr) connection = {node, node->incarnation};
  switch (wire::kind_of(frame).value()) {
    case wire::FrameKind::hello:
      out.taken(peer, true);
      at_node(peer, *node, [this, peer, node] {
        node->sessions.insert(peer.value);
        later(peer, [this, peer, node, incarnation = node->incarnation, epoch = node->view ? node->view->epoch() : Epoch{}] {
          out.welcomed(peer, {1, "test", node->id, incarnation, epoch}, now);
        });
      });
      return true;
    case wire::FrameKind::ping:
      out.taken(peer, true);
      at_node(peer, *node, [this, peer, node] {
        later(peer, [this, peer, epoch = node->view ? node->view->epoch() : Epoch{}] { out.heard(peer, epoch, now); });
      });
      return true;
    default:
      send_batch(peer, *node, Bytes{frame});
      return true;
  }
}

/// The connection has to live until then.
void SimCluster::later(PeerIndex peer, std::function<void()> event) {
  const auto* node = connections[peer.value].node;
  const auto incarnation = connections[peer.value].incarnation;
  events.emplace(now + trip, [this, peer, node, incarnation, event = std::move(event)] {
    const auto found = connections.find(peer.value);
    if (found != connections.end() && found->second.node == node && found->second.incarnation == incarnation) event();
  });
}

void SimCluster::at_node(PeerIndex peer, SimNode& node, std::function<void()> event) {
  later(peer, [&node, event = std::move(event)] {
    if (node.frozen) {
      node.stash.push_back(event);
    } else {
      event();
    }
  });
}

void SimCluster::send_batch(PeerIndex peer, SimNode& node, const Bytes& frame) {
  const auto header = wire::RequestReader::open(frame).value().header();
  sent += header.count;
  at_node(peer, node, [this, peer, &node, target = header.target, frame] {
    if (!node.sessions.contains(peer.value) || target != node.incarnation) {
      return later(peer, [this, peer] { out.rejected(peer, ErrorCode::hello_required, {}, now); });
    }
    auto reader = wire::RequestReader::open(frame).value();
    wire::Request request;
    while (reader.next(request).value() == wire::Next::good) answer(peer, node, request);
  });
  out.taken(peer, true);
}

void SimCluster::answer(PeerIndex peer, SimNode& node, const wire::Request& request) {
  ++(request.op == Op::view ? node.asked_for_view : node.asked);
  std::optional<SimReply> reply = instead ? instead(node, request) : std::nullopt;
  if (!reply) reply = reply_of(node, request);
  const wire::ReplyHeader header{node.view ? node.view->epoch() : Epoch{}, node.incarnation, 1};
  later(peer, [this, peer, header, id = request.id, reply = std::move(*reply)] {
    wire::Reply r;
    r.id = id;
    r.code = reply.code;
    r.text = reply.text;
    r.owner = reply.owner;
    r.fence = reply.fence;
    r.payload = reply.payload;
    out.replied(peer, header, r, now);
  });
}

SimReply SimCluster::reply_of(SimNode& node, const wire::Request& request) {
  if (!node.view) return {.code = ErrorCode::unavailable, .text = "not yet a member"};
  if (request.op == Op::view) {
    const bool newer = wire::decode_view_args(request.args).value().have < node.view->epoch();
    return {.payload = newer ? encode(*node.view) : Bytes{}};
  }
  if (!node.refuses.empty()) return {.code = ErrorCode::unavailable, .text = node.refuses};
  if (node.view->find(NodeId{node.id}, node.incarnation) == nullptr) {
    return {.code = ErrorCode::unavailable, .text = "not a member"};
  }
  const auto owned_by = owner(*node.view, std::string{request.key});
  if (owned_by.empty()) return {.code = ErrorCode::unavailable, .text = "no node owns the key's slot"};
  if (owned_by != node.id) return {.code = ErrorCode::wrong_node, .owner = owned_by};
  ++node.executed;
  if (request.op == Op::call) ++executed[std::stoull(std::string{request.payload})];
  return {.fence = Fence::make(node.view->epoch(), StartNumber{1})};
}

std::vector<const SimCluster::Call*> SimCluster::with(ErrorCode code) const {
  std::vector<const Call*> found;
  for (const auto& call : done) {
    if (call->outcome.code == code) found.push_back(call.get());
  }
  return found;
}

}  // namespace router_test
