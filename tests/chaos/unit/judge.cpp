#include "judge.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <string>

namespace {

using namespace chaos;

/// Writes witnesses of two processes, in milliseconds.
struct Log {
  std::vector<WitnessRecord> records;
  std::vector<Freeze> freezes;

  WitnessRecord& at(std::int64_t ms, WitnessEvent event, std::uint32_t process, std::uint64_t fence,
                    std::uint64_t message = 0, const std::string& key = "k") {
    WitnessRecord record;
    record.at_ns = ms * 1'000'000;
    record.process = process;
    record.pid = record.tid = process;
    record.key_hash = std::hash<std::string>{}(key);
    record.key_bytes = static_cast<std::uint8_t>(key.copy(record.key_text, sizeof record.key_text));
    record.fence = fence;
    record.message = message;
    record.event = event;
    records.push_back(record);
    return records.back();
  }
  void start(std::int64_t ms, std::uint32_t process, std::uint64_t fence) {
    at(ms, WitnessEvent::start_begin, process, fence);
    at(ms, WitnessEvent::started, process, fence);
  }
  void handler(std::int64_t from, std::int64_t to, std::uint32_t process, std::uint64_t fence, std::uint64_t message) {
    at(from, WitnessEvent::handler_begin, process, fence, message);
    at(to, WitnessEvent::handler_end, process, fence, message);
  }
  void freeze(std::uint32_t pid, std::int64_t from, std::int64_t to) {
    freezes.push_back({pid, from * 1'000'000, to * 1'000'000});
  }

