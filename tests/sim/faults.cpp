#include "faults.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "cluster.hpp"
#include "reki/core/base/limits.hpp"
#include "reki/core/membership/voter_change.hpp"

namespace reki::sim {
namespace {

constexpr std::array<std::string_view, fault_kinds> names{
    "loss",      "duplicate", "delay",      "cut",   "hold",    "isolate",    "pause",       "suspend", "clock", "crash",
    "crash_all", "slow_disk", "disk_error", "leave", "rolling", "lose_store", "mislay_store",
    "etcd_down", "etcd_pause", "etcd_cut", "etcd_stale", "set_voters", "set_profile", "vm_stop", "upgrade", "rescue"};

/// From 10 ms to 10 s, every power of ten as likely as the other.
Time some_time(SplitMix& random) {
  constexpr std::array<Time, 4> tens{10 * millisecond, 100 * millisecond, second, 10 * second};
  const auto i = random.below(3);
  return tens[i] + static_cast<Time>(random.below(static_cast<std::uint64_t>(tens[i + 1] - tens[i])));
}

std::uint32_t some_set(SplitMix& random, std::size_t nodes, std::size_t clients) {
  const auto all = static_cast<std::uint32_t>((std::uint64_t{1} << (nodes + clients)) - 1);
  switch (random.below(4)) {
    case 0:  // one node
      return std::uint32_t{1} << random.below(nodes);
    case 1:  // one node, and perhaps some clients
      return (std::uint32_t{1} << random.below(nodes)) | (static_cast<std::uint32_t>(random.next()) & (all >> nodes << nodes));
    default:
      return static_cast<std::uint32_t>(random.next()) & all;
  }
}

Fault make_fault(SplitMix& random, FaultKind kind, Time at, std::size_t nodes, std::size_t clients) {
  Fault f{kind, at, some_time(random), static_cast<std::uint16_t>(random.below(nodes)), some_set(random, nodes, clients), 0,
          random.below(2) == 0};
  if (random.below(3) == 0) f.who = the_coordinator;
  switch (kind) {
    case FaultKind::vm_stop:  // mostly long enough for others to take over
      if (random.below(4) != 0) f.lasts = second + static_cast<Time>(random.below(4 * second));
      break;
    case FaultKind::loss:
    case FaultKind::duplicate:
      f.amount = static_cast<std::uint32_t>(20 + random.below(500));
      break;
    case FaultKind::delay:
    case FaultKind::etcd_stale:
      f.amount = static_cast<std::uint32_t>(some_time(random) / (10 * millisecond));  // 1 ms to 1 s
      break;
    case FaultKind::clock:
      f.amount = static_cast<std::uint32_t>(random.below(4) == 0 ? 900 + 200 * random.below(2) : 900 + random.below(201));
      break;
    default:
      break;
  }
  return f;
}

/// Each node in turn, as an operator would restart them.
void add_rolling(SplitMix& random, std::vector<Fault>& plan, Time at, std::size_t nodes) {
  const Time gap = 200 * millisecond + static_cast<Time>(random.below(3 * second));
  for (std::size_t i = 0; i < nodes; ++i) {
    Fault f{FaultKind::rolling, at + static_cast<Time>(i) * gap, 100 * millisecond, static_cast<std::uint16_t>(i), 0, 0, false};
    f.lasts += static_cast<Time>(random.below(second));
    plan.push_back(f);
  }
}

/// There is one in a run, at any time.
void keep_one_rescue(SplitMix& random, std::vector<Fault>& plan) {
  const auto is_rescue = [](const Fault& f) { return f.kind == FaultKind::rescue; };
  const auto count = static_cast<std::uint64_t>(std::ranges::count_if(plan, is_rescue));
  if (count == 0) return;
  const std::uint64_t kept = random.below(count);
  std::uint64_t seen = 0;
  std::erase_if(plan, [&](const Fault& f) { return is_rescue(f) && seen++ != kept; });
}

/// Kinds that one run has: some of them, so that they are also seen without the others.
FaultSet some_kinds(SplitMix& random, FaultSet kinds) {
  if (random.below(8) == 0) return kinds;
  const FaultSet some = kinds & static_cast<FaultSet>(random.below(2) == 0 ? random.next() : random.next() & random.next());
  return some != 0 ? some : kinds;
}

}  // namespace

std::string_view name_of(FaultKind kind) { return names[static_cast<std::size_t>(kind)]; }

bool parse(std::string_view text, FaultSet& out) {
  out = 0;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    std::string_view word = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    const bool without = word.starts_with('-');
    if (without) word.remove_prefix(1);
    const auto it = std::ranges::find(names, word);
    FaultSet set = 0;
    if (word == "all") set = all_faults;
    else if (it != names.end()) set = FaultSet{1} << (it - names.begin());
    else if (word != "none") return false;
    out = without ? out & ~set : out | set;
  }
  return true;
}

