#include "reki/core/membership/register.hpp"

#include "reki/core/base/assert.hpp"
#include "reki/core/view/generation.hpp"

namespace reki::membership {

ViewPtr first_view_of_term(const View& last, Term term, const NodeId& coordinator) {
  ViewHead head = last.head();
  const auto next = next_epoch(head.epoch);
  if (!next) return nullptr;
  head.epoch = *next;
  head.term = term;
  head.coordinator = coordinator;
  auto made = View::make(std::move(head), {last.members().begin(), last.members().end()}, last.table());
  REKI_ASSERT(made.has_value());
  return std::make_shared<const View>(std::move(*made));
}

}  // namespace reki::membership
