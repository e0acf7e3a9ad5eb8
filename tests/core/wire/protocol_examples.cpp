// Replays docs/protocol.md, so that the page and the code cannot differ.

#include <boost/test/unit_test.hpp>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "protocol_page.hpp"
#include "reki/core/wire/codec.hpp"
#include "reki/core/base/hash.hpp"
#include "reki/core/view/view_delta.hpp"
#include "reki/core/watch/watch_codec.hpp"

using namespace reki;
using namespace reki::wire;
using test::hex_of;
using test::table;

namespace {

constexpr Incarnation client{0x1122334455667788};
constexpr Incarnation node{0x0badcafe8badf00d};
constexpr Fence fence{0x500000001};

void hello(const Bytes& page) {
  const Hello value{1, 1, "shop", Role::client, "till 7", client};
  BOOST_TEST(hex_of(encode_hello(value)) == hex_of(page));
  const auto back = decode_hello(page);
  BOOST_REQUIRE(back);
  BOOST_TEST((back->version_min == 1 && back->version_max == 1 && back->cluster == "shop"));
  BOOST_TEST((back->role == Role::client && back->name == "till 7" && back->incarnation == client));
}

void welcome(const Bytes& page) {
  BOOST_TEST(hex_of(encode_welcome({1, "shop", "n2", node, Epoch{5}})) == hex_of(page));
  const auto back = decode_welcome(page);
  BOOST_REQUIRE(back);
  BOOST_TEST((back->version == 1 && back->cluster == "shop" && back->node == "n2"));
  BOOST_TEST((back->incarnation == node && back->epoch == Epoch{5}));
}

void reject(const Bytes& page) {
  BOOST_TEST(hex_of(encode_reject({ErrorCode::wrong_cluster, "this is cluster shop-eu"})) == hex_of(page));
  const auto back = decode_reject(page);
  BOOST_REQUIRE(back);
  BOOST_TEST((back->code == ErrorCode::wrong_cluster && back->text == "this is cluster shop-eu"));
}

void requests(const Bytes& page, Epoch epoch, const std::vector<Request>& values) {
  RequestWriter writer;
  for (const Request& value : values) BOOST_REQUIRE(writer.add(value));
  BOOST_TEST(hex_of(writer.finish(epoch, node)) == hex_of(page));
  auto reader = RequestReader::open(page);
  BOOST_REQUIRE(reader);
  BOOST_TEST((reader->header().epoch == epoch && reader->header().target == node));
  Request got;
  for (const Request& value : values) {
    BOOST_REQUIRE((*reader->next(got) == Next::good));
    BOOST_TEST((got.id == value.id && got.op == value.op && got.remaining_ms == value.remaining_ms));
    BOOST_TEST((got.flags == value.flags && got.type == value.type && got.key == value.key));
    BOOST_TEST((got.args == value.args && got.message == value.message));
    BOOST_TEST((got.payload == value.payload && got.fence == value.fence));
  }
  BOOST_TEST((*reader->next(got) == Next::end));
}

void replies(const Bytes& page, Epoch epoch, const std::vector<Reply>& values) {
  ReplyWriter writer;
  for (const Reply& value : values) BOOST_REQUIRE(writer.add(value));
  BOOST_TEST(hex_of(writer.finish(epoch, node)) == hex_of(page));
  auto reader = ReplyReader::open(page);
  BOOST_REQUIRE(reader);
  BOOST_TEST((reader->header().epoch == epoch && reader->header().incarnation == node));
  Reply got;
  for (const Reply& value : values) {
    BOOST_REQUIRE((*reader->next(got) == Next::good));
    BOOST_TEST((got.id == value.id && got.code == value.code && got.fence == value.fence));
    BOOST_TEST((got.started == value.started && got.payload == value.payload && got.text == value.text));
    BOOST_TEST((got.retry_after_ms == value.retry_after_ms && got.owner == value.owner));
  }
  BOOST_TEST((*reader->next(got) == Next::end));
}

Request request(std::uint64_t id, Op op, std::uint32_t remaining_ms, std::string_view key) {
  Request r;
  r.id.value = id;
  r.op = op;
  r.remaining_ms = remaining_ms;
  r.type = "counter";
  r.key = key;
  return r;
}

void request_batch(const Bytes& page) {
  Request look = request(1, Op::lookup_or_start, 5000, "user_123");
  look.args = "\x90";
  Request call = request(2, Op::call, 5000, "user_123");
  call.message = "increment";
  call.payload = "\x91\x02";
  requests(page, Epoch{5}, {look, call});
}

void reply_batch(const Bytes& page) {
  Reply look;
  look.id.value = 1;
  look.fence = fence;
  look.started = true;
  Reply call;
  call.id.value = 2;
  call.fence = fence;
  call.payload = "\x02";
  replies(page, Epoch{5}, {look, call});
}

void reply_with_errors(const Bytes& page) {
  Reply elsewhere;
  elsewhere.id.value = 3;
  elsewhere.code = ErrorCode::wrong_node;
  elsewhere.owner = "n3";
  Reply later;
  later.id.value = 4;
  later.code = ErrorCode::restarting;
  later.text = "division by zero";
  later.retry_after_ms = 40;
  Reply there;
  there.id.value = 6;
  there.code = ErrorCode::already_started;
  there.fence = fence;
  replies(page, Epoch{6}, {elsewhere, later, there});
}

void list(const Bytes& page) {
  const Bytes args = encode_list_args({"", 2});
  Request r = request(5, Op::list, 1000, "user_");
  r.args = args;
  requests(page, Epoch{6}, {r});
}

void list_reply(const Bytes& page) {
  ListPageWriter writer;
  BOOST_REQUIRE(writer.add("user_1"));
  BOOST_REQUIRE(writer.add("user_123"));
  const Bytes payload = writer.take("user_123");
  Reply r;
  r.id.value = 5;
  r.payload = payload;
  replies(page, Epoch{6}, {r});
  const auto back = decode_list_page(payload);
  BOOST_REQUIRE(back);
  BOOST_TEST((back->keys == std::vector<BytesView>{"user_1", "user_123"} && back->cursor == "user_123"));
}

void watch(const Bytes& page) {
  const Bytes args = encode_watch_args({node, 41});
  Request r = request(6, Op::watch, 5000, "");
  r.args = args;
  requests(page, Epoch{6}, {r});
  BOOST_TEST((decode_watch_args(args).value() == WatchPosition{node, 41}));
}

void watch_reply(const Bytes& page) {
  WatchEvent crashed;
  crashed.kind = WatchKind::crashed;
  crashed.reason = WatchReason::crashed;
  crashed.time_ms = 1722855670869;
  crashed.key = "user_123";
  crashed.fence = fence;
  crashed.text = "division by zero";
  crashed.retry_after = std::chrono::milliseconds(40);
  WatchReplyWriter writer;
  writer.add(crashed);
  const Bytes payload = writer.take({node, 42});
  Reply r;
  r.id.value = 6;
  r.payload = payload;
  replies(page, Epoch{6}, {r});
  const auto back = decode_watch_reply(payload);
  BOOST_REQUIRE(back);
  BOOST_TEST((back->position == WatchPosition{node, 42} && back->events == std::vector{crashed}));
}

void ping(const Bytes& page) {
  BOOST_TEST(hex_of(encode_ping({7})) == hex_of(page));
  BOOST_TEST(decode_ping(page)->nonce == 7U);
}

void pong(const Bytes& page) {
  BOOST_TEST(hex_of(encode_pong({7, Epoch{6}})) == hex_of(page));
  BOOST_TEST((decode_pong(page)->nonce == 7U && decode_pong(page)->epoch == Epoch{6}));
}

void goodbye(const Bytes& page) {
  BOOST_TEST(hex_of(encode_goodbye({12})) == hex_of(page));
  BOOST_TEST(decode_goodbye(page)->frames == 12U);
}

void delta(const Bytes& page) {
  const auto view = [](std::uint32_t epoch, std::vector<Member> members, const std::vector<int>& slots_of_n2) {
    SlotTable table = next_table({}, {}, slot_members(std::span{members}.first(1)));
    for (const int slot : slots_of_n2) table.assign(SlotId{static_cast<std::uint16_t>(slot)}, 1);
    const ViewHead head{"shop", Epoch{epoch}, Term{0x30001}, NodeId{"n1"}, 0x0123456789abcdef, {}, {}};
    return View::make(head, std::move(members), table).value();
  };
  const Member n1{NodeId{"n1"}, node, "tcp://10.0.0.1:7101", 1, "a", MemberState::up};
  const Member n2{NodeId{"n2"}, client, "tcp://10.0.0.2:7101", 1, "", MemberState::up};
  const View from = view(5, {n1}, {});
  const View to = view(6, {n1, n2}, {3543, 9261});
  BOOST_TEST(hex_of(encode(delta_between(from, to))) == hex_of(page));
  BOOST_TEST((apply(from, decode_view_delta(page).value()).value() == to));
}

const std::map<std::string, std::function<void(const Bytes&)>> checks{
    {"HELLO", hello},       {"WELCOME", welcome},
    {"REJECT", reject},     {"REQUEST", request_batch},
    {"REPLY", reply_batch}, {"REPLY with errors", reply_with_errors},
    {"list", list},         {"list reply", list_reply},
    {"watch", watch},       {"watch reply", watch_reply},
    {"PING", ping},         {"PONG", pong},
    {"GOODBYE", goodbye},   {"delta", delta},
};

}  // namespace

