#include "reki/core/watch/watch_hub.hpp"

#include <boost/test/unit_test.hpp>

#include "reki/core/base/hash.hpp"
#include "reki/core/watch/watch_codec.hpp"

using namespace reki;
using namespace std::chrono_literals;

namespace {

constexpr Incarnation self{77};

struct Question final : WatchQuestion {
  int asker = 0;
};

WatchEvent event(WatchKind kind, const std::string& key = {}) {
  WatchEvent out;
  out.kind = kind;
  out.key = key;
  return out;
}

/// A hub, and its watchers' answers as "asker: kind key, kind key".
struct Fixture {
  WatchHub::Options options{.log = {.events_max = 3, .bytes_max = 100000}, .open_max = 4, .keep_time = 60s};
  WatchHub hub{self, options};
  Instant now{1'000'000'000};
  std::vector<std::string> told;
  WatchPosition position;  // of the last answer

  void ask(int asker, const std::string& key, WatchPosition from = {}, bool at_once = false) {
    auto question = std::make_unique<Question>();
    question->asker = asker;
    question->key = key;
    question->hash = key.empty() ? 0 : static_cast<unsigned char>(key[0]);
    question->position = from;
    question->deadline = now + 5s;
    std::vector<WatchHub::Answered> out;
    hub.ask(std::move(question), {event(key.empty() ? WatchKind::watching : WatchKind::running, key), at_once}, now, out);
    note(std::move(out));
  }
  void publish(WatchKind kind, const std::string& key) {
    std::vector<WatchHub::Answered> out;
    hub.publish(event(kind, key), out);
    note(std::move(out));
  }
  void tick(Duration later) {
    now = now + later;
    std::vector<WatchHub::Answered> out;
    hub.tick(now, out);
    note(std::move(out));
  }
  void close() {
    std::vector<WatchHub::Answered> out;
    hub.close(event(WatchKind::ended), out);
    note(std::move(out));
  }
  /// The slot of the keys that begin with it comes here.
  void gain(char first) {
    SlotSet slots;
    slots.insert(slot_of(static_cast<unsigned char>(first)));
    std::vector<WatchHub::Answered> out;
    hub.gain(slots, out);
    note(std::move(out));
  }
  void abandon() {
    std::vector<WatchHub::Answered> out;
    hub.abandon(out);
    note(std::move(out));
  }
  void release(std::uint64_t hash) {
    std::vector<WatchHub::Answered> out;
    hub.release([&](std::uint64_t h) { return h == hash; }, out);
    note(std::move(out));
  }
  void note(std::vector<WatchHub::Answered> all) {
    for (auto& one : all) {
      std::string line = std::to_string(static_cast<Question&>(*one.question).asker) + ":";
      if (!one.payload) {
        told.push_back(line + " " + std::string{name_of(one.payload.error().code)});
        continue;
      }
      const auto reply = wire::decode_watch_reply(*one.payload).value();
      for (const auto& e : reply.events) {
        line += " " + std::string{name_of(e.kind)};
        if (e.kind == WatchKind::missed) line += "(" + std::string{name_of(e.reason)} + " " + std::to_string(e.number) + ")";
        if (!e.key.empty()) line += " " + e.key;
      }
      BOOST_TEST((reply.position.incarnation == self));
      position = reply.position;
      told.push_back(line);
    }
  }
  std::vector<std::string> take() { return std::exchange(told, {}); }
};

using Lines = std::vector<std::string>;

}  // namespace

BOOST_AUTO_TEST_SUITE(watch_hub)

BOOST_FIXTURE_TEST_CASE(without_a_position_a_watcher_is_told_how_it_is, Fixture) {
  BOOST_TEST(!hub.recording());
  ask(1, "a");
  BOOST_TEST((take() == Lines{"1: running a"}));
  ask(2, "");
  BOOST_TEST((take() == Lines{"2: watching"}));
  BOOST_TEST(hub.recording());
  BOOST_TEST(hub.open() == 0U);
}

BOOST_FIXTURE_TEST_CASE(a_question_stays_open_until_its_key_or_type_has_an_event, Fixture) {
  ask(0, "");
  const auto from = position;
  take();
  ask(1, "a", from);
  ask(2, "b", from);
  ask(3, "", from);
  ask(4, "a", from);
  BOOST_TEST(take().empty());
  BOOST_TEST(hub.open() == 4U);
  publish(WatchKind::started, "a");
  BOOST_TEST((take() == Lines{"3: started a", "1: started a", "4: started a"}));
  publish(WatchKind::stopped, "c");
  BOOST_TEST(take().empty());
  publish(WatchKind::crashed, "b");
  BOOST_TEST((take() == Lines{"2: crashed b"}));
  BOOST_TEST(hub.open() == 0U);
}

BOOST_FIXTURE_TEST_CASE(what_happened_between_two_questions_is_told_once_and_in_order, Fixture) {
  ask(1, "a");
  auto from = position;
  take();
  publish(WatchKind::started, "a");
  publish(WatchKind::started, "b");
  publish(WatchKind::stopped, "a");
  ask(1, "a", from);
  BOOST_TEST((take() == Lines{"1: started a stopped a"}));
  from = position;
  ask(2, "a", from);
  BOOST_TEST(take().empty());
  publish(WatchKind::restarted, "a");
  BOOST_TEST((take() == Lines{"2: restarted a"}));
}

BOOST_FIXTURE_TEST_CASE(the_same_position_gives_the_same_answer_again, Fixture) {
  ask(1, "");
  const auto from = position;
  take();
  publish(WatchKind::started, "a");
  for (int i = 0; i < 2; ++i) {
    ask(1, "", from);
    BOOST_TEST((take() == Lines{"1: started a"}));
  }
}

BOOST_FIXTURE_TEST_CASE(who_falls_behind_is_told_how_much_and_what_is_left, Fixture) {
  ask(1, "");
  const auto from = position;
  take();
  for (const auto* key : {"a", "b", "c", "d", "e"}) publish(WatchKind::started, key);
  ask(1, "", from);
  BOOST_TEST((take() == Lines{"1: missed(fell_behind 2) started c started d started e watching"}));
  ask(2, "d", from);
  BOOST_TEST((take() == Lines{"2: missed(fell_behind 2) started d running d"}));
  const auto here = position;
  ask(1, "", here);
  BOOST_TEST(take().empty());
}

BOOST_FIXTURE_TEST_CASE(a_position_of_another_incarnation_is_not_gone_on_from, Fixture) {
  ask(1, "");
  take();
  publish(WatchKind::started, "a");
  ask(1, "a", {Incarnation{76}, 1});
  BOOST_TEST((take() == Lines{"1: missed(node_restarted 0) running a"}));
  ask(1, "a", {Incarnation{}, 1});
  BOOST_TEST((take() == Lines{"1: missed(node_restarted 0) running a"}));
}

BOOST_FIXTURE_TEST_CASE(events_are_kept_for_a_while_after_the_last_question_and_not_for_ever, Fixture) {
  ask(1, "");
  const auto from = position;
  take();
  tick(59s);
  publish(WatchKind::started, "a");
  ask(1, "", from);
  BOOST_TEST((take() == Lines{"1: started a"}));
  const auto later = position;
  tick(60s);
  BOOST_TEST(!hub.recording());
  publish(WatchKind::started, "b");
  ask(1, "", later);
  BOOST_TEST((take() == Lines{"1: missed(not_kept 0) watching"}));
  BOOST_TEST(hub.recording());
}

BOOST_FIXTURE_TEST_CASE(an_open_question_keeps_the_events_coming, Fixture) {
  ask(1, "");
  ask(1, "", position);
  take();
  for (int i = 0; i < 30; ++i) {
    tick(4s);
    if (hub.open() == 0) ask(1, "", position);
    take();
  }
  BOOST_TEST(hub.recording());
}

BOOST_FIXTURE_TEST_CASE(a_question_is_answered_at_its_deadline_with_nothing, Fixture) {
  ask(1, "");
  const auto from = position;
  take();
  ask(1, "a", from);
  now = now + 1s;
  ask(2, "", from);
  tick(3999ms);
  BOOST_TEST(take().empty());
  tick(1ms);
  BOOST_TEST((take() == Lines{"1:"}));
  publish(WatchKind::started, "b");
  BOOST_TEST((take() == Lines{"2: started b"}));
  ask(3, "a", from);
  tick(5s);
  BOOST_TEST((take() == Lines{"3:"}));
  BOOST_TEST(hub.open() == 0U);
  // Past what did not concern it: the position says so.
  BOOST_TEST(position.sequence == from.sequence + 1);
  ask(3, "a", position);
  BOOST_TEST(take().empty());
}

BOOST_FIXTURE_TEST_CASE(who_waits_for_a_quiet_key_does_not_fall_behind_the_others, Fixture) {
  ask(0, "");
  ask(1, "quiet", position);
  take();
  for (int i = 0; i < 10; ++i) publish(WatchKind::started, "noise");
  release('q');
  BOOST_TEST((take() == Lines{"1:"}));
  ask(1, "quiet", position);
  for (int i = 0; i < 10; ++i) publish(WatchKind::started, "noise");
  tick(5s);
  BOOST_TEST((take() == Lines{"1:"}));
  ask(1, "quiet", position);
  for (int i = 0; i < 10; ++i) publish(WatchKind::started, "noise");
  close();
  BOOST_TEST((take() == Lines{"1: ended"}));
}

BOOST_FIXTURE_TEST_CASE(what_must_be_told_at_once_does_not_wait, Fixture) {
  ask(1, "a");
  const auto from = position;
  take();
  ask(1, "a", from, true);
  BOOST_TEST((take() == Lines{"1: running a"}));
  publish(WatchKind::stopped, "a");
  ask(1, "a", from, true);
  BOOST_TEST((take() == Lines{"1: stopped a running a"}));
}

BOOST_FIXTURE_TEST_CASE(open_questions_are_bounded, Fixture) {
  ask(0, "");
  take();
  for (int i = 1; i <= 4; ++i) ask(i, "a", position);
  ask(5, "a", position);
  BOOST_TEST((take() == Lines{"5: overloaded"}));
  BOOST_TEST(hub.open() == 4U);
}

BOOST_FIXTURE_TEST_CASE(those_about_chosen_keys_can_be_let_go, Fixture) {
  ask(0, "");
  take();
  ask(1, "a", position);
  ask(2, "b", position);
  ask(3, "", position);
  release('a');
  BOOST_TEST((take() == Lines{"1:"}));
  publish(WatchKind::started, "a");
  BOOST_TEST((take() == Lines{"3: started a"}));
}

BOOST_FIXTURE_TEST_CASE(who_asked_before_a_slot_came_here_is_told_that_its_keys_were_elsewhere, Fixture) {
  ask(1, "a");
  ask(2, "b");
  ask(3, "");
  const auto before = position;
  take();
  ask(1, "a", before);
  ask(2, "b", before);
  ask(3, "", before);
  gain('a');
  BOOST_TEST((take() == Lines{"1:"}));  // asks again; the others' keys have been here all the time
  ask(4, "a", before);
  BOOST_TEST((take() == Lines{"4: missed(moved 0) running a"}));
  ask(4, "a", position);
  BOOST_TEST(take().empty());
  publish(WatchKind::stopped, "b");
  BOOST_TEST((take() == Lines{"3: stopped b", "2: stopped b"}));
  ask(5, "a", before);
  BOOST_TEST((take() == Lines{"5: missed(moved 0) running a"}));
  ask(6, "", before);
  BOOST_TEST((take() == Lines{"6: stopped b"}));
}

BOOST_FIXTURE_TEST_CASE(slots_that_came_too_often_to_remember_are_as_good_as_missed, Fixture) {
  options.log.events_max = 1000;
  WatchHub roomy(self, options);
  std::vector<WatchHub::Answered> out;
  const auto ask_there = [&](WatchPosition from) {
    auto question = std::make_unique<Question>();
    question->key = "a";
    question->hash = 'a';
    question->position = from;
    question->deadline = now + 5s;
    roomy.ask(std::move(question), {event(WatchKind::running, "a"), false}, now, out);
    note(std::exchange(out, {}));
  };
  ask_there({});
  const auto before = position;
  take();
  SlotSet others;
  others.insert(slot_of('b'));
  for (std::size_t i = 0; i < limits::watch_gains_kept_max; ++i) roomy.gain(others, out);
  ask_there(before);
  BOOST_TEST(take().empty());
  roomy.gain(others, out);
  ask_there(before);
  BOOST_TEST((take() == Lines{"0: missed(moved 0) running a"}));
}

BOOST_FIXTURE_TEST_CASE(a_dropped_incarnation_refuses_all_questions_and_tells_nothing_of_its_end, Fixture) {
  ask(1, "a");
  const auto before = position;
  ask(1, "a", before);
  ask(2, "", before);
  take();
  abandon();
  auto refused = take();
  std::ranges::sort(refused);
  BOOST_TEST((refused == Lines{"1: unavailable", "2: unavailable"}));
  publish(WatchKind::stopped, "a");
  ask(3, "a");
  close();
  ask(4, "", before);
  BOOST_TEST((take() == Lines{"3: unavailable", "4: unavailable"}));
}

BOOST_FIXTURE_TEST_CASE(what_is_held_back_is_told_with_the_end_in_one_answer, Fixture) {
  ask(0, "");
  const auto from = position;
  take();
  ask(1, "", from);
  ask(2, "b", from);
  hub.hold_back();
  publish(WatchKind::stopped, "a");
  publish(WatchKind::stopped, "b");
  ask(3, "", from);
  ask(4, "c");  // how it is does not wait
  BOOST_TEST((take() == Lines{"4: running c"}));
  now = now + 1s;
  close();
  auto lines = take();
  std::ranges::sort(lines);
  BOOST_TEST((lines == Lines{"1: stopped a stopped b ended", "2: stopped b ended", "3: stopped a stopped b ended"}));
}

BOOST_FIXTURE_TEST_CASE(what_is_held_back_is_not_lost_at_a_deadline, Fixture) {
  ask(0, "");
  ask(1, "", position);
  take();
  hub.hold_back();
  publish(WatchKind::stopped, "a");
  tick(5s);
  BOOST_TEST((take() == Lines{"1: stopped a"}));
  for (const auto* key : {"b", "c", "d", "e"}) publish(WatchKind::stopped, key);
  ask(1, "", position);
  tick(5s);
  BOOST_TEST((take() == Lines{"1: missed(fell_behind 1) stopped c stopped d stopped e"}));
}

BOOST_FIXTURE_TEST_CASE(a_hub_that_closes_says_so_to_all_and_to_those_who_come_later, Fixture) {
  ask(0, "");
  const auto from = position;
  take();
  ask(1, "", from);
  ask(2, "a", from);
  publish(WatchKind::stopped, "b");
  take();
  close();
  BOOST_TEST((take() == Lines{"2: ended"}));
  ask(1, "", from);
  BOOST_TEST((take() == Lines{"1: stopped b ended"}));
  ask(1, "a");
  BOOST_TEST((take() == Lines{"1: running a ended"}));
  BOOST_TEST(!hub.recording());
}

BOOST_FIXTURE_TEST_CASE(who_has_been_told_that_it_ended_is_refused_and_not_told_again, Fixture) {
  ask(0, "");
  close();
  take();
  ask(1, "a");
  BOOST_TEST((take() == Lines{"1: running a ended"}));
  const auto after_end = position;
  for (const auto* key : {"", "a"}) {
    ask(2, key, after_end);
    BOOST_TEST((take() == Lines{"2: shutting_down"}));
  }
}

BOOST_FIXTURE_TEST_CASE(what_is_open_at_the_end_goes_with_the_desk, Fixture) {
  ask(0, "");
  ask(1, "", position);
  BOOST_TEST(hub.open() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
