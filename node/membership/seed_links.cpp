#include "reki/node/membership/seed_links.hpp"

#include <algorithm>

#include "reki/core/base/assert.hpp"
#include "reki/core/base/endpoint.hpp"
#include "reki/core/base/limits.hpp"
#include "reki/net/dialer.hpp"
#include "reki/net/socket_bounds.hpp"

namespace reki {
namespace {

bool try_send(zmq::socket_t& socket, BytesView frame) {
  try {
    return socket.send(zmq::const_buffer(frame.data(), frame.size()), zmq::send_flags::dontwait).has_value();
  } catch (const zmq::error_t& e) {
    if (e.num() != EINTR && e.num() != EHOSTUNREACH) throw;
    return false;  // it is said again
  }
}

}  // namespace

void SeedLinks::add(const std::string& seed) {
  const auto endpoint = parse_seed(seed);
  REKI_ASSERT(endpoint.has_value());  // the config has been read
  seeds_.try_emplace(seed, Seed{endpoint->host, endpoint->port});
}

bool SeedLinks::send(const NodeId& to, BytesView frame, Instant now) {
  const auto it = seeds_.find(to.value);
  if (it == seeds_.end()) return false;
  Seed& seed = it->second;
  if (now >= seed.ask_at) {
    seed.ask_at = now + limits::name_look_again;
    resolver_.ask(seed.host);
  }
  auto next = seed.sockets.upper_bound(seed.last);
  for (std::size_t i = 0; i < seed.sockets.size(); ++i, ++next) {
    if (next == seed.sockets.end()) next = seed.sockets.begin();
    if (!try_send(next->second, frame)) continue;
    seed.last = next->first;
    return true;
  }
  return false;
}

void SeedLinks::rest() {
  for (auto& [name, seed] : seeds_) {
    seed.sockets.clear();
    seed.ask_at = Instant{0};
  }
}

/// A name server that knows nothing now takes nothing back.
void SeedLinks::found(const NameResolver::Found& found) {
  if (found.numbers.empty()) return;
  const auto count = std::min(found.numbers.size(), limits::seed_addresses_max);
  for (auto& [name, seed] : seeds_) {
    if (seed.host != found.host) continue;
    std::vector<std::string> addresses;
    for (std::size_t i = 0; i < count; ++i) addresses.push_back(address_of(found.numbers[i], seed.port));
    std::erase_if(seed.sockets, [&](const auto& each) { return std::ranges::find(addresses, each.first) == addresses.end(); });
    for (const std::string& address : addresses) connect(seed, address);
  }
}

void SeedLinks::connect(Seed& seed, const std::string& address) {
  if (seed.sockets.contains(address)) return;
  try {
    zmq::socket_t socket(context_, zmq::socket_type::dealer);
    set_bounds(socket, limits::control_frame_bytes_max, limits::control_frames_to_peer_max);
    set_reconnecting(socket, limits::control_reconnect_wait_max);
    connect_to_number(socket, address);
    seed.sockets.emplace(address, std::move(socket));
  } catch (const zmq::error_t&) {
    // No address for libzmq, or no descriptors: the others are asked, and this one again with the next look-up.
  }
}

}  // namespace reki
