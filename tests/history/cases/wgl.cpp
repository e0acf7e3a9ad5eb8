#include "history/wgl.hpp"

#include <boost/test/unit_test.hpp>

#include "scene.hpp"

using namespace reki;
using namespace reki::history;

namespace {

bool has_order(Scene& scene, Faults faults = Faults::allowed) {
  Linearizability orders{{.faults = faults}};
  return orders.check(scene.operations());
}
bool without_faults(Scene& scene) { return has_order(scene, Faults::none); }

}  // namespace

// With faults allowed, each rule's scenes are in fence_order.cpp, which asks the search too.
BOOST_AUTO_TEST_SUITE(wgl)

// Nothing but what is recorded

BOOST_AUTO_TEST_CASE(without_faults_a_start_is_found_until_it_is_stopped) {
  BOOST_TEST(without_faults(Scene{}.started(5, 0, 10).running(5, 11, 20).stopped(5, 21, 30).not_running(31, 40)));
}

BOOST_AUTO_TEST_CASE(without_faults_an_actor_does_not_vanish) {
  BOOST_TEST(!without_faults(Scene{}.started(5, 0, 10).not_running(11, 20)));
  BOOST_TEST(!without_faults(Scene{}.started(5, 0, 10).nothing_to_stop(11, 20)));
  BOOST_TEST(!without_faults(Scene{}.started(5, 0, 10).started(6, 11, 20)));
  BOOST_TEST(has_order(Scene{}.started(5, 0, 10).not_running(11, 20).started(6, 21, 30)));
}

BOOST_AUTO_TEST_CASE(without_faults_an_actor_does_not_come_from_nowhere) {
  BOOST_TEST(!without_faults(Scene{}.running(5, 0, 10)));
  BOOST_TEST(!without_faults(Scene{}.stopped(5, 0, 10)));
  BOOST_TEST(!without_faults(Scene{}.started(5, 0, 10).running(6, 11, 20)));
  BOOST_TEST(has_order(Scene{}.running(5, 0, 10)));
}

BOOST_AUTO_TEST_CASE(without_faults_a_look_up_finds_nothing_while_a_stop_waits) {
  BOOST_TEST(without_faults(Scene{}.started(5, 0, 10).stopped(5, 11, 40).not_running(20, 30)));
  BOOST_TEST(!without_faults(Scene{}.started(5, 0, 10).stopped(5, 31, 40).not_running(20, 30)));
}

BOOST_AUTO_TEST_CASE(without_faults_a_closing_actor_is_not_found_again) {
  BOOST_TEST(!without_faults(Scene{}.started(5, 0, 10).stopped(5, 11, 50).not_running(20, 30).running(5, 31, 40)));
}

BOOST_AUTO_TEST_CASE(without_faults_stops_that_wait_together_are_told_of_one_end) {
  BOOST_TEST(without_faults(Scene{}.started(5, 0, 10).stopped(5, 11, 40).not_running(15, 20).stopped(5, 21, 40)));
  BOOST_TEST(!without_faults(Scene{}.started(5, 0, 10).stopped(5, 11, 20).stopped(5, 21, 40)));
}

BOOST_AUTO_TEST_CASE(without_faults_a_stop_that_is_not_told_which_ends_what_there_is) {
  BOOST_TEST(without_faults(Scene{}.started(5, 0, 10).stopped(0, 11, 20).started(6, 21, 30)));
  BOOST_TEST(!without_faults(Scene{}.started(5, 0, 10).stopped(0, 11, 20).running(5, 21, 30)));
}

// Unknown outcomes

BOOST_AUTO_TEST_CASE(an_unknown_start_may_have_happened_at_any_later_time_or_never) {
  BOOST_TEST(without_faults(Scene{}.unknown(Call::lookup_or_start, 0).running(5, 11, 20)));
  BOOST_TEST(without_faults(Scene{}.unknown(Call::lookup_or_start, 0).not_running(11, 20).running(5, 21, 30)));
  BOOST_TEST(without_faults(Scene{}.unknown(Call::lookup_or_start, 0).not_running(11, 20)));
  BOOST_TEST(without_faults(Scene{}.unknown(Call::lookup_or_start, 0).stopped(5, 11, 20)));
}

