#include "reki/core/view/view.hpp"

#include <boost/test/unit_test.hpp>
#include <random>

#include "reki/core/base/limits.hpp"

using namespace reki;

namespace {

Member node(std::string id, std::uint32_t weight = 1, MemberState state = MemberState::up) {
  return {NodeId{std::move(id)}, Incarnation{0xfedcba9876543210}, "tcp://127.0.0.1:7101", weight, "zone-a", state};
}

View three() { return fixed_view("test", 7, {node("c"), node("a"), node("b", 2)}).value(); }

ViewHead head() { return {"test", Epoch{5}, Term{3}, NodeId{"a"}, 7}; }

/// `View::make` with a table that fits the members.
Result<View> made(std::vector<Member> members, ViewHead h = head()) {
  const SlotTable table = next_table({}, {}, slot_members(members));
  return View::make(std::move(h), std::move(members), table);
}

bool refused(const Result<View>& view, std::string_view text) {
  BOOST_REQUIRE(!view.has_value());
  BOOST_TEST_MESSAGE(view.error().message());
  return view.error().text.find(text) != std::string::npos;
}

void put(Bytes& bytes, std::size_t at, unsigned char value) { bytes.at(at) = static_cast<char>(value); }

}  // namespace

BOOST_AUTO_TEST_SUITE(view)

BOOST_AUTO_TEST_CASE(a_fixed_view_is_epoch_1_with_its_members_sorted_and_all_slots_owned) {
  const View v = three();
  BOOST_TEST(v.epoch().value == 1U);
  BOOST_TEST(v.hash_seed() == 7U);
  BOOST_TEST(v.members()[0].node_id.value == "a");
  BOOST_TEST(v.members()[2].node_id.value == "c");
  BOOST_TEST(v.slots_of(0) == 4096U);
  BOOST_TEST(v.slots_of(1) == 8192U);
  BOOST_TEST(v.slots_of(2) == 4096U);
}

BOOST_AUTO_TEST_CASE(an_owner_is_the_member_that_the_table_names) {
  const View v = three();
  for (std::uint16_t s = 0; s < slot_count; s = static_cast<std::uint16_t>(s + 1000)) {
    const Member* owner = v.owner(SlotId{s});
    BOOST_REQUIRE(owner != nullptr);
    BOOST_TEST(v.index_of(owner->node_id.value) == v.table().owner(SlotId{s}));
  }
  BOOST_TEST((v.owner(SlotId{16384}) == nullptr));
}

BOOST_AUTO_TEST_CASE(a_member_is_found_by_its_id_and_nobody_by_another) {
  const View v = three();
  BOOST_TEST(v.find("b")->weight == 2U);
  BOOST_TEST((v.find(NodeId{"c"}) == &v.members()[2]));
  for (const char* id : {"", "aa", "d", "A"}) {
    BOOST_TEST((v.find(id) == nullptr));
    BOOST_TEST(v.index_of(id) == nobody);
  }
}

BOOST_AUTO_TEST_CASE(a_view_in_which_nobody_may_own_has_no_owners) {
  const auto v = made({node("a", 0), node("b", 1, MemberState::leaving), node("c", 1, MemberState::joining)});
  BOOST_REQUIRE(v.has_value());
  BOOST_TEST((v->owner(SlotId{0}) == nullptr));
}

BOOST_AUTO_TEST_CASE(a_view_that_breaks_a_relation_is_refused) {
  BOOST_TEST(refused(made({}, {"test", Epoch{1}, Term{}, NodeId{}, 7}), "no member"));
  BOOST_TEST(refused(made({node("b"), node("a")}), "not sorted"));
  BOOST_TEST(refused(fixed_view("test", 7, {node("a"), node("b"), node("a")}), "two members have the id 'a'"));
  BOOST_TEST(refused(made({node("")}), "node id"));
  BOOST_TEST(refused(made({node(std::string(65, 'x'))}), "node id"));
  BOOST_TEST(refused(made({node("a")}, {"", Epoch{1}, Term{}, NodeId{}, 0}), "cluster id"));
  BOOST_TEST(refused(made({node("a")}, {"test", Epoch{0}, Term{}, NodeId{}, 0}), "epoch"));
  Member m = node("a");
  m.addr = "127.0.0.1:7101";
  BOOST_TEST(refused(made({m}), "tcp://"));
  m = node("a");
  m.zone = std::string(65, 'z');
  BOOST_TEST(refused(made({m}), "zone"));
  m = node("a");
  m.state = MemberState{3};
  BOOST_TEST(refused(made({m}), "state"));
}

