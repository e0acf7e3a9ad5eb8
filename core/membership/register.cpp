#include "reki/core/membership/register.hpp"

#include "reki/core/base/assert.hpp"

namespace reki::membership {

ViewPtr first_view_of_term(const View& last, Term term, const NodeId& coordinator) {
  ViewHead head = last.head();
  head.epoch = Epoch{head.epoch.value + 1};
  head.term = term;
  head.coordinator = coordinator;
  auto made = View::make(std::move(head), {last.members().begin(), last.members().end()}, last.table());
  REKI_ASSERT(made.has_value());
  return std::make_shared<const View>(std::move(*made));
}

}  // namespace reki::membership
