// An actor that crashes takes nothing along, and its key never has two.
#include "place.hpp"

using namespace ancestors;

namespace {

/// It has crashed when this returns.
template <class A>
void crash(const ActorRef<A>& ref) {
  const auto answer = ref.call(Crash{}).get();
  BOOST_REQUIRE(!answer);
  BOOST_TEST((answer.error().code == ErrorCode::actor_crashed));
  BOOST_TEST(answer.error().text.find("crashed as asked") != std::string::npos);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(crashes, Place)

BOOST_AUTO_TEST_CASE(a_crash_ends_that_start_and_the_key_goes_on_afresh) {
  const auto first = found_or_started(key("a"));
  BOOST_TEST(first.call(Add{2}).get().value() == 2);
  crash(first);
  BOOST_TEST(!is_alive(first));
  const auto second = found_or_started(key("a"));
  BOOST_TEST((second.fence() > first.fence()));
  BOOST_TEST(sum(second) == 0);
}

BOOST_AUTO_TEST_CASE(a_key_that_was_restarted_works_on) {
  const auto ref = found_or_started(key("a"));
  crash(ref);
  BOOST_TEST(ref.call(Add{}).get().value() == 1);
  BOOST_TEST(ref.call(Add{}).get().value() == 2);
}

BOOST_AUTO_TEST_CASE(after_crashes_and_look_ups_a_key_has_one_actor) {
  Marks marks;
  const auto ref = found_or_started(key("a"), {.marks = marks.folder()});
  for (int i = 0; i < 5; ++i) {
    crash(ref);
    found_or_started(key("a"), {.marks = marks.folder()});
  }
  BOOST_TEST(marks.count() == 1U);
  BOOST_TEST(count() == 1U);
}

BOOST_AUTO_TEST_CASE(one_that_is_not_restarted_is_not_running_once_its_crash_is_answered) {
  const auto ref = found_or_started<Mortal>(key("a"));
  crash(ref);
  BOOST_TEST((lookup<Mortal>(key("a")) == ErrorCode::not_running));
}

BOOST_AUTO_TEST_CASE(one_that_is_not_restarted_can_be_started_anew) {
  const auto first = found_or_started<Mortal>(key("a"), {.initial = 5});
  crash(first);
  const auto second = found_or_started<Mortal>(key("a"));
  BOOST_TEST(second.started());
  BOOST_TEST(!is_alive(first));
  BOOST_TEST(sum(second) == 0);
}

BOOST_AUTO_TEST_CASE(a_crash_harms_no_other_key) {
  const auto victim = found_or_started(key("a"));
  const auto neighbour = found_or_started(key("b"));
  BOOST_TEST(neighbour.call(Add{3}).get().value() == 3);
  crash(victim);
  BOOST_TEST(is_alive(neighbour));
  BOOST_TEST(sum(neighbour) == 3);
}

BOOST_AUTO_TEST_CASE(keys_that_crash_together_all_go_on_afresh) {
  const auto wanted = keys(3);
  for (const auto& k : wanted) found_or_started(k).call(Add{}).get().value();
  for (const auto& answer : all_at_once(3, [&](int i) {
         return registry().call<Worker>(wanted[static_cast<std::size_t>(i)], Crash{});
       })) {
    BOOST_TEST((code(answer) == ErrorCode::actor_crashed));
  }
  for (const auto& k : wanted) BOOST_TEST(sum(found_or_started(k)) == 0);
  BOOST_TEST(count() == 3U);
}

BOOST_AUTO_TEST_CASE(one_that_crashes_right_after_its_start_can_be_started_anew) {
  const auto first = registry().lookup_or_start<Mortal>(key("a"), {.fault = "crash"}).get().value();
  BOOST_TEST(eventually([&] { return lookup<Mortal>(key("a")) == ErrorCode::not_running; }));
  const auto second = found_or_started<Mortal>(key("a"));
  BOOST_TEST((second.fence() > first.fence()));
  BOOST_TEST(sum(second) == 0);
}

BOOST_AUTO_TEST_CASE(the_end_of_one_start_is_never_taken_for_that_of_the_next) {
  for (int i = 0; i < 20; ++i) {
    const auto ref = found_or_started<Mortal>(key("a"));
    BOOST_TEST(ref.started());
    crash(ref);
    const auto next = found_or_started<Mortal>(key("a"));
    BOOST_TEST(next.started());
    BOOST_TEST(same(registry().lookup<Mortal>(key("a")).get().value(), next));
    BOOST_TEST(count<Mortal>() == 1U);
    done(next.call(Leave{}));
  }
}

BOOST_AUTO_TEST_SUITE_END()
