#include "reki/core/view/slot_table.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "reki/core/base/hash.hpp"

using namespace reki;

namespace {

using Members = std::vector<SlotMember>;

std::vector<NodeId> ids_of(const Members& members) {
  std::vector<NodeId> ids;
  for (const SlotMember& m : members) ids.push_back(m.id);
  std::ranges::sort(ids);
  return ids;
}

Members equal_members(int n) {
  Members out;
  for (int i = 0; i < n; ++i) out.push_back({NodeId{"n" + std::to_string(i)}, 1, true});
  return out;
}

/// XXH3 of the table as 16384 big-endian 16-bit numbers.
std::uint64_t digest(const SlotTable& table) {
  std::string bytes;
  for (const MemberIndex m : table.entries()) {
    bytes.push_back(static_cast<char>(m >> 8));
    bytes.push_back(static_cast<char>(m & 0xff));
  }
  return hash_node(bytes);
}

/// The owner's id per slot; empty for nobody. Compares tables of different member lists.
std::vector<std::string> owners(const SlotTable& table, const std::vector<NodeId>& ids) {
  std::vector<std::string> out;
  for (const MemberIndex m : table.entries()) out.push_back(m == nobody ? "" : ids.at(m).value);
  return out;
}

std::map<std::string, std::uint32_t> counts(const std::vector<std::string>& table) {
  std::map<std::string, std::uint32_t> out;
  for (const std::string& id : table) ++out[id];
  return out;
}

/// The fewest slots that must change owner so that each member has the whole part of its share, or one more where its
/// share has a fraction. Reckoned from the definition, without targets: what is missing to the whole parts, and of
/// the L slots beyond those, the ones that nobody holds yet who could keep one.
std::uint64_t fewest_moves(const Members& members, std::map<std::string, std::uint32_t> held) {
  std::uint64_t total = 0;
  for (const SlotMember& m : members) total += m.up ? m.weight : 0;
  if (total == 0) return 0;
  std::uint64_t missing = 0;
  std::uint64_t beyond = slot_count;
  std::uint64_t keepable = 0;
  for (const SlotMember& m : members) {
    const std::uint64_t share = slot_count * (m.up ? std::uint64_t{m.weight} : 0);
    const std::uint64_t whole = share / total;
    const std::uint64_t has = held[m.id.value];
    beyond -= whole;
    missing += has < whole ? whole - has : 0;
    keepable += share % total != 0 && has > whole ? 1 : 0;
  }
  return missing + (beyond > keepable ? beyond - keepable : 0);
}

void check_balance(const Members& members, std::map<std::string, std::uint32_t> owned) {
  std::uint64_t total = 0;
  for (const SlotMember& m : members) total += m.up ? m.weight : 0;
  if (total == 0) {
    BOOST_TEST(owned[""] == slot_count);
    return;
  }
  BOOST_TEST(owned[""] == 0U);
  for (const SlotMember& m : members) {
    const std::uint64_t share = slot_count * (m.up ? std::uint64_t{m.weight} : 0);
    const std::uint64_t has = owned[m.id.value];
    if (has != share / total && has != (share + total - 1) / total) {
      BOOST_ERROR(m.id.value << " has " << has << " slots, its share is " << share << '/' << total);
    }
  }
}

void check_movement(const Members& members, const std::vector<std::string>& before,
                    const std::vector<std::string>& after) {
  std::uint64_t moved = 0;
  std::map<std::string, std::uint32_t> gained;
  std::map<std::string, std::uint32_t> lost;
  for (std::uint32_t s = 0; s < slot_count; ++s) {
    if (before[s] == after[s]) continue;
    ++lost[before[s]];
    ++gained[after[s]];
    if (!after[s].empty()) ++moved;
  }
  BOOST_TEST(moved == fewest_moves(members, counts(before)));
  for (const SlotMember& m : members) {
    const bool both = gained.contains(m.id.value) && lost.contains(m.id.value);
    if (both) BOOST_ERROR(m.id.value << " both gains and loses");
  }
}

/// Changes a membership in all ways that there are: joins, departures, states, weights, several at once.
class History {
 public:
  explicit History(std::uint32_t seed) : random_(seed) {}
  const Members& step() {
    const int changes = 1 + below(4);
    for (int i = 0; i < changes; ++i) change();
    std::ranges::shuffle(members_, random_);
    return members_;
  }
  int below(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }

