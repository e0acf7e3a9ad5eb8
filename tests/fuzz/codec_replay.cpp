// The fuzzer's function without a fuzzer: good frames of each kind, then the same with random damage. Seeded.

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "../core/membership/control_messages.hpp"
#include "reki/core/wire/codec.hpp"
#include "reki/core/membership/control_codec.hpp"
#include "reki/core/view/view.hpp"
#include "reki/core/view/view_delta.hpp"
#include "reki/core/watch/watch_codec.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

using namespace reki;
using namespace reki::wire;

namespace {

void feed(const Bytes& bytes) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

Bytes watch_payload() {
  WatchEvent crashed;
  crashed.kind = WatchKind::crashed;
  crashed.reason = WatchReason::crashed;
  crashed.time_ms = 1'700'000'000'000;
  crashed.key = "user_123";
  crashed.fence.value = 0x500000001;
  crashed.text = "why";
  crashed.retry_after = std::chrono::milliseconds(40);
  WatchEvent moved;
  moved.kind = WatchKind::moved;
  moved.node.value = "n2";
  moved.epoch = Epoch{6};
  WatchReplyWriter writer;
  writer.add(crashed);
  writer.add(moved);
  return writer.take({Incarnation{77}, 300});
}

std::vector<Bytes> corpus() {
  RequestWriter requests;
  for (std::uint8_t op = 1; op <= 12; ++op) {
    Request r;
    r.id.value = std::uint64_t{1} << (5 * op);
    r.op = static_cast<Op>(op);
    r.remaining_ms = 5000;
    r.flags = op % 3;
    r.type = "counter";
    r.key = "user_123";
    if (op % 2 == 0) r.args = "\x91\x01";
    if (op > 4) r.message = "increment";
    if (op > 4) r.payload = "\x92\xa1x\x01";
    if (op > 6) r.fence.value = 0x500000001;
    BOOST_REQUIRE(requests.add(r));
  }
  ReplyWriter replies;
  for (std::uint16_t code = 0; code < 70; code = static_cast<std::uint16_t>(code + 5)) {
    Reply r;
    r.id.value = code;
    r.code = ErrorCode{code};
    r.fence.value = 7;
    r.payload = "\x01";
    r.text = "why";
    r.owner = code == 45 ? "n2" : "";
    BOOST_REQUIRE(replies.add(r));
  }
  ListPageWriter page;
  BOOST_REQUIRE(page.add("a"));
  BOOST_REQUIRE(page.add("b"));
  return {encode_hello({1, 2, "shop", Role::node, "n1", Incarnation{77}}),
          encode_welcome({1, "shop", "n1", Incarnation{77}, Epoch{5}}),
          encode_reject({ErrorCode::wrong_cluster, "other"}),
          Bytes{requests.finish(Epoch{5}, Incarnation{77})},
          Bytes{replies.finish(Epoch{5}, Incarnation{77})},
          encode_ping({1}),
          encode_pong({1, Epoch{2}}),
          encode_goodbye({3}),
          page.take("b"),
          encode_list_args({"b", 10}),
          encode_view_args(Epoch{4}, true),
          encode_count(70000),
          encode_watch_args({Incarnation{77}, 300}),
          watch_payload()};
}

Bytes encoded_view() {
  Member member;
  member.node_id.value = "n1";
  member.addr = "tcp://localhost:1";
  return encode(*fixed_view("shop", 1, {member}));
}

/// What two hex digits a byte say.
Bytes from_hex(const std::string& line) {
  BOOST_REQUIRE(line.size() % 2 == 0);
  Bytes bytes;
  for (std::size_t i = 0; i < line.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(line.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(codec_replay)

BOOST_AUTO_TEST_CASE(frames_that_led_the_fuzzer_somewhere_new_break_nothing) {
  std::ifstream file{REKI_FUZZ_CORPUS};
  std::size_t frames = 0;
  for (std::string line; std::getline(file, line); ++frames) feed(from_hex(line));
  BOOST_TEST(frames > 500);
}

BOOST_AUTO_TEST_CASE(good_frames_and_damaged_ones_break_nothing) {
  std::mt19937_64 random{1};
  const auto seeds = corpus();
  for (const Bytes& seed : seeds) {
    feed(seed);
    for (int i = 0; i < 3000; ++i) {
      Bytes damaged = seed;
      for (auto n = random() % 4; n > 0; --n) damaged[random() % damaged.size()] = static_cast<char>(random());
      if (random() % 3 == 0) damaged.erase(random() % damaged.size(), random() % 4);
      if (random() % 3 == 0) damaged.insert(random() % (damaged.size() + 1), seeds[random() % seeds.size()]);
      feed(damaged);
    }
  }
}

BOOST_AUTO_TEST_CASE(messages_of_the_control_plane_with_damage_break_nothing) {
  std::mt19937_64 random{3};
  membership::ControlWriter writer{{"shop", NodeId{"n1"}, "tcp://10.0.0.1:17101"}};
  for (const auto& message : test::control_messages()) {
    const Bytes seed{writer.write(message)};
    feed(seed);
    for (int i = 0; i < (seed.size() > 1000 ? 200 : 2000); ++i) {
      Bytes damaged = seed;
      const std::size_t front = std::min<std::size_t>(damaged.size(), 400);
      for (auto n = random() % 4; n > 0; --n) damaged[random() % front] = static_cast<char>(random());
      if (random() % 3 == 0) damaged.erase(random() % front, random() % 4);
      feed(damaged);
    }
  }
}

BOOST_AUTO_TEST_CASE(deltas_with_damage_break_nothing) {
  std::mt19937_64 random{4};
  const View base = *fixed_view("shop", 1, {{NodeId{"n1"}, Incarnation{7}, "tcp://localhost:1", 1, ""}});
  std::vector<Member> members{base.members()[0], test::control_member("n2")};
  ViewHead head = base.head();
  head.epoch = Epoch{2};
  head.voters = test::control_view()->head().voters;
  const SlotTable table = next_table({}, {}, slot_members(members));
  const Bytes seed = encode(delta_between(base, View::make(head, members, table).value()));
  feed(seed);
  for (int i = 0; i < 2000; ++i) {
    Bytes damaged = seed;
    for (auto n = random() % 4; n > 0; --n) damaged[random() % 150] = static_cast<char>(random());
    if (random() % 3 == 0) damaged.erase(random() % 150, random() % 4);
    feed(damaged);
  }
}

BOOST_AUTO_TEST_CASE(views_with_damage_break_nothing) {
  std::mt19937_64 random{2};
  const Bytes seed = encoded_view();
  feed(seed);
  for (int i = 0; i < 300; ++i) {
    Bytes damaged = seed;
    for (auto n = random() % 4; n > 0; --n) damaged[random() % 80] = static_cast<char>(random());
    if (random() % 3 == 0) damaged.resize(random() % damaged.size());
    feed(damaged);
  }
}

BOOST_AUTO_TEST_SUITE_END()
