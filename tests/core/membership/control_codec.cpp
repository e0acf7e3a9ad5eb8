#include "reki/core/membership/control_codec.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <sstream>

#include "control_messages.hpp"
#include "../wire/protocol_page.hpp"
#include "reki/core/base/limits.hpp"
#include "reki/core/wire/msgpack_reader.hpp"
#include "reki/core/wire/msgpack_writer.hpp"

using namespace reki;
using namespace reki::membership;
using test::hex_of;

namespace {

const ControlSender n1{"shop", NodeId{"n1"}, "tcp://10.0.0.1:17101"};

Bytes written(const Body& body, const ControlSender& sender = n1) { return Bytes{ControlWriter{sender}.write(body)}; }

/// A frame with these parts, whatever they are.
Bytes frame_of(std::uint64_t version, std::string_view cluster, std::string_view from, std::string_view control,
               std::uint64_t kind, BytesView body) {
  Bytes out;
  MsgpackWriter w{out};
  w.write_array(7);
  w.write_str("rekc");
  w.write_uint(version);
  w.write_str(cluster);
  w.write_str(from);
  w.write_str(control);
  w.write_uint(kind);
  w.write_value(body);
  return out;
}

/// The elements of the body in a good frame.
std::vector<Bytes> elements_of(const Bytes& frame) {
  MsgpackReader in{frame};
  std::uint32_t count = 0;
  std::vector<Bytes> out;
  BOOST_REQUIRE(in.read_array(count));
  for (int i = 0; i < 6; ++i) BOOST_REQUIRE(in.skip());
  BOOST_REQUIRE(in.read_array(count));
  for (; count > 0; --count) {
    BytesView value;
    BOOST_REQUIRE(in.read_value(value));
    out.emplace_back(value);
  }
  return out;
}

Bytes array_of(const std::vector<Bytes>& elements, std::size_t count) {
  Bytes out;
  MsgpackWriter w{out};
  w.write_array(static_cast<std::uint32_t>(count));
  for (std::size_t i = 0; i < count; ++i) w.write_value(elements[i]);
  return out;
}

void refused(const Bytes& frame, ErrorCode code, std::string_view text, std::string_view cluster = "shop") {
  const auto got = decode_control(frame, cluster);
  BOOST_REQUIRE(!got);
  BOOST_TEST(name_of(got.error().code) == name_of(code));
  BOOST_TEST((got.error().text.find(text) != std::string::npos), got.error().text);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(control_codec)

BOOST_AUTO_TEST_CASE(each_message_comes_back_as_it_was_written) {
  const auto messages = test::control_messages();
  BOOST_REQUIRE(messages.size() == std::variant_size_v<Body>);
  for (std::size_t i = 0; i < messages.size(); ++i) {
    BOOST_TEST_CONTEXT(control_kinds()[i].name) {
      BOOST_TEST((kind_of(messages[i]) == control_kinds()[i].kind));
      const Bytes bytes = written(messages[i]);
      const auto got = decode_control(bytes, "shop");
      BOOST_REQUIRE_MESSAGE(got, got.error().text);
      BOOST_TEST((got->sender.name == n1.name && got->sender.control == n1.control && got->sender.cluster == "shop"));
      BOOST_REQUIRE(got->body && !got->answer);
      BOOST_TEST(got->body->index() == i);
      BOOST_TEST(hex_of(written(*got->body)).substr(0, 2000) == hex_of(bytes).substr(0, 2000));
      BOOST_TEST((written(*got->body) == bytes));
    }
  }
}

BOOST_AUTO_TEST_CASE(views_members_and_durations_come_back_exactly) {
  const auto view = test::control_view();
  const auto promise = decode_control(written(Promise{1, Term{2}, Term{3}, view, Duration{123456789}}), "shop");
  const auto& m = std::get<Promise>(*promise.value().body);
  BOOST_TEST((*m.view == *view && m.since_ack == Duration{123456789} && m.accepted == Term{3}));
  const auto silent = decode_control(written(Promise{1, Term{2}, Term{3}, view, std::nullopt}), "shop");
  BOOST_TEST(!std::get<Promise>(*silent.value().body).since_ack.has_value());
  const auto join = decode_control(written(Join{test::control_member("n2"), Epoch{7}, 9}), "shop");
  BOOST_TEST((std::get<Join>(*join.value().body).member == test::control_member("n2")));
}

BOOST_AUTO_TEST_CASE(a_writer_s_frames_do_not_depend_on_those_before) {
  ControlWriter writer{n1};
  const auto messages = test::control_messages();
  for (int round = 0; round < 2; ++round) {
    for (const Body& m : messages) BOOST_TEST((writer.write(m) == written(m)));
  }
  const auto newer = test::control_view("shop", 6);
  BOOST_TEST((Bytes{writer.write(ViewPush{newer})} == written(ViewPush{newer})));
}

BOOST_AUTO_TEST_CASE(the_largest_view_fits_into_a_frame) {
  std::vector<Member> members;
  for (int i = 0; i < 1000; ++i) {
    Member m = test::control_member(std::to_string(1000 + i));
    m.weight = limits::node_weight_max;
    m.zone = std::string(64, 'z');
    m.control = "tcp://" + std::string(190 - 4 - m.addr.size() - 64 - 11, 'h') + ":1710";
    BOOST_REQUIRE(validate(m));
    members.push_back(m);
  }
  ViewHead head{
      std::string(64, 'c'), Epoch{0xffffffff}, Term{UINT64_MAX}, NodeId{std::string(64, 'n')}, UINT64_MAX, {}, {}};
  for (std::uint16_t i = 0; i < 5; ++i) {
    const auto number = static_cast<std::uint16_t>(65000 + i);
    head.voters.push_back({number, UINT64_MAX - i, NodeId{std::string(63, 'v') + std::to_string(i)},
                           "tcp://" + std::string(253, 'h') + ":17101"});
  }
  head.old_voters = head.voters;
  const SlotTable table = next_table({}, {}, slot_members(members));
  const auto view = std::make_shared<const View>(View::make(head, members, table).value());
  const ControlSender sender{head.cluster_id, NodeId{std::string(80, 'n')},
                             "tcp://" + std::string(253, 'h') + ":17101"};
  const Bytes frame = written(Promise{UINT64_MAX, Term{UINT64_MAX}, Term{UINT64_MAX}, view, Duration::max()}, sender);
  BOOST_TEST_MESSAGE("the largest frame has " << frame.size() << " bytes");
  BOOST_TEST(frame.size() <= limits::control_frame_bytes_max);
  BOOST_TEST((*std::get<Promise>(*decode_control(frame, head.cluster_id).value().body).view == *view));
}

BOOST_AUTO_TEST_CASE(a_frame_of_another_cluster_is_its_own_answer) {
  const Bytes frame = written(ViewFetch{Epoch{1}});
  refused(frame, ErrorCode::wrong_cluster, "'n1' at tcp://10.0.0.1:17101 is of cluster 'shop'", "shop-eu");
  BOOST_TEST(decode_control(frame, "").has_value());
  // Also if nothing else in it is good: what is in another cluster's messages is not our business.
  refused(frame_of(1, "shop", "n1", "", 99, "\x90"), ErrorCode::wrong_cluster, "shop", "other");
}

BOOST_AUTO_TEST_CASE(only_a_probe_may_have_no_cluster) {
  const ControlSender nobody{"", NodeId{"init/2f41"}, ""};
  const auto probe = decode_control(written(InitProbe{}, nobody), "shop");
  BOOST_REQUIRE(probe);
  BOOST_TEST(probe->sender.name.value == "init/2f41");
  refused(written(ViewFetch{Epoch{1}}, nobody), ErrorCode::wrong_cluster, "cluster ''");
}

BOOST_AUTO_TEST_CASE(who_joins_is_known_whatever_the_cluster_and_the_version) {
  const std::string at = "tcp://10.0.0.9:17101";
  for (const std::uint16_t version : {1, 2, 900}) {
    const auto join = who_joins(frame_of(version, "other", "n9", at, 4, "\x90"));
    BOOST_REQUIRE(join.has_value());
    BOOST_TEST(join->sender.cluster == "other");
    BOOST_TEST(join->sender.name.value == "n9");
    BOOST_TEST(join->sender.control == at);
    BOOST_TEST(join->level == version);
  }
  BOOST_TEST(!who_joins(frame_of(1, "other", "n9", at, 11, "\x90")).has_value());
  BOOST_TEST(!who_joins(frame_of(1, "other", "n9", "", 4, "\x90")).has_value());
  BOOST_TEST(!who_joins("rekc").has_value());
}

BOOST_AUTO_TEST_CASE(frames_of_a_later_version_are_told_from_damaged_ones) {
  refused(frame_of(2, "shop", "n1", "", 1, "\x90"), ErrorCode::version_mismatch, "level 2");
  refused(Bytes("\x93\xa4rekc\x02\xc0", 8), ErrorCode::version_mismatch, "level 2");
  refused(frame_of(1, "shop", "n1", "", 99, "\x90"), ErrorCode::unsupported, "99");
  refused(frame_of(1, "shop", "n1", "", 0, "\x90"), ErrorCode::unsupported, "0");
  Bytes longer = frame_of(1, "shop", "n1", "", 7, "\x93\x05\xc0\x91\x01");
  longer[0] = static_cast<char>(0x99);
  longer += Bytes("\x00\xa3new", 5);
  const auto got = decode_control(longer, "shop");
  BOOST_REQUIRE(got);
  BOOST_TEST((std::get<ViewFetch>(*got->body).have == Epoch{5}));
}

BOOST_AUTO_TEST_CASE(a_frame_is_read_at_each_level_that_the_reader_has_and_at_no_other) {
  constexpr LevelRange both{1, 2};
  ControlWriter writer{n1};
  for (const Body& m : test::control_messages()) {
    for (const Level level : {1, 2}) {
      const Bytes frame{writer.write(m, {}, level)};
      const auto got = decode_control(frame, "shop", nullptr, both);
      BOOST_REQUIRE_MESSAGE(got, got.error().text);
      BOOST_TEST(got->level == level);
      BOOST_TEST((got->body && Bytes{writer.write(*got->body, {}, level)} == frame));
    }
    const Bytes frame{writer.write(m, {}, 2)};
    refused(frame, ErrorCode::version_mismatch, "'n1' at tcp://10.0.0.1:17101 speaks level 2");
    const auto later = decode_control(frame, "shop", nullptr, {3, 4});
    BOOST_TEST((!later && later.error().code == ErrorCode::version_mismatch));
  }
}

BOOST_AUTO_TEST_CASE(each_message_of_the_next_level_has_an_element_more_that_is_read_there_and_passed_over_before) {
  ControlWriter writer{n1};
  for (const Body& m : test::control_messages()) {
    const auto before = elements_of(written(m));
    const auto now = elements_of(Bytes{writer.write(m, {}, 2)});
    BOOST_REQUIRE(now.size() == before.size() + 1);
    const auto kind = static_cast<std::uint64_t>(kind_of(m));
    BOOST_TEST(decode_control(frame_of(1, "shop", "n1", "", kind, array_of(now, now.size())), "shop").has_value());
    // Left out it is what it would be.
    BOOST_TEST(decode_control(frame_of(2, "shop", "n1", "", kind, array_of(before, before.size())), "shop", nullptr, {1, 2}).has_value());
    auto wrong = now;
    wrong.back() = "\x07";
    const auto got = decode_control(frame_of(2, "shop", "n1", "", kind, array_of(wrong, wrong.size())), "shop", nullptr, {1, 2});
    BOOST_TEST((!got && got.error().text.find("level is not that of the frame") != std::string::npos));
  }
}

BOOST_AUTO_TEST_CASE(a_head_that_breaks_a_bound_is_refused) {
  const auto malformed = ErrorCode::malformed_frame;
  refused(frame_of(1, "shop", "", "", 28, "\x90"), malformed, "from is empty");
  refused(frame_of(1, "shop", std::string(81, 'n'), "", 28, "\x90"), malformed, "from is too long");
  BOOST_TEST(decode_control(frame_of(1, "shop", std::string(80, 'n'), "", 28, "\x90"), "shop").has_value());
  refused(frame_of(1, std::string(65, 'c'), "n1", "", 28, "\x90"), malformed, "cluster is too long");
  refused(frame_of(1, "shop", "n1", "10.0.0.1:1", 28, "\x90"), malformed, "control is not tcp://");
  refused(frame_of(1, "shop", "n1", "", 28, "\x01"), malformed, "is not an array");
  refused(frame_of(1, "shop", "n1", "", 28, "\x90") + "x", malformed, "more bytes");
  refused("\x97\xa4reki\x01", malformed, "array");
  refused(Bytes("\x97\xa4reki\x01\xa0\xa0\xa0\x01\x90", 11), malformed, "\"rekc\" is something else");
  refused(Bytes(limits::control_frame_bytes_max + 1, '\0'), ErrorCode::too_large, "262145 bytes");
}

BOOST_AUTO_TEST_CASE(a_body_keeps_what_the_machines_rely_on) {
  const auto malformed = ErrorCode::malformed_frame;
  const auto join = [](auto change) {
    Member m = test::control_member("n2");
    change(m);
    return written(Join{m, Epoch{1}, 0});
  };
  refused(join([](Member& m) { m.addr = "nowhere"; }), malformed, "member could not be in a view");
  refused(join([](Member& m) { m.node_id.value = ""; }), malformed, "member could not be in a view");
  refused(join([](Member& m) { m.state = MemberState{7}; }), malformed, "unknown state");
  refused(join([](Member& m) { m.incarnation = {}; }), malformed, "member has no incarnation");
  refused(join([](Member& m) { m.control = ""; }), malformed, "member has no control address");
  refused(written(Stopped{NodeId{std::string(65, 'n')}, Incarnation{1}}), malformed, "node is too long");
  refused(written(Hint{Term{1}, NodeId{"n1"}, "n1"}), malformed, "control is not tcp://");
  refused(written(InitState{1, true, std::string(65, 'c'), Epoch{}}), malformed, "cluster is too long");
  refused(written(Accept{1, Term{2}, test::control_view("other")}), malformed, "view is of another cluster");
  refused(frame_of(1, "shop", "n1", "", 8, "\x91\xc4\x01\x90"), malformed, "view is not a view: epoch is missing");
  refused(frame_of(1, "shop", "n1", "", 8, "\x91\xc0"), malformed, "view");
  refused(frame_of(1, "shop", "n1", "", 7, Bytes("\x91\xcf\0\0\0\1\0\0\0\0", 10)), malformed, "have is too large");
}

BOOST_AUTO_TEST_CASE(the_table_of_kinds_lists_exactly_the_messages_and_their_elements) {
  const auto messages = test::control_messages();
  const auto rows = test::table(9);
  BOOST_REQUIRE(rows.size() == control_kinds().size());
  BOOST_TEST(std::ranges::is_sorted(rows, {}, [](const auto& row) { return std::stoi(row[0]); }));
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const auto& known = control_kinds()[i];
    const auto row = std::ranges::find(rows, known.name, [](const auto& r) -> std::string_view { return r[1]; });
    BOOST_REQUIRE_MESSAGE(row != rows.end(), "the page lacks " << known.name);
    BOOST_TEST_CONTEXT(known.name) {
      BOOST_TEST(std::stoi((*row)[0]) == static_cast<int>(known.kind));
      std::istringstream names{(*row)[2].substr(2, (*row)[2].size() - 4)};  // without `[ and ]`
      const auto elements = elements_of(written(messages[i]));
      std::size_t count = 0;
      for (std::string name; names >> name; ++count) {
        if (name.ends_with(',')) name.pop_back();
        if (name == "since_ack" || name == "levels" || name == "register") continue;  // may be nil, or left out
        const Bytes frame =
            frame_of(1, "shop", "n1", "", static_cast<std::uint64_t>(known.kind), array_of(elements, count));
        refused(frame, ErrorCode::malformed_frame, std::string{known.name} + ": " + name + " is missing");
      }
      BOOST_TEST(count == elements.size());
    }
  }
}

BOOST_AUTO_TEST_CASE(a_view_goes_as_a_delta_to_one_that_has_an_earlier_one) {
  const auto first = test::control_view("shop", 5);
  const auto second = test::control_view("shop", 6);
  ControlWriter writer{n1};
  writer.remember(first);
  const Bytes whole{writer.write(ViewPush{second})};
  const Bytes delta{writer.write(ViewPush{second}, Epoch{5})};
  BOOST_TEST(delta.size() < 300U);
  BOOST_TEST(whole.size() > 32768U);
  BOOST_TEST((writer.write(ViewPush{second}, Epoch{4}) == whole));
  BOOST_TEST((writer.write(ViewPush{second}, Epoch{6}) == whole));
  BOOST_TEST((writer.write(ViewPush{first}, Epoch{5}) == written(ViewPush{first})));  // not the newest

  const auto got = decode_control(delta, "shop", first.get());
  BOOST_REQUIRE((got && got->body && !got->answer));
  BOOST_TEST((*std::get<ViewPush>(*got->body).view == *second));
}

BOOST_AUTO_TEST_CASE(who_cannot_use_a_delta_asks_for_what_it_can_use) {
  const auto base = test::control_view("shop", 5);
  ControlWriter writer{n1};
  writer.remember(base);
  const Bytes delta{writer.write(ViewPush{test::control_view("shop", 6)}, Epoch{5})};
  const auto answer_to = [&](const View* have) {
    const auto got = decode_control(delta, "shop", have).value();
    BOOST_TEST(!got.body.has_value());
    return got.answer;
  };
  BOOST_TEST((answer_to(nullptr)->have == Epoch{0}));
  BOOST_TEST((answer_to(test::control_view("shop", 4).get())->have == Epoch{4}));
  BOOST_TEST(!answer_to(test::control_view("shop", 6).get()).has_value());  // has it
  BOOST_TEST(!answer_to(test::control_view("shop", 7).get()).has_value());
  std::vector<Member> members{test::control_member("n1"), test::control_member("n2")};
  members[1].incarnation.value = 1;
  const View other = View::make(base->head(), members, base->table()).value();
  BOOST_TEST((answer_to(&other)->have == Epoch{0}));  // of the right number, but another
}

BOOST_AUTO_TEST_CASE(a_damaged_delta_is_an_error) {
  const auto malformed = ErrorCode::malformed_frame;
  refused(frame_of(1, "shop", "n1", "", 9, "\x90"), malformed, "view_delta: delta is missing");
  refused(frame_of(1, "shop", "n1", "", 9, "\x91\xc4\x01\x90"), malformed, "not a delta of a view");
}

BOOST_AUTO_TEST_CASE(a_receiver_s_view_is_known_from_what_it_says) {
  for (const Body& m : test::control_messages()) {
    const bool says = m.index() == 0 || std::holds_alternative<Join>(m) || std::holds_alternative<ViewFetch>(m);
    BOOST_TEST(view_of_sender(m).has_value() == says);
  }
  BOOST_TEST((view_of_sender(Renew{Incarnation{1}, Epoch{7}, Epoch{6}, 1, false, 0}) == Epoch{7}));
  BOOST_TEST((view_of_sender(Join{test::control_member("n1"), Epoch{8}, 0}) == Epoch{8}));
  BOOST_TEST((view_of_sender(ViewFetch{Epoch{9}}) == Epoch{9}));
}

BOOST_AUTO_TEST_CASE(no_prefix_of_a_frame_is_a_frame) {
  for (const Body& m : test::control_messages()) {
    const Bytes good = written(m);
    for (std::size_t n = 0; n < good.size(); n += n < 200 ? 1 : 997) {
      BOOST_TEST(!decode_control(BytesView(good).substr(0, n), "shop").has_value());
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

// --- the examples of docs/protocol.md

namespace {

constexpr Incarnation node{0x0badcafe8badf00d};
const ControlSender n2{"shop", NodeId{"n2"}, "tcp://10.0.0.2:17101"};

struct Example {
  ControlSender sender;
  Body body;
};

const std::map<std::string, Example> control_examples{
    {"renew", {n2, Renew{node, Epoch{5}, Epoch{5}, 7, false, 0, 0x1234}}},
    {"grant", {n1, Grant{node, 7, Term{0x30001}, Epoch{5}, Epoch{5}, 0x1234}}},
    {"join",
     {n2, Join{{NodeId{"n2"}, Incarnation{0x1122334455667788}, "tcp://10.0.0.2:7101", 1, "a", MemberState::up,
                "tcp://10.0.0.2:17101"},
               Epoch{},
               0}}},
    {"stopped", {{"shop", NodeId{"guard/n2"}, ""}, Stopped{NodeId{"n2"}, node}}},
    {"prepare", {n1, Prepare{0xdecafbad, Term{0x30001}}}},
};

}  // namespace

BOOST_AUTO_TEST_SUITE(protocol_examples)

BOOST_AUTO_TEST_CASE(each_example_of_the_control_plane_is_what_the_codec_writes_and_reads) {
  const auto found = test::examples(9);
  for (const auto& [title, page] : found) {
    BOOST_TEST_CONTEXT("example " << title) {
      const auto example = control_examples.find(title);
      BOOST_REQUIRE_MESSAGE(example != control_examples.end(), "this test does not know the example");
      BOOST_TEST(hex_of(written(example->second.body, example->second.sender)) == hex_of(page));
      const auto back = decode_control(page, "shop");
      BOOST_REQUIRE(back);
      BOOST_TEST(hex_of(written(*back->body, back->sender)) == hex_of(page));
    }
  }
  for (const auto& [title, example] : control_examples) {
    BOOST_TEST(found.contains(title), "the page has no example " << title);
  }
}

BOOST_AUTO_TEST_SUITE_END()
