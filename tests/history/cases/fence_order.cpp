#include "history/fence_order.hpp"

#include <boost/test/unit_test.hpp>

#include "history/wgl.hpp"
#include "scene.hpp"

using namespace reki;
using namespace reki::history;

namespace {

/// The rules that a scene breaks, by time. That it breaks none must be what the search finds, and the other way round.
std::vector<Rule> broken(Scene& scene) {
  FenceOrder fences{100};
  const bool fine = fences.check(scene.operations());
  Linearizability orders{{}};
  BOOST_TEST(orders.check(scene.operations()) == fine);
  std::vector<Rule> out;
  for (const Violation& v : fences.first()) out.push_back(v.rule);
  BOOST_TEST(out.empty() == fine);
  BOOST_TEST(fences.violations() == out.size());
  return out;
}

const std::vector<Rule> no_rule;
std::vector<Rule> only(Rule rule) { return {rule}; }

}  // namespace

BOOST_AUTO_TEST_SUITE(fence_order)

// went_back

BOOST_AUTO_TEST_CASE(a_lower_fence_after_a_higher_one_went_back) {
  BOOST_TEST((broken(Scene{}.running(5, 0, 10).running(4, 11, 20)) == only(Rule::went_back)));
  BOOST_TEST((broken(Scene{}.started(5, 0, 10).stopped(4, 11, 20)) == only(Rule::went_back)));
  BOOST_TEST((broken(Scene{}.running(5, 0, 10).started(4, 11, 20)) == only(Rule::went_back)));
}

BOOST_AUTO_TEST_CASE(an_equal_or_higher_fence_later_is_fine) {
  BOOST_TEST((broken(Scene{}.running(5, 0, 10).running(5, 11, 20).found(9, 21, 30)) == no_rule));
}

BOOST_AUTO_TEST_CASE(a_lower_fence_in_an_operation_that_overlaps_is_fine) {
  BOOST_TEST((broken(Scene{}.running(5, 0, 10).running(4, 5, 20)) == no_rule));
}

BOOST_AUTO_TEST_CASE(operations_that_touch_in_one_instant_overlap) {
  BOOST_TEST((broken(Scene{}.running(5, 0, 10).running(4, 10, 20)) == no_rule));
}

BOOST_AUTO_TEST_CASE(a_higher_epoch_is_higher_whatever_the_start_numbers) {
  const auto fence = [](std::uint32_t epoch, std::uint32_t start) {
    return Fence::make(Epoch{epoch}, StartNumber{start}).value;
  };
  BOOST_TEST((broken(Scene{}.running(fence(1, 90), 0, 10).running(fence(2, 1), 11, 20)) == no_rule));
  BOOST_TEST((broken(Scene{}.running(fence(2, 1), 0, 10).running(fence(1, 90), 11, 20)) == only(Rule::went_back)));
}

BOOST_AUTO_TEST_CASE(the_greatest_of_all_earlier_fences_counts_not_the_latest) {
  // 7 was answered by the shortest of three that overlap.
  BOOST_TEST((broken(Scene{}.running(7, 2, 3).running(6, 0, 9).running(5, 0, 10).running(6, 11, 20)) ==
              only(Rule::went_back)));
}

// start_not_new

BOOST_AUTO_TEST_CASE(a_start_with_a_fence_that_was_answered_before_is_not_new) {
  BOOST_TEST((broken(Scene{}.running(5, 0, 10).started(5, 11, 20)) == only(Rule::start_not_new)));
}

BOOST_AUTO_TEST_CASE(a_start_above_all_that_was_answered_before_is_new) {
  BOOST_TEST((broken(Scene{}.running(5, 0, 10).started(6, 11, 20)) == no_rule));
}

BOOST_AUTO_TEST_CASE(others_may_find_the_actor_before_its_starter_is_told) {
  BOOST_TEST((broken(Scene{}.started(5, 0, 30).running(5, 5, 10).running(5, 12, 20)) == no_rule));
}

BOOST_AUTO_TEST_CASE(a_retry_may_be_told_that_its_first_try_had_started_the_actor) {
  Scene scene;
  const auto a = scene.client(17);
  scene.unknown(a, Call::lookup_or_start, 0).running(5, 5, 10).started(a, 5, 20, 30);
  BOOST_TEST((broken(scene) == no_rule));
}

