#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "lists.hpp"
#include "watchers.hpp"
#include "wire_callers.hpp"
#include "world.hpp"

namespace reki::contract {

/// Does what the operations say, one after the other; some of it inside of functions that run, as other threads would.
class Player {
 public:
  Player(World& world, std::span<const Operation> operations);

  /// True once there are no more.
  [[nodiscard]] bool is_through() const { return next_ == operations_.size(); }
  /// The next one, after its pause.
  void play();
  [[nodiscard]] std::uint64_t played() const { return next_; }
  [[nodiscard]] Watchers& watchers() { return watchers_; }

 private:
  struct Ref {
    std::uint32_t key;
    std::tuple<ActorRef<Plain>, ActorRef<Other>, ActorRef<Asker>> refs;
    Fence fence;
    bool starts = false;
  };
  static constexpr int depth_max = 3;

  void meanwhile(Duration time);
  void do_it(const Operation& o);
  /// False: it could not be done.
  [[nodiscard]] bool request(const Operation& o);
  [[nodiscard]] bool look_on(const Operation& o);
  [[nodiscard]] bool move_slot(const Operation& o);
  [[nodiscard]] bool change_lease(const Operation& o);
  /// Out of the operation, and known to the oracle.
  Ask& issue(wire::Op op, const Operation& o, Fence pin = {}, std::uint32_t first = 0);
  void request(wire::Op op, const Operation& o, Fence pin = {});
  void from_wire(const Operation& o, wire::Op op, Fence pin = {});
  [[nodiscard]] bool repeat(const Operation& o);
  [[nodiscard]] bool stop_pinned(const Operation& o);
  void keep_ref(const Operation& o);
  [[nodiscard]] bool use_ref(const Operation& o, bool pinned);
  void block(const Operation& o);
  void many(const Operation& o);
  void look_up_many(std::vector<std::string> keys, std::vector<std::uint32_t> asks, const Operation& o);
  void extend_lease(Instant end);
  [[nodiscard]] bool start_over();
  [[nodiscard]] Fence some_fence(const Operation& o) const;
  [[nodiscard]] bool next_joins(std::uint32_t caller) const;

  World& world_;
  const std::span<const Operation> operations_;
  WireCallers wire_;
  Watchers watchers_;
  Lists lists_;
  std::size_t next_ = 0;
  int depth_ = 0;
  std::uint64_t incarnation_ = 7;
  std::vector<Ref> refs_;
  std::map<std::uint32_t, const Operation*> by_number_;  ///< Those from the wire that were done.
  std::map<std::uint32_t, std::uint32_t> ask_of_;        ///< Of those: the ask, by the operation's number.
};

}  // namespace reki::contract
