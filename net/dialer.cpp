#include "reki/net/dialer.hpp"

#include <algorithm>

#include "reki/core/base/limits.hpp"

namespace reki {
namespace {

/// Or its queue is full, which is nearly the same: nobody reads.
bool has_connection(zmq::socket_t& socket) { return (socket.get(zmq::sockopt::events) & ZMQ_POLLOUT) != 0; }

}  // namespace

std::string address_of(const std::string& number, std::uint16_t port) {
  const bool is_six = number.find(':') != std::string::npos;
  return "tcp://" + (is_six ? '[' + number + ']' : number) + ':' + std::to_string(port);
}

void connect_to_number(zmq::socket_t& socket, const std::string& address) {
  socket.set(zmq::sockopt::ipv6, address.find('[') != std::string::npos);
  socket.connect(address);
}

void Dialer::connect(zmq::socket_t& socket, const std::string& address, Instant now) {
  auto endpoint = parse_endpoint(address);
  if (!endpoint || is_number(*endpoint)) return connect_to_number(socket, address);
  resolver_.ask(endpoint->host);
  named_.push_back({&socket, std::move(*endpoint), {}});
  look_at_ = std::min(look_at_, now + limits::name_look_again);
}

void Dialer::forget(const zmq::socket_t& socket) {
  const auto it = std::ranges::find(named_, &socket, &Named::socket);
  if (it == named_.end()) return;
  const std::string host = std::move(it->at.host);
  named_.erase(it);
  // So that no more wait than there are sockets, whoever makes names up.
  if (std::ranges::none_of(named_, [&](const Named& each) { return each.at.host == host; })) resolver_.cancel(host);
  if (named_.empty()) look_at_ = Instant::never();
}

void Dialer::turn(Instant now) {
  for (const auto& each : resolver_.take()) {
    if (!each.thrown.empty() && complain_) complain_(each.host, each.thrown);
    for (Named& named : named_) {
      if (named.at.host == each.host && !each.numbers.empty()) found(named, each.numbers);
    }
  }
  if (now >= look_at_) look(now);
}

void Dialer::look(Instant now) {
  for (Named& named : named_) {
    if (!has_connection(*named.socket)) resolver_.ask(named.at.host);
  }
  look_at_ = named_.empty() ? Instant::never() : now + limits::name_look_again;
}

/// The next of the numbers, if it has no connection to the one that it has tried.
void Dialer::found(Named& named, const std::vector<std::string>& numbers) {
  std::vector<std::string> all;
  for (const std::string& number : numbers) all.push_back(address_of(number, named.at.port));
  const auto tried = std::ranges::find(all, named.connected_to);
  if (tried != all.end() && all.size() == 1) return;
  if (!named.connected_to.empty() && has_connection(*named.socket)) return;
  const std::string& next = tried == all.end() || tried + 1 == all.end() ? all.front() : *(tried + 1);
  try {
    if (!named.connected_to.empty()) named.socket->disconnect(named.connected_to);
    named.connected_to.clear();
    connect_to_number(*named.socket, next);
    named.connected_to = next;
  } catch (const zmq::error_t&) {
    // What the name server says is no address for libzmq: it is asked again.
  }
}

}  // namespace reki