BOOST_AUTO_TEST_CASE(a_retry_cannot_have_started_what_was_found_before_its_first_try) {
  Scene scene;
  const auto a = scene.client(17);
  scene.running(5, 0, 10).unknown(a, Call::lookup_or_start, 11).started(a, 5, 20, 30);
  BOOST_TEST((broken(scene) == only(Rule::start_not_new)));
}

BOOST_AUTO_TEST_CASE(a_try_that_was_refused_has_started_nothing) {
  Scene scene;
  const auto a = scene.client(17);
  scene.failed(a, 0, 4).running(5, 5, 10).started(a, 5, 20, 30);
  BOOST_TEST((broken(scene) == only(Rule::start_not_new)));
}

BOOST_AUTO_TEST_CASE(the_tries_of_another_request_or_client_do_not_count) {
  Scene scene;
  const auto a = scene.client(17);
  const auto b = scene.client(17);
  scene.unknown(b, Call::lookup_or_start, 0).unknown({a.client, 18}, Call::lookup_or_start, 0);
  scene.running(5, 5, 10).started(a, 5, 20, 30);
  BOOST_TEST((broken(scene) == only(Rule::start_not_new)));
}

BOOST_AUTO_TEST_CASE(a_retry_is_told_of_an_actor_that_is_still_live) {
  Scene scene;
  const auto a = scene.client(17);
  scene.unknown(a, Call::lookup_or_start, 0).running(5, 5, 10).running(6, 11, 15).started(a, 5, 20, 30);
  BOOST_TEST((broken(scene) == only(Rule::went_back)));
}

// two_starters

BOOST_AUTO_TEST_CASE(two_requests_cannot_have_started_one_actor_even_at_once) {
  BOOST_TEST((broken(Scene{}.started(5, 0, 10).started(5, 0, 10)) == only(Rule::two_starters)));
  Scene of_one_client;
  const auto a = of_one_client.client(17);
  of_one_client.started(a, 5, 0, 10).started({a.client, 18}, 5, 0, 10);
  BOOST_TEST((broken(of_one_client) == only(Rule::two_starters)));
  Scene without_retries;
  const auto b = without_retries.client(0);
  without_retries.started(b, 5, 0, 10).started(b, 5, 0, 10);
  BOOST_TEST((broken(without_retries) == only(Rule::two_starters)));
}

BOOST_AUTO_TEST_CASE(one_request_may_be_told_twice_that_it_started_the_actor) {
  Scene scene;
  const auto a = scene.client(17);
  scene.started(a, 5, 0, 10).started(a, 5, 20, 30);
  BOOST_TEST((broken(scene) == no_rule));
}

BOOST_AUTO_TEST_CASE(two_starts_that_overlap_may_have_different_fences) {
  BOOST_TEST((broken(Scene{}.started(5, 0, 10).started(6, 0, 10)) == no_rule));
}

// over_already

BOOST_AUTO_TEST_CASE(nothing_answers_a_fence_once_its_stop_was_answered) {
  BOOST_TEST((broken(Scene{}.stopped(5, 0, 10).running(5, 11, 20)) == only(Rule::over_already)));
  BOOST_TEST((broken(Scene{}.stopped(5, 0, 10).started(5, 11, 20)) == only(Rule::over_already)));
  BOOST_TEST((broken(Scene{}.stopped(5, 0, 10).stopped(5, 11, 20)) == only(Rule::over_already)));
}

BOOST_AUTO_TEST_CASE(a_new_start_may_follow_a_stop) {
  BOOST_TEST((broken(Scene{}.stopped(5, 0, 10).started(6, 11, 20).stopped(6, 21, 30)) == no_rule));
}

BOOST_AUTO_TEST_CASE(stops_that_overlap_may_be_told_of_the_same_end) {
  BOOST_TEST((broken(Scene{}.stopped(5, 0, 10).stopped(5, 5, 20)) == no_rule));
}

BOOST_AUTO_TEST_CASE(stops_of_one_end_all_overlap) {
  // Each overlaps the middle one.
  BOOST_TEST((broken(Scene{}.stopped(5, 0, 10).stopped(5, 5, 25).stopped(5, 20, 30)) == only(Rule::over_already)));
}

// was_not_running