BOOST_AUTO_TEST_CASE(a_member_or_voter_to_which_nobody_can_connect_is_refused) {
  for (const auto* host : {"0.0.0.0", "[::]"}) {
    const std::string address = "tcp://" + std::string{host} + ":7101";
    Member listens = node("a");
    listens.addr = address;
    BOOST_TEST(refused(made({listens}), "others cannot connect to " + address));
    Member controls = node("a");
    controls.control = address;
    BOOST_TEST(refused(made({controls}), "others cannot connect to " + address));
    ViewHead h = head();
    h.voters.push_back({1, 7, NodeId{"a"}, address});
    BOOST_TEST(refused(made({node("a")}, h), "others cannot connect to " + address));
  }
}

BOOST_AUTO_TEST_CASE(the_texts_of_a_member_have_a_bound_together) {
  Member m = node("a");
  m.zone = "z";
  m.addr = "tcp://" + std::string(80, 'h') + ":7101";
  m.control = "tcp://" + std::string(86, 'h') + ":171";  // 1 + 91 + 1 + 96
  BOOST_TEST(validate(m).has_value());
  m.zone = "zz";
  BOOST_TEST(validate(m).has_value());
  m.zone = "zzz";
  BOOST_TEST(refused(made({m}), "longer than 190 bytes"));
}

BOOST_AUTO_TEST_CASE(a_view_with_voters_survives_its_encoding) {
  ViewHead h = head();
  for (std::uint16_t i = 1; i <= 5; ++i) {
    const Voter v{i, 0x100U + i, NodeId{"n" + std::to_string(i)}, "tcp://127.0.0.1:1710" + std::to_string(i)};
    h.voters.push_back(v);
    if (i != 2) h.old_voters.push_back(v);
  }
  Member m = node("n1");
  m.control = "tcp://127.0.0.1:17101";
  const View v = made({m, node("n2")}, h).value();
  const Bytes bytes = encode(v);
  BOOST_TEST((decode_view(bytes).value() == v));
  h.old_voters.clear();
  const View calm = made({m}, h).value();
  BOOST_TEST((decode_view(encode(calm)).value() == calm));
  for (std::size_t n = bytes.size() - 300; n < bytes.size(); ++n) {
    BOOST_TEST(!decode_view(BytesView(bytes).substr(0, n)).has_value());
  }
  Member heavy = m;
  heavy.weight = limits::node_weight_max + 1;
  BOOST_TEST(refused(made({heavy}, h), "the weight is above 1000000"));
  ViewHead twice = h;
  twice.voters[1].store = twice.voters[0].store;
  BOOST_TEST(refused(made({m}, twice), "two voters with one store"));
  ViewHead moved = h;
  moved.old_voters = {h.voters[0]};
  moved.old_voters[0].node.value += "x";
  BOOST_TEST(refused(made({m}, moved), "one store on two nodes"));
  h.old_voters = std::exchange(h.voters, {});
  BOOST_TEST(refused(made({m}, h), "old voters"));
}

BOOST_AUTO_TEST_CASE(a_member_or_voter_that_lacks_an_element_spoils_the_view) {
  Bytes bytes = encode(fixed_view("t", 7, {node("a")}).value());
  put(bytes, 8, 0x95);
  BOOST_TEST(refused(decode_view(bytes), "a member is missing an element"));
  bytes = encode(fixed_view("t", 7, {node("a")}).value());
  put(bytes, 0, 0x98);
  BOOST_TEST(refused(decode_view(bytes + "\x91\x93\x01\x02\xa1\x61"), "a voter is missing an element"));
  BOOST_TEST(refused(decode_view(bytes + "\x96" + std::string(6, '\x94')), "a voter"));
}

BOOST_AUTO_TEST_CASE(a_view_may_have_a_thousand_members_and_not_one_more) {
  std::vector<Member> members;
  for (int i = 0; i < 1000; ++i) members.push_back(node(std::to_string(10000 + i)));
  const auto full = fixed_view("test", 7, members);
  BOOST_REQUIRE(full.has_value());
  BOOST_TEST((decode_view(encode(*full)).value() == *full));
  members.push_back(node("x"));
  BOOST_TEST(refused(fixed_view("test", 7, members), "more than 1000"));
}

BOOST_AUTO_TEST_CASE(a_table_whose_owner_may_not_own_is_refused) {
  const std::vector<Member> members{node("a"), node("b", 0), node("c", 1, MemberState::leaving)};
  SlotTable table = next_table({}, {}, slot_members(members));
  BOOST_TEST(View::make(head(), members, table).has_value());
  for (const MemberIndex wrong : {MemberIndex{1}, MemberIndex{2}, MemberIndex{3}, nobody}) {
    SlotTable bad = table;
    bad.assign(SlotId{9}, wrong);
    BOOST_TEST(refused(View::make(head(), members, bad), "table"));
  }
}

