#pragma once

#include <deque>
#include <memory>

#include "reki/core/base/bytes.hpp"
#include "reki/core/view/view.hpp"

namespace reki {

/// The newest view, and the way to it from those before: what to answer to somebody who has one of them already.
///
/// Pure; no thread safety. Whatever is asked for is encoded once and kept.
class ViewHistory {
 public:
  /// Ignored unless it is newer than the newest. The views of another cluster, or another making of it, are forgotten.
  void add(std::shared_ptr<const View> view);
  /// Null: none yet.
  [[nodiscard]] const std::shared_ptr<const View>& newest() const { return newest_; }
  /// The newest view, encoded; empty if there is none. Until the next `add`.
  [[nodiscard]] BytesView whole();
  /// The delta that leads from the view of this epoch to the newest, encoded; empty if that view is not known any more
  /// or is the newest, or if the whole is smaller. Until the next `add`.
  [[nodiscard]] BytesView delta_from(Epoch have);

 private:
  struct Past {
    std::shared_ptr<const View> view;
    Bytes delta;  ///< To the newest; empty: not made yet.
  };

  std::shared_ptr<const View> newest_;
  Bytes whole_;
  std::deque<Past> past_;  ///< Oldest first, at most `limits::views_kept_max`.
};

}  // namespace reki
