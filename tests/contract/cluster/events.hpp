#pragma once

#include <functional>
#include <map>
#include <utility>

#include "reki/core/base/time.hpp"

namespace reki::cluster {

/// What happens at which time, in order; at the same time in the order in which it was asked for.
class Events {
 public:
  void at(Instant when, std::function<void()> what) { all_.emplace(when, std::move(what)); }
  [[nodiscard]] Instant next() const { return all_.empty() ? Instant::never() : all_.begin()->first; }
  /// Runs the first one, if it is due. False: none is.
  bool run_one(Instant now) {
    if (all_.empty() || all_.begin()->first > now) return false;
    const auto what = std::move(all_.begin()->second);
    all_.erase(all_.begin());
    what();
    return true;
  }

 private:
  std::multimap<Instant, std::function<void()>> all_;
};

}  // namespace reki::cluster
