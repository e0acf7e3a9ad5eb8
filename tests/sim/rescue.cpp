#include "rescue.hpp"

#include <algorithm>
#include <utility>

#include "cluster.hpp"
#include "faults.hpp"
#include "reki/core/view/generation.hpp"

namespace reki::sim {

using namespace membership;

namespace {

constexpr Time again = 300 * millisecond;

void call_again(const Fault& f, Cluster& cluster, Time after) {
  cluster.world().schedule(cluster.world().now + after, Event::Kind::relief, 0, 0, f.amount);
}

/// Of the nodes that people reach.
std::vector<RescueAnswer> answers(Cluster& cluster) {
  std::vector<RescueAnswer> out;
  for (std::uint16_t i = 0; i < cluster.size(); ++i) {
    Node& node = cluster.node(i);
    if (!node.up() || node.frozen_until > cluster.world().now || !node.store) continue;
    const VoterRecord& r = *node.store;
    const auto& view = node.machine()->agent().view();
    const bool served = node.gate_open() || node.machine()->leads();
    out.push_back({node.id(), "", {r.store, r.retired, r.lineage, r.accepted, r.view, view ? view->epoch() : Epoch{}, served}});
  }
  return out;
}

void lose(std::uint16_t index, const Fault& f, Cluster& cluster) {
  Node& node = cluster.node(index);
  cluster.crash(index, f.flag);
  cluster.rescue.lost.push_back({index, *node.store});
  node.store = VoterRecord{{}, cluster.world().random.next() | 1, {}, {}, nullptr};
  if ((f.set >> index & 1) != 0) cluster.boot_at(index, cluster.world().now + second);
}

void act(const Fault& f, Cluster& cluster) {
  const RescuePlan& plan = *cluster.rescue.plan;
  cluster.world().post(f.who, plan.survivor, Body{plan.act}, plan.now);
}

/// Not so many that they would be a majority: that cannot be prevented if they reach nobody.
void find_some(const Fault& f, Cluster& cluster) {
  const Rescue& r = cluster.rescue;
  std::size_t found = r.voters - r.lost.size() - 1;  // the other survivors
  for (const auto& [index, store] : r.lost) {
    Node& node = cluster.node(index);
    const auto& view = cluster.world().invariants.latest();
    const bool votes = std::ranges::any_of(view->voters(), [&](const Voter& v) { return v.node == node.id(); });
    const bool is_found = !votes && (f.set >> (index + 8) & 1) != 0 && 2 * (found + 1) < r.voters;
    if (is_found) {
      ++found;
      cluster.crash(index, false);
      node.store = store;
    }
    cluster.boot_at(index, cluster.world().now + cluster.world().below(3 * second));
  }
}

}  // namespace

/// The act of a rescue is on the survivor's disk. All of before is over: who has a lease then must not be there any more
/// once the first of the new ones is given, and no fence may reach those of the new one.
void Invariants::begin_lineage(const VoterRecord& record) {
  for (const Member& m : latest_->members()) gone_.insert(m.incarnation.value);
  lineage_ = record.lineage;
  latest_ = record.view;
  base_ = latest_->epoch().value - 1;
  history_ = {latest_};
  proposals_ = {{latest_, Term{}, {}, true}};
  terms_.clear();
  for (const Fence& fence : started_) {
    if (fence.epoch() >= latest_->epoch()) fail("fence", "a rescue begins below a fence of before");
  }
}

void begin_rescue(const Fault& f, Cluster& cluster) {
  Rescue& r = cluster.rescue;
  const ViewPtr& view = cluster.world().invariants.latest();
  const std::size_t voters = view->voters().size();
  if (r.phase != Rescue::Phase::none || voters < 3 || voters_are_undecided(cluster) || cluster.stores_missing() > 0) return;
  std::vector<std::uint16_t> nodes;
  for (const Voter& v : view->voters()) nodes.push_back(index_of(v.node));
  SplitMix random(f.set);
  for (std::size_t i = nodes.size(); i > 1; --i) std::swap(nodes[i - 1], nodes[random.below(i)]);
  const std::size_t left = 1 + random.below((voters - 1) / 2);
  r.phase = Rescue::Phase::lost;
  r.voters = voters;
  for (std::size_t i = left; i < voters; ++i) lose(nodes[i], f, cluster);
  call_again(f, cluster, 4 * second);
}

void go_on_with_rescue(const Fault& f, Cluster& cluster) {
  Rescue& r = cluster.rescue;
  if (r.phase == Rescue::Phase::none || r.phase == Rescue::Phase::over) return;
  if (generation_of(cluster.world().invariants.lineage()) != 0) {
    r.phase = Rescue::Phase::over;
    return find_some(f, cluster);
  }
  const auto plan = plan_rescue(answers(cluster), std::uint64_t{f.set} << 32);
  // Once people have begun with one they do not try another.
  const bool same = plan && (!r.plan || r.plan->survivor == plan->survivor);
  if (same) r.plan = *plan;
  if (r.plan) {
    r.phase = Rescue::Phase::acting;
    act(f, cluster);
  }
  call_again(f, cluster, again);
}

void give_up_rescue(Cluster& cluster) {
  Rescue& r = cluster.rescue;
  const bool is_done = generation_of(cluster.world().invariants.lineage()) != 0;
  if (r.phase == Rescue::Phase::none || r.phase == Rescue::Phase::over || is_done) return;
  r.phase = Rescue::Phase::over;
  for (const auto& [index, store] : r.lost) {
    cluster.crash(index, false);
    cluster.node(index).store = store;
    cluster.boot_at(index, cluster.world().now + second);
  }
}

}  // namespace reki::sim
