#pragma once

#include <cstdint>
#include <deque>
#include <functional>

#include "clock.hpp"
#include "reki/core/membership/etcd_register.hpp"

namespace reki::sim {

/// An etcd: carries transactions out one after the other, in one step each. Reads may be of an earlier moment, as
/// Debian's etcd can answer them. Whether a request or its answer arrives is the network's affair.
class Etcd {
 public:
  struct Ports {
    std::function<Time()> now;
    std::function<Time(Time bound)> below;  ///< A random time.
    /// It says so at this moment; null: nobody asks.
    std::function<void(Term)> confirmed{};
    std::function<void(const membership::ViewPtr&, Term)> put_view{};
  };

  /// As `reki init` leaves it.
  Etcd(Ports ports, membership::ViewPtr first);

  [[nodiscard]] membership::EtcdReply carry_out(const membership::EtcdTxn& txn);
  /// How long until a request that has arrived takes effect: a write of the log, a busy machine.
  [[nodiscard]] Time service_time();

  // What is wrong with it. Faults add to it and take away again, so they may overlap.
  std::uint16_t down = 0;  ///< > 0: requests are lost.
  Time paused_until = 0;   ///< Requests wait until then.
  Time stale = 0;          ///< Reads are up to so old.
  void heal() { down = 0, paused_until = 0, stale = 0; }

 private:
  struct State {
    Time at = 0;
    std::int64_t revision = 0;
    membership::EtcdReply::Coordinator coordinator;
    membership::EtcdReply::Current view;
  };
  [[nodiscard]] static bool holds(const membership::EtcdTxn& txn, const State& state);
  void put(const membership::EtcdTxn& txn);
  [[nodiscard]] const State& state_for(const membership::EtcdTxn& txn);

  const Ports ports_;
  std::deque<State> states_;  ///< The newest last.
};

}  // namespace reki::sim
