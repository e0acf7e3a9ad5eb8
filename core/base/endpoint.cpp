#include "reki/core/base/endpoint.hpp"

#include <algorithm>
#include <charconv>

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

}  // namespace

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

Result<Endpoint> parse_endpoint(std::string_view text) {
  constexpr std::string_view scheme = "tcp://";
  if (!text.starts_with(scheme)) {
    return wrong("'" + std::string(text.substr(0, limits::endpoint_bytes_max)) +
                 "' does not begin with tcp://; write tcp://host:port, as in tcp://127.0.0.1:7101");
  }
  return parse_host_port(text.substr(scheme.size()));
}

}  // namespace reki
