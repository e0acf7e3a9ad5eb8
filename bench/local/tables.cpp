#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

#include "groups.hpp"
#include "reki/bench/figures.hpp"
#include "reki/bench/keys.hpp"
#include "reki/core/base/hash.hpp"
#include "reki/core/view/slot_table.hpp"

namespace reki::bench {
namespace {

using Members = std::vector<SlotMember>;

/// `weighted`: some of double and some of triple weight, as machines of different age are.
Members nodes(int count, bool weighted = false) {
  Members out;
  for (int i = 0; i < count; ++i)
    out.push_back({NodeId{"node-" + std::to_string(i)}, weighted ? 1U + i % 3 : 1U, true});
  std::ranges::sort(out, {}, &SlotMember::id);
  return out;
}

std::vector<NodeId> ids_of(const Members& members) {
  std::vector<NodeId> out;
  for (const auto& member : members) out.push_back(member.id);
  return out;
}

SlotTable first_table(const Members& members) { return next_table(SlotTable{}, {}, members); }

/// The fastest of a few: how long it takes, and not who else had the core.
template <class Make>
double nanoseconds(Make make) {
  double best = 1e18;
  for (int i = 0; i < 5; ++i) {
    const Stopwatch watch;
    keep(make());
    best = std::min(best, watch.seconds() * 1e9);
  }
  return best;
}

std::vector<std::uint32_t> slots_of(const SlotTable& table, std::size_t members) {
  std::vector<std::uint32_t> out(members);
  for (const MemberIndex owner : table.entries()) ++out.at(owner);
  return out;
}

/// How far the one that is furthest from its share is from it, in slots.
double furthest_from_share(const Members& members, const SlotTable& table) {
  double total = 0;
  for (const auto& member : members) total += member.weight;
  const auto owned = slots_of(table, members.size());
  double out = 0;
  for (std::size_t i = 0; i < members.size(); ++i) {
    out = std::max(out, std::abs(owned[i] - slot_count * members[i].weight / total));
  }
  return out;
}

const NodeId& owner_id(const Members& members, const SlotTable& table, std::uint16_t slot) {
  return members.at(table.owner(SlotId{slot})).id;
}

long moved(const Members& before, const SlotTable& old, const Members& after, const SlotTable& next) {
  long out = 0;
  for (std::uint16_t slot = 0; slot < slot_count; ++slot) {
    if (owner_id(before, old, slot) != owner_id(after, next, slot)) ++out;
  }
  return out;
}

/// The fewest that must move, from what each has now and from the shares alone: what those who stay lack to the whole
/// part of their share; and of the slots that are left over, those that nobody holds who could keep one.
long fewest_moves(const Members& before, const SlotTable& old, const Members& after) {
  const auto held = slots_of(old, before.size());
  std::uint64_t total = 0;
  for (const auto& member : after) total += member.weight;
  long missing = 0;
  long beyond = slot_count;
  long keepable = 0;
  for (const auto& member : after) {
    const auto same = std::ranges::find(before, member.id, &SlotMember::id);
    const long has = same == before.end() ? 0 : held[static_cast<std::size_t>(same - before.begin())];
    const auto share = std::uint64_t{slot_count} * member.weight;
    const long whole = static_cast<long>(share / total);
    beyond -= whole;
    missing += std::max(0L, whole - has);
    keepable += share % total != 0 && has > whole ? 1 : 0;
  }
  return missing + std::max(0L, beyond - keepable);
}

struct Evenness {
  double from_share = 0;      ///< The furthest of all, in slots.
  long more_than_needed = 0;  ///< Moves beyond the fewest, of all changes.
};

void try_cluster(int count, bool weighted, Evenness& out) {
  const Members before = nodes(count, weighted);
  const SlotTable table = first_table(before);
  out.from_share = std::max(out.from_share, furthest_from_share(before, table));
  Members joined = nodes(count + 1, weighted);
  Members left = before;
  left.erase(left.begin() + count / 2);
  for (const Members& after : {joined, left}) {
    const SlotTable next = next_table(table, ids_of(before), after);
    out.from_share = std::max(out.from_share, furthest_from_share(after, next));
    out.more_than_needed += moved(before, table, after, next) - fewest_moves(before, table, after);
  }
}

}  // namespace

void owner(const Options& options) {
  const std::array counts{3, 10, 30, 100, 300, 1000};
  const double seconds = options.number("seconds", 0.5) / counts.size();
  const auto keys = random_keys(10000);
  const auto type = hash_type("thing", 1);
  for (const int count : counts) {
    const auto name = [&](const char* what) { return std::string(what) + "." + std::to_string(count); };
    const Members members = nodes(count);
    const auto ids = ids_of(members);
    const SlotTable table = first_table(members);
    Walk walk(keys.size());
    const Stopwatch watch;
    long done = 0;
    std::uint64_t sum = 0;
    do {
      for (int i = 0; i < 10000; ++i) sum += table.owner(slot_of(hash_key(keys[walk.next()], type)));
      done += 10000;
    } while (watch.seconds() < seconds);
    keep(sum);
    print({name("local.owner"), watch.seconds() * 1e9 / static_cast<double>(done), "ns"});
    const Members more = nodes(count + 1);
    Members fewer = members;
    fewer.erase(fewer.begin() + count / 2);
    print({name("local.next_table.join"), nanoseconds([&] { return next_table(table, ids, more); }), "ns"});
    print({name("local.next_table.leave"), nanoseconds([&] { return next_table(table, ids, fewer); }), "ns"});
    print({name("local.next_table.new"), nanoseconds([&] { return first_table(members); }), "ns"});
  }
}

void balance(const Options&) {
  Evenness all;
  for (const int count : {3, 16, 100, 1000}) {
    for (const bool weighted : {false, true}) {
      Evenness one;
      try_cluster(count, weighted, one);
      const auto name = "local.balance." + std::to_string(count) + (weighted ? ".weighted" : "");
      print({name + ".from_share", one.from_share, "slots"});
      all.from_share = std::max(all.from_share, one.from_share);
      all.more_than_needed += one.more_than_needed;
    }
  }
  print({"local.balance.from_share", all.from_share, "slots"});
  // From 1 on, since a figure of 0 is what a broken program prints too.
  print({"local.balance.moved_to_needed", 1.0 + static_cast<double>(all.more_than_needed), "times"});
}

}  // namespace reki::bench
