#include "reki/node/actors/cell_context.hpp"

#include <stdexcept>

#include "reki/node/actors/actor_cell.hpp"

namespace reki {

std::string_view CellContext::type() const { return cell_.type().name; }
std::string_view CellContext::key() const { return cell_.activation_.key(); }
Fence CellContext::fence() const { return cell_.activation_.fence; }
const NodeId& CellContext::node() const { return cell_.host().node_id; }
Registry& CellContext::registry() { return *cell_.host().self_registry.load(); }

TimerId CellContext::set_timer(Duration after, EnvelopePtr message) {
  auto& ids = cell_.cold().timers;
  auto& timers = cell_.host().timers;
  if (ids.size() >= limits::timers_per_actor_max) std::erase_if(ids, [&](TimerId id) { return !timers.is_pending(id); });
  if (ids.size() >= limits::timers_per_actor_max) {
    throw std::length_error("more than " + std::to_string(limits::timers_per_actor_max) + " timers of one actor");
  }
  const Activation& a = cell_.activation_;
  message->op = wire::Op::send;
  const auto id = timers.add_message(name_of(a), a.fence, std::move(message), cell_.host().clock.now() + after);
  ids.push_back(id);
  return id;
}

void CellContext::cancel_timer(TimerId id) {
  if (cell_.cold_ && std::erase(cell_.cold_->timers, id) > 0) cell_.host().timers.cancel_message(id);
}

}  // namespace reki
