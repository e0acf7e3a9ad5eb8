#include "reki/node/registry/shards/effects.hpp"

#include "reki/node/actors/actor_cell.hpp"
#include "reki/node/registry/shards/shards.hpp"

namespace reki {

Effects::Effects() = default;
Effects::~Effects() = default;

void Effects::destroy(std::unique_ptr<ActorCell> cell) { dead_.push_back(std::move(cell)); }

void Effects::run(Shards& shards) {
  for (auto& [key, due] : restarts_) shards.host().timers.add_restart(std::move(key), due);
  if (!cells_.empty()) shards.host().schedule(cells_);
  for (auto& answered : answers_) answered.done(std::move(answered.answer));
  for (auto& [key, request] : rerouted_) shards.reroute(key, std::move(request));
  if (over_cap_ != nullptr) shards.passivate_oldest(*over_cap_);
  if (!dead_.empty()) shards.reclaimer().retire(std::move(dead_));
  if (slot_emptied_) shards.hooks()->slot_emptied();
}

}  // namespace reki