 private:
  void change() {
    const int what = members_.empty() ? 0 : below(10);
    if (what < 4) {
      members_.push_back({NodeId{"n" + std::to_string(below(30)) + "-" + std::to_string(next_++)}, weight(), true});
      return;
    }
    const auto it = members_.begin() + below(static_cast<int>(members_.size()));
    if (what < 6) {
      members_.erase(it);
    } else if (what < 8) {
      it->up = !it->up;
    } else {
      it->weight = weight();
    }
  }
  std::uint32_t weight() {
    static constexpr std::uint32_t some[] = {0, 1, 1, 1, 1, 2, 3, 10, 17, 1000, 0xffffffff};
    return some[below(std::size(some))];
  }

  std::mt19937 random_;
  Members members_;
  int next_ = 0;
};

/// Runs `check(members, before, after)` over each step of many histories, and names the one that fails.
template <class Check>
void over_histories(std::uint32_t histories, Check check) {
  for (std::uint32_t seed = 1; seed <= histories; ++seed) {
    BOOST_TEST_CONTEXT("history of seed " << seed) {
      History history(seed);
      SlotTable table;
      std::vector<NodeId> ids;
      for (int step = 0; step < 30; ++step) {
        BOOST_TEST_CONTEXT("step " << step) {
          const Members& members = history.step();
          const SlotTable next = next_table(table, ids, members);
          const std::vector<NodeId> next_ids = ids_of(members);
          check(history, members, table, ids, next, next_ids);
          table = next;
          ids = next_ids;
        }
      }
    }
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(slot_table)

BOOST_AUTO_TEST_CASE(everyone_has_its_weighted_share_to_within_one_slot) {
  over_histories(16, [](History&, const Members& members, const SlotTable&, const auto&, const SlotTable& next,
                        const auto& ids) { check_balance(members, counts(owners(next, ids))); });
}

BOOST_AUTO_TEST_CASE(as_few_slots_move_as_balance_allows_and_nobody_both_gains_and_loses) {
  over_histories(16,
                 [](History&, const Members& members, const SlotTable& table, const auto& ids, const SlotTable& next,
                    const auto& next_ids) { check_movement(members, owners(table, ids), owners(next, next_ids)); });
}

BOOST_AUTO_TEST_CASE(an_unchanged_membership_moves_nothing) {
  over_histories(10, [](History&, const Members& members, const SlotTable&, const auto&, const SlotTable& next,
                        const auto& ids) { BOOST_TEST((next_table(next, ids, members) == next)); });
}

BOOST_AUTO_TEST_CASE(the_order_in_which_members_are_named_makes_no_difference) {
  over_histories(10, [](History& history, const Members& members, const SlotTable& table, const auto& ids,
                        const SlotTable& next, const auto&) {
    Members other = members;
    const auto first = other.begin() + (other.empty() ? 0 : history.below(static_cast<int>(other.size())));
    std::rotate(other.begin(), first, other.end());  // clang-tidy 14 cannot read what std::ranges::rotate returns
    BOOST_TEST((next_table(table, ids, other) == next));
    std::ranges::sort(other, std::ranges::greater{}, &SlotMember::id);
    BOOST_TEST((next_table(table, ids, other) == next));
  });
}

BOOST_AUTO_TEST_CASE(a_free_slot_goes_to_the_best_scored_of_those_below_target) {
  // From nothing, member by member and slot by slot as the header words it, with all scores compared.
  const Members members = [] {
    Members m = equal_members(70);
    for (std::size_t i = 0; i < m.size(); ++i) m[i].weight = static_cast<std::uint32_t>(i % 4);
    return m;
  }();
  const std::vector<NodeId> ids = ids_of(members);
  const SlotTable table = next_table({}, {}, members);
  auto left = counts(owners(table, ids));
  for (std::uint16_t s = 0; s < slot_count; ++s) {
    const NodeId* best = nullptr;
    for (const NodeId& id : ids) {
      if (left[id.value] == 0) continue;
      const auto score = [&](const NodeId& n) { return rendezvous_score(SlotId{s}, hash_node(n.value)); };
      if (best == nullptr || score(id) > score(*best)) best = &id;
    }
    BOOST_REQUIRE(best != nullptr);
    --left[best->value];
    BOOST_REQUIRE_EQUAL(ids[table.owner(SlotId{s})].value, best->value);
  }
}

BOOST_AUTO_TEST_CASE(the_extra_slots_stay_with_those_that_have_them) {
  const Members members{{NodeId{"a"}, 1, true}, {NodeId{"b"}, 1, true}, {NodeId{"c"}, 1, true}};
  BOOST_TEST(
      (slot_targets(members, std::vector<std::uint32_t>{0, 0, 0}) == std::vector<std::uint32_t>{5462, 5461, 5461}));
  BOOST_TEST(
      (slot_targets(members, std::vector<std::uint32_t>{0, 0, 6000}) == std::vector<std::uint32_t>{5461, 5461, 5462}));
}

BOOST_AUTO_TEST_CASE(a_member_that_is_not_up_or_weighs_nothing_owns_nothing) {
  const Members members{{NodeId{"a"}, 1, true}, {NodeId{"b"}, 5, false}, {NodeId{"c"}, 0, true}};
  const auto has = counts(owners(next_table({}, {}, members), ids_of(members)));
  BOOST_TEST(has.size() == 1U);
  BOOST_TEST(has.at("a") == slot_count);
}

BOOST_AUTO_TEST_CASE(without_anyone_who_may_own_every_slot_is_nobodys) {
  BOOST_TEST((next_table({}, {}, {}) == SlotTable{}));
  const Members idle{{NodeId{"a"}, 0, true}, {NodeId{"b"}, 1, false}};
  BOOST_TEST((next_table({}, {}, idle) == SlotTable{}));
}

BOOST_AUTO_TEST_CASE(a_slot_out_of_range_is_nobodys) {
  const SlotTable table = next_table({}, {}, equal_members(1));
  BOOST_TEST(table.owner(SlotId{16383}) == 0);
  BOOST_TEST(table.owner(SlotId{16384}) == nobody);
  BOOST_TEST(table.owner(SlotId{65535}) == nobody);
}

BOOST_AUTO_TEST_CASE(an_index_beyond_the_old_list_counts_as_a_free_slot) {
  SlotTable wild;
  for (std::uint16_t s = 0; s < slot_count; ++s) wild.assign(SlotId{s}, 7);
  const Members members = equal_members(3);
  BOOST_TEST((next_table(wild, std::vector{NodeId{"n0"}}, members) == next_table({}, {}, members)));
}

// The vectors are of an implementation in Python, written from the header: three nodes from nothing; a heavier one
// joins; one leaves, one that is leaving stays in the list, one joins; and then forty others.
BOOST_AUTO_TEST_CASE(a_history_gives_the_same_tables_in_every_language) {
  const auto check = [](const SlotTable& table, std::uint64_t expected, std::vector<MemberIndex> first) {
    BOOST_TEST(digest(table) == expected);
    BOOST_TEST(std::ranges::equal(first, table.entries().first<12>()));
  };
  const Members three{{NodeId{"a"}, 1, true}, {NodeId{"b"}, 1, true}, {NodeId{"c"}, 1, true}};
  const SlotTable t1 = next_table({}, {}, three);
  check(t1, 0x4b6f32ec57726fe5, {2, 0, 1, 2, 0, 2, 1, 1, 2, 1, 1, 1});

  Members four = three;
  four.push_back({NodeId{"aa"}, 2, true});
  const SlotTable t2 = next_table(t1, ids_of(three), four);
  check(t2, 0x81bf56f7f5dd5174, {3, 0, 2, 3, 0, 3, 1, 2, 1, 2, 2, 1});

  const Members other{{NodeId{"a"}, 1, true}, {NodeId{"aa"}, 2, true}, {NodeId{"c"}, 1, false}, {NodeId{"d"}, 3, true}};
  const SlotTable t3 = next_table(t2, ids_of(four), other);
  check(t3, 0x7d084aac66bd150d, {3, 0, 3, 3, 0, 3, 1, 3, 1, 3, 3, 1});

  Members forty = equal_members(40);
  for (std::size_t i = 0; i < forty.size(); ++i) forty[i].weight = static_cast<std::uint32_t>(1 + i % 3);
  const SlotTable t4 = next_table(t3, ids_of(other), forty);
  check(t4, 0xf848f74b5139c340, {33, 1, 21, 37, 5, 7, 12, 7, 9, 2, 31, 7});
}

BOOST_AUTO_TEST_CASE(a_thousand_nodes_are_balanced_to_the_slot) {
  Members members = equal_members(1000);
  const SlotTable full = next_table({}, {}, members);
  check_balance(members, counts(owners(full, ids_of(members))));
  const std::vector<NodeId> before = ids_of(members);
  members.pop_back();
  const SlotTable less = next_table(full, before, members);
  check_balance(members, counts(owners(less, ids_of(members))));
  check_movement(members, owners(full, before), owners(less, ids_of(members)));
}

BOOST_AUTO_TEST_SUITE_END()
