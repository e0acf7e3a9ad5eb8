// What all nodes of a cluster agree on: what may be, what a view carries, and what a node that disagrees is told.
#include "reki/core/view/settings.hpp"

#include <boost/test/unit_test.hpp>

#include "reki/core/membership/timing.hpp"
#include "reki/core/view/view.hpp"
#include "reki/core/view/view_delta.hpp"

using namespace reki;
using namespace std::chrono_literals;

namespace {

const Settings lan{};
const Settings cloud{membership::cloud().lease, membership::cloud().wait, EngineKind::embedded};

View view_of(const Settings& settings, std::uint32_t epoch, bool votes) {
  ViewHead head{"shop", Epoch{epoch}, Term{1}, NodeId{"n1"}, 7, {}, {}, settings};
  if (votes) head.voters.push_back({1, 5, NodeId{"n1"}, "tcp://10.0.0.1:17101"});
  return View::make(std::move(head), {}, {}).value();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(settings)

BOOST_AUTO_TEST_CASE(by_default_they_are_those_of_lan) {
  BOOST_TEST((lan == Settings{membership::lan().lease, membership::lan().wait, EngineKind::embedded}));
  BOOST_TEST(is_sound(lan));
  BOOST_TEST(is_sound(cloud));
}

BOOST_AUTO_TEST_CASE(a_wait_that_leaves_clocks_no_room_is_refused_and_so_is_no_view_made_of_it) {
  BOOST_TEST(is_sound({900ms, 1101ms, EngineKind::embedded}));
  BOOST_TEST(!is_sound({900ms, 1100ms, EngineKind::embedded}));
  BOOST_TEST(!is_sound({0ms, 1s, EngineKind::embedded}));
  BOOST_TEST(!is_sound({-1ms, 1s, EngineKind::embedded}));
  BOOST_TEST(!is_sound({1s, 60'001ms, EngineKind::embedded}));
  BOOST_TEST(!is_sound({650'500us, 2s, EngineKind::embedded}));
  BOOST_TEST(!is_sound({650ms, 850ms, EngineKind{2}}));
  ViewHead head{"shop", Epoch{1}, Term{1}, NodeId{}, 7, {}, {}, {900ms, 1s, EngineKind::embedded}};
  BOOST_TEST(!View::make(head, {}, {}).has_value());
}

BOOST_AUTO_TEST_CASE(a_view_with_voters_has_no_other_engine) {
  ViewHead head{"shop", Epoch{1}, Term{1}, NodeId{}, 7, {{1, 5, NodeId{"n1"}, "tcp://10.0.0.1:17101"}}, {}, {.engine = EngineKind::etcd}};
  BOOST_TEST(!View::make(head, {}, {}).has_value());
}

BOOST_AUTO_TEST_CASE(they_survive_a_views_encoding_and_a_deltas) {
  const Settings in_etcd{650ms, 850ms, EngineKind::etcd};
  for (const bool votes : {false, true}) {
    for (const Settings& s : {lan, cloud, in_etcd}) {
      if (votes && s.engine == EngineKind::etcd) continue;
      const View before = view_of(lan, 1, votes);
      const View after = view_of(s, 2, votes);
      BOOST_TEST((decode_view(encode(after)).value() == after));
      const auto delta = decode_view_delta(encode(delta_between(before, after)));
      BOOST_TEST((apply(before, delta.value()).value() == after));
    }
  }
}

BOOST_AUTO_TEST_CASE(those_of_lan_cost_a_view_no_byte) {
  BOOST_TEST(encode(view_of(cloud, 1, true)).size() > encode(view_of(lan, 1, true)).size());
  BOOST_TEST(static_cast<unsigned char>(encode(view_of(lan, 1, true))[0]) == 0x99);
}

BOOST_AUTO_TEST_CASE(who_agrees_may_join) {
  BOOST_TEST(check_agreement(lan, lan).has_value());
  BOOST_TEST(check_agreement(cloud, cloud).has_value());
}

BOOST_AUTO_TEST_CASE(who_does_not_is_told_each_setting_both_values_and_what_to_do) {
  BOOST_TEST(check_agreement(lan, cloud).error().text ==
             "profile: the cluster's is \"lan\" (leases of 650 ms, waited for 850 ms), this node's config says "
             "\"cloud\" (leases of 1500 ms, waited for 2000 ms); correct [cluster] in the node's config and start it again");
  BOOST_TEST(check_agreement(lan, {650ms, 850ms, EngineKind::etcd}).error().text ==
             "engine: the cluster's is \"embedded\", this node's config says \"etcd\"; correct [cluster] in the node's config "
             "and start it again");
  const auto both = check_agreement({650ms, 850ms, EngineKind::etcd}, cloud);
  BOOST_TEST(both.error().text.find("profile: ") != std::string::npos);
  BOOST_TEST(both.error().text.find("; engine: ") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
