#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "reki/core/base/error.hpp"

namespace reki {

/// A TCP address by name or number. Resolving the name is not the core's business.
struct Endpoint {
  std::string host;  ///< A name, an IPv4 address, or an IPv6 address without its brackets.
  std::uint16_t port = 0;

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

/// Reads "host:port" or "[ipv6]:port". Total. Port 0 is allowed: "any free port", for those who listen in tests.
///
/// Fails with `invalid_argument`; the text says what is wrong and what it should look like.
[[nodiscard]] Result<Endpoint> parse_host_port(std::string_view text);

/// Reads "tcp://host:port", the form that ZeroMQ takes. Otherwise as `parse_host_port`.
[[nodiscard]] Result<Endpoint> parse_endpoint(std::string_view text);

/// Reads "dns://name:port", a name all of whose addresses are meant. The port is not 0. Otherwise as `parse_host_port`.
[[nodiscard]] Result<Endpoint> parse_seed(std::string_view text);

/// Whether the host stands for all addresses of a machine, as 0.0.0.0 and [::] do in all their forms: one can listen on it,
/// and nobody can connect to it from elsewhere.
[[nodiscard]] bool is_wildcard(const Endpoint& endpoint);
/// Whether the host is this machine wherever it is read: 127.0.0.0/8, ::1, localhost.
[[nodiscard]] bool is_loopback(const Endpoint& endpoint);
/// Whether the host is a number and not a name.
[[nodiscard]] bool is_number(const Endpoint& endpoint);

}  // namespace reki