BOOST_AUTO_TEST_CASE(an_unknown_start_happens_once_and_not_before_it_was_sent) {
  BOOST_TEST(!without_faults(Scene{}.running(5, 0, 10).unknown(Call::lookup_or_start, 11)));
  BOOST_TEST(!without_faults(Scene{}.unknown(Call::lookup_or_start, 0).stopped(5, 11, 20).running(6, 21, 30)));
  BOOST_TEST(!without_faults(Scene{}.unknown(Call::lookup_or_start, 0).running(5, 11, 20).running(6, 21, 30)));
}

BOOST_AUTO_TEST_CASE(an_unknown_start_is_newer_than_what_was_there) {
  BOOST_TEST(without_faults(
      Scene{}.started(5, 0, 10).stopped(5, 11, 20).unknown(Call::lookup_or_start, 12).running(6, 21, 30)));
  BOOST_TEST(!without_faults(
      Scene{}.started(5, 0, 10).stopped(5, 11, 20).unknown(Call::lookup_or_start, 12).running(4, 21, 30)));
}

BOOST_AUTO_TEST_CASE(an_unknown_stop_may_have_happened_at_any_later_time_or_never) {
  BOOST_TEST(without_faults(Scene{}.started(5, 0, 10).unknown(Call::stop, 5).running(5, 11, 20).not_running(21, 30)));
  BOOST_TEST(without_faults(Scene{}.started(5, 0, 10).unknown(Call::stop, 5).running(5, 11, 20)));
  BOOST_TEST(without_faults(Scene{}.started(5, 0, 10).unknown(Call::stop, 5).started(6, 11, 20)));
  BOOST_TEST(!without_faults(Scene{}.started(5, 0, 10).not_running(11, 20).unknown(Call::stop, 21)));
}

BOOST_AUTO_TEST_CASE(an_unknown_stop_happens_once) {
  BOOST_TEST(!without_faults(Scene{}.started(5, 0, 10).unknown(Call::stop, 5).started(6, 11, 20).started(7, 21, 30)));
}

BOOST_AUTO_TEST_CASE(an_unknown_stop_that_closed_one_start_ends_no_other) {
  // Nothing but that stop can have hidden 1 from the look-ups, or else have ended 4. The look-ups fill several windows.
  const auto fits = [](bool hidden) {
    Scene scene;
    scene.started(1, 0, 5).unknown(Call::stop, 6);
    for (std::int64_t i = 1; i <= 20; ++i)
      hidden ? scene.not_running(10 * i, 10 * i + 5) : scene.running(1, 10 * i, 10 * i + 5);
    scene.stopped(1, 300, 310).started(4, 320, 330).started(6, 340, 350);
    bool out = true;
    for (const std::size_t window : {8U, 64U}) {
      Linearizability orders{{.faults = Faults::none, .window = window}};
      const bool has = orders.check(scene.operations());
      BOOST_TEST(orders.skipped() == 0);
      if (window == 8U) out = has;
      BOOST_TEST(has == out);
    }
    return out;
  };
  BOOST_TEST(fits(false));
  BOOST_TEST(!fits(true));
}

// Windows

