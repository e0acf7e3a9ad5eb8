#include "reki/core/membership/init.hpp"

#include <algorithm>
#include <utility>

namespace reki::membership {

Initialization::Initialization(std::string cluster, std::uint64_t hash_seed, const Settings& settings, std::vector<At> voters)
    : cluster_(std::move(cluster)), hash_seed_(hash_seed), settings_(settings) {
  for (At& at : voters) voters_.push_back({std::move(at), false, {}});
}

bool Initialization::all_answered() const { return std::ranges::all_of(voters_, &Voter::answered); }

std::vector<Initialization::Letter> Initialization::due() const {
  std::vector<Letter> out;
  for (std::size_t i = 0; i < voters_.size(); ++i) {
    if (voters_[i].answered) continue;
    if (phase_ == Phase::asking) out.push_back({i, InitProbe{}});
    else out.push_back({i, Init{voters_[i].state.store, view_}});
  }
  return out;
}

std::string Initialization::missing() const {
  std::string out;
  for (const Voter& v : voters_) {
    if (!v.answered) out += (out.empty() ? "" : ", ") + v.at.node.value + " at " + v.at.control;
  }
  return out;
}

Result<void> Initialization::on(std::size_t voter, const InitState& state) {
  Voter& v = voters_[voter];
  if (v.answered || phase_ == Phase::done) return {};
  if (phase_ == Phase::writing) {
    if (state.store != v.state.store) {
      return fail(ErrorCode::invalid_argument, "node '" + v.at.node.value + "' has another store than a moment ago; was it "
                                               "restarted? Run init again");
    }
    if (state.empty) return {};  // an old answer
    v.answered = true;
    if (all_answered()) phase_ = Phase::done;
    return {};
  }
  v.answered = true;
  v.state = state;
  return all_answered() ? decide() : Result<void>{};
}

Result<void> Initialization::decide() {
  std::string full;
  std::string empty;
  for (const Voter& v : voters_) {
    std::string& list = v.state.empty ? empty : full;
    list += (list.empty() ? "" : ", ") + v.at.node.value;
    if (!v.state.empty && v.state.cluster != cluster_) {
      return fail(ErrorCode::invalid_argument, "node '" + v.at.node.value + "' has the register of cluster '" +
                                                   v.state.cluster + "'; check the config and its data_dir");
    }
  }
  if (empty.empty()) return fail(ErrorCode::already_started, "cluster '" + cluster_ + "' has been made already");
  if (!full.empty()) {
    return fail(ErrorCode::invalid_argument,
                full + " have a register and " + empty + " have none. If the cluster has run, do nothing: while a majority has "
                "its registers, the others are replaced by themselves. If an earlier init was cut off and the cluster has never "
                "run, stop all nodes, remove the data directories of " + full + ", and run init again");
  }
  ViewHead head;
  head.cluster_id = cluster_;
  head.epoch = Epoch{1};
  head.hash_seed = hash_seed_;
  head.settings = settings_;
  // The highest that all of them have: so a cluster of one version needs no 'reki upgrade' when it is new.
  LevelRange common = voters_.front().state.levels;
  for (const Voter& v : voters_) common = {std::max(common.min, v.state.levels.min), std::min(common.max, v.state.levels.max)};
  if (!is_sound(common)) return fail(ErrorCode::invalid_argument, "the voters support no level in common; run one reki on all of them");
  head.level = common.max;
  std::uint16_t number = 0;
  for (Voter& v : voters_) {
    head.voters.push_back({++number, v.state.store, v.at.node, v.at.control});
    v.answered = false;
  }
  auto made = View::make(std::move(head), {}, {});
  if (!made) return tl::make_unexpected(std::move(made.error()));
  view_ = std::make_shared<const View>(std::move(*made));
  phase_ = Phase::writing;
  return {};
}

}  // namespace reki::membership
