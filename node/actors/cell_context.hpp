#pragma once

#include "reki/node/actors/actor.hpp"
#include "reki/node/actors/outputs.hpp"

namespace reki {

class ActorCell;

/// The context of one call into an actor's code, and what that code sends. In the turn of the actor's cell.
class CellContext final : public Context {
 public:
  explicit CellContext(ActorCell& cell) : cell_(cell) {}

  std::string_view type() const override;
  std::string_view key() const override;
  Fence fence() const override;
  const NodeId& node() const override;
  Registry& registry() override;
  void stop_self() override { stop_wanted_ = true; }
  TimerId set_timer(Duration after, EnvelopePtr message) override;
  void cancel_timer(TimerId id) override;

  [[nodiscard]] bool stop_wanted() const { return stop_wanted_; }
  Outputs outputs;

 private:
  ActorCell& cell_;
  bool stop_wanted_ = false;
};

}  // namespace reki