std::string text_of(FaultSet set) {
  if (set == 0) return "none";
  std::string out;
  for (std::size_t i = 0; i < fault_kinds; ++i) {
    if ((set >> i & 1) != 0) out += (out.empty() ? "" : ",") + std::string(names[i]);
  }
  return out;
}

std::string text_of(const Fault& f) {
  return std::to_string(f.at / millisecond) + " ms " + std::string(name_of(f.kind)) + " for " +
         std::to_string(f.lasts / millisecond) + " ms, " +
         (f.who == the_coordinator ? std::string("the coordinator") : "n" + std::to_string(f.who)) + ", set " +
         std::to_string(f.set) + ", amount " + std::to_string(f.amount) + (f.flag ? ", flag" : "");
}

std::vector<Fault> make_plan(std::uint64_t seed, Time lasts, std::size_t nodes, std::size_t clients, FaultSet kinds) {
  SplitMix random(seed ^ 0x6661756c7473);
  std::vector<Fault> plan;
  const FaultSet some = some_kinds(random, kinds);
  if (some == 0) return plan;
  std::vector<FaultKind> of;
  for (std::size_t i = 0; i < fault_kinds; ++i) {
    if ((some >> i & 1) != 0) of.push_back(static_cast<FaultKind>(i));
  }
  if (has(some, FaultKind::rescue)) of.insert(of.end(), 3, FaultKind::rescue);
  if (has(some, FaultKind::vm_stop)) of.insert(of.end(), 3, FaultKind::vm_stop);  // little else is looked at then
  constexpr std::array<Time, 4> gaps{300 * millisecond, second, 3 * second, 8 * second};
  const Time gap = gaps[random.below(gaps.size())];
  const auto wait = [&] { return static_cast<Time>(random.below(static_cast<std::uint64_t>(2 * gap))); };
  for (Time at = second + wait(); at < lasts; at += wait()) {
    const FaultKind kind = of[random.below(of.size())];
    if (kind == FaultKind::rolling) add_rolling(random, plan, at, nodes);
    else plan.push_back(make_fault(random, kind, at, nodes, clients));
  }
  keep_one_rescue(random, plan);
  std::ranges::stable_sort(plan, {}, &Fault::at);
  return plan;
}

// --- what they do

namespace {

/// Calls `use` for the links from the fault's set to the others, and for those back.
template <class Use>
void each_link(const Fault& f, Network& network, bool out, bool back, Use use) {
  for (std::size_t a = 0; a < network.endpoints(); ++a) {
    for (std::size_t b = 0; b < network.endpoints(); ++b) {
      const bool from = (f.set >> a & 1) != 0;
      const bool to = (f.set >> b & 1) != 0;
      if ((out && from && !to) || (back && !from && to)) use(network.link(a, b));
    }
  }
}

void set_links(const Fault& f, Cluster& cluster, int sign) {
  Network& network = cluster.world().network;
  const Time until = f.at + f.lasts;
  const auto step = static_cast<std::uint16_t>(sign);
  const auto amount = static_cast<std::uint16_t>(sign * static_cast<int>(f.amount));
  const bool one_way = f.kind == FaultKind::cut || f.kind == FaultKind::hold;
  each_link(f, network, !one_way || !f.flag, !one_way || f.flag,
            [&](Link& link) {
              if (f.kind == FaultKind::loss) link.loss = static_cast<std::uint16_t>(link.loss + amount);
              if (f.kind == FaultKind::duplicate) link.twice = static_cast<std::uint16_t>(link.twice + amount);
              if (f.kind == FaultKind::delay) link.extra += sign * static_cast<Time>(f.amount) * millisecond;
              if (f.kind == FaultKind::cut || f.kind == FaultKind::isolate) link.cuts = static_cast<std::uint16_t>(link.cuts + step);
              if (f.kind != FaultKind::hold) return;
              link.holds = static_cast<std::uint16_t>(link.holds + step);
              link.held_until = std::max(link.held_until, until);
            });
}

}  // namespace