  /// Exactly these were found, whatever the order of the files.
  void check(std::map<Kind, std::uint64_t> expected) {
    for (int reversed = 0; reversed < 2; ++reversed) {
      const Verdict verdict = judge(records, freezes);
      for (std::size_t i = 0; i < kinds; ++i) {
        const Kind kind{static_cast<std::uint8_t>(i)};
        BOOST_TEST(verdict.count(kind) == expected[kind], name_of(kind) << ": " << verdict.count(kind));
      }
      bool kept = true;
      for (const auto& [kind, count] : expected) kept = kept && !(count > 0 && breaks_the_promise(kind));
      BOOST_TEST(verdict.promise_is_kept() == kept);
      std::stable_partition(records.begin(), records.end(), [](const auto& record) { return record.process == 2; });
    }
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(judge, Log)

BOOST_AUTO_TEST_CASE(one_actor_after_the_other_is_in_order) {
  start(0, 1, 10);
  handler(1, 2, 1, 10, 1);
  at(2, WitnessEvent::output_accepted, 2, 10, 1);
  handler(3, 9, 1, 10, 2);
  at(9, WitnessEvent::stop, 1, 10);
  start(10, 2, 11);
  handler(11, 12, 2, 11, 3);
  check({});
  const Verdict verdict = chaos::judge(records, {});
  BOOST_TEST(verdict.keys == 1U);
  BOOST_TEST(verdict.starts == 2U);
  BOOST_TEST(verdict.handlers == 3U);
  BOOST_TEST(verdict.outputs == 1U);
  BOOST_TEST(verdict.take_overs == 1U);
}

BOOST_AUTO_TEST_CASE(a_message_admitted_after_a_newer_start_is_class_a) {
  start(0, 1, 10);
  start(10, 2, 11);
  handler(11, 12, 1, 10, 1);
  check({{Kind::class_a, 1}});
  const Example example = chaos::judge(records, {}).examples.at(0);
  BOOST_TEST(example.key == "k");
  BOOST_TEST(example.record.fence == 10U);
  BOOST_TEST(example.record.message == 1U);
  BOOST_TEST(example.newer_fence == 11U);
  BOOST_TEST(example.newer_at_ns == 10'000'000);
}

BOOST_AUTO_TEST_CASE(it_is_class_a_also_without_its_end_and_after_several_take_overs) {
  start(0, 1, 10);
  start(10, 2, 11);
  start(20, 1, 12);
  at(25, WitnessEvent::handler_begin, 1, 10, 1);
  at(26, WitnessEvent::handler_begin, 2, 11, 2);
  check({{Kind::class_a, 2}});
}

BOOST_AUTO_TEST_CASE(a_newer_start_counts_from_its_begin_and_not_from_its_end) {
  start(0, 1, 10);
  at(10, WitnessEvent::start_begin, 2, 11);
  handler(11, 12, 1, 10, 1);
  at(20, WitnessEvent::started, 2, 11);
  check({{Kind::class_a, 1}});
}

BOOST_AUTO_TEST_CASE(a_handler_that_outlasts_a_take_over_is_class_b_and_allowed_without_effect) {
  start(0, 1, 10);
  handler(5, 50, 1, 10, 1);
  at(8, WitnessEvent::output_accepted, 2, 10, 1);  // before the take-over
  start(10, 2, 11);
  check({{Kind::class_b, 1}});
}

BOOST_AUTO_TEST_CASE(its_output_after_the_take_over_breaks_the_promise) {
  start(0, 1, 10);
  handler(5, 50, 1, 10, 1);
  start(10, 2, 11);
  at(51, WitnessEvent::output_accepted, 3, 10, 1);
  check({{Kind::class_b_with_effect, 1}});
}

BOOST_AUTO_TEST_CASE(so_does_the_output_of_a_handler_whose_end_or_begin_is_missing) {
  start(0, 1, 10);
  at(5, WitnessEvent::handler_begin, 1, 10, 1);
  start(10, 2, 11);
  at(51, WitnessEvent::output_accepted, 3, 10, 1);
  at(52, WitnessEvent::output_accepted, 3, 10, 99);
  check({{Kind::class_b_with_effect, 2}, {Kind::unfinished, 1}});
}

BOOST_AUTO_TEST_CASE(an_output_that_was_still_under_way_is_late_and_no_more) {
  start(0, 1, 10);
  handler(5, 9, 1, 10, 1);
  start(10, 2, 11);
  at(11, WitnessEvent::output_accepted, 3, 10, 1);
  check({{Kind::late_output, 1}});
}

BOOST_AUTO_TEST_CASE(a_killed_handler_is_unfinished) {
  start(0, 1, 10);
  at(5, WitnessEvent::handler_begin, 1, 10, 1);
  start(10, 2, 11);
  check({{Kind::unfinished, 1}});
}

BOOST_AUTO_TEST_CASE(the_first_message_after_a_thaw_may_have_been_admitted_before_it) {
  start(0, 1, 10);
  freeze(1, 5, 100);
  start(50, 2, 11);
  handler(101, 102, 1, 10, 1);
  check({{Kind::frozen_admission, 1}});
}

BOOST_AUTO_TEST_CASE(but_not_the_second_of_its_thread) {
  start(0, 1, 10);
  freeze(1, 5, 100);
  start(50, 2, 11);
  handler(101, 102, 1, 10, 1);
  handler(103, 104, 1, 10, 2);
  check({{Kind::frozen_admission, 1}, {Kind::class_a, 1}});
}

BOOST_AUTO_TEST_CASE(nor_one_after_the_end_of_the_handler_that_was_frozen) {
  start(0, 1, 10);
  handler(4, 101, 1, 10, 1);
  freeze(1, 5, 100);
  start(50, 2, 11);
  handler(102, 103, 1, 10, 2);
  check({{Kind::class_b, 1}, {Kind::class_a, 1}});
}

BOOST_AUTO_TEST_CASE(nor_one_long_after_the_thaw_or_in_a_freeze_that_began_too_late_or_elsewhere) {
  start(0, 1, 10);
  freeze(1, 60, 100);
  freeze(2, 5, 100);
  start(50, 2, 11);
  handler(101, 102, 1, 10, 1);  // frozen only after the take-over: the gate was shut by then
  check({{Kind::class_a, 1}});
  freezes.clear();
  freeze(1, 5, 100);
  records.erase(records.end() - 2, records.end());
  handler(201, 202, 1, 10, 1);
  check({{Kind::class_a, 1}});
}

BOOST_AUTO_TEST_CASE(nor_one_of_a_process_that_was_not_frozen_itself) {
  start(0, 2, 10);
  freeze(1, 5, 100);
  start(50, 1, 11);
  handler(101, 102, 2, 10, 1);
  check({{Kind::class_a, 1}});
}

BOOST_AUTO_TEST_CASE(each_thread_has_a_first_message_after_a_thaw) {
  start(0, 1, 10);
  freeze(1, 5, 100);
  start(50, 2, 11);
  handler(101, 102, 1, 10, 1);
  at(103, WitnessEvent::handler_begin, 1, 10, 2).tid = 77;
  at(104, WitnessEvent::handler_end, 1, 10, 2).tid = 77;
  check({{Kind::frozen_admission, 2}});
}

BOOST_AUTO_TEST_CASE(the_output_of_a_frozen_admission_breaks_the_promise) {
  start(0, 1, 10);
  freeze(1, 5, 100);
  start(50, 2, 11);
  handler(101, 102, 1, 10, 1);
  at(103, WitnessEvent::output_accepted, 3, 10, 1);
  check({{Kind::frozen_admission, 1}, {Kind::class_b_with_effect, 1}});
}

BOOST_AUTO_TEST_CASE(a_start_after_a_newer_one_is_stale_unless_its_thread_was_frozen) {
  start(10, 2, 11);
  start(20, 1, 10);
  check({{Kind::stale_start, 1}});
  freeze(1, 5, 19);
  check({{Kind::frozen_start, 1}});
}

BOOST_AUTO_TEST_CASE(two_starts_with_one_fence_are_found) {
  start(0, 1, 10);
  start(5, 2, 10);
  check({{Kind::duplicate_fence, 1}});
}

BOOST_AUTO_TEST_CASE(two_handlers_of_one_start_at_a_time_are_found) {
  start(0, 1, 10);
  handler(1, 5, 1, 10, 1);
  handler(4, 6, 1, 10, 2);
  check({{Kind::overlap, 1}});
}

BOOST_AUTO_TEST_CASE(a_message_after_its_actors_stop_is_found) {
  start(0, 1, 10);
  at(3, WitnessEvent::stop, 1, 10);
  handler(4, 5, 1, 10, 1);
  check({{Kind::after_stop, 1}});
}

BOOST_AUTO_TEST_CASE(a_start_whose_record_is_torn_is_still_judged_by_the_others) {
  start(10, 2, 11);
  handler(11, 12, 1, 10, 1);
  check({{Kind::class_a, 1}});
}

BOOST_AUTO_TEST_CASE(keys_do_not_mix) {
  start(0, 1, 10);
  at(5, WitnessEvent::start_begin, 2, 11, 0, "another key");
  handler(6, 7, 1, 10, 1);
  check({});
}

BOOST_AUTO_TEST_CASE(keys_in_turns_are_told_apart) {
  start(0, 1, 10);
  at(1, WitnessEvent::start_begin, 1, 10, 0, "another key");
  start(10, 2, 11);
  at(11, WitnessEvent::handler_begin, 1, 10, 1, "another key");
  at(12, WitnessEvent::handler_end, 1, 10, 1, "another key");
  handler(13, 14, 1, 10, 2);
  check({{Kind::class_a, 1}});
  BOOST_TEST(chaos::judge(records, {}).keys == 2U);
}

BOOST_AUTO_TEST_CASE(of_several_newer_starts_the_one_that_began_first_counts) {
  start(0, 1, 10);
  start(10, 2, 12);
  handler(20, 21, 1, 10, 1);
  start(50, 3, 11);
  check({{Kind::stale_start, 1}, {Kind::class_a, 1}});
}

BOOST_AUTO_TEST_CASE(records_come_in_any_order) {
  start(0, 1, 10);
  handler(4, 6, 1, 10, 2);
  handler(1, 2, 1, 10, 1);
  check({});
}

BOOST_AUTO_TEST_CASE(all_are_counted_and_some_are_shown) {
  start(0, 1, 10);
  start(10, 2, 11);
  for (int i = 0; i < 50; ++i) handler(20 + i, 20 + i, 1, 10, static_cast<std::uint64_t>(100 + i));
  check({{Kind::class_a, 50}});
  BOOST_TEST(chaos::judge(records, {}).examples.size() == examples_per_kind);
}

BOOST_AUTO_TEST_SUITE_END()
