#include "reki/core/base/endpoint.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

#include "reki/core/base/limits.hpp"

namespace reki {
namespace {

tl::unexpected<Error> wrong(std::string text) { return fail(ErrorCode::invalid_argument, std::move(text)); }

bool is_alnum(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool in_name(char c) { return is_alnum(c) || c == '.' || c == '-' || c == '_'; }
bool in_ipv6(char c) { return is_alnum(c) || c == ':' || c == '.' || c == '%'; }

Result<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (ec != std::errc{} || end != text.data() + text.size()) {
    return wrong("the port '" + std::string(text) +
                 "' is not a number from 0 to 65535; write one, as in 127.0.0.1:7101");
  }
  return port;
}

/// IPv4 in all the forms that the system takes ("0", "0x7f.1"), and IPv6, as IPv6 has them; nothing for a name.
std::optional<in6_addr> number_of(const std::string& host) {
  in6_addr out{};
  if (host.find(':') != std::string::npos) {
    const std::string without_zone = host.substr(0, host.find('%'));
    if (inet_pton(AF_INET6, without_zone.c_str(), &out) != 1) return {};
    return out;
  }
  in_addr four{};
  if (inet_aton(host.c_str(), &four) == 0) return {};
  out.s6_addr[10] = out.s6_addr[11] = 0xff;
  std::memcpy(&out.s6_addr[12], &four, sizeof four);
  return out;
}

}  // namespace

bool is_wildcard(const Endpoint& endpoint) {
  const auto number = number_of(endpoint.host);
  if (!number) return false;
  in6_addr mapped{};
  mapped.s6_addr[10] = mapped.s6_addr[11] = 0xff;
  return std::memcmp(&*number, &in6addr_any, sizeof *number) == 0 || std::memcmp(&*number, &mapped, sizeof mapped) == 0;
}

bool is_loopback(const Endpoint& endpoint) {
  if (endpoint.host == "localhost") return true;
  const auto number = number_of(endpoint.host);
  if (!number) return false;
  const bool is_four = IN6_IS_ADDR_V4MAPPED(&*number);
  return is_four ? number->s6_addr[12] == 127 : std::memcmp(&*number, &in6addr_loopback, sizeof *number) == 0;
}

bool is_number(const Endpoint& endpoint) { return number_of(endpoint.host).has_value(); }

Result<Endpoint> parse_host_port(std::string_view text) {
  if (text.size() > limits::endpoint_bytes_max) return wrong("the address is too long; at most 253 bytes of host");
  const auto colon = text.rfind(':');
  const bool bracketed = text.starts_with('[');
  const auto bracket = text.find(']');
  if (bracketed && bracket == std::string_view::npos) {
    return wrong("'" + std::string(text) + "' is not an address; write [ipv6]:port");
  }
  if (colon == std::string_view::npos || (bracketed && bracket > colon)) {
    return wrong("'" + std::string(text) + "' has no port; write host:port, as in 127.0.0.1:7101");
  }
  std::string_view host = text.substr(0, colon);
  if (bracketed) {
    if (!host.ends_with(']')) return wrong("'" + std::string(text) + "' is not an address; write [ipv6]:port");
    host = host.substr(1, host.size() - 2);
  }
  if (host.empty()) return wrong("'" + std::string(text) + "' has no host; write host:port, as in 127.0.0.1:7101");
  if (!std::ranges::all_of(host, bracketed ? in_ipv6 : in_name)) {
    return wrong("'" + std::string(host) + "' is not a host; use a name, an IPv4 address or [an IPv6 address]");
  }
  return parse_port(text.substr(colon + 1)).map([&](std::uint16_t port) { return Endpoint{std::string(host), port}; });
}

Result<Endpoint> parse_seed(std::string_view text) {
  constexpr std::string_view scheme = "dns://";
  if (!text.starts_with(scheme)) {
    return wrong("'" + std::string(text.substr(0, limits::endpoint_bytes_max)) +
                 "' does not begin with dns://; write dns://name:port, as in dns://reki.internal:17101");
  }
  auto out = parse_host_port(text.substr(scheme.size()));
  if (out && out->port == 0) return wrong("'" + std::string(text) + "' has port 0; write that of the nodes' control addresses");
  return out;
}

Result<Endpoint> parse_endpoint(std::string_view text) {
  constexpr std::string_view scheme = "tcp://";
  if (!text.starts_with(scheme)) {
    return wrong("'" + std::string(text.substr(0, limits::endpoint_bytes_max)) +
                 "' does not begin with tcp://; write tcp://host:port, as in tcp://127.0.0.1:7101");
  }
  return parse_host_port(text.substr(scheme.size()));
}

}  // namespace reki
