#pragma once

#include <map>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "reki/core/base/bytes.hpp"
#include "reki/core/base/ids.hpp"
#include "reki/core/base/time.hpp"
#include "reki/net/name_resolver.hpp"

namespace reki {

/// Connections to whoever answers at the names of `seeds`, for a node that looks for its cluster. Each address of a name is
/// the control address of some node; which one is found out by asking.
///
/// A name is looked up when something is to be sent there, once a second at most, and its addresses are taken in turn. So a
/// node that has a coordinator asks nobody; `rest` closes what is left of the search.
///
/// Thread: that of the sockets.
class SeedLinks {
 public:
  /// `context` must outlive this.
  explicit SeedLinks(zmq::context_t& context, NameResolver::Lookup lookup = NameResolver::by_system)
      : context_(context), resolver_(std::move(lookup)) {}

  /// `seed`: "dns://name:port", as in the config.
  void add(const std::string& seed);
  [[nodiscard]] bool has(const NodeId& to) const { return seeds_.contains(to.value); }
  [[nodiscard]] bool empty() const { return seeds_.empty(); }
  /// To the next address of a seed. False if it cannot be sent now: there is no address or no connection yet.
  [[nodiscard]] bool send(const NodeId& to, BytesView frame, Instant now);
  /// The cluster is found.
  void rest();

  /// To be polled for input; `turn` is due when it is readable.
  [[nodiscard]] int fd() const { return resolver_.fd(); }
  /// Takes what has been found. What could not be is left to `complain`.
  template <class Complain>
  void turn(Complain complain) {
    for (const auto& each : resolver_.take()) {
      if (!each.thrown.empty()) complain(each.host, each.thrown);
      else found(each);
    }
  }

 private:
  struct Seed {
    std::string host;
    std::uint16_t port = 0;
    Instant ask_at{0};
    std::map<std::string, zmq::socket_t> sockets{};  ///< By address.
    std::string last{};                              ///< The address that was sent to last.
  };

  void found(const NameResolver::Found& found);
  void connect(Seed& seed, const std::string& address);

  zmq::context_t& context_;
  NameResolver resolver_;
  std::map<std::string, Seed> seeds_;
};

}  // namespace reki