BOOST_AUTO_TEST_CASE(a_member_listed_twice_is_refused) {
  const SlotTable table = next_table({}, {}, slot_members(std::vector{node("a")}));
  BOOST_TEST(refused(View::make(head(), {node("a"), node("a")}, table), "each once: 'a'"));
}

BOOST_AUTO_TEST_CASE(a_view_survives_its_encoding) {
  const auto v = made({node("a", limits::node_weight_max), node("b", 0), node("c", 1, MemberState::joining)});
  BOOST_REQUIRE(v.has_value());
  const auto back = decode_view(encode(*v));
  BOOST_REQUIRE(back.has_value());
  BOOST_TEST((*back == *v));
}

BOOST_AUTO_TEST_CASE(an_encoding_has_the_bytes_of_the_protocol) {
  const Bytes bytes = encode(fixed_view("t", 7, {node("a")}).value());
  const std::string_view start{
      "\x97\x01\x00\xa1t\x07\xa0\x91\x96\xa1"
      "a\xcf\xfe\xdc\xba\x98\x76\x54\x32\x10\xb4tcp://127.0.0.1:7101"
      "\x01\xa6zone-a\x01\xc5\x80\x00",
      53};
  BOOST_TEST((bytes.substr(0, start.size()) == start));
  BOOST_TEST(bytes.size() == start.size() + 32768);
  BOOST_TEST(bytes.find_first_not_of('\0', start.size()) == Bytes::npos);
}

BOOST_AUTO_TEST_CASE(elements_of_a_later_version_are_ignored) {
  Bytes bytes = encode(three());
  put(bytes, 0, 0x9b);
  bytes += Bytes("\x90\x90\x94\xcd\x02\x8a\xcd\x03\x52\x00\xc0\xc0", 12);
  BOOST_TEST((decode_view(bytes).value() == three()));
}

BOOST_AUTO_TEST_CASE(bytes_that_are_no_view_are_an_error) {
  const Bytes good = encode(three());
  BOOST_TEST(refused(decode_view(""), "not a view"));
  BOOST_TEST(refused(decode_view("\xc1"), "not a view"));
  BOOST_TEST(refused(decode_view("\x90"), "missing"));
  BOOST_TEST(refused(decode_view("\x01"), "not an array"));
  BOOST_TEST(refused(decode_view(good + "x"), "bytes follow"));
  BOOST_TEST(refused(decode_view(Bytes("\xdd\xff\xff\xff\xff", 5)), "not a view"));
  BOOST_TEST(refused(decode_view(Bytes("\xdb\xff\xff\xff\xff", 5)), "not a view"));
  BOOST_TEST(refused(decode_view(Bytes("\xdf\x7f\xff\xff\xff", 5)), "not a view"));
  BOOST_TEST(refused(decode_view(Bytes(100000, '\x91') + "\xc0"), "not a view"));
  BOOST_TEST(decode_view(good).has_value());
}

BOOST_AUTO_TEST_CASE(no_prefix_of_a_view_is_a_view) {
  const Bytes good = encode(three());
  for (std::size_t n = 0; n < 200; ++n) BOOST_TEST(!decode_view(BytesView(good).substr(0, n)).has_value());
  for (std::size_t n = 201; n < good.size(); n += 997) {
    BOOST_TEST(!decode_view(BytesView(good).substr(0, n)).has_value());
  }
}

BOOST_AUTO_TEST_CASE(a_damaged_view_is_refused_or_still_keeps_every_relation) {
  const Bytes good = encode(three());
  std::mt19937 random(1);
  int accepted = 0;
  for (int i = 0; i < 3000; ++i) {
    Bytes bytes = good;
    const int flips = 1 + static_cast<int>(random() % 3);
    for (int k = 0; k < flips; ++k)
      put(bytes, random() % (k == 0 ? 150 : bytes.size()), static_cast<unsigned char>(random()));
    const auto v = decode_view(bytes);
    if (!v) continue;
    ++accepted;
    const std::vector<Member> members(v->members().begin(), v->members().end());
    for (const MemberIndex owner : v->table().entries()) BOOST_REQUIRE(owner == nobody || owner < members.size());
    BOOST_REQUIRE(View::make(v->head(), members, v->table()).has_value());
    BOOST_REQUIRE((decode_view(encode(*v)).value() == *v));
  }
  BOOST_TEST(accepted > 0);
}

BOOST_AUTO_TEST_SUITE_END()
