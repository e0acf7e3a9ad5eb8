#include "reki/node/support/listen.hpp"

#include <netdb.h>
#include <netinet/in.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "reki/core/base/endpoint.hpp"

namespace reki {
namespace {

/// libzmq binds to numbers and interfaces only; peers may well connect to a name.
Result<std::string> numeric(const std::string& address) {
  const auto endpoint = parse_endpoint(address);
  if (!endpoint) return tl::make_unexpected(endpoint.error());
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  hints.ai_family = AF_INET;  // what peers try for a name, too
  addrinfo* found = nullptr;
  int looked_up = getaddrinfo(endpoint->host.c_str(), nullptr, &hints, &found);
  hints.ai_family = AF_INET6;
  if (looked_up != 0) looked_up = getaddrinfo(endpoint->host.c_str(), nullptr, &hints, &found);
  if (looked_up != 0) {
    return fail(ErrorCode::address_in_use, "cannot listen on " + address + ": " + gai_strerror(looked_up) +
                                               "; write an address of this machine");
  }
  char host[NI_MAXHOST];
  const int rc = getnameinfo(found->ai_addr, found->ai_addrlen, host, sizeof host, nullptr, 0, NI_NUMERICHOST);
  const bool six = found->ai_family == AF_INET6;
  freeaddrinfo(found);
  if (rc != 0) return fail(ErrorCode::address_in_use, "cannot listen on " + address + ": " + gai_strerror(rc));
  return "tcp://" + (six ? "[" + std::string(host) + "]" : std::string(host)) + ":" + std::to_string(endpoint->port);
}

std::string why_not_bound(const std::string& address, const zmq::error_t& e) {
  if (e.num() == EADDRINUSE) {
    return "cannot listen on " + address +
           ": the port is in use; stop the program that has it (ss -ltnp shows it), or "
           "choose another port";
  }
  if (e.num() == EACCES) return "cannot listen on " + address + ": not permitted; choose a port from 1024 up";
  return "cannot listen on " + address + ": " + e.what() +
         "; write an address of this machine";
}

int port_if_listening(int fd) {
  int is_listening = 0;
  socklen_t size = sizeof is_listening;
  if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &size) != 0 || is_listening == 0) return -1;
  sockaddr_storage address{};
  size = sizeof address;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return -1;
  if (address.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  return -1;
}

/// Which of libzmq's descriptors it is that listens on the port; it does not tell. -1: none was found.
int descriptor_listening_on(std::uint16_t port) {
  std::error_code no_proc;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", no_proc)) {
    const int fd = std::atoi(entry.path().filename().c_str());
    if (port_if_listening(fd) == port) return fd;
  }
  return -1;
}

}  // namespace

Result<Listening> bind_tcp(zmq::socket_t& socket, const std::string& address) {
  const auto resolved = numeric(address);
  if (!resolved) return tl::make_unexpected(resolved.error());
  try {
    socket.set(zmq::sockopt::ipv6, resolved->find('[') != std::string::npos);
    socket.bind(*resolved);
  } catch (const zmq::error_t& e) {
    return fail(ErrorCode::address_in_use, why_not_bound(address, e));
  }
  std::string bound = socket.get(zmq::sockopt::last_endpoint);
  const auto endpoint = parse_endpoint(bound);
  return Listening{std::move(bound), endpoint ? ClosedInChildren(descriptor_listening_on(endpoint->port)) : ClosedInChildren()};
}

std::string advertised(const std::string& listen, const std::string& bound) {
  return listen.substr(0, listen.rfind(':')) + bound.substr(bound.rfind(':'));
}

}  // namespace reki
