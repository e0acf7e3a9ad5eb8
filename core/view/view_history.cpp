#include "reki/core/view/view_history.hpp"

#include <algorithm>
#include <utility>

#include "reki/core/base/limits.hpp"
#include "reki/core/view/view_delta.hpp"

namespace reki {

void ViewHistory::add(std::shared_ptr<const View> view) {
  if (newest_ && view->epoch() <= newest_->epoch()) return;
  const bool related =
      newest_ && newest_->cluster_id() == view->cluster_id() && newest_->hash_seed() == view->hash_seed();
  if (!related) past_.clear();
  for (Past& past : past_) past.delta.clear();
  if (related) past_.push_back({std::move(newest_), {}});
  if (past_.size() > limits::views_kept_max) past_.pop_front();
  newest_ = std::move(view);
  whole_.clear();
}

BytesView ViewHistory::whole() {
  if (whole_.empty() && newest_) whole_ = encode(*newest_);
  return whole_;
}

BytesView ViewHistory::delta_from(Epoch have) {
  const auto past = std::ranges::find(past_, have, [](const Past& p) { return p.view->epoch(); });
  if (past == past_.end()) return {};
  if (past->delta.empty()) past->delta = encode(delta_between(*past->view, *newest_));
  return past->delta.size() < whole().size() ? BytesView{past->delta} : BytesView{};
}

}  // namespace reki
