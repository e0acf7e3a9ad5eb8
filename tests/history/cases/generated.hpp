#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "history/history.hpp"
#include "history/key_model.hpp"

/// Histories of clients and one key that keeps its promise, made step by step: what an operation finds is decided at
/// one instant between its invocation and its return, a stop's at two (it closes the actor, and is answered at its
/// end).
///
/// All of it follows from the seed.
class Generated {
 public:
  struct Options {
    std::uint64_t seed = 0;
    std::size_t operations = 40;
    std::size_t clients = 4;
    reki::history::Faults faults = reki::history::Faults::allowed;
    /// A lookup_or_start that got no answer may be tried again. Not with Faults::none.
    bool retries = true;
    bool unknowns = true;
  };
  explicit Generated(const Options& options);

  [[nodiscard]] const std::vector<reki::history::Operation>& operations() const { return recorded_; }

 private:
  enum class Phase : std::uint8_t { idle, live, stopping };
  struct Client {
    bool busy = false;
    bool joined = false;    ///< A stop that waits for the end.
    bool answered = false;  ///< The operation says what the return will.
    bool retry = false;     ///< The next operation is one more try of this one.
    reki::history::Operation operation;
  };

  bool chance(unsigned percent) { return random_() % 100 < percent; }
  void client_step(Client& client);
  void invoke(Client& client);
  void take_effect(Client& client);
  void look(Client& client);
  void leave(Client& client);
  void key_step();
  void begin(reki::history::Operation* starter);
  void end();
  void record(const Client& client);

  Options options_;
  std::mt19937_64 random_;
  std::int64_t now_ = 0;
  std::uint64_t requests_ = 0;
  std::vector<Client> clients_;
  std::vector<reki::history::Operation> ghosts_;  ///< Nobody waits for them any more, and they may still be executed.
  bool ghost_waits_ = false;                      ///< A stop that nobody waits for any more has closed the actor.
  Phase phase_ = Phase::idle;
  reki::Fence fence_;
  std::optional<reki::history::Operation> starter_;
  std::vector<reki::history::Operation> recorded_;
};

/// A history that holds these operations of one key.
[[nodiscard]] reki::history::History history_of(const std::vector<reki::history::Operation>& operations);