BOOST_AUTO_TEST_SUITE(protocol_examples)

BOOST_AUTO_TEST_CASE(each_example_of_the_page_is_what_the_codec_writes_and_reads) {
  const auto found = test::examples(7);
  for (const auto& [title, bytes] : found) {
    BOOST_TEST_CONTEXT("example " << title) {
      const auto check = checks.find(title);
      BOOST_TEST((check != checks.end()), "this test does not know the example");
      if (check != checks.end()) check->second(bytes);
    }
  }
  for (const auto& [title, check] : checks) BOOST_TEST(found.contains(title), "the page has no example " << title);
}

BOOST_AUTO_TEST_CASE(each_slot_of_the_page_is_the_one_that_the_hash_gives) {
  const auto rows = table(7);
  BOOST_TEST(rows.size() == 3U);
  for (const auto& row : rows) {
    BOOST_REQUIRE(row.size() == 5U);
    const std::uint64_t type_hash = hash_type(row[0], std::stoull(row[2], nullptr, 16));
    BOOST_TEST(type_hash == std::stoull(row[3], nullptr, 16));
    BOOST_TEST(slot_of(hash_key(row[1], type_hash)).value == std::stoul(row[4]));
  }
}

BOOST_AUTO_TEST_CASE(the_table_of_errors_lists_exactly_the_codes_there_are) {
  std::map<int, std::string> listed;
  for (const auto& row : table(5)) {
    BOOST_REQUIRE(row.size() >= 3U);
    BOOST_TEST(listed.emplace(std::stoi(row[0]), row[1]).second, "twice in the page: " << row[0]);
  }
  std::map<int, std::string> known;
  for (int number = 1; number <= 0xffff; ++number) {
    const auto n = static_cast<std::uint16_t>(number);
    if (is_known(n)) known.emplace(number, name_of(ErrorCode{n}));
  }
  BOOST_TEST((listed == known), "differs: the page lists " << listed.size() << " codes, error.hpp " << known.size());
}

