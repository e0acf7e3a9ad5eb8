#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "reki/core/activation/activation_table.hpp"
#include "world.hpp"

namespace reki::sim {

/// The actors of one process: the real activation table, around it starts and handlers that take time, and outputs that
/// look at the gate again before they leave. Plays the part of a node's data plane.
class Actors {
 public:
  Actors(World& world, std::uint16_t node) : world_(world), node_(node) {}
  ~Actors() { drop_all(); }
  Actors(const Actors&) = delete;
  Actors& operator=(const Actors&) = delete;

  /// A process begins, with nothing in it. `machine` must outlive it.
  void begin(const membership::Membership& machine, std::uint32_t process);
  /// Everything ends at once, without running anything of the actors'.
  void drop_all();
  /// The process's own clock; call it before each of the following.
  void set_now(Instant now) { now_ = now; }

  /// Says who owns its key.
  void redirect(const Packet& packet) { reply(packet, ErrorCode::wrong_node); }
  /// A request that the node may look at.
  void serve(Packet&& packet);
  /// An event of kind `actor`.
  void event(std::uint32_t payload);
  void installed();
  void gained(const membership::Gained& gained);
  void lost(const membership::Lost& lost);
  void extended(Instant end);
  /// Sends what was held for renewals that have been granted since.
  void release_granted();
  /// The renewal that what is held waits for, if it was not asked for yet; 0: none.
  [[nodiscard]] std::uint64_t take_wanted() { return std::exchange(wanted_, 0); }

  struct Stopped {
    SlotSet slots;
    Incarnation of;
  };
  /// Slots whose actors have all ended since they were lost.
  [[nodiscard]] std::optional<Stopped> take_stopped();
  [[nodiscard]] bool is_stopping() const { return !batches_.empty(); }
  /// Slots that were lost and whose actors have not all ended.
  [[nodiscard]] const SlotSet& stopping() const { return stopping_; }

 private:
  enum class Busy : std::uint8_t { no, starting, handling, stopping };
  enum class What : std::uint8_t { turn_over, grace_over, restart_due, lease_over };
  /// What a turn has done, of a key whose lease is confirmed.
  struct Held {
    Packet handled;
    std::uint64_t renewal = 0;  ///< It leaves once this one is granted.
  };
  struct Actor {
    Activation* activation = nullptr;
    Busy busy = Busy::no;
    bool lost = false;       ///< Its slot is: it ends with what it does now.
    std::uint32_t turn = 0;  ///< Events of earlier turns mean nothing any more.
    Packet handled;
    std::uint64_t renewal = 0;  ///< The first that is sent after its turn began.
    std::vector<Packet> mailbox;
    std::vector<Held> held;  ///< In the order of its turns.
  };
  struct Waiting final : Waiter {
    Waiting(const Demand& demand, Packet&& p) : Waiter(demand), packet(std::move(p)) {}
    Packet packet;
  };
  struct Parked {
    Packet packet;
    Instant deadline;
  };

  [[nodiscard]] bool gate() const;
  [[nodiscard]] std::uint8_t key_count() const { return static_cast<std::uint8_t>(world_.keys.size()); }
  [[nodiscard]] bool held(std::uint8_t key) const;
  [[nodiscard]] bool owned(std::uint8_t key) const;
  void later(std::uint8_t key, What what, Time after);
  void request(Packet&& packet, Instant deadline);
  void reply(const Packet& to, ErrorCode code, Fence fence = {});
  void release(WaiterList list, ErrorCode code);
  void begin_start(std::uint8_t key);
  void run_next(std::uint8_t key);
  void begin_stop(std::uint8_t key);
  void turn_over(std::uint8_t key);
  void start_over(std::uint8_t key);
  void handler_over(std::uint8_t key);
  void turn_leaves(std::uint8_t key, const Packet& handled);
  void tell(std::uint8_t from);
  void follow(std::uint8_t key, ActivationTable::After after, ErrorCode code);
  void after_turn(std::uint8_t key);
  void drop_held(std::uint8_t key, std::optional<ErrorCode> code);
  void empty_mailbox(std::uint8_t key, ErrorCode code);
  void drop(std::uint8_t key, std::optional<ErrorCode> code);
  void expire();

  World& world_;
  const std::uint16_t node_;
  const membership::Membership* machine_ = nullptr;
  std::uint32_t process_ = 0;
  Instant now_;
  std::optional<ActivationTable> table_;
  std::array<Actor, keys_max> actors_;
  std::vector<Parked> parked_;
  std::vector<Stopped> batches_;
  SlotSet stopping_;
  Instant expire_at_{0};
  std::uint64_t wanted_ = 0;
  bool gate_flag_ = false;  ///< For the mutant that believes it.
};

}  // namespace reki::sim
