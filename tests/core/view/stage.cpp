// The pairs of lease and wait that views have, and how people are told of them.
#include "reki/core/view/stage.hpp"

#include <boost/test/unit_test.hpp>

#include "reki/core/membership/timing.hpp"

using namespace reki;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(stage)

BOOST_AUTO_TEST_CASE(the_profiles_are_as_their_timing_says_and_mix_has_the_short_lease_and_the_long_wait) {
  const auto pair = [](Stage s) {
    const Settings of = with_stage({}, s);
    BOOST_TEST(is_sound(of));
    BOOST_TEST((stage_of(of) == s));
    return std::pair{of.lease, of.wait};
  };
  BOOST_TEST((pair(Stage::lan) == std::pair{membership::lan().lease, membership::lan().wait}));
  BOOST_TEST((pair(Stage::cloud) == std::pair{membership::cloud().lease, membership::cloud().wait}));
  BOOST_TEST((pair(Stage::mix) == std::pair{membership::lan().lease, membership::cloud().wait}));
  BOOST_TEST((stage_of(Settings{900ms, 2s, EngineKind::embedded}) == Stage::other));
}

BOOST_AUTO_TEST_CASE(the_long_lease_with_the_short_wait_is_no_pair_that_a_view_could_have) {
  BOOST_TEST(!is_sound({membership::cloud().lease, membership::lan().wait, EngineKind::embedded}));
}

BOOST_AUTO_TEST_CASE(a_stage_leaves_the_engine_as_it_is) {
  BOOST_TEST((with_stage({.engine = EngineKind::etcd}, Stage::cloud).engine == EngineKind::etcd));
}

BOOST_AUTO_TEST_CASE(an_end_may_be_noticed_half_of_the_wait_late_and_in_mix_as_if_the_next_view_were_here) {
  BOOST_TEST((lateness_of(with_stage({}, Stage::lan)) == 100ms));
  BOOST_TEST((lateness_of(with_stage({}, Stage::mix)) == 100ms));
  BOOST_TEST((lateness_of(with_stage({}, Stage::cloud)) == 250ms));
  BOOST_TEST((lateness_of({1s, 2s, EngineKind::embedded}) == 500ms));
}

BOOST_AUTO_TEST_CASE(people_are_told_name_and_numbers) {
  BOOST_TEST(describe_stage(with_stage({}, Stage::cloud)) == "\"cloud\" (leases of 1500 ms, waited for 2000 ms)");
  BOOST_TEST(describe_stage(with_stage({}, Stage::mix)) ==
             "on its way from \"cloud\" to \"lan\" (leases of 650 ms, waited for 2000 ms)");
  BOOST_TEST(describe_stage({900ms, 2s, EngineKind::embedded}) == "one of its own (leases of 900 ms, waited for 2000 ms)");
}

BOOST_AUTO_TEST_SUITE_END()