BOOST_AUTO_TEST_CASE(the_table_of_operations_lists_exactly_the_operations_there_are) {
  int expected = 1;
  for (const auto& row : table(2)) {
    const bool is_operation = row[0].find_first_not_of("0123456789") == std::string::npos;
    if (is_operation) BOOST_TEST(std::stoi(row[0]) == expected++);
  }
  BOOST_TEST(expected - 1 == static_cast<int>(Op::watch));
}

BOOST_AUTO_TEST_CASE(the_table_of_events_lists_exactly_the_kinds_and_reasons_there_are) {
  std::map<std::string, std::map<int, std::string>> listed;
  for (const auto& row : table(8)) {
    BOOST_REQUIRE(row.size() >= 4U);
    BOOST_TEST(listed[row[0]].emplace(std::stoi(row[1]), row[2]).second, "twice in the page: " << row[1]);
  }
  std::map<std::string, std::map<int, std::string>> known;
  for (int number = 0; number <= 0xff; ++number) {
    const std::string kind{name_of(WatchKind{static_cast<std::uint8_t>(number)})};
    const std::string reason{name_of(WatchReason{static_cast<std::uint8_t>(number)})};
    if (kind != "unknown") known["kind"].emplace(number, kind);
    if (reason != "unknown") known["reason"].emplace(number, reason);
  }
  BOOST_TEST((listed == known), "differs: the page lists " << listed["kind"].size() << " kinds and "
                                                           << listed["reason"].size() << " reasons, watch.hpp "
                                                           << known["kind"].size() << " and " << known["reason"].size());
}

BOOST_AUTO_TEST_SUITE_END()
