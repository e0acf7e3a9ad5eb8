#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "reki/core/membership/acceptor.hpp"
#include "reki/core/membership/ballot.hpp"

namespace reki::membership {

/// Asks, when a voter starts, the others of its view whether the register was rescued without it: it does not vote before
/// all have answered, or for `Timing::election_min` at most. Who knows of a rescue answers with a frame of that lineage.
///
/// Pure. Thread: control.
class LineageCheck {
 public:
  /// `nonce`: drawn for this process, so that no answer of before counts.
  LineageCheck(const VoterRecord& record, const NodeId& self, std::uint64_t nonce) : nonce_(nonce) {
    if (record.view == nullptr) return;
    for (const auto voters : {record.view->voters(), record.view->old_voters()}) {
      for (const Voter& v : voters) {
        if (v.node != self && std::ranges::find(waits_, v.node) == waits_.end()) waits_.push_back(v.node);
      }
    }
  }

  void tick(const Timing& timing, Instant now, Outbox& out) {
    if (waits_.empty()) return;
    if (until_ == Instant::never()) until_ = now + timing.election_min;
    if (now >= until_) return waits_.clear();
    if (now < again_) return;
    again_ = now + timing.renew / 2;
    for (const NodeId& node : waits_) out.send(node, LineageAsk{nonce_});
  }
  void on(const NodeId& from, const LineageIs& m) {
    if (m.nonce == nonce_) std::erase(waits_, from);
  }
  void end() { waits_.clear(); }

  [[nodiscard]] bool is_over() const { return waits_.empty(); }
  /// REQUIRES: it is not over.
  [[nodiscard]] Instant next_wake() const { return std::min(again_, until_); }

 private:
  std::uint64_t nonce_;
  std::vector<NodeId> waits_;  ///< Those that have not answered.
  Instant until_ = Instant::never();
  Instant again_;
};

}  // namespace reki::membership
