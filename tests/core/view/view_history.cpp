#include "reki/core/view/view_history.hpp"

#include <boost/test/unit_test.hpp>

#include "reki/core/base/limits.hpp"
#include "reki/core/view/view_delta.hpp"

using namespace reki;

namespace {

/// So many nodes that a delta is the shorter way.
std::shared_ptr<const View> view(std::uint32_t epoch, const std::string& cluster = "c", std::uint64_t hash_seed = 1) {
  std::vector<Member> members;
  for (int i = 0; i < 20; ++i) {
    members.push_back(
        {NodeId{"node-" + std::to_string(100 + i)}, Incarnation{1}, "tcp://10.0.0.1:1", 1, {}, MemberState::up, {}});
  }
  members[0].incarnation = Incarnation{epoch};
  const SlotTable table = next_table({}, {}, slot_members(members));
  return std::make_shared<const View>(
      View::make({cluster, Epoch{epoch}, Term{1}, NodeId{"node-100"}, hash_seed}, std::move(members), table).value());
}

View made_of(const View& base, BytesView delta) { return apply(base, decode_view_delta(delta).value()).value(); }

}  // namespace

BOOST_AUTO_TEST_SUITE(view_history)

BOOST_AUTO_TEST_CASE(before_the_first_view_there_is_nothing_to_say) {
  ViewHistory history;
  BOOST_TEST(history.whole().empty());
  BOOST_TEST(history.delta_from(Epoch{0}).empty());
  BOOST_TEST(!history.newest());
}

BOOST_AUTO_TEST_CASE(a_delta_leads_from_each_earlier_view_to_the_newest) {
  ViewHistory history;
  for (const std::uint32_t epoch : {1, 2, 4}) {
    history.add(view(epoch));
    BOOST_TEST((decode_view(history.whole()).value() == *view(epoch)));
    for (const std::uint32_t before : {1, 2}) {
      if (before < epoch) BOOST_TEST((made_of(*view(before), history.delta_from(Epoch{before})) == *view(epoch)));
    }
  }
  BOOST_TEST(history.delta_from(Epoch{3}).empty());
  BOOST_TEST(history.delta_from(Epoch{4}).empty());
}

BOOST_AUTO_TEST_CASE(a_view_that_is_no_newer_changes_nothing) {
  ViewHistory history;
  history.add(view(5));
  history.add(view(5, "other"));
  history.add(view(4));
  BOOST_TEST((*history.newest() == *view(5)));
  BOOST_TEST(history.delta_from(Epoch{4}).empty());
}

BOOST_AUTO_TEST_CASE(no_delta_leads_from_the_views_of_another_cluster_or_another_making_of_it) {
  ViewHistory history;
  history.add(view(1));
  history.add(view(2, "other"));
  BOOST_TEST(history.delta_from(Epoch{1}).empty());
  history.add(view(3, "other", 2));
  BOOST_TEST(history.delta_from(Epoch{2}).empty());
  history.add(view(4, "other", 2));
  BOOST_TEST(!history.delta_from(Epoch{3}).empty());
}

BOOST_AUTO_TEST_CASE(so_many_views_before_the_newest_are_kept) {
  ViewHistory history;
  constexpr auto newest = static_cast<std::uint32_t>(limits::views_kept_max) + 2;
  for (std::uint32_t epoch = 1; epoch <= newest; ++epoch) history.add(view(epoch));
  BOOST_TEST(history.delta_from(Epoch{1}).empty());
  BOOST_TEST(!history.delta_from(Epoch{2}).empty());
}

BOOST_AUTO_TEST_CASE(where_the_delta_is_no_shorter_the_whole_is_the_way) {
  ViewHistory history;
  const auto alone = [](std::uint32_t epoch, const std::string& id) {
    std::vector<Member> members{{NodeId{id}, Incarnation{1}, "tcp://10.0.0.1:1", 1, {}, MemberState::up, {}}};
    const SlotTable table = next_table({}, {}, slot_members(members));
    return std::make_shared<const View>(
        View::make({"c", Epoch{epoch}, Term{1}, NodeId{id}, 1}, std::move(members), table).value());
  };
  history.add(alone(1, "a"));
  history.add(alone(2, "b"));  // each slot has another owner
  const Bytes delta = encode(delta_between(*alone(1, "a"), *alone(2, "b")));
  BOOST_TEST(history.delta_from(Epoch{1}).empty() == (delta.size() >= history.whole().size()));
  BOOST_TEST(delta.size() >= history.whole().size());
}

BOOST_AUTO_TEST_SUITE_END()
