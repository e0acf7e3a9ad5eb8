#include "reki/core/view/view_delta.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <random>

#include "reki/core/base/limits.hpp"
#include "reki/core/view/view_history.hpp"

using namespace reki;

namespace {

using Random = std::mt19937_64;

Member node(int i) {
  return {NodeId{"node-" + std::to_string(1000 + i)},
          Incarnation{0x1234567800000000ULL + static_cast<unsigned>(i)},
          "tcp://10.0.0.1:" + std::to_string(10000 + i),
          1,
          "zone-a",
          MemberState::up,
          "tcp://10.0.0.1:" + std::to_string(20000 + i)};
}

std::vector<Member> nodes(int count) {
  std::vector<Member> out;
  for (int i = 0; i < count; ++i) out.push_back(node(i));
  return out;
}

std::vector<NodeId> ids_of(const View& view) {
  std::vector<NodeId> out;
  for (const Member& m : view.members()) out.push_back(m.node_id);
  return out;
}

View first(std::vector<Member> members) {
  ViewHead head{"shop", Epoch{1}, Term{0x10001}, NodeId{"node-1000"}, 99, {}, {}};
  head.voters = {{1, 77, NodeId{"node-1000"}, "tcp://10.0.0.1:20000"}};
  const SlotTable table = next_table({}, {}, slot_members(members));
  return View::make(head, std::move(members), table).value();
}

/// The view after `from` with these members, as a coordinator makes it.
View after(const View& from, std::vector<Member> members) {
  std::ranges::sort(members, {}, &Member::node_id);
  ViewHead head = from.head();
  ++head.epoch.value;
  const SlotTable table = next_table(from.table(), ids_of(from), slot_members(members));
  return View::make(head, std::move(members), table).value();
}

std::vector<Member> members_of(const View& view) { return {view.members().begin(), view.members().end()}; }

/// Joins, leaves, restarts, other weights, states and addresses, other voters and coordinators: some of them at once.
View random_change(const View& from, Random& random) {
  std::vector<Member> members = members_of(from);
  for (auto n = random() % 4; n > 0; --n) {
    const auto at = random() % members.size();
    switch (random() % 7) {
      case 0:
        if (members.size() > 1) members.erase(members.begin() + static_cast<std::ptrdiff_t>(at));
        break;
      case 1: {
        const Member fresh = node(static_cast<int>(random() % 200));
        if (std::ranges::count(members, fresh.node_id, &Member::node_id) == 0) members.push_back(fresh);
        break;
      }
      case 2:
        members[at].incarnation.value = random();
        break;
      case 3:
        members[at].weight = static_cast<std::uint32_t>(random() % 4);
        break;
      case 4:
        members[at].state = static_cast<MemberState>(random() % 3);
        break;
      case 5:
        members[at].zone = std::string(random() % 9, 'z');
        break;
      default:
        members[at].control.clear();
    }
  }
  View next = after(from, members);
  ViewHead head = next.head();
  if (random() % 3 == 0) head.term.value += 0x10000;
  if (random() % 3 == 0) head.coordinator = next.members()[random() % next.members().size()].node_id;
  if (random() % 3 == 0) head.old_voters = random() % 2 == 0 ? head.voters : std::vector<Voter>{};
  if (random() % 3 == 0) head.voters[0].store = random() | 1;
  return View::make(head, members_of(next), next.table()).value();
}

/// What comes of sending the difference to somebody who has `from`.
View sent(const View& from, const View& to) {
  const ViewDelta delta = delta_between(from, to);
  const Bytes bytes = encode(delta);
  BOOST_REQUIRE(!decode_view(bytes).has_value());
  const auto back = decode_view_delta(bytes);
  BOOST_REQUIRE_MESSAGE(back, back.error().text);
  const auto made = apply(from, *back);
  BOOST_REQUIRE_MESSAGE(made, made.error().text);
  return *made;
}

bool refused(const Result<View>& view, std::string_view text) {
  BOOST_REQUIRE(!view.has_value());
  return view.error().text.find(text) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(view_delta)

BOOST_AUTO_TEST_CASE(a_delta_makes_exactly_the_view_it_was_made_for) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) {
      Random random{seed};
      std::vector<View> views{first(nodes(static_cast<int>(1 + random() % 40)))};
      for (int i = 0; i < 12; ++i) views.push_back(random_change(views.back(), random));
      for (std::size_t i = 1; i < views.size(); ++i) {
        BOOST_TEST((sent(views[i - 1], views[i]) == views[i]));
        BOOST_TEST((sent(views[random() % i], views[i]) == views[i]));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_delta_between_views_that_have_nothing_in_common_is_right_too) {
  const View from = first({node(1), node(2)});
  std::vector<Member> others{node(0), node(3), node(9)};
  ViewHead head = from.head();
  head.epoch = Epoch{7};
  head.voters.clear();
  const View to = View::make(head, others, next_table({}, {}, slot_members(others))).value();
  BOOST_TEST((sent(from, to) == to));
}

BOOST_AUTO_TEST_CASE(a_small_change_of_a_large_cluster_is_small) {
  const View all = first(nodes(1000));
  const std::size_t whole = encode(all).size();
  const auto size = [&](const View& to) { return encode(delta_between(all, to)).size(); };

  std::vector<Member> members = members_of(all);
  members.erase(members.begin() + 500);
  const View left = after(all, members);
  const std::size_t leave = size(left);
  const std::size_t join = encode(delta_between(left, after(left, members_of(all)))).size();
  const std::size_t nothing = size(after(all, members_of(all)));
  BOOST_TEST_MESSAGE("1000 nodes: the view has " << whole << " bytes, the delta of one leave " << leave
                                                 << ", of one join " << join << ", of a new coordinator " << nothing);
  BOOST_TEST(leave < 300U);
  BOOST_TEST(join < 300U);
  BOOST_TEST(nothing < 100U);
}

BOOST_AUTO_TEST_CASE(a_delta_for_another_view_is_refused) {
  const View base = first(nodes(5));
  const View next = after(base, nodes(4));
  const ViewDelta delta = delta_between(base, next);
  BOOST_TEST(refused(apply(next, delta), "it is for view 1"));

  // Views of the same number, which a cluster that was made anew may have.
  const auto like_base = [&](auto change) {
    std::vector<Member> members = members_of(base);
    change(members);
    return View::make(base.head(), members, base.table()).value();
  };
  const auto other = "another view of this number";
  BOOST_TEST(refused(apply(like_base([](auto& m) { m[0].incarnation.value++; }), delta), other));
  BOOST_TEST(refused(apply(like_base([](auto& m) { m[1].weight = 2; }), delta), other));
  BOOST_TEST(apply(like_base([](auto& m) { m[4].weight = 2; }), delta).has_value());  // that one has left
  BOOST_TEST(refused(apply(first(nodes(6)), delta), "does not fit"));
  BOOST_TEST(refused(apply(first({node(0), node(1), node(2), node(3)}), delta), "does not fit"));
  ViewHead head = base.head();
  head.hash_seed = 100;
  BOOST_TEST(refused(apply(View::make(head, members_of(base), base.table()).value(), delta), other));
  BOOST_TEST((apply(base, delta).value() == next));
}

BOOST_AUTO_TEST_CASE(a_delta_that_makes_no_view_is_refused) {
  const View base = first(nodes(5));
  ViewDelta delta = delta_between(base, after(base, nodes(6)));
  const auto changed = [&](auto change) {
    ViewDelta out = delta;
    change(out);
    return apply(base, out);
  };
  BOOST_TEST(refused(changed([](ViewDelta& d) { d.slots[0].slot.value = slot_count; }), "slot that is none"));
  BOOST_TEST(refused(changed([](ViewDelta& d) { d.slots[0].owner = 6; }), "owner that is no member"));
  BOOST_TEST(refused(changed([](ViewDelta& d) { d.slots.pop_back(); }), "another view"));
  BOOST_TEST(
      refused(changed([](ViewDelta& d) { d.removed.emplace_back("node-1000"); }), "owner that is no member"));
  BOOST_TEST(refused(changed([](ViewDelta& d) { d.changed.push_back(node(5)); }), "each once"));
  BOOST_TEST(refused(changed([](ViewDelta& d) { d.changed[0].addr = "nowhere"; }), "tcp://"));
  BOOST_TEST(refused(changed([](ViewDelta& d) { d.head.epoch = {}; }), "epoch is 0"));
}

BOOST_AUTO_TEST_CASE(bytes_that_are_no_delta_are_an_error) {
  const View base = first(nodes(5));
  const ViewDelta delta = delta_between(base, after(base, nodes(4)));
  const Bytes good = encode(delta);
  for (std::size_t n = 0; n < good.size(); ++n) {
    BOOST_TEST(!decode_view_delta(BytesView(good).substr(0, n)).has_value());
  }
  BOOST_TEST(!decode_view_delta(good + "x").has_value());
  BOOST_TEST(!decode_view_delta(encode(base)).has_value());
  BOOST_TEST(!decode_view_delta("").has_value());
  Bytes longer = good;
  longer[0] = static_cast<char>(0x9e);
  longer += Bytes("\x93\xcd\x02\x8a\xcd\x03\x52\x00\x01\xc3", 10);
  ViewDelta back = decode_view_delta(longer).value();
  BOOST_TEST(back.head.cluster_id == "");
  back.head.cluster_id = "shop";
  back.head.hash_seed = 99;
  BOOST_TEST((back == delta));
}

BOOST_AUTO_TEST_CASE(a_history_leads_from_each_of_its_views_to_the_newest) {
  Random random{1};
  ViewHistory history;
  BOOST_TEST((history.newest() == nullptr && history.whole().empty() && history.delta_from(Epoch{}).empty()));
  std::vector<View> views{first(nodes(30))};
  history.add(std::make_shared<const View>(views[0]));
  BOOST_TEST((decode_view(history.whole()).value() == views[0]));
  for (std::size_t i = 0; i < limits::views_kept_max + 4; ++i) {
    views.push_back(random_change(views.back(), random));
    history.add(std::make_shared<const View>(views.back()));
    history.add(std::make_shared<const View>(views[i]));  // an old one changes nothing
    BOOST_TEST((*history.newest() == views.back()));
    const bool known = i < limits::views_kept_max;
    BOOST_TEST(history.delta_from(Epoch{1}).empty() == !known);
  }
  const auto newest = static_cast<std::uint32_t>(views.size());
  BOOST_TEST(history.delta_from(Epoch{newest}).empty());
  BOOST_TEST(history.delta_from(Epoch{newest + 1}).empty());
  for (std::uint32_t epoch = newest - limits::views_kept_max; epoch < newest; ++epoch) {
    const auto delta = decode_view_delta(history.delta_from(Epoch{epoch}));
    BOOST_REQUIRE(delta);
    BOOST_TEST((apply(views[epoch - 1], *delta).value() == views.back()));
  }
  BOOST_TEST((decode_view(history.whole()).value() == views.back()));
}

BOOST_AUTO_TEST_CASE(a_history_forgets_another_making_of_the_cluster) {
  ViewHistory history;
  history.add(std::make_shared<const View>(first(nodes(3))));
  ViewHead head = after(first(nodes(3)), nodes(3)).head();
  head.hash_seed = 100;
  history.add(std::make_shared<const View>(View::make(head, nodes(3), first(nodes(3)).table()).value()));
  BOOST_TEST(history.delta_from(Epoch{1}).empty());
  BOOST_TEST(history.newest()->hash_seed() == 100U);
}

BOOST_AUTO_TEST_CASE(what_is_no_smaller_than_the_view_is_not_sent_as_a_delta) {
  ViewHistory history;
  history.add(std::make_shared<const View>(first({node(0)})));
  std::vector<Member> others;
  for (int i = 1; i < 200; ++i) others.push_back(node(i));
  history.add(std::make_shared<const View>(after(first({node(0)}), others)));
  BOOST_TEST(history.delta_from(Epoch{1}).empty());
}

BOOST_AUTO_TEST_SUITE_END()
