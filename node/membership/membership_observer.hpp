#pragma once

#include <memory>
#include <string>

#include "reki/core/view/slot_set.hpp"
#include "reki/core/view/view.hpp"

namespace reki {

/// What a node does as its membership says. Called on the membership thread, and must not block.
class MembershipObserver {
 public:
  virtual void installed(const std::shared_ptr<const View>& view, Incarnation incarnation) = 0;
  virtual void lost(const SlotSet& slots) = 0;
  /// Nothing of the slots runs here any more, and what was to be handed over has been.
  [[nodiscard]] virtual bool is_done_with(const SlotSet& slots) = 0;
  virtual void revoke(const SlotSet& slots) = 0;
  virtual void gained(const SlotSet& slots, Epoch epoch) = 0;
  virtual void fenced(Incarnation now) = 0;
  /// The lease goes on after it had ended.
  virtual void resumed() = 0;
  /// A renewal has been granted, as the lease page says.
  virtual void granted() = 0;
  /// Asked before each renewal, every `step_max` or more often: what has stopped working, for people, if so. The lease
  /// is let go then, since a node that serves nobody must not keep its keys from others.
  [[nodiscard]] virtual std::string stuck(Instant now, Duration step_max) = 0;
  /// No function of an actor runs.
  [[nodiscard]] virtual bool is_quiet() = 0;

 protected:
  ~MembershipObserver() = default;
};

}  // namespace reki
