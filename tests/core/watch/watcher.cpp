#include "reki/core/watch/watcher.hpp"

#include <boost/test/unit_test.hpp>
#include <map>

#include "reki/core/base/hash.hpp"

using namespace reki;
using namespace std::chrono_literals;

namespace {

using Lines = std::vector<std::string>;

WatchEvent event(WatchKind kind, const std::string& key = {}, const std::string& node = {}) {
  WatchEvent out;
  out.kind = kind;
  out.key = key;
  out.node = NodeId{node};
  return out;
}
WatchEvent missed(WatchReason reason, std::uint64_t number = 0) {
  WatchEvent out = event(WatchKind::missed);
  out.reason = reason;
  out.number = number;
  return out;
}
WatchEvent moved(std::uint32_t epoch) {
  WatchEvent out = event(WatchKind::moved, {}, "whoever");
  out.epoch = Epoch{epoch};
  return out;
}

/// A view whose slots all belong to the first node listed. One more, which has none, may be about to leave.
std::shared_ptr<const View> view(std::uint32_t epoch, const std::vector<std::string>& nodes, const std::string& leaving = {}) {
  std::vector<Member> members;
  if (!leaving.empty()) members.push_back({NodeId{leaving}, Incarnation{}, "tcp://127.0.0.1:7001", 0, {}, MemberState::leaving});
  for (const auto& n : nodes) {
    members.push_back({NodeId{n}, Incarnation{}, "tcp://127.0.0.1:7001", n == nodes.front() ? 1U : 0U, {}, MemberState::up});
  }
  auto sorted = members;
  std::ranges::sort(sorted, {}, &Member::node_id);
  const auto table = next_table(SlotTable{}, {}, slot_members(sorted));
  return std::make_shared<const View>(View::make({"test", Epoch{epoch}, Term{}, NodeId{}, 1}, sorted, table).value());
}

/// Plays the nodes: the questions that come are kept by node until they are answered.
struct Fixture {
  explicit Fixture(WatchFilter filter = WatchFilter::of_key("t", "k")) : watcher(std::move(filter)) {}

