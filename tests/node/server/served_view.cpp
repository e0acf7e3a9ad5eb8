#include "reki/node/server/served_view.hpp"

#include <boost/test/unit_test.hpp>

#include "reki/core/base/hash.hpp"

using namespace reki;
using Where = ServedView::Place::Where;

namespace {

Member node(const std::string& id, std::uint64_t incarnation, std::uint32_t weight = 1) {
  return {NodeId{id}, Incarnation{incarnation}, "tcp://10.0.0.1:1", weight, {}, MemberState::up, {}};
}

std::shared_ptr<const View> view(std::uint32_t epoch, std::vector<Member> members) {
  const SlotTable table = next_table({}, {}, slot_members(members));
  return std::make_shared<const View>(
      View::make({"c", Epoch{epoch}, Term{1}, NodeId{"n1"}, 5}, std::move(members), table).value());
}

/// n1's, in its incarnation 11.
struct Serving {
  explicit Serving(std::vector<Member> members, std::uint32_t epoch = 3) {
    served.set(view(epoch, std::move(members)), Incarnation{11});
  }

  std::uint64_t hash_of(const std::string& key, const std::string& type = "t") const {
    return hash_key(key, hash_type(type, served.get()->hash_seed()));
  }
  /// The first key of the type that is that member's.
  std::string key_of(const std::string& owner, const std::string& type = "t") const {
    for (int i = 0;; ++i) {
      auto key = "k" + std::to_string(i);
      if (served.get()->owner(slot_of(hash_of(key, type)))->node_id.value == owner) return key;
    }
  }
  bool admits(wire::Role role, const std::string& name, std::uint64_t incarnation) const {
    Session session;
    session.role = role;
    session.name = name;
    session.incarnation = Incarnation{incarnation};
    return served.admits(session);
  }

  ServedView served{NodeId{"n1"}, Incarnation{11}};
};

}  // namespace

BOOST_AUTO_TEST_SUITE(served_view)

BOOST_AUTO_TEST_CASE(before_the_first_view_it_serves_none) {
  const ServedView served{NodeId{"n1"}, Incarnation{11}};
  BOOST_TEST(!static_cast<bool>(served));
  BOOST_TEST((served.epoch() == Epoch{} && served.incarnation() == Incarnation{11}));
}

BOOST_AUTO_TEST_CASE(a_key_is_here_or_at_the_owner_that_is_named) {
  Serving s({node("n1", 11), node("n2", 22)});
  BOOST_TEST((s.served.place_of("t", s.key_of("n1")).where == Where::here));
  const auto other = s.served.place_of("t", s.key_of("n2"));
  BOOST_TEST((other.where == Where::elsewhere));
  BOOST_TEST(other.owner == "n2");
  BOOST_TEST(s.served.owns(s.hash_of(s.key_of("n1"))));
  BOOST_TEST(!s.served.owns(s.hash_of(s.key_of("n2"))));
}

BOOST_AUTO_TEST_CASE(types_and_views_that_take_turns_are_told_apart) {
  Serving s({node("n1", 11), node("n2", 22)});
  for (int i = 0; i < 3; ++i) {
    for (const char* type : {"t", "another"}) {
      for (const char* owner : {"n1", "n2"}) {
        const auto place = s.served.place_of(type, s.key_of(owner, type));
        BOOST_TEST((place.where == Where::here) == (std::string_view{owner} == "n1"));
      }
    }
  }
  const std::string key = s.key_of("n2");
  BOOST_TEST((s.served.place_of("t", key).where == Where::elsewhere));
  s.served.set(view(4, {node("n1", 11)}), Incarnation{11});
  BOOST_TEST((s.served.place_of("t", key).where == Where::here));
}

BOOST_AUTO_TEST_CASE(where_nobody_may_own_anything_a_key_is_nowhere) {
  Serving s({node("n1", 11, 0)});
  BOOST_TEST((s.served.place_of("t", "k").where == Where::nowhere));
  BOOST_TEST(!s.served.owns(s.hash_of("k")));
}

BOOST_AUTO_TEST_CASE(what_an_earlier_incarnation_of_this_node_owns_is_not_served) {
  Serving s({node("n1", 10), node("n2", 22)});
  BOOST_TEST((s.served.place_of("t", s.key_of("n1")).where == Where::not_joined));
  BOOST_TEST(!s.served.owns(s.hash_of(s.key_of("n1"))));
  BOOST_TEST((s.served.place_of("t", s.key_of("n2")).where == Where::elsewhere));
}

BOOST_AUTO_TEST_CASE(a_node_that_a_view_has_dropped_owns_nothing_in_it) {
  Serving s({node("n2", 22)});
  BOOST_TEST((s.served.place_of("t", "k").where == Where::elsewhere));
  BOOST_TEST(!s.served.owns(s.hash_of("k")));
}

BOOST_AUTO_TEST_CASE(of_the_nodes_those_of_the_view_are_admitted_in_their_incarnation) {
  const Serving s({node("n1", 11), node("n2", 22)});
  BOOST_TEST(s.admits(wire::Role::node, "n2", 22));
  BOOST_TEST(!s.admits(wire::Role::node, "n2", 21));
  BOOST_TEST(!s.admits(wire::Role::node, "n3", 22));
  BOOST_TEST(s.admits(wire::Role::client, "n3", 22));
}

BOOST_AUTO_TEST_CASE(a_view_that_knows_no_incarnations_admits_all_of_a_member) {
  Serving s({node("n1", 0), node("n2", 0)});
  BOOST_TEST(s.admits(wire::Role::node, "n2", 22));
  BOOST_TEST(!s.admits(wire::Role::node, "n3", 22));
  BOOST_TEST((s.served.place_of("t", s.key_of("n1")).where == Where::here));
}

BOOST_AUTO_TEST_CASE(who_asks_is_told_this_view_a_delta_or_that_there_is_no_newer) {
  std::vector<Member> many;
  for (int i = 1; i <= 9; ++i) many.push_back(node("n" + std::to_string(i), 11));
  Serving s(many);
  many[1].incarnation = Incarnation{12};
  s.served.set(view(4, many), Incarnation{11});
  const auto answer = [&](std::uint32_t have, bool deltas) {
    return s.served.answer_to(wire::encode_view_args(Epoch{have}, deltas)).value();
  };
  BOOST_TEST((decode_view(answer(3, false)).value() == *s.served.get()));
  BOOST_TEST((decode_view(answer(2, true)).value() == *s.served.get()));
  const auto delta = answer(3, true);
  BOOST_TEST(!delta.empty());
  BOOST_TEST(delta.size() < answer(3, false).size());
  BOOST_TEST(answer(4, true).empty());
  BOOST_TEST(answer(9, false).empty());
  const auto nonsense = s.served.answer_to("nonsense");
  BOOST_REQUIRE(!nonsense);
  BOOST_TEST(nonsense.error().text == "args of view: [epoch, deltas]");
}

BOOST_AUTO_TEST_SUITE_END()
