#include "reki/core/watch/watch_codec.hpp"

#include <boost/test/unit_test.hpp>

#include "reki/core/base/limits.hpp"
#include "reki/core/wire/msgpack_writer.hpp"

using namespace reki;
using namespace reki::wire;
using namespace std::chrono_literals;

namespace {

WatchEvent full() {
  WatchEvent out;
  out.kind = WatchKind::crashed;
  out.reason = WatchReason::crashed;
  out.time_ms = 1'700'000'000'123;
  out.key = Bytes{"k\0y", 3};
  out.fence = Fence::make(Epoch{7}, StartNumber{9});
  out.text = "division by zero";
  out.retry_after = 40ms;
  out.node = NodeId{"n2"};
  out.number = 12;
  return out;
}

WatchReply through_the_wire(const std::vector<WatchEvent>& events) {
  WatchReplyWriter writer;
  for (const auto& event : events) writer.add(event);
  return decode_watch_reply(writer.take({Incarnation{5}, 6})).value();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(watch_codec)

BOOST_AUTO_TEST_CASE(positions_come_back_as_they_were) {
  const WatchPosition position{Incarnation{UINT64_MAX}, 123456789};
  BOOST_TEST((decode_watch_args(encode_watch_args(position)).value() == position));
  BOOST_TEST((decode_watch_args(std::nullopt).value() == WatchPosition{}));
  BOOST_TEST((decode_watch_args(BytesView{}).value() == WatchPosition{}));
  BOOST_TEST((decode_watch_args("\x90").value() == WatchPosition{}));
  BOOST_TEST((decode_watch_args("\x93\x01\x02\xa1x").value() == WatchPosition{Incarnation{1}, 2}));
}

BOOST_AUTO_TEST_CASE(args_that_are_none_are_refused) {
  for (const auto bytes : {BytesView{"\x01"}, BytesView{"\x92\x01"}, BytesView{"\x91\xa1x"}, BytesView{"\x92\x01\x02\x03"}}) {
    const auto args = decode_watch_args(bytes);
    BOOST_TEST(!args);
    BOOST_TEST((args.error().code == ErrorCode::malformed_message));
  }
}

BOOST_AUTO_TEST_CASE(events_come_back_with_each_number_of_elements) {
  WatchEvent event;
  event.kind = WatchKind::stopped;
  std::vector<WatchEvent> events{event};
  const auto all = full();
  events.push_back((event.key = all.key, event));
  events.push_back((event.fence = all.fence, event));
  events.push_back((event.text = all.text, event));
  events.push_back((event.retry_after = all.retry_after, event));
  events.push_back((event.node = all.node, event));
  events.push_back((event.number = all.number, event));
  const auto back = through_the_wire(events);
  BOOST_TEST((back.position == WatchPosition{Incarnation{5}, 6}));
  BOOST_TEST((back.events == events));
}

BOOST_AUTO_TEST_CASE(an_epoch_is_the_number_of_its_kinds) {
  std::vector<WatchEvent> events;
  for (const auto kind : {WatchKind::moved, WatchKind::joined, WatchKind::lost, WatchKind::coordinator, WatchKind::view}) {
    WatchEvent event;
    event.kind = kind;
    event.epoch = Epoch{8};
    events.push_back(event);
  }
  BOOST_TEST((through_the_wire(events).events == events));
}

BOOST_AUTO_TEST_CASE(what_a_later_version_adds_is_ignored) {
  const BytesView later{"\x94\x05\x06\x91\x9a\x63\x62\x01\xc0\xc0\xc0\xc0\xc0\xc0\xa1x\xc0", 17};
  const auto reply = decode_watch_reply(later);
  BOOST_REQUIRE(reply);
  BOOST_REQUIRE(reply->events.size() == 1U);
  BOOST_TEST((reply->events[0].kind == WatchKind{0x63}));
  BOOST_TEST(name_of(reply->events[0].kind) == "unknown");
  BOOST_TEST(name_of(reply->events[0].reason) == "unknown");
}

BOOST_AUTO_TEST_CASE(a_payload_that_is_none_is_refused_wherever_it_breaks) {
  WatchReplyWriter writer;
  writer.add(full());
  const Bytes good = writer.take({Incarnation{5}, 6});
  BOOST_REQUIRE(decode_watch_reply(good));
  for (std::size_t size = 0; size < good.size(); ++size) {
    const auto cut = decode_watch_reply(BytesView{good}.substr(0, size));
    BOOST_TEST(!cut);
    BOOST_TEST((cut.error().code == ErrorCode::malformed_message));
  }
  BOOST_TEST(!decode_watch_reply(good + "x"));
  BOOST_TEST(!decode_watch_reply(BytesView{"\x93\x05\x06\x91\x93\x01\x01\xa1x", 9}));
}

BOOST_AUTO_TEST_CASE(more_events_than_any_node_keeps_are_refused) {
  Bytes payload{"\x93\x05\x06"};
  MsgpackWriter writer{payload};
  writer.write_array(100'000);
  payload += Bytes(100'000, '\x90');
  const auto reply = decode_watch_reply(payload);
  BOOST_REQUIRE(!reply);
  BOOST_TEST((reply.error().code == ErrorCode::too_large));
}

BOOST_AUTO_TEST_CASE(an_event_never_takes_more_than_is_accounted_for) {
  WatchEvent event = full();
  event.key = Bytes(limits::key_bytes_max, 'k');
  event.text = std::string(limits::error_text_bytes_max, 't');
  event.node.value = std::string(limits::node_id_bytes_max, 'n');
  event.number = UINT64_MAX;
  event.fence.value = UINT64_MAX;
  event.retry_after = 1000h;
  WatchReplyWriter writer;
  const auto without = writer.take({Incarnation{5}, 6}).size();
  writer.add(event);
  BOOST_TEST(writer.take({Incarnation{5}, 6}).size() - without <= wire::watch_event_bytes_max(event));
}

BOOST_AUTO_TEST_SUITE_END()