BOOST_AUTO_TEST_CASE(an_actor_does_not_come_back_after_the_key_was_not_running) {
  BOOST_TEST((broken(Scene{}.running(5, 0, 10).not_running(11, 20).running(5, 21, 30)) == only(Rule::was_not_running)));
  BOOST_TEST(
      (broken(Scene{}.running(5, 0, 10).nothing_to_stop(11, 20).running(5, 21, 30)) == only(Rule::was_not_running)));
  BOOST_TEST((broken(Scene{}.running(5, 0, 10).stopped(0, 11, 20).running(5, 21, 30)) == only(Rule::was_not_running)));
}

BOOST_AUTO_TEST_CASE(an_actor_may_have_begun_in_the_look_up_that_did_not_find_it) {
  BOOST_TEST((broken(Scene{}.running(5, 0, 15).not_running(11, 20).running(5, 21, 30)) == no_rule));
}

BOOST_AUTO_TEST_CASE(an_actor_may_have_ended_in_the_look_up_that_did_not_find_it) {
  BOOST_TEST((broken(Scene{}.running(5, 0, 10).not_running(11, 20).running(5, 15, 30)) == no_rule));
}

BOOST_AUTO_TEST_CASE(another_start_may_follow_not_running) {
  BOOST_TEST((broken(Scene{}.running(5, 0, 10).not_running(11, 20).running(6, 21, 30)) == no_rule));
}

BOOST_AUTO_TEST_CASE(a_stop_may_be_told_of_an_actor_that_a_look_up_did_not_find_any_more) {
  BOOST_TEST((broken(Scene{}.running(5, 0, 10).not_running(11, 20).stopped(5, 21, 30)) == no_rule));
}

BOOST_AUTO_TEST_CASE(a_stop_that_found_nothing_leaves_nothing_to_a_later_stop) {
  BOOST_TEST(
      (broken(Scene{}.running(5, 0, 10).nothing_to_stop(11, 20).stopped(5, 21, 30)) == only(Rule::was_not_running)));
  BOOST_TEST((broken(Scene{}.running(5, 0, 10).stopped(0, 11, 20).stopped(5, 21, 30)) == only(Rule::was_not_running)));
}

// What is allowed, and reports

BOOST_AUTO_TEST_CASE(crashes_restarts_and_lost_answers_break_no_rule) {
  BOOST_TEST((broken(Scene{}
                         .started(1, 0, 10)
                         .not_running(11, 20)  // passivated
                         .running(4, 21, 30)   // started by one whose answer was lost, after two more
                         .unknown(Call::stop, 25)
                         .not_running(31, 40)
                         .started(5, 41, 50)
                         .running(7, 51, 60)) == no_rule));
}

BOOST_AUTO_TEST_CASE(an_unknown_stop_says_nothing) {
  BOOST_TEST((broken(Scene{}.running(5, 0, 10).unknown(Call::stop, 2).running(5, 11, 20)) == no_rule));
}

BOOST_AUTO_TEST_CASE(the_first_violations_are_kept_and_all_are_counted) {
  Scene scene;
  scene.running(500, 0, 1);
  for (std::int64_t i = 10; i > 0; --i) scene.running(100, 10 * i, 10 * i + 5);
  FenceOrder fences{3};
  BOOST_TEST(!fences.check(scene.operations()));
  BOOST_TEST(fences.violations() == 10);
  std::vector<std::int64_t> returns;
  for (const Violation& v : fences.first()) returns.push_back(v.later.returned.ns);
  BOOST_TEST((returns == std::vector<std::int64_t>{15, 25, 35}));
}

BOOST_AUTO_TEST_CASE(a_violation_is_described_with_all_of_its_operations) {
  Scene scene;
  scene.running(5, 0, 10).not_running(11, 20).running(5, 21, 30);
  FenceOrder fences{1};
  BOOST_TEST(!fences.check(scene.operations()));
  BOOST_TEST(describe(scene.history, fences.first().front()) ==
             "key k: was_not_running: an actor that was seen before the key was answered not to run was seen again "
             "afterwards\n"
             "  first  c0 lookup(k) = running 0:5 from 0.000000000 to 0.000000010 s\n"
             "  then   c1 lookup(k) = not_running from 0.000000011 to 0.000000020 s\n"
             "  then   c2 lookup(k) = running 0:5 from 0.000000021 to 0.000000030 s");
}

BOOST_AUTO_TEST_SUITE_END()
