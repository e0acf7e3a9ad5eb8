#include "clients.hpp"

#include <algorithm>

namespace reki::sim {
namespace {

/// A call that is not answered is sent again after this.
constexpr Time retry_after = 150 * millisecond;
constexpr Time call_time = 2 * second;

wire::Op choose_op(World& world) {
  const auto dice = world.random.below(100);
  return dice < 50 ? wire::Op::lookup_or_start : dice < 60 ? wire::Op::lookup : dice < 90 ? wire::Op::call : wire::Op::stop;
}

}  // namespace

Clients::Clients(World& world, std::size_t count, Time think) : world_(world), think_(think), clients_(count) {}

void Clients::begin() {
  for (std::size_t c = 0; c < clients_.size(); ++c) wake_at(static_cast<std::uint16_t>(c), world_.now + world_.below(think_));
}

void Clients::wake_at(std::uint16_t client, Time at) {
  Client& c = clients_[client];
  c.wake = at;
  if (at >= c.event_at) return;  // an event that comes too early is moved on
  c.event_at = at;
  world_.schedule(at, Event::Kind::client, client);
}

void Clients::on_timer(std::uint16_t client, Time scheduled) {
  Client& c = clients_[client];
  if (scheduled != c.event_at) return;
  c.event_at = never;
  if (c.wake > world_.now) return wake_at(client, c.wake);
  if (!c.calling) return begin_call(client);
  if (world_.now >= c.deadline) return end_call(client, 0);
  c.redirects = 0;
  ask(client);
}

void Clients::begin_call(std::uint16_t client) {
  Client& c = clients_[client];
  const std::size_t keys = world_.keys.size();
  c.calling = true;
  c.op = choose_op(world_);
  c.key = static_cast<std::uint8_t>(world_.below(static_cast<Time>(keys)));
  if (survey_) {
    c.op = wire::Op::lookup_or_start;
    for (std::size_t i = 0; i < keys && found_[c.key]; ++i) c.key = static_cast<std::uint8_t>((c.key + 1) % keys);
  }
  ++c.call;
  c.redirects = 0;
  c.floor = world_.invariants.call_begins(c.key);
  c.started = world_.invariants.newest_start(c.key);
  c.deadline = world_.now + call_time;
  ++world_.stats.calls;
  ask(client);
}

void Clients::end_call(std::uint16_t client, Time pause) {
  clients_[client].calling = false;
  wake_at(client, world_.now + pause + 1);
}

/// Sends the call to the key's owner; to anybody while there is no view.
void Clients::ask(std::uint16_t client) {
  Client& c = clients_[client];
  const Member* const owner = c.view ? c.view->owner(world_.keys[c.key].slot) : nullptr;
  const auto anybody = static_cast<std::uint16_t>(world_.below(static_cast<Time>(world_.names.size())));
  // A node that does not answer may be gone: ask another now and then, who knows the newest view.
  const bool astray = owner == nullptr || world_.chance(200);
  Packet out;
  out.from = static_cast<std::uint16_t>(world_.names.size() + client);
  out.to = astray ? anybody : index_of(owner->node_id);
  out.key = c.key;
  out.op = c.op;
  out.call = c.call;
  out.epoch = c.view ? c.view->epoch() : Epoch{};
  out.target = astray ? Incarnation{} : owner->incarnation;
  out.remaining = Duration{c.deadline - world_.now};
  world_.send(std::move(out));
  wake_at(client, std::min(world_.now + retry_after, c.deadline));
}

void Clients::learn(Client& c, const membership::ViewPtr& view) {
  if (view != nullptr && (c.view == nullptr || view->epoch() > c.view->epoch())) c.view = view;
}

/// Ignored are replies of an incarnation that is gone, and a fence lower than the highest seen for that key.
bool Clients::believes(const Client& c, const Packet& reply) const {
  const bool known = c.view != nullptr && c.view->find(world_.names[reply.from], reply.incarnation) != nullptr;
  return known && reply.fence >= c.highest[reply.key];
}

void Clients::on_packet(std::uint16_t client, Packet&& packet) {
  Client& c = clients_[client];
  if (!c.calling || packet.call != c.call) return;
  learn(c, packet.view);
  const Time pause = world_.below(2 * think_);
  switch (packet.code) {
    case ErrorCode::ok:
      if (c.op == wire::Op::stop) return end_call(client, pause);
      if (!believes(c, packet)) return;
      world_.invariants.accepted(*c.view, packet.from, packet.incarnation);
      world_.invariants.call_ends(c.key, c.floor, packet.fence);
      if (c.op == wire::Op::call && world_.keys[c.key].confirmed) {
        world_.invariants.confirmed_call_ends(c.key, c.started, packet.fence);
      }
      c.highest[c.key] = packet.fence;
      found_[c.key] = true;
      ++world_.stats.calls_ok;
      return end_call(client, survey_ ? 0 : pause);
    case ErrorCode::wrong_node:
      if (++c.redirects <= 2) return ask(client);
      [[fallthrough]];
    case ErrorCode::unavailable:
    case ErrorCode::overloaded:
      return wake_at(client, std::min(world_.now + 20 * millisecond, c.deadline));
    default:
      return end_call(client, survey_ ? 0 : pause);
  }
}

void Clients::begin_survey() {
  survey_ = true;
  found_.fill(false);
}

bool Clients::survey_done() const {
  return std::all_of(found_.begin(), found_.begin() + static_cast<std::ptrdiff_t>(world_.keys.size()),
                     [](bool found) { return found; });
}

std::string Clients::survey_text() const {
  std::string out = "keys not found:";
  for (std::size_t key = 0; key < world_.keys.size(); ++key) {
    if (!found_[key]) out += " " + std::to_string(key);
  }
  return out;
}

}  // namespace reki::sim
