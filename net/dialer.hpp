#pragma once

#include <functional>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "reki/core/base/endpoint.hpp"
#include "reki/core/base/time.hpp"
#include "reki/net/name_resolver.hpp"

namespace reki {

/// "tcp://number:port", of an IPv4 or an IPv6 address.
[[nodiscard]] std::string address_of(const std::string& number, std::uint16_t port);
/// Throws zmq::error_t if libzmq does not take the address. REQUIRES: its host is a number.
void connect_to_number(zmq::socket_t& socket, const std::string& address);

/// Connects sockets to addresses whose hosts may be names.
///
/// libzmq gets numbers only: it would look a name up on its I/O thread, where all other connections wait meanwhile, and
/// with IPv6 addresses that the socket has not been told of. A name is looked up again while its socket has no connection,
/// so that a machine which comes back with another address is found.
///
/// Thread: that of the sockets.
class Dialer {
 public:
  /// Told of a look-up that has thrown, on the thread of the sockets.
  using Complain = std::function<void(const std::string& host, const std::string& why)>;

  /// `lookups_max`: names that are looked up at once.
  explicit Dialer(NameResolver::Lookup lookup = NameResolver::by_system, int lookups_max = limits::name_lookups_max)
      : resolver_(std::move(lookup), lookups_max) {}

  void set_complain(Complain complain) { complain_ = std::move(complain); }

  /// At once if the host is a number; else as soon as it is known. Throws zmq::error_t if libzmq does not take the address.
  /// REQUIRES: `socket` stays where it is until it is forgotten, and takes no messages while it has no connection
  /// (ZMQ_IMMEDIATE).
  void connect(zmq::socket_t& socket, const std::string& address, Instant now);
  /// Before the socket is closed or moved.
  void forget(const zmq::socket_t& socket);

  /// To be polled for input; `turn` is due when it is readable.
  [[nodiscard]] int fd() const { return resolver_.fd(); }
  /// When `turn` is due in any event.
  [[nodiscard]] Instant next_wake() const { return look_at_; }
  /// Connects what has been found, and looks after what has no connection.
  void turn(Instant now);

 private:
  /// A socket whose peer has a name.
  struct Named {
    zmq::socket_t* socket;
    Endpoint at;
    std::string connected_to;  ///< "tcp://number:port"; empty: nothing yet.
  };

  void found(Named& named, const std::vector<std::string>& numbers);
  void look(Instant now);

  NameResolver resolver_;
  Complain complain_;  ///< May be empty.
  std::vector<Named> named_;
  Instant look_at_ = Instant::never();
};

}  // namespace reki
