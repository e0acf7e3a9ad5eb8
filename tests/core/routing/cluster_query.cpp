#include "reki/core/routing/cluster_query.hpp"

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "reki/core/wire/codec.hpp"

using namespace reki;
using wire::Op;
using Next = ClusterQuery::Next;
using Part = ClusterQuery::Part;

namespace {

View view_of(const std::vector<std::string>& nodes, const std::string& joining = {}, std::uint32_t epoch = 1) {
  std::vector<Member> members;
  for (const auto& id : nodes) {
    members.push_back({NodeId{id},
                       Incarnation{},
                       "tcp://127.0.0.1:7001",
                       1,
                       {},
                       id == joining ? MemberState::joining : MemberState::up});
  }
  const auto table = fixed_view("x", 1, {members[0]}).value().table();
  return View::make({"x", Epoch{epoch}, Term{}, NodeId{}, 1}, members, table).value();
}

Bytes list_args(BytesView cursor = {}, std::uint32_t limit = 100) { return wire::encode_list_args({cursor, limit}); }

Outcome ok(Bytes payload) {
  Outcome out;
  out.payload = std::move(payload);
  return out;
}
Outcome page(const std::vector<std::string>& keys, BytesView cursor = {}) {
  wire::ListPageWriter writer;
  for (const auto& key : keys) BOOST_REQUIRE(writer.add(key));
  return ok(writer.take(cursor));
}
Outcome number(std::uint64_t count) { return ok(wire::encode_count(count)); }
Outcome error(ErrorCode code, const std::string& text, const std::string& from = {}) {
  Outcome out;
  out.code = code;
  out.text = text;
  if (!from.empty()) out.node = std::make_shared<const NodeId>(from);
  return out;
}

std::string nodes_of(const Next& next) {
  std::string out;
  for (const Part& part : next.ask) out += (out.empty() ? "" : " ") + part.node.value;
  return out;
}
/// The cursor and limit that the one node is to be asked with.
wire::ListArgs args_of(const Next& next) {
  BOOST_REQUIRE(next.ask.size() == 1U);
  return wire::decode_list_args(BytesView{*next.ask[0].args}).value();
}
struct Listed {
  std::vector<std::string> keys;
  Bytes cursor;
};
Listed listed(const Next& next) {
  BOOST_REQUIRE(next.done.has_value());
  BOOST_TEST(next.ask.empty());
  BOOST_REQUIRE((next.done->code == ErrorCode::ok));
  const auto page = wire::decode_list_page(next.done->payload).value();
  return {{page.keys.begin(), page.keys.end()}, Bytes{page.cursor}};
}
std::uint64_t counted(const Next& next) {
  BOOST_REQUIRE(next.done.has_value());
  BOOST_TEST(next.ask.empty());
  BOOST_REQUIRE((next.done->code == ErrorCode::ok));
  return wire::decode_count(next.done->payload).value();
}
ErrorCode refused(Op op, const std::optional<Bytes>& args) {
  const auto query = ClusterQuery::make(op, args);
  return query ? ErrorCode::ok : query.error().code;
}

View later_view_of(const std::vector<std::string>& nodes) { return view_of(nodes, {}, 2); }

struct Fixture {
  const View three = view_of({"n1", "n2", "n3"});
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(cluster_query, Fixture)

// ---- list

BOOST_AUTO_TEST_CASE(a_list_asks_the_first_node_and_its_cursor_says_where_in_it_to_go_on) {
  auto query = ClusterQuery::make(Op::list, list_args({}, 2)).value();
  const Next first = query.begin(three);
  BOOST_TEST(nodes_of(first) == "n1");
  BOOST_TEST(args_of(first).limit == 2U);
  BOOST_TEST(args_of(first).cursor.empty());
  const Listed shown = listed(query.answered(first.ask[0], page({"a", "b"}, "inner"), three));
  BOOST_TEST((shown.keys == std::vector<std::string>{"a", "b"}));

  auto further = ClusterQuery::make(Op::list, list_args(shown.cursor, 3)).value();
  const Next second = further.begin(three);
  BOOST_TEST(nodes_of(second) == "n1");
  BOOST_TEST(args_of(second).cursor == "inner");
  BOOST_TEST(args_of(second).limit == 3U);
}

BOOST_AUTO_TEST_CASE(the_last_page_of_a_node_leads_to_the_next_node_and_that_of_the_last_node_to_none) {
  auto query = ClusterQuery::make(Op::list, list_args()).value();
  const Bytes cursor = listed(query.answered(query.begin(three).ask[0], page({"a"}), three)).cursor;
  auto second = ClusterQuery::make(Op::list, list_args(cursor)).value();
  const Next asked = second.begin(three);
  BOOST_TEST(nodes_of(asked) == "n2");
  BOOST_TEST(args_of(asked).cursor.empty());

  auto last = ClusterQuery::make(Op::list, list_args(encode(ClusterCursor{NodeId{"n3"}, "x"}))).value();
  BOOST_TEST(listed(last.answered(last.begin(three).ask[0], page({"z"}), three)).cursor.empty());
}

BOOST_AUTO_TEST_CASE(nodes_without_keys_are_passed_over_so_a_page_without_keys_is_the_last) {
  auto query = ClusterQuery::make(Op::list, list_args({}, 7)).value();
  Next next = query.begin(three);
  next = query.answered(next.ask[0], page({}), three);
  BOOST_TEST(nodes_of(next) == "n2");
  BOOST_TEST(args_of(next).limit == 7U);
  next = query.answered(next.ask[0], page({}), three);
  BOOST_TEST(nodes_of(next) == "n3");
  const Listed end = listed(query.answered(next.ask[0], page({}), three));
  BOOST_TEST(end.keys.empty());
  BOOST_TEST(end.cursor.empty());
}

BOOST_AUTO_TEST_CASE(an_empty_page_with_a_cursor_is_the_callers_and_not_the_nodes_last) {
  auto query = ClusterQuery::make(Op::list, list_args()).value();
  const Listed shown = listed(query.answered(query.begin(three).ask[0], page({}, "more"), three));
  BOOST_TEST((decode_cluster_cursor(shown.cursor).value().node == NodeId{"n1"}));
  BOOST_TEST(decode_cluster_cursor(shown.cursor).value().inner == "more");
}

BOOST_AUTO_TEST_CASE(a_cursor_of_an_older_view_goes_on_with_the_next_node_that_is_there_from_its_start) {
  auto query = ClusterQuery::make(Op::list, list_args(encode(ClusterCursor{NodeId{"n2"}, "in n2"}))).value();
  const Next next = query.begin(view_of({"n1", "n3"}));
  BOOST_TEST(nodes_of(next) == "n3");
  BOOST_TEST(args_of(next).cursor.empty());

  auto past = ClusterQuery::make(Op::list, list_args(encode(ClusterCursor{NodeId{"n9"}, {}}))).value();
  const Listed end = listed(past.begin(three));
  BOOST_TEST(end.keys.empty());
  BOOST_TEST(end.cursor.empty());
}

BOOST_AUTO_TEST_CASE(a_node_that_leaves_while_it_is_listed_is_passed_over_and_those_before_it_are_not_listed_again) {
  auto query = ClusterQuery::make(Op::list, list_args()).value();
  const Next first = query.begin(three);
  const View without = later_view_of({"n2", "n3"});
  const Next next = query.answered(first.ask[0], error(ErrorCode::unreachable, "there is no node 'n1'"), without);
  BOOST_TEST(nodes_of(next) == "n2");

  auto last = ClusterQuery::make(Op::list, list_args(encode(ClusterCursor{NodeId{"n3"}, "x"}))).value();
  const Next gone =
      last.answered(last.begin(three).ask[0], error(ErrorCode::unreachable, "gone"), later_view_of({"n1", "n2"}));
  BOOST_TEST(listed(gone).cursor.empty());
}

BOOST_AUTO_TEST_CASE(a_page_is_asked_for_anew_if_its_answer_comes_by_a_newer_view) {
  auto query = ClusterQuery::make(Op::list, list_args({}, 2)).value();
  const View two = view_of({"n2", "n3"});
  const Next first = query.begin(two);
  BOOST_TEST(nodes_of(first) == "n2");
  // n1 was there all the time.
  const View all = later_view_of({"n1", "n2", "n3"});
  const Next again = query.answered(first.ask[0], page({"b"}), all);
  BOOST_TEST(nodes_of(again) == "n1");
  BOOST_TEST(args_of(again).limit == 2U);
  const Next late = query.answered(first.ask[0], page({"b"}), all);
  BOOST_TEST((late.ask.empty() && !late.done));
  BOOST_TEST((listed(query.answered(again.ask[0], page({"a"}), all)).keys == std::vector<std::string>{"a"}));
}

BOOST_AUTO_TEST_CASE(a_node_that_is_silent_but_has_not_left_is_the_callers_error) {
  auto query = ClusterQuery::make(Op::list, list_args()).value();
  const Next next =
      query.answered(query.begin(three).ask[0], error(ErrorCode::unreachable, "node 'n1' is silent"), three);
  BOOST_REQUIRE(next.done.has_value());
  BOOST_TEST((next.done->code == ErrorCode::unreachable));
  BOOST_TEST(next.done->text == "node 'n1' is silent");
}

BOOST_AUTO_TEST_CASE(what_a_node_refuses_is_the_callers_error_with_the_nodes_name) {
  for (const Op op : {Op::list, Op::count}) {
    auto query = ClusterQuery::make(op, op == Op::list ? std::optional{list_args()} : std::nullopt).value();
    const Next next =
        query.answered(query.begin(three).ask[0], error(ErrorCode::unknown_type, "no type 'x'", "n1"), three);
    BOOST_REQUIRE(next.done.has_value());
    BOOST_TEST(next.ask.empty());
    BOOST_TEST((next.done->code == ErrorCode::unknown_type));
    BOOST_TEST(next.done->text == "node 'n1': no type 'x'");
  }
}

BOOST_AUTO_TEST_CASE(an_answer_that_cannot_be_read_is_an_error_with_the_nodes_name) {
  for (const Op op : {Op::list, Op::count}) {
    auto query = ClusterQuery::make(op, op == Op::list ? std::optional{list_args()} : std::nullopt).value();
    const Next next = query.answered(query.begin(three).ask[0], ok("\xff rubbish"), three);
    BOOST_REQUIRE(next.done.has_value());
    BOOST_TEST((next.done->code != ErrorCode::ok));
    BOOST_TEST(next.done->text.starts_with("node 'n1': "));
  }
}

BOOST_AUTO_TEST_CASE(arguments_that_break_a_bound_are_refused_before_anybody_is_asked) {
  BOOST_TEST((refused(Op::list, list_args({}, 0)) == ErrorCode::invalid_argument));
  BOOST_TEST((refused(Op::list, list_args({}, limits::list_page_max + 1)) == ErrorCode::too_large));
  BOOST_TEST((refused(Op::list, list_args({}, limits::list_page_max)) == ErrorCode::ok));
  BOOST_TEST((refused(Op::list, list_args("rubbish")) == ErrorCode::invalid_argument));
  BOOST_TEST((refused(Op::list, Bytes{"\xff"}) == ErrorCode::malformed_message));
  BOOST_TEST((refused(Op::list, std::nullopt) == ErrorCode::ok));
}

// ---- count

BOOST_AUTO_TEST_CASE(a_count_asks_all_nodes_at_once_and_is_their_sum) {
  auto query = ClusterQuery::make(Op::count, std::nullopt).value();
  const Next all = query.begin(view_of({"n1", "n2", "n3", "n4"}, "n4"));
  BOOST_TEST(nodes_of(all) == "n1 n2 n3");  // one that is joining has no actors yet
  for (const std::size_t i : {2U, 0U}) {
    const Next wait = query.answered(all.ask[i], number(10 + i), three);
    BOOST_TEST(wait.ask.empty());
    BOOST_TEST(!wait.done.has_value());
  }
  BOOST_TEST(counted(query.answered(all.ask[1], number(11), three)) == 33U);
}

BOOST_AUTO_TEST_CASE(a_view_of_before_anybody_had_joined_does_not_say_that_there_is_nothing) {
  const View nobody_yet = view_of({"n1"}, "n1");
  auto count = ClusterQuery::make(Op::count, std::nullopt).value();
  const Next none = count.begin(nobody_yet);
  BOOST_TEST((none.ask.empty() && none.done && none.done->code == ErrorCode::unavailable));
  auto list = ClusterQuery::make(Op::list, list_args()).value();
  BOOST_TEST((list.begin(nobody_yet).done->code == ErrorCode::unavailable));
}

BOOST_AUTO_TEST_CASE(if_a_node_leaves_while_it_is_counted_all_are_counted_again_and_what_came_before_does_not_count) {
  auto query = ClusterQuery::make(Op::count, std::nullopt).value();
  const Next all = query.begin(three);
  BOOST_TEST(!query.answered(all.ask[0], number(5), three).done.has_value());
  const View two = later_view_of({"n1", "n3"});
  const Next again = query.answered(all.ask[1], error(ErrorCode::unreachable, "gone"), two);
  BOOST_TEST(nodes_of(again) == "n1 n3");
  const Next late = query.answered(all.ask[2], number(1000), two);  // of the first round
  BOOST_TEST((late.ask.empty() && !late.done));
  BOOST_TEST(!query.answered(again.ask[0], number(6), two).done.has_value());
  BOOST_TEST(counted(query.answered(again.ask[1], number(4), two)) == 10U);
}

BOOST_AUTO_TEST_CASE(a_count_by_a_view_that_is_not_the_newest_is_begun_anew) {
  auto query = ClusterQuery::make(Op::count, std::nullopt).value();
  const View all = later_view_of({"n1", "n2", "n3"});
  const Next first = query.begin(view_of({"n2"}));
  BOOST_TEST(nodes_of(query.answered(first.ask[0], number(5), all)) == "n1 n2 n3");
}

BOOST_AUTO_TEST_CASE(the_first_error_ends_a_count_and_what_comes_later_is_ignored) {
  auto query = ClusterQuery::make(Op::count, std::nullopt).value();
  const Next all = query.begin(three);
  const Next failed = query.answered(all.ask[1], error(ErrorCode::overloaded, "full", "n2"), three);
  BOOST_REQUIRE(failed.done.has_value());
  BOOST_TEST((failed.done->code == ErrorCode::overloaded));
  for (const std::size_t i : {0U, 2U}) {
    const Next late = query.answered(all.ask[i], number(1), three);
    BOOST_TEST((late.ask.empty() && !late.done));
  }
}

BOOST_AUTO_TEST_CASE(how_long_to_wait_after_an_error_comes_through) {
  auto query = ClusterQuery::make(Op::count, std::nullopt).value();
  Outcome full = error(ErrorCode::overloaded, "full", "n2");
  full.retry_after = std::chrono::milliseconds(30);
  const Next last = query.answered(query.begin(three).ask[1], std::move(full), three);
  BOOST_TEST((last.done->retry_after == std::chrono::milliseconds(30)));
}

BOOST_AUTO_TEST_SUITE_END()
