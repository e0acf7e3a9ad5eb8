#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "actors.hpp"
#include "world.hpp"

namespace reki::sim {

/// How long writes take, and how they fail.
struct DiskHabits {
  Time usual = 2 * millisecond;
  Time slow = 30 * millisecond;
  std::uint32_t very_slow_permille = 5;  ///< Half a second.
  bool fails = false;                    ///< Each ends the process.
};

/// Of the next level, as the one before is of the first alone.
inline constexpr LevelRange later_program{first_level, next_level};

/// A machine with its clock and disk, and on it one process after the other: the shell around the membership machine,
/// as docs/architecture.md has it for the membership thread, and the actors.
class Node {
 public:
  Node(World& world, std::uint16_t index, NodeClock clock_at_start);

  // The machine

  NodeClock clock;
  ClockRates rates;  ///< While it is not suspended.
  DiskHabits disk;
  /// What is on the disk; nothing: it is no voter's.
  std::optional<membership::VoterRecord> store;
  /// What its config says. Who is refused for it corrects it, and starts again.
  Profile profile;
  /// That its program supports. Who is refused for it gets the later one.
  LevelRange levels{};
  /// A store that is not mounted at present.
  std::optional<membership::VoterRecord> mislaid;

  // The process

  void begin(std::uint64_t seed);
  /// Gone from one moment to the next, with what was not on the disk.
  void crash();
  /// Hands over and ends; the machine is without a process for `away` then.
  void leave(Time away);
  [[nodiscard]] bool up() const { return machine_.has_value(); }
  /// Which of the machine's processes this is; events of others mean nothing.
  [[nodiscard]] std::uint32_t process() const { return process_; }
  /// Null while none runs.
  [[nodiscard]] const membership::Membership* machine() const { return machine_ ? &*machine_ : nullptr; }
  [[nodiscard]] const NodeId& id() const { return world_.names[index_]; }
  [[nodiscard]] bool gate_open() const;

  void on_letter(const Letter& letter);
  void on_packet(Packet&& packet);
  void on_timer(std::uint32_t number);
  /// False if the write has failed: the process must end.
  [[nodiscard]] bool on_disk();
  void on_etcd(const membership::EtcdReply& reply);
  void on_etcd_timeout(std::uint32_t number);
  void on_actor(std::uint32_t payload);

  Time away = 0;  ///< After it has left.

  // While frozen, events are kept for later.

  Time frozen_until = 0;
  bool deaf = false;  ///< What other nodes say meanwhile is lost.
  std::vector<Event> backlog;

 private:
  void serve(Packet&& packet);
  void refused();
  void check_levels();
  void recorded();
  void end_for_good();
  void effects(Time left);
  void act(const membership::AgentEvent& event);
  [[nodiscard]] Observed observed(bool slots_changed) const;
  void write_next();
  void ask_etcd();
  void schedule();
  [[nodiscard]] membership::Clocks now() const { return clock.read(world_.now); }
  /// The same, for a step of the machine.
  [[nodiscard]] membership::Clocks step() {
    machine_->draw(random_.next());
    return now();
  }

  World& world_;
  const std::uint16_t index_;
  SplitMix random_;
  std::uint32_t process_ = 0;
  std::optional<membership::Membership> machine_;
  Actors actors_;
  bool leaving_ = false;
  Profile started_with_{};
  LevelRange supports_{};  ///< The program that runs.
  bool ending_ = false;  ///< To be started again with another config.
  Time timer_at_ = never;
  std::uint32_t timer_number_ = 0;  ///< Of the one event that counts.
  std::optional<membership::Membership::Write> writing_;
  std::optional<membership::Membership::Write> waiting_;
  std::uint64_t asked_etcd_ = 0;  ///< The transaction whose answer it waits for; 0: none.
  std::vector<membership::Outbox::Item> outbox_;
};

}  // namespace reki::sim
