#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "../../sim/etcd.hpp"
#include "client.hpp"
#include "events.hpp"
#include "lists.hpp"
#include "network.hpp"
#include "oracle.hpp"
#include "process.hpp"
#include "reki/core/config/config.hpp"
#include "reki/node/actors/factories.hpp"
#include "seeded_schedule.hpp"

namespace reki::cluster {

/// Senders of messages: clients by their endpoints, and above that each start.
inline constexpr std::uint32_t senders_of_lives = 1000;

/// A cluster of production nodes and clients on one thread and virtual time, with the network, disks and guards between
/// them; and the oracle that sees all of it. Everything is a function of the seed.
class World {
 public:
  struct Options {
    std::uint64_t seed = 1;
    bool prints = false;
  };
  explicit World(const Options& options);
  ~World();

  /// The cluster is made, and its nodes are started.
  void begin();
  /// Runs what comes next. False: nothing does before `until`.
  bool step(Instant until);
  void run_for(Duration time);
  /// A transaction of that process: one answer comes, after `timeout` at the latest.
  void ask_etcd(Process& process, const membership::EtcdTxn& txn, Duration timeout);
  /// For code of an actor on `host`, which takes so long: the world goes on.
  void meanwhile(Duration time, const Host& host);
  /// The same until it has what it waits for. False: `until`, or its process is dead.
  bool wait_until(const std::function<bool()>& done, Instant until, const Host& host);
  /// Whether a function may wait so: not where too many do, since who has waited longest goes on last.
  [[nodiscard]] bool may_wait() const;
  [[nodiscard]] bool goes_on() const { return !oracle.violation(); }

  [[nodiscard]] Instant now() const { return schedule.now(); }
  void at(Instant when, std::function<void()> what) { events_.at(when, std::move(what)); }
  void after(Duration time, std::function<void()> what) { events_.at(now() + time, std::move(what)); }
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) { return random_.below(bound); }
  [[nodiscard]] std::uint64_t random_number() { return random_.next() | 1; }

  [[nodiscard]] Endpoint nodes() const { return static_cast<Endpoint>(config.nodes.size()); }
  [[nodiscard]] std::uint32_t keys() const { return keys_; }
  [[nodiscard]] SlotId slot_of_key(std::uint32_t key) const;
  [[nodiscard]] std::uint64_t hash_seed() const { return 1; }
  [[nodiscard]] Machine& machine(Endpoint node) { return *machines_[node]; }
  [[nodiscard]] ClientProcess& client(std::size_t number) { return *clients_[number]; }
  [[nodiscard]] std::size_t clients() const { return clients_.size(); }
  [[nodiscard]] TypeOptions type_options() const;
  /// How long a handler takes.
  [[nodiscard]] std::uint32_t draw_length();
  /// All is well again: why not, if it is not.
  [[nodiscard]] std::string trouble();
  std::uint32_t long_handlers_permille = 0;  ///< Of all: as long as a lease, or longer.
  std::uint32_t busy_handlers_permille = 0;  ///< Of all: so long that messages wait.
  [[nodiscard]] std::uint64_t steps() const { return steps_; }

  const bool prints;
  const bool is_confirmed;  ///< The lease of the actors' type.
  const bool is_blocking;   ///< Functions of the type wait for answers.
  const bool has_etcd;      ///< Where the register is.
  const Config config;

 private:
  SplitMix random_;
  Events events_;
  const std::uint32_t keys_;
  int depth_ = 0;
  std::uint64_t steps_ = 0;

 public:
  sim::SeededSchedule schedule;
  Oracle oracle;
  Network network;
  Lists lists{*this};
  std::optional<sim::Etcd> etcd;

 private:
  void poll_all();
  void make_cluster();
  [[nodiscard]] sim::Etcd::Ports ports_of_etcd();

  std::vector<std::unique_ptr<Machine>> machines_;
  std::vector<std::shared_ptr<ClientProcess>> clients_;
};

}  // namespace reki::cluster
