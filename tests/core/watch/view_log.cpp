#include "reki/core/watch/view_log.hpp"

#include <boost/test/unit_test.hpp>

#include "reki/core/watch/watch_codec.hpp"

using namespace reki;

namespace {

Member member(const std::string& id, MemberState state = MemberState::up, std::uint64_t incarnation = 1) {
  return {NodeId{id}, Incarnation{incarnation}, "tcp://127.0.0.1:7001", 1, {}, state};
}

std::shared_ptr<const View> view(std::uint32_t epoch, std::vector<Member> members, const std::string& coordinator = {}) {
  const auto table = next_table(SlotTable{}, {}, slot_members(members));
  auto made = View::make({"test", Epoch{epoch}, Term{1}, NodeId{coordinator}, 1}, members, table);
  BOOST_REQUIRE_MESSAGE(made.has_value(), (made ? std::string{} : made.error().text));
  return std::make_shared<const View>(std::move(*made));
}

std::string text_of(const std::vector<WatchEvent>& events) {
  std::string out;
  for (const auto& e : events) {
    out += (out.empty() ? "" : ", ") + std::string{name_of(e.kind)};
    if (e.kind == WatchKind::view) out += " " + std::to_string(e.epoch.value);
    if (e.kind == WatchKind::member) out += "(" + std::to_string(e.number) + ")";
    if (!e.node.value.empty()) out += " " + e.node.value;
  }
  return out;
}

std::string between(const std::vector<Member>& from, const std::vector<Member>& to) {
  return text_of(changes(*view(1, from), *view(2, to), 0));
}

std::string told(const ViewLog& log, std::uint64_t epoch) {
  const auto reply = log.reply_to(epoch);
  return reply ? text_of(wire::decode_watch_reply(*reply).value().events) : "nothing";
}

using enum MemberState;

}  // namespace

BOOST_AUTO_TEST_SUITE(view_log)

BOOST_AUTO_TEST_CASE(a_member_joins_once_it_is_up) {
  BOOST_TEST(between({member("a")}, {member("a"), member("b")}) == "joined b, view 2");
  BOOST_TEST(between({member("a")}, {member("a"), member("b", joining)}) == "view 2");
  BOOST_TEST(between({member("a"), member("b", joining)}, {member("a"), member("b")}) == "joined b, view 2");
}

BOOST_AUTO_TEST_CASE(who_was_leaving_has_left_and_the_others_are_lost) {
  BOOST_TEST(between({member("a"), member("b")}, {member("a"), member("b", leaving)}) == "leaving b, view 2");
  BOOST_TEST(between({member("a"), member("b", leaving)}, {member("a")}) == "left b, view 2");
  BOOST_TEST(between({member("a"), member("b")}, {member("a")}) == "lost b, view 2");
  BOOST_TEST(between({member("a"), member("b", joining)}, {member("a")}) == "lost b, view 2");
  BOOST_TEST(between({member("a"), member("b", leaving)}, {member("a"), member("b")}) == "joined b, view 2");
}

BOOST_AUTO_TEST_CASE(another_incarnation_is_another_member) {
  BOOST_TEST(between({member("a"), member("b", up, 1)}, {member("a"), member("b", up, 2)}) == "lost b, joined b, view 2");
  BOOST_TEST(between({member("a"), member("b", leaving, 1)}, {member("a"), member("b", joining, 2)}) == "left b, view 2");
  BOOST_TEST(between({member("a"), member("b", up, 0)}, {member("a"), member("b", up, 2)}) == "view 2");
}

BOOST_AUTO_TEST_CASE(several_changes_come_in_the_order_of_the_nodes) {
  BOOST_TEST(between({member("b"), member("d"), member("e", leaving)}, {member("a"), member("c"), member("d", leaving)}) ==
             "joined a, lost b, joined c, leaving d, left e, view 2");
  const auto from = view(1, {member("a"), member("b")}, "a");
  const auto to = view(3, {member("b")}, "b");
  const auto events = changes(*from, *to, 12345);
  BOOST_TEST(text_of(events) == "lost a, coordinator b, view 3");
  for (const auto& event : events) BOOST_TEST((event.epoch == Epoch{3} && event.time_ms == 12345));
}

BOOST_AUTO_TEST_CASE(who_knows_nothing_is_told_who_is_there) {
  ViewLog log;
  BOOST_TEST(told(log, 0) == "nothing");
  log.install(view(4, {member("a"), member("b", leaving)}, "a"), 0);
  BOOST_TEST(told(log, 0) == "member(1) a, member(2) b, coordinator a, view 4");
  BOOST_TEST(told(log, 4) == "nothing");
}

BOOST_AUTO_TEST_CASE(from_each_view_that_the_node_has_had_the_rest_follows) {
  ViewLog log;
  log.install(view(1, {member("a")}), 0);
  log.install(view(2, {member("a"), member("b")}), 0);
  log.install(view(5, {member("b")}), 0);
  BOOST_TEST(told(log, 1) == "joined b, view 2, lost a, view 5");
  BOOST_TEST(told(log, 2) == "lost a, view 5");
  BOOST_TEST(told(log, 5) == "nothing");
  BOOST_TEST((wire::decode_watch_reply(*log.reply_to(2))->position == WatchPosition{Incarnation{}, 5}));
}

BOOST_AUTO_TEST_CASE(from_a_view_that_it_has_skipped_or_forgotten_it_begins_anew_and_says_so) {
  ViewLog log({.events_max = 3, .bytes_max = 100000});
  log.install(view(2, {member("a")}), 0);
  log.install(view(5, {member("a"), member("b")}), 0);
  BOOST_TEST(told(log, 3) == "missed, member(1) a, member(1) b, view 5");
  log.install(view(6, {member("a")}), 0);
  BOOST_TEST(told(log, 5) == "lost b, view 6");
  BOOST_TEST(told(log, 2) == "missed, member(1) a, view 6");
}

BOOST_AUTO_TEST_CASE(who_is_ahead_waits_until_the_node_has_caught_up) {
  ViewLog log;
  log.install(view(1, {member("a")}), 0);
  BOOST_TEST(told(log, 3) == "nothing");
  BOOST_TEST((wire::decode_watch_reply(ViewLog::nothing_after(3))->position == WatchPosition{Incarnation{}, 3}));
  log.install(view(3, {member("a"), member("b")}), 0);
  BOOST_TEST(told(log, 3) == "nothing");
  log.install(view(4, {member("b")}), 0);
  BOOST_TEST(told(log, 3) == "lost a, view 4");
}

BOOST_AUTO_TEST_SUITE_END()