  Watcher watcher;
  Instant now{1'000'000'000};
  std::map<std::string, Watcher::Question> asked;

  void pump() {
    while (const auto question = watcher.next_question(now)) {
      BOOST_TEST(!asked.contains(question->node.value), "two questions are under way at " << question->node.value);
      asked.insert_or_assign(question->node.value, *question);
    }
  }
  void set_view(std::uint32_t epoch, const std::vector<std::string>& nodes, const std::string& leaving = {}) {
    watcher.set_view(view(epoch, nodes, leaving), now);
    pump();
  }
  Watcher::Question take(const std::string& node) {
    BOOST_REQUIRE_MESSAGE(asked.contains(node), "no question is under way at '" << node << "'");
    auto question = asked.at(node);
    asked.erase(node);
    return question;
  }
  WatchPosition position_at(const std::string& node) {
    BOOST_REQUIRE_MESSAGE(asked.contains(node), "no question is under way at '" << node << "'");
    return asked.at(node).position;
  }
  void answer(const std::string& node, const std::vector<WatchEvent>& events, std::uint64_t sequence = 1) {
    wire::WatchReplyWriter writer;
    for (const auto& e : events) writer.add(e);
    const auto payload = writer.take({Incarnation{100}, sequence});
    watcher.answered(take(node).id, ErrorCode::ok, {}, payload, now);
    pump();
  }
  void fail(const std::string& node, ErrorCode code = ErrorCode::unreachable) {
    watcher.answered(take(node).id, code, "why", {}, now);
    pump();
  }
  void wait(Duration d) {
    now = now + d;
    pump();
  }
  Lines told() {
    Lines out;
    while (const auto e = watcher.next_event()) {
      std::string line{name_of(e->kind)};
      if (e->reason != WatchReason::none) line += "(" + std::string{name_of(e->reason)} + ")";
      if (!e->key.empty()) line += " " + e->key;
      if (!e->node.value.empty()) line += " @" + e->node.value;
      if (!e->other.value.empty()) line += " <>" + e->other.value;
      BOOST_TEST(e->type == watcher.filter().type);
      out.push_back(line);
    }
    return out;
  }
};
struct OfType : Fixture {
  OfType() : Fixture(WatchFilter::of_type("t")) {}
};
struct OfNodes : Fixture {
  OfNodes() : Fixture(WatchFilter::of_nodes()) {}
};

}  // namespace

BOOST_AUTO_TEST_SUITE(watcher)

BOOST_FIXTURE_TEST_CASE(a_key_is_asked_about_at_its_owner_from_where_the_last_answer_ended, Fixture) {
  pump();
  BOOST_TEST(asked.empty());
  set_view(1, {"n2", "n1", "n3"});
  BOOST_TEST(asked.size() == 1U);
  BOOST_TEST((position_at("n2") == WatchPosition{}));
  answer("n2", {event(WatchKind::not_running, "k")}, 5);
  BOOST_TEST((position_at("n2") == WatchPosition{Incarnation{100}, 5}));
  answer("n2", {event(WatchKind::started, "k"), event(WatchKind::crashed, "k")}, 9);
  answer("n2", {}, 11);
  BOOST_TEST((position_at("n2") == WatchPosition{Incarnation{100}, 11}));
  BOOST_TEST((told() == Lines{"not_running k @n2", "started k @n2", "crashed k @n2"}));
  BOOST_TEST((watcher.next_wake() == Instant::never()));
}

BOOST_FIXTURE_TEST_CASE(a_move_is_told_once_and_the_key_is_watched_at_its_new_owner, Fixture) {
  set_view(1, {"n1", "n2"});
  answer("n1", {event(WatchKind::running, "k")});
  told();
  set_view(2, {"n2", "n1"});
  BOOST_TEST(told().empty());  // its actor is at n1 until that says otherwise
  BOOST_TEST(asked.size() == 1U);
  WatchEvent stopped = event(WatchKind::stopped, "k", "n2");
  stopped.reason = WatchReason::moved;
  answer("n1", {stopped, moved(2)});
  BOOST_TEST((told() == Lines{"stopped(moved) k @n1 <>n2", "moved(moved) k @n2 <>n1"}));
  BOOST_TEST(asked.size() == 1U);
  BOOST_TEST((position_at("n2") == WatchPosition{}));
  answer("n2", {event(WatchKind::not_running, "k")});
  BOOST_TEST((told() == Lines{"not_running k @n2"}));
}

BOOST_FIXTURE_TEST_CASE(a_node_that_knows_of_a_move_first_is_believed_once_the_view_is_here, Fixture) {
  set_view(1, {"n1", "n2"});
  answer("n1", {event(WatchKind::running, "k")});
  told();
  answer("n1", {moved(2)});
  BOOST_TEST(told().empty());
  BOOST_TEST(asked.empty());
  BOOST_TEST((watcher.next_wake() > now && watcher.next_wake() <= now + 20ms));
  wait(20ms);
  answer("n1", {moved(2)});
  BOOST_TEST(asked.empty());
  BOOST_TEST((watcher.next_wake() == now + 40ms));
  set_view(2, {"n2", "n1"});
  BOOST_TEST((told() == Lines{"moved(moved) k @n2 <>n1"}));
  BOOST_TEST((asked.size() == 1U && asked.contains("n2")));
}

BOOST_FIXTURE_TEST_CASE(a_new_owner_that_is_behind_is_asked_again_until_it_has_the_view, Fixture) {
  set_view(2, {"n2", "n1"});
  for (int i = 0; i < 3; ++i) {
    answer("n2", {moved(1)});
    BOOST_TEST(asked.empty());
    wait(200ms);
    BOOST_TEST(asked.size() == 1U);
    BOOST_TEST((position_at("n2") == WatchPosition{}));  // it has told nothing yet
  }
  BOOST_TEST(told().empty());
  answer("n2", {event(WatchKind::running, "k")}, 7);
  BOOST_TEST((told() == Lines{"running k @n2"}));
  answer("n2", {moved(1)}, 8);
  wait(1s);
  BOOST_TEST(position_at("n2").sequence == 8U);  // should it come back, it was elsewhere meanwhile
  BOOST_TEST((asked.size() == 1U && asked.contains("n2")));
}

BOOST_FIXTURE_TEST_CASE(an_owner_that_is_gone_from_the_view_is_lost_to_the_watcher, Fixture) {
  set_view(1, {"n1", "n2"});
  answer("n1", {event(WatchKind::running, "k")});
  told();
  const auto late = asked.at("n1");
  set_view(2, {"n2"});
  BOOST_TEST((told() == Lines{"moved(node_lost) k @n2 <>n1"}));
  BOOST_TEST((position_at("n2") == WatchPosition{}));
  wire::WatchReplyWriter writer;
  writer.add(event(WatchKind::crashed, "k"));
  watcher.answered(late.id, ErrorCode::ok, {}, writer.take({Incarnation{100}, 9}), now);
  BOOST_TEST(told().empty());  // nothing of n1's comes after the move
}

BOOST_FIXTURE_TEST_CASE(an_owner_that_had_told_all_before_it_left_is_a_move, Fixture) {
  set_view(1, {"n1", "n2"});
  WatchEvent ended = event(WatchKind::ended);
  ended.reason = WatchReason::closing;
  answer("n1", {event(WatchKind::running, "k")});
  answer("n1", {event(WatchKind::stopped, "k"), ended});
  wait(20ms);
  answer("n1", {ended});
  BOOST_TEST((told() == Lines{"running k @n1", "stopped k @n1", "ended(closing) k @n1"}));
  set_view(2, {"n2"});
  BOOST_TEST((told() == Lines{"moved(moved) k @n2 <>n1"}));
}

BOOST_FIXTURE_TEST_CASE(an_owner_that_has_told_of_the_move_and_left_before_it_was_asked_where_to_is_a_move_too, Fixture) {
  set_view(1, {"n1", "n2"});
  WatchEvent stopped = event(WatchKind::stopped);
  stopped.reason = WatchReason::moved;
  answer("n1", {stopped});
  set_view(2, {"n2"});
  BOOST_TEST((told() == Lines{"stopped(moved) k @n1", "moved(moved) k @n2 <>n1"}));
  asked.erase("n1");
  answer("n2", {event(WatchKind::running)}, 5);
  told();
  set_view(3, {"n3"});
  BOOST_TEST((told() == Lines{"moved(node_lost) k @n3 <>n2"}));  // that one has told nothing of the kind
}

BOOST_FIXTURE_TEST_CASE(the_last_word_of_a_node_that_leaves_may_come_after_the_view_without_it, Fixture) {
  set_view(1, {"n1", "n2"});
  answer("n1", {event(WatchKind::running, "k")});
  set_view(2, {"n2"}, "n1");
  set_view(3, {"n2"});
  set_view(4, {"n2", "n3"});
  BOOST_TEST((told() == Lines{"running k @n1"}));
  BOOST_TEST(!asked.contains("n2"));
  WatchEvent stopped = event(WatchKind::stopped);
  stopped.reason = WatchReason::moved;
  answer("n1", {stopped, moved(2), event(WatchKind::ended)});
  BOOST_TEST((told() == Lines{"stopped(moved) k @n1", "moved(moved) k @n2 <>n1"}));
  BOOST_TEST((position_at("n2") == WatchPosition{}));
  BOOST_TEST(asked.size() == 1U);
}

BOOST_FIXTURE_TEST_CASE(a_node_that_has_left_without_its_last_word_is_lost_to_the_watcher, Fixture) {
  set_view(1, {"n1", "n2"});
  answer("n1", {event(WatchKind::running, "k")});
  set_view(2, {"n2"}, "n1");
  set_view(3, {"n2"});
  told();
  fail("n1");
  BOOST_TEST((told() == Lines{"moved(node_lost) k @n2 <>n1"}));
  BOOST_TEST(asked.contains("n2"));
}

BOOST_FIXTURE_TEST_CASE(a_node_that_leaves_before_it_has_told_anything_is_not_waited_for, Fixture) {
  set_view(1, {"n1", "n2"});
  set_view(2, {"n2"}, "n1");
  set_view(3, {"n2"});
  BOOST_TEST((told() == Lines{"moved(node_lost) k @n2 <>n1"}));
}

BOOST_FIXTURE_TEST_CASE(a_key_that_has_come_back_to_a_node_is_lost_with_it, Fixture) {
  set_view(1, {"n1", "n2"});
  WatchEvent stopped = event(WatchKind::stopped);
  stopped.reason = WatchReason::moved;
  answer("n1", {stopped});
  answer("n1", {event(WatchKind::started)});
  told();
  set_view(2, {"n2"});
  BOOST_TEST((told() == Lines{"moved(node_lost) k @n2 <>n1"}));
}

BOOST_FIXTURE_TEST_CASE(that_a_node_ends_is_not_told_of_a_key_that_has_gone_elsewhere, Fixture) {
  set_view(2, {"n1", "n2"});
  answer("n1", {event(WatchKind::running)});
  told();
  answer("n1", {moved(3), event(WatchKind::ended)});
  BOOST_TEST(told().empty());
  set_view(3, {"n2", "n1"});
  BOOST_TEST((told() == Lines{"moved(moved) k @n2 <>n1"}));
}

BOOST_FIXTURE_TEST_CASE(a_silent_node_is_named_once_and_asked_again_and_again, Fixture) {
  set_view(1, {"n1", "n2"});
  answer("n1", {event(WatchKind::running, "k")}, 7);
  told();
  Duration longest{0};
  for (int i = 0; i < 12; ++i) {
    fail("n1");
    longest = std::max(longest, watcher.next_wake() - now);
    BOOST_TEST(asked.empty());
    wait(watcher.next_wake() - now);
  }
  BOOST_TEST((longest == 1s));
  BOOST_TEST((told() == Lines{"unwatched k @n1"}));
  BOOST_TEST((position_at("n1") == WatchPosition{Incarnation{100}, 7}));
  answer("n1", {event(WatchKind::stopped, "k")}, 8);
  BOOST_TEST((told() == Lines{"watching k @n1", "stopped k @n1"}));
  fail("n1");
  wait(1s);
  answer("n1", {missed(WatchReason::node_restarted), event(WatchKind::not_running, "k")});
  BOOST_TEST((told() == Lines{"unwatched k @n1", "missed(node_restarted) k @n1", "not_running k @n1"}));
}

BOOST_FIXTURE_TEST_CASE(one_answer_that_was_lost_on_its_way_is_no_silence, Fixture) {
  set_view(1, {"n1"});
  answer("n1", {event(WatchKind::running, "k")});
  fail("n1", ErrorCode::deadline_exceeded);
  BOOST_TEST(asked.contains("n1"));
  BOOST_TEST((told() == Lines{"running k @n1"}));
  fail("n1", ErrorCode::deadline_exceeded);
  BOOST_TEST((told() == Lines{"unwatched k @n1"}));
}

BOOST_FIXTURE_TEST_CASE(a_silent_node_whose_key_is_anothers_by_the_view_is_not_waited_for, Fixture) {
  set_view(1, {"n1", "n2"});
  answer("n1", {event(WatchKind::running, "k")});
  set_view(2, {"n2", "n1"});
  told();
  fail("n1", ErrorCode::overloaded);
  BOOST_TEST((told() == Lines{"unwatched k @n1"}));  // it is there
  wait(1s);
  fail("n1", ErrorCode::unreachable);
  BOOST_TEST((told() == Lines{"moved(node_lost) k @n2 <>n1"}));
}

BOOST_FIXTURE_TEST_CASE(a_key_that_nobody_owns_is_watched_once_somebody_does, Fixture) {
  set_view(1, {"n1", "n2"});
  answer("n1", {event(WatchKind::running, "k")});
  told();
  std::vector<Member> nobody_up{{NodeId{"n3"}, {}, "tcp://127.0.0.1:7001", 0, {}, MemberState::up}};
  watcher.set_view(std::make_shared<const View>(
                       View::make({"test", Epoch{2}, Term{}, NodeId{}, 1}, nobody_up, SlotTable{}).value()), now);
  BOOST_TEST((told() == Lines{"missed(node_lost) k @n1"}));
  BOOST_TEST((watcher.next_wake() == Instant::never()));
  asked.clear();
  set_view(3, {"n1"});
  BOOST_TEST(told().empty());
  answer("n1", {event(WatchKind::not_running, "k")});
  BOOST_TEST((told() == Lines{"not_running k @n1"}));
}

BOOST_FIXTURE_TEST_CASE(an_answer_that_cannot_be_read_is_as_good_as_none, Fixture) {
  set_view(1, {"n1"});
  watcher.answered(take("n1").id, ErrorCode::ok, {}, "nonsense", now);
  pump();
  BOOST_TEST((told() == Lines{"unwatched k @n1"}));
  BOOST_TEST(asked.empty());
  wait(20ms);
  BOOST_TEST(asked.contains("n1"));
}

BOOST_FIXTURE_TEST_CASE(a_type_is_asked_about_at_every_node, OfType) {
  set_view(1, {"n1", "n2", "n3"});
  BOOST_TEST(asked.size() == 3U);
  for (const auto* node : {"n1", "n2", "n3"}) answer(node, {event(WatchKind::watching)}, 4);
  answer("n2", {event(WatchKind::started, "a")}, 5);
  answer("n3", {event(WatchKind::started, "b")}, 6);
  BOOST_TEST((told() == Lines{"watching @n1", "watching @n2", "watching @n3", "started a @n2", "started b @n3"}));
  BOOST_TEST(position_at("n1").sequence == 4U);
  BOOST_TEST(position_at("n2").sequence == 5U);
  BOOST_TEST(position_at("n3").sequence == 6U);
}

BOOST_FIXTURE_TEST_CASE(nodes_that_come_and_go_leave_no_silent_gap_in_a_type, OfType) {
  set_view(1, {"n1", "n2"});
  for (const auto* node : {"n1", "n2"}) answer(node, {event(WatchKind::watching)});
  told();
  set_view(2, {"n1", "n3"});
  BOOST_TEST((told() == Lines{"missed(node_lost) @n2"}));
  answer("n3", {event(WatchKind::watching)});
  BOOST_TEST((told() == Lines{"missed(node_joined) @n3", "watching @n3"}));
  answer("n3", {event(WatchKind::ended)});
  set_view(3, {"n1"});
  BOOST_TEST((told() == Lines{"ended @n3"}));  // all of it was told
  BOOST_TEST((asked.contains("n1")));
}

BOOST_FIXTURE_TEST_CASE(a_type_is_told_the_last_word_of_a_node_that_leaves, OfType) {
  for (const bool tells : {true, false}) {
    OfType one;
    one.set_view(1, {"n1", "n2"});
    for (const auto* node : {"n1", "n2"}) one.answer(node, {event(WatchKind::watching)});
    one.told();
    one.set_view(2, {"n1"}, "n2");
    one.set_view(3, {"n1"});
    BOOST_TEST(one.told().empty());
    if (tells) one.answer("n2", {event(WatchKind::stopped, "k"), event(WatchKind::ended)});
    else one.fail("n2");
    BOOST_TEST((one.told() == (tells ? Lines{"stopped k @n2", "ended @n2"} : Lines{"missed(node_lost) @n2"})));
    BOOST_TEST((one.asked.size() == 1U && one.asked.contains("n1")));
  }
}

BOOST_FIXTURE_TEST_CASE(an_old_view_changes_nothing, OfType) {
  set_view(3, {"n1", "n2"});
  asked.clear();
  set_view(2, {"n1"});
  set_view(3, {"n1"});
  BOOST_TEST(asked.empty());
  BOOST_TEST(told().empty());
}

BOOST_FIXTURE_TEST_CASE(the_nodes_are_asked_about_anywhere, OfNodes) {
  pump();
  BOOST_TEST((position_at("") == WatchPosition{}));
  set_view(1, {"n1", "n2"});
  BOOST_TEST(asked.size() == 1U);
  WatchEvent end = event(WatchKind::view);
  end.epoch = Epoch{1};
  answer("", {event(WatchKind::member, {}, "n1"), end}, 1);
  BOOST_TEST((told() == Lines{"member @n1", "view"}));
  fail("");
  BOOST_TEST((told() == Lines{"unwatched"}));
  wait(20ms);
  answer("", {event(WatchKind::lost, {}, "n1")}, 2);
  BOOST_TEST((told() == Lines{"watching", "lost @n1"}));
}

BOOST_FIXTURE_TEST_CASE(news_of_the_nodes_are_asked_for_elsewhere_once_they_are_known_to_be_there, OfNodes) {
  set_view(3, {"n1", "n2"});
  const auto first = take("");
  set_view(4, {"n1"});
  BOOST_TEST(asked.empty());  // the first answer is under way, and is as good as any
  asked.emplace("", first);
  answer("", {event(WatchKind::view)}, 4);
  const auto at_a_node_that_is_cut_off = take("");
  set_view(5, {"n1", "n2"});
  BOOST_TEST(position_at("").sequence == 4U);
  watcher.answered(at_a_node_that_is_cut_off.id, ErrorCode::deadline_exceeded, {}, {}, now);
  BOOST_TEST(asked.size() == 1U);
  answer("", {event(WatchKind::joined, {}, "n2"), event(WatchKind::view)}, 5);
  BOOST_TEST((told() == Lines{"view", "joined @n2", "view"}));
}

BOOST_AUTO_TEST_SUITE_END()