bool voters_are_undecided(Cluster& cluster) {
  const auto& latest = cluster.world().invariants.latest();
  if (!latest->old_voters().empty()) return true;
  for (std::uint16_t i = 0; i < cluster.size(); ++i) {
    const auto& store = cluster.node(i).store;
    const bool newer = store && store->view != nullptr && store->view->epoch() > latest->epoch();
    if (newer && !std::ranges::equal(store->view->voters(), latest->voters())) return true;
  }
  return false;
}

namespace {

/// A store may only go while those that are left can still agree. An empty one that was offered and went counts as lost
/// until whoever may have heard of it, and stands still, has proposed it or not; so does each that people may have made one
/// of few.
bool can_spare_a_store(Cluster& cluster, std::uint16_t node) {
  constexpr Time offer_lasts = 15 * second;
  const auto& store = cluster.node(node).store;
  if (!store || store->view == nullptr || voters_are_undecided(cluster)) return false;
  for (const Time since : {cluster.offer_gone_at, cluster.voters_asked_at}) {
    if (since != 0 && cluster.world().now < since + offer_lasts) return false;
  }
  return 2 * (cluster.stores_missing() + 1) < cluster.world().invariants.latest()->voters().size();
}

void change_clock(const Fault& f, Cluster& cluster) {
  Node& node = cluster.node(f.who);
  const bool stopped = node.clock.rates().boot == 0;
  const bool suspended = node.clock.rates().raw == 0;
  const auto rate = static_cast<std::int32_t>(f.amount);
  node.rates = {rate, f.flag ? rate : static_cast<std::int32_t>(900 + f.set % 201)};
  if (!stopped) node.clock.bend(cluster.world().now, {rate, suspended ? 0 : node.rates.raw});
}

membership::VoterRecord empty_store(Cluster& cluster) {
  return {{}, cluster.world().random.next() | 1, {}, {}, nullptr};
}

void lose_store(const Fault& f, Cluster& cluster) {
  if (!can_spare_a_store(cluster, f.who)) return;
  Node& node = cluster.node(f.who);
  cluster.crash(f.who, f.flag);
  if (f.kind == FaultKind::mislay_store && !node.mislaid) node.mislaid = node.store;
  node.store = empty_store(cluster);
  cluster.boot_at(f.who, cluster.world().now + 200 * millisecond);
}

/// If the old store is in use no more, nothing changes for the others but that the new one is missing. If it is, the new
/// one may be about to take its place.
void find_store(const Fault& f, Cluster& cluster) {
  Node& node = cluster.node(f.who);
  if (!node.mislaid) return;
  const auto& view = cluster.world().invariants.latest();
  const bool in_use = std::ranges::any_of(view->voters(), [&](const Voter& v) { return v.store == node.mislaid->store; });
  if (!in_use && !can_spare_a_store(cluster, f.who)) return;
  const bool offered = node.store && node.store->view == nullptr;
  if (in_use && offered && cluster.stores_missing() > 1) return;
  if (offered) cluster.offer_gone_at = cluster.world().now;
  cluster.crash(f.who, f.flag);
  node.store = std::exchange(node.mislaid, std::nullopt);
  cluster.boot_at(f.who, cluster.world().now + 200 * millisecond);
}

/// 1, 3 or 5 nodes of the fault's set, and if there are too few in it of all.
std::vector<NodeId> wanted_voters(const Fault& f, Cluster& cluster) {
  SplitMix random(f.set);
  std::vector<NodeId> out;
  for (std::uint16_t i = 0; i < cluster.size(); ++i) {
    if ((f.set >> i & 1) != 0) out.push_back(cluster.node(i).id());
  }
  if (out.empty()) out.push_back(cluster.node(f.who).id());
  while (out.size() > limits::voters_max || out.size() % 2 == 0) {
    out.erase(out.begin() + static_cast<std::ptrdiff_t>(random.below(out.size())));
  }
  return out;
}

/// As `reki voters` does: says it to all. The answers go to the node in whose name it speaks, which does not read them. Not
/// while a store is lost, which nobody may know yet: to make its node one of few voters would be to lose their majority.
void ask_for_voters(const Fault& f, Cluster& cluster) {
  if (cluster.stores_missing() > 0) return;
  cluster.voters_asked_at = cluster.world().now;
  const membership::SetVoters wish{static_cast<std::uint16_t>(f.amount), wanted_voters(f, cluster)};
  for (std::uint16_t i = 0; i < cluster.size(); ++i) cluster.world().post(f.who, cluster.node(i).id(), membership::Body{wish});
}

/// As `reki profile set` does.
void ask_for_profile(const Fault& f, Cluster& cluster, std::uint32_t configs) {
  const membership::SetProfile wish{Epoch{f.amount}, f.flag ? Profile::cloud : Profile::lan};
  for (std::uint16_t i = 0; i < cluster.size(); ++i) {
    if ((configs >> i & 1) != 0) cluster.node(i).profile = wish.profile;
    cluster.world().post(f.who, cluster.node(i).id(), membership::Body{wish});
  }
}

void begin_profile(Fault& f, Cluster& cluster) {
  const auto& latest = *cluster.world().invariants.latest();
  const Stage now = stage_of(latest.settings());
  if (now != Stage::mix) f.flag = now == Stage::lan;
  f.amount = latest.epoch().value;
  ask_for_profile(f, cluster, f.set);
}

/// As an operator does: each node leaves, and comes back as the other program. Nobody puts one back once the level is raised.
void begin_upgrade(const Fault& f, Cluster& cluster) {
  const bool is_later = f.flag || cluster.world().invariants.latest()->level() > first_level;
  const bool all = f.flag && f.set % 2 == 0;
  for (std::uint16_t i = 0; i < cluster.size(); ++i) {
    if (!all && (f.set >> i & 1) == 0) continue;
    cluster.node(i).levels = is_later ? later_program : LevelRange{};
    cluster.leave(i, 100 * millisecond);
  }
}

/// As `reki upgrade finish` does, which names the newest view.
void ask_for_level(const Fault& f, Cluster& cluster) {
  const membership::SetLevel wish{cluster.world().invariants.latest()->epoch(), next_level};
  for (std::uint16_t i = 0; i < cluster.size(); ++i) cluster.world().post(f.who, cluster.node(i).id(), membership::Body{wish});
}

/// The pause apart, which ends by itself.
void set_etcd(const Fault& f, Cluster& cluster, int sign) {
  Network& network = cluster.world().network;
  Etcd& etcd = *cluster.world().etcd;
  const auto step = static_cast<std::uint16_t>(sign);
  const std::size_t there = network.endpoints() - 1;
  if (f.kind == FaultKind::etcd_down) etcd.down = static_cast<std::uint16_t>(etcd.down + step);
  if (f.kind == FaultKind::etcd_stale) etcd.stale += sign * static_cast<Time>(f.amount) * millisecond;
  if (f.kind != FaultKind::etcd_cut) return;
  Link& back = network.link(there, f.who);
  back.cuts = static_cast<std::uint16_t>(back.cuts + step);
  if (f.flag) return;
  Link& out = network.link(f.who, there);
  out.cuts = static_cast<std::uint16_t>(out.cuts + step);
}

void crash_all(const Fault& f, Cluster& cluster) {
  for (std::uint16_t i = 0; i < cluster.size(); ++i) {
    cluster.crash(i, f.flag);
    cluster.boot_at(i, cluster.world().now + 50 * millisecond + cluster.world().below(f.lasts));
  }
}

}  // namespace

