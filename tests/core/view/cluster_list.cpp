#include "reki/core/view/cluster_list.hpp"

#include <boost/test/unit_test.hpp>

using namespace reki;

BOOST_AUTO_TEST_SUITE(cluster_list)

BOOST_AUTO_TEST_CASE(a_cursor_comes_back_as_it_was) {
  const ClusterCursor cursor{NodeId{"n1"}, Bytes{"\0\xff key", 6}};
  const auto back = decode_cluster_cursor(encode(cursor));
  BOOST_TEST((back->node == cursor.node));
  BOOST_TEST(back->inner == cursor.inner);
  BOOST_TEST(decode_cluster_cursor({})->node.value.empty());
}

BOOST_AUTO_TEST_CASE(a_foreign_cursor_is_refused) {
  for (const Bytes& bytes : {Bytes{"\x09" "n1"}, Bytes{"\xff"}, Bytes(1, '\0'), Bytes{"\x02n"}}) {
    const auto cursor = decode_cluster_cursor(bytes);
    BOOST_TEST(!cursor);
    BOOST_TEST((cursor.error().code == ErrorCode::invalid_argument));
  }
}

BOOST_AUTO_TEST_CASE(nodes_come_in_the_order_of_their_ids_without_those_that_are_joining) {
  const auto member = [](const char* id, MemberState state) {
    return Member{NodeId{id}, Incarnation{}, "tcp://127.0.0.1:7001", 1, {}, state};
  };
  const std::vector members{member("a", MemberState::up), member("b", MemberState::joining), member("c", MemberState::leaving)};
  const auto table = fixed_view("x", 1, {members[0]})->table();
  const auto view = View::make({"x", Epoch{1}, Term{}, NodeId{}, 1}, members, table).value();
  BOOST_TEST(node_from(view, "")->node_id.value == "a");
  BOOST_TEST(node_from(view, "a")->node_id.value == "a");
  BOOST_TEST(node_from(view, "b")->node_id.value == "c");
  BOOST_TEST(node_after(view, "a")->node_id.value == "c");
  BOOST_TEST(node_after(view, "c") == nullptr);
}

BOOST_AUTO_TEST_SUITE_END()