BOOST_AUTO_TEST_CASE(a_contradiction_across_a_cut_is_found) {
  // The look-up of 5 is open over many windows, and can have its place only where 5 was live: before the first.
  const auto scene = [](std::int64_t open_from) {
    Scene out;
    out.running(5, open_from, 10'000);
    for (std::int64_t i = 0; i < 200; ++i) out.running(6, 10 * i + 10, 10 * i + 15);
    return out;
  };
  Linearizability orders{{.window = 8}};
  Scene open_before = scene(0);
  BOOST_TEST(orders.check(open_before.operations()));
  BOOST_TEST(orders.windows() > 20);
  Scene open_too_late = scene(16);
  BOOST_TEST(!orders.check(open_too_late.operations()));
  BOOST_TEST(orders.skipped() == 0);
}

BOOST_AUTO_TEST_CASE(a_place_is_kept_open_until_a_later_window_decides) {
  // Either of 6 and 7 may have been first; the last answer, windows later, says which.
  const auto scene = [](std::uint64_t last) {
    Scene out;
    out.started(6, 0, 1000).started(7, 0, 1000);
    for (std::int64_t i = 0; i < 50; ++i) out.not_running(10 * i + 1, 10 * i + 5);
    out.running(last, 900, 910).running(7, 920, 930);
    return out;
  };
  const auto fits = [&](std::uint64_t last) {
    Linearizability orders{{.window = 8}};
    Scene out = scene(last);
    return orders.check(out.operations());
  };
  BOOST_TEST(fits(6));
  BOOST_TEST(fits(7));
  BOOST_TEST(!fits(8));
}

BOOST_AUTO_TEST_CASE(a_window_with_too_many_open_operations_is_counted_and_what_follows_is_checked) {
  Scene scene;
  for (int i = 0; i < 100; ++i)
    scene.not_running(i, 1000 + i).stopped(static_cast<std::uint64_t>(1000 - i), i, 1000 + i);
  for (int i = 0; i < 100; ++i) scene.running(2000, 2000 + 10 * i, 2005 + 10 * i);
  scene.running(1999, 4000, 4010);
  Linearizability orders{{.configurations_max = 1000}};
  BOOST_TEST(!orders.check(scene.operations()));
  BOOST_TEST(orders.skipped() > 0);
  BOOST_TEST(orders.contradictions() == 1);
}

BOOST_AUTO_TEST_CASE(behind_a_skipped_window_fences_still_do_not_go_back) {
  Scene scene;
  for (int i = 0; i < 100; ++i) scene.stopped(std::uint64_t{900} + static_cast<std::uint64_t>(i), i, 1000 + i);
  for (int i = 0; i < 100; ++i) scene.not_running(2000 + 10 * i, 2005 + 10 * i);
  scene.running(998, 4000, 4010);
  Linearizability orders{{.configurations_max = 10}};
  BOOST_TEST(!orders.check(scene.operations()));
  BOOST_TEST(orders.skipped() > 0);
}

BOOST_AUTO_TEST_CASE(without_faults_a_key_is_left_behind_a_window_that_is_given_up) {
  Scene scene;
  for (int i = 0; i < 100; ++i) scene.unknown(Call::stop, i);
  scene.running(5, 2000, 2010);
  Linearizability orders{{.faults = Faults::none}};
  BOOST_TEST(orders.check(scene.operations()));
  BOOST_TEST(orders.skipped() == 1);
  BOOST_TEST(orders.contradictions() == 0);
}

BOOST_AUTO_TEST_CASE(a_contradiction_is_described_with_what_fits_and_what_does_not) {
  Scene scene;
  scene.started(5, 0, 10).stopped(5, 11, 20).running(5, 21, 30);
  Linearizability orders{{}};
  BOOST_TEST(!orders.check(scene.operations()));
  BOOST_REQUIRE(orders.first().size() == 1);
  BOOST_TEST(describe(scene.history, orders.first().front()) ==
             "key k: no order of its operations explains their answers\n"
             "  these can be put in order, after those before them:\n"
             "    c0 lookup_or_start(k) = started 0:5 from 0.000000000 to 0.000000010 s\n"
             "    c1 stop(k) = stopped 0:5 from 0.000000011 to 0.000000020 s\n"
             "  then the key is not running, last fence 0:5, and with none of these next can the others follow:\n"
             "    c2 lookup(k) = running 0:5 from 0.000000021 to 0.000000030 s");
}

BOOST_AUTO_TEST_SUITE_END()