void begin(Fault& f, std::uint32_t place, Cluster& cluster) {
  World& world = cluster.world();
  if (f.who == the_coordinator) {
    f.who = cluster.coordinator().value_or(static_cast<std::uint16_t>(world.below(static_cast<Time>(cluster.size()))));
  }
  if (world.verbose) world.note(f.who, "FAULT " + text_of(f));
  bool lasts = false;
  switch (f.kind) {
    case FaultKind::loss:
    case FaultKind::duplicate:
    case FaultKind::delay:
    case FaultKind::cut:
    case FaultKind::hold:
    case FaultKind::isolate:
      set_links(f, cluster, 1);
      lasts = true;
      break;
    case FaultKind::pause:
    case FaultKind::suspend:
      cluster.freeze(f.who, f.lasts, f.kind == FaultKind::suspend);
      break;
    case FaultKind::vm_stop:
      cluster.stop_machine(f.who, f.lasts, f.flag);
      break;
    case FaultKind::clock:
      change_clock(f, cluster);
      break;
    case FaultKind::crash:
      cluster.crash(f.who, f.flag);
      cluster.boot_at(f.who, world.now + 50 * millisecond + f.lasts);
      break;
    case FaultKind::crash_all:
      crash_all(f, cluster);
      break;
    case FaultKind::slow_disk:
    case FaultKind::disk_error:
      if (f.kind == FaultKind::slow_disk) cluster.node(f.who).disk.usual = 500 * millisecond;
      else cluster.node(f.who).disk.fails = true;
      lasts = true;
      break;
    case FaultKind::leave:
    case FaultKind::rolling:
      cluster.leave(f.who, f.lasts);
      break;
    case FaultKind::lose_store:
    case FaultKind::mislay_store:
      lose_store(f, cluster);
      lasts = true;
      break;
    case FaultKind::set_voters:
      f.amount = membership::highest_number(*world.invariants.latest());
      ask_for_voters(f, cluster);
      lasts = true;
      break;
    case FaultKind::set_profile:
      begin_profile(f, cluster);
      lasts = true;
      break;
    case FaultKind::upgrade:
      begin_upgrade(f, cluster);
      lasts = true;
      break;
    case FaultKind::rescue:
      f.amount = place;
      return begin_rescue(f, cluster);
    case FaultKind::etcd_pause:
      world.etcd->paused_until = std::max(world.etcd->paused_until, world.now + f.lasts);
      break;
    case FaultKind::etcd_down:
    case FaultKind::etcd_cut:
    case FaultKind::etcd_stale:
      set_etcd(f, cluster, 1);
      lasts = true;
      break;
  }
  if (lasts) world.schedule(world.now + f.lasts, Event::Kind::relief, 0, 0, place);
}

void end(const Fault& f, Cluster& cluster) {
  switch (f.kind) {
    case FaultKind::slow_disk:
    case FaultKind::disk_error:
      cluster.node(f.who).disk = DiskHabits{};
      return;
    case FaultKind::mislay_store:
      return find_store(f, cluster);
    case FaultKind::lose_store:
      return;
    case FaultKind::rescue:
      return go_on_with_rescue(f, cluster);
    case FaultKind::set_voters:
      return ask_for_voters(f, cluster);
    case FaultKind::set_profile:
      return ask_for_profile(f, cluster, ~std::uint32_t{0});
    case FaultKind::upgrade:
      return ask_for_level(f, cluster);
    case FaultKind::etcd_down:
    case FaultKind::etcd_cut:
    case FaultKind::etcd_stale:
      return set_etcd(f, cluster, -1);
    default:
      return set_links(f, cluster, -1);
  }
}

}  // namespace reki::sim
