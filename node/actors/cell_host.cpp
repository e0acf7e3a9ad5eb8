#include "reki/node/actors/cell_host.hpp"

#include <absl/container/inlined_vector.h>

#include "reki/node/actors/actor_cell.hpp"

namespace reki {

namespace {

Executor::Pool pool_of(const ActorCell& cell) {
  return cell.type().options.blocking ? Executor::Pool::blocking : Executor::Pool::workers;
}

}  // namespace

void CellHost::schedule(ActorCell& cell) {
  Turn* const turn = &cell;
  executor->schedule(std::span(&turn, 1), pool_of(cell));
  timers.hurry();
}

void CellHost::schedule(std::span<ActorCell* const> cells) {
  absl::InlinedVector<Turn*, 32> turns;
  for (ActorCell* const cell : cells) {
    Turn* const turn = cell;
    if (pool_of(*cell) == Executor::Pool::workers) turns.push_back(turn);
    else executor->schedule(std::span(&turn, 1), Executor::Pool::blocking);
  }
  if (!turns.empty()) executor->schedule(turns, Executor::Pool::workers);
  timers.hurry();
}

void CellHost::run_again(ActorCell& cell) {
  executor->schedule_last(&cell, pool_of(cell));
  timers.hurry();
}

}  // namespace reki
