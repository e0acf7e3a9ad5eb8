#include "reki/core/wire/codec.hpp"

#include <boost/test/unit_test.hpp>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "reki/core/base/limits.hpp"
#include "reki/core/wire/bounds.hpp"
#include "reki/core/wire/msgpack_writer.hpp"

using namespace reki;
using namespace reki::wire;
using namespace std::string_literals;

namespace {

/// A request that owns its strings.
struct OwnedRequest {
  Bytes type, key, message, payload;
  std::optional<Bytes> args;
  Request request;

  const Request& view() {
    request.type = type;
    request.key = key;
    request.message = message;
    request.payload = payload;
    request.args = args ? std::optional<BytesView>{*args} : std::nullopt;
    return request;
  }
};

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}
  std::uint64_t number(std::uint64_t max) {
    // Small and large ones, and those next to the bounds of msgpack's widths.
    const std::uint64_t value = random_() >> (random_() % 64);
    return max == ~std::uint64_t{0} ? value : value % (max + 1);
  }
  bool coin() { return random_() % 2 == 0; }
  Bytes bytes(std::size_t min, std::size_t max) {
    Bytes out(min + random_() % (max - min + 1), '\0');
    for (char& c : out) c = static_cast<char>(random_());
    return out;
  }
  OwnedRequest request() {
    OwnedRequest r;
    r.request.id.value = number(~std::uint64_t{0});
    r.request.op = static_cast<Op>(1 + random_() % 11);
    r.request.remaining_ms = static_cast<std::uint32_t>(number(0xffffffff));
    r.request.flags = coin() ? 0 : static_cast<std::uint32_t>(number(3));
    if (coin()) r.request.fence.value = number(~std::uint64_t{0});
    r.key = bytes(1, coin() ? 20 : limits::key_bytes_max);
    if (coin()) r.type = bytes(0, limits::type_bytes_max);
    if (coin()) r.message = bytes(0, limits::message_name_bytes_max);
    if (coin()) r.args = bytes(0, coin() ? 20 : 300);
    if (coin()) r.payload = bytes(0, coin() ? 20 : 70000);
    return r;
  }

 private:
  std::mt19937_64 random_;
};

void require_equal(const Request& a, const Request& b) {
  BOOST_REQUIRE((a == b));
}

Bytes frame_of(const Request& request) {
  RequestWriter writer;
  BOOST_REQUIRE(writer.add(request));
  return Bytes{writer.finish(Epoch{3}, Incarnation{4})};
}

Bytes frame_of(const Reply& reply) {
  ReplyWriter writer;
  BOOST_REQUIRE(writer.add(reply));
  return Bytes{writer.finish(Epoch{3}, Incarnation{4})};
}

Request lookup(std::uint64_t id, std::string_view key) {
  Request r;
  r.id.value = id;
  r.op = Op::lookup;
  r.remaining_ms = 5000;
  r.type = "counter";
  r.key = key;
  return r;
}

/// A REQUEST frame around requests written by hand.
Bytes frame_around(std::initializer_list<Bytes> requests, const Bytes& after = {}) {
  Bytes out;
  MsgpackWriter writer{out};
  writer.write_array(after.empty() ? 4 : 5);
  writer.write_uint(4);
  writer.write_uint(0);
  writer.write_uint(0);
  writer.write_array(static_cast<std::uint32_t>(requests.size()));
  for (const Bytes& request : requests) out += request;
  return out + after;
}

/// Everything that a receiver does with a frame, for the tests that only ask whether it survives. True if it was good.
bool read_all(BytesView frame) {
  const auto kind = kind_of(frame);
  if (!kind) return false;
  const auto drain = [](auto reader, auto entry) {
    if (!reader) return false;
    for (;;) {
      const auto next = reader->next(entry);
      if (!next || *next == Next::bad) return false;
      if (*next == Next::end) return true;
    }
  };
  switch (*kind) {
    case FrameKind::hello:
      return decode_hello(frame).has_value();
    case FrameKind::welcome:
      return decode_welcome(frame).has_value();
    case FrameKind::reject:
      return decode_reject(frame).has_value();
    case FrameKind::request:
      return drain(RequestReader::open(frame), Request{});
    case FrameKind::reply:
      return drain(ReplyReader::open(frame), Reply{});
    case FrameKind::ping:
      return decode_ping(frame).has_value();
    case FrameKind::pong:
      return decode_pong(frame).has_value();
    case FrameKind::goodbye:
      return decode_goodbye(frame).has_value();
  }
  return false;
}

std::vector<Bytes> one_frame_of_each_kind() {
  Hello hello;
  hello.cluster = "shop";
  hello.name = "n1";
  hello.role = Role::node;
  hello.incarnation.value = 0x1122334455667788;
  Welcome welcome{1, "shop", "n2", Incarnation{77}, Epoch{5}};
  RequestWriter requests;
  Request call = lookup(70000, "user_123");
  call.op = Op::call;
  call.args = "\x90";
  call.message = "increment";
  call.payload = "\x91\x02";
  call.fence.value = 1ULL << 33;
  BOOST_REQUIRE(requests.add(lookup(1, "user_123")));
  BOOST_REQUIRE(requests.add(call));
  ReplyWriter replies;
  Reply good;
  good.id.value = 1;
  good.fence.value = 1ULL << 32;
  good.started = true;
  good.payload = "\x2a";
  Reply bad;
  bad.id.value = 2;
  bad.code = ErrorCode::wrong_node;
  bad.text = "not here";
  bad.retry_after_ms = 300;
  bad.owner = "n3";
  BOOST_REQUIRE(replies.add(good));
  BOOST_REQUIRE(replies.add(bad));
  return {encode_hello(hello),
          encode_welcome(welcome),
          encode_reject({ErrorCode::wrong_cluster, "this is shop"}),
          Bytes{requests.finish(Epoch{5}, Incarnation{77})},
          Bytes{replies.finish(Epoch{5}, Incarnation{77})},
          encode_ping({9}),
          encode_pong({9, Epoch{5}}),
          encode_goodbye({1ULL << 33})};
}

template <class T>
ErrorCode code_of(const Result<T>& result) {
  return result ? ErrorCode::ok : result.error().code;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(codec)

BOOST_AUTO_TEST_CASE(the_frames_of_a_connection_come_back) {
  const auto frames = one_frame_of_each_kind();
  for (std::size_t i = 0; i < frames.size(); ++i) BOOST_TEST((*kind_of(frames[i]) == static_cast<FrameKind>(i + 1)));
  const auto hello = decode_hello(frames[0]);
  BOOST_REQUIRE(hello);
  BOOST_TEST((hello->cluster == "shop" && hello->name == "n1" && hello->role == Role::node));
  BOOST_TEST((hello->version_min == 1 && hello->version_max == 1 && hello->incarnation.value == 0x1122334455667788));
  const auto welcome = decode_welcome(frames[1]);
  BOOST_REQUIRE(welcome);
  BOOST_TEST((welcome->version == 1 && welcome->cluster == "shop" && welcome->node == "n2"));
  BOOST_TEST((welcome->incarnation == Incarnation{77} && welcome->epoch == Epoch{5}));
  const auto reject = decode_reject(frames[2]);
  BOOST_REQUIRE(reject);
  BOOST_TEST((reject->code == ErrorCode::wrong_cluster && reject->text == "this is shop"));
  BOOST_TEST(decode_ping(frames[5])->nonce == 9U);
  BOOST_TEST((decode_pong(frames[6])->nonce == 9U && decode_pong(frames[6])->epoch == Epoch{5}));
  BOOST_TEST(decode_goodbye(frames[7])->frames == 1ULL << 33);
}

BOOST_AUTO_TEST_CASE(batches_of_any_requests_come_back_in_order_from_one_reused_writer) {
  Generator any{1};
  RequestWriter writer;
  for (int round = 0; round < 300; ++round) {
    std::vector<OwnedRequest> sent;
    writer.clear();
    for (std::uint64_t n = any.number(15); sent.size() < n;) {
      sent.push_back(any.request());
      if (!writer.add(sent.back().view())) {
        sent.pop_back();
        break;
      }
    }
    BOOST_REQUIRE(writer.count() == sent.size());
    const Epoch epoch{static_cast<std::uint32_t>(any.number(0xffffffff))};
    const Incarnation target{any.number(~std::uint64_t{0})};
    const BytesView frame = writer.finish(epoch, target);
    BOOST_REQUIRE(frame.size() == writer.size());
    auto reader = RequestReader::open(frame);
    BOOST_REQUIRE(reader);
    BOOST_REQUIRE((reader->header().epoch == epoch && reader->header().target == target));
    BOOST_REQUIRE(reader->header().count == sent.size());
    Request got;
    for (OwnedRequest& request : sent) {
      const auto next = reader->next(got);
      BOOST_REQUIRE_MESSAGE((next && *next == Next::good), "round " << round << ": " << reader->bad().text);
      require_equal(got, request.view());
    }
    BOOST_REQUIRE((*reader->next(got) == Next::end));
    BOOST_REQUIRE((*reader->next(got) == Next::end));
  }
}

BOOST_AUTO_TEST_CASE(batches_of_any_replies_come_back) {
  Generator any{2};
  for (int round = 0; round < 1000; ++round) {
    Reply sent;
    const Bytes text = any.bytes(0, 100);
    const Bytes owner = any.coin() ? any.bytes(0, limits::node_id_bytes_max) : Bytes{};
    sent.id.value = any.number(~std::uint64_t{0});
    if (any.coin()) {
      sent.fence.value = any.coin() ? 0 : any.number(~std::uint64_t{0});
      sent.started = any.coin();
      sent.payload = any.coin() ? BytesView{} : BytesView{text};
    } else {
      sent.code = ErrorCode{static_cast<std::uint16_t>(1 + any.number(0xfffe))};
      sent.text = text;
      sent.retry_after_ms = any.coin() ? 0 : static_cast<std::uint32_t>(any.number(0xffffffff));
      sent.owner = owner;
      sent.fence.value = any.coin() ? 0 : any.number(~std::uint64_t{0});
    }
    const Bytes frame = frame_of(sent);
    auto reader = ReplyReader::open(frame);
    BOOST_REQUIRE(reader);
    BOOST_REQUIRE((reader->header().epoch == Epoch{3} && reader->header().incarnation == Incarnation{4}));
    Reply got;
    BOOST_REQUIRE((*reader->next(got) == Next::good));
    BOOST_REQUIRE(
        (got.id == sent.id && got.code == sent.code && got.fence == sent.fence && got.started == sent.started));
    BOOST_REQUIRE((got.payload == sent.payload && got.text == sent.text && got.owner == sent.owner));
    BOOST_REQUIRE(got.retry_after_ms == sent.retry_after_ms);
    BOOST_REQUIRE((*reader->next(got) == Next::end));
  }
}

BOOST_AUTO_TEST_CASE(elements_at_the_end_that_hold_their_defaults_are_left_out) {
  const auto elements = [](const auto& entry) { return static_cast<int>(frame_of(entry)[19] & 0x0f); };
  Request request;
  request.op = Op::status;
  BOOST_TEST(elements(request) == 3);
  request.flags = 1;
  BOOST_TEST(elements(request) == 4);
  request.type = "t";
  BOOST_TEST(elements(request) == 5);
  request.key = "k";
  BOOST_TEST(elements(request) == 6);
  request.args = "";
  BOOST_TEST(elements(request) == 7);
  request.message = "m";
  BOOST_TEST(elements(request) == 8);
  request.payload = "p";
  BOOST_TEST(elements(request) == 9);
  request.fence.value = 1;
  BOOST_TEST(elements(request) == 10);
  Reply reply;
  BOOST_TEST(elements(reply) == 2);
  reply.fence.value = 1;
  BOOST_TEST(elements(reply) == 3);
  reply.started = true;
  BOOST_TEST(elements(reply) == 4);
  reply.payload = "p";
  BOOST_TEST(elements(reply) == 5);
  reply = Reply{};
  reply.code = ErrorCode::gone;
  BOOST_TEST(elements(reply) == 2);
}

BOOST_AUTO_TEST_CASE(every_frame_cut_short_anywhere_is_an_error) {
  for (const Bytes& frame : one_frame_of_each_kind()) {
    BOOST_TEST(read_all(frame));
    for (std::size_t size = 0; size < frame.size(); ++size) {
      const Bytes part{frame.data(), size};  // of its own, so that the sanitizer sees a read past it
      BOOST_TEST(!read_all(part), "kind " << int{frame[1]} << " cut to " << size);
    }
  }
}

BOOST_AUTO_TEST_CASE(bytes_after_a_frame_are_an_error) {
  for (const Bytes& frame : one_frame_of_each_kind()) BOOST_TEST(!read_all(frame + '\0'));
}

BOOST_AUTO_TEST_CASE(flipped_bits_are_survived) {
  std::mt19937_64 random{3};
  for (const Bytes& frame : one_frame_of_each_kind()) {
    for (std::size_t bit = 0; bit < frame.size() * 8; ++bit) {
      Bytes broken = frame;
      broken[bit / 8] = static_cast<char>(broken[bit / 8] ^ (1 << bit % 8));
      read_all(broken);
    }
    for (int i = 0; i < 20000; ++i) {
      Bytes broken = frame;
      for (std::uint64_t n = 1 + random() % 4; n > 0; --n)
        broken[random() % broken.size()] = static_cast<char>(random());
      if (random() % 4 == 0) broken.resize(random() % (broken.size() + 1));
      read_all(Bytes{broken});
    }
  }
}

BOOST_AUTO_TEST_CASE(random_bytes_are_survived) {
  std::mt19937_64 random{4};
  for (int i = 0; i < 200000; ++i) {
    Bytes noise(random() % 64, '\0');
    for (char& c : noise) c = static_cast<char>(random());
    if (noise.size() > 1 && i % 2 == 0) {
      noise[0] = static_cast<char>(0x90 + random() % 12);
      noise[1] = static_cast<char>(1 + random() % 7);
    }
    read_all(noise);
  }
}

BOOST_AUTO_TEST_CASE(elements_of_a_later_version_are_ignored) {
  // In a frame, as its array's count and behind its end.
  for (Bytes frame : one_frame_of_each_kind()) {
    frame[0] = static_cast<char>(frame[0] + 2);
    frame += "\x93\x01\xa1x\x81\x01\x02\xc3"s;
    BOOST_TEST(read_all(frame), "kind " << int{frame[1]});
  }
  // In a request and in both forms of a reply.
  Request request = lookup(1, "k");
  request.fence.value = 5;
  Reply good;
  good.payload = "p";
  Reply bad;
  bad.code = ErrorCode::already_started;
  bad.fence.value = 5;
  for (Bytes frame : {frame_of(request), frame_of(good), frame_of(bad)}) {
    frame[19] = static_cast<char>(frame[19] + 2);
    frame += "\x92\xc0\xc0\xcb........"s;
    BOOST_TEST(read_all(frame));
  }
}

BOOST_AUTO_TEST_CASE(what_goes_along_with_a_request_is_read_past) {
  Request request = lookup(1, "k");
  request.fence.value = 5;
  Bytes frame = frame_of(request);
  frame[19] = static_cast<char>(frame[19] + 1);
  frame += "\x82\x01\xc4\x02tr\x40\x81\xa1x\xc0"s;  // {1: trace context, 64: {"x": nil}}
  auto reader = RequestReader::open(frame);
  Request got;
  BOOST_REQUIRE((*reader->next(got) == Next::good));
  require_equal(got, request);
  BOOST_TEST((*reader->next(got) == Next::end));
}

BOOST_AUTO_TEST_CASE(nil_stands_for_an_element_that_is_left_out) {
  const Bytes frame = frame_around({"\x9a\x07\x0b\x05\xc0\xc0\xc0\xc0\xc0\xc0\xc0"s});
  auto reader = RequestReader::open(frame);
  Request got;
  BOOST_REQUIRE((*reader->next(got) == Next::good));
  Request expected;
  expected.id.value = 7;
  expected.op = Op::view;
  expected.remaining_ms = 5;
  require_equal(got, expected);
}

BOOST_AUTO_TEST_CASE(id_operation_and_remaining_time_must_be_there) {
  Request got;
  for (const Bytes& request : {"\x91\x07"s, "\x92\x07\x02"s, "\x93\x07\x02\xc0"s, "\x93\x07\xc0\x05"s}) {
    const Bytes frame = frame_around({request});
    auto reader = RequestReader::open(frame);
    BOOST_REQUIRE((*reader->next(got) == Next::bad));
    BOOST_TEST((got.id.value == 7U && reader->bad().code == ErrorCode::malformed_frame));
    BOOST_TEST((*reader->next(got) == Next::end));
  }
  // Without an id there is nobody to tell; the others are read all the same.
  for (const Bytes& request : {"\x90"s, "\x91\xc0"s, "\x07"s, "\x93\xa1x\x02\x05"s, "\x93\xff\x02\x05"s}) {
    const Bytes frame = frame_around({request, "\x93\x07\x0a\x05"s});
    auto reader = RequestReader::open(frame);
    BOOST_REQUIRE((*reader->next(got) == Next::no_id));
    BOOST_TEST((reader->bad().code == ErrorCode::malformed_frame));
    BOOST_REQUIRE((*reader->next(got) == Next::good));
    BOOST_TEST((got.id.value == 7U));
    BOOST_TEST((*reader->next(got) == Next::end));
  }
  const Bytes cut_short = frame_around({"\x93\xa5x"s});
  auto reader = RequestReader::open(cut_short);
  BOOST_TEST((code_of(reader->next(got)) == ErrorCode::malformed_frame));
}

BOOST_AUTO_TEST_CASE(one_bad_request_does_not_spoil_its_batch) {
  const Bytes good = "\x96\x01\x02\x05\x00\xa1t\xa1k"s;
  const Bytes long_key(limits::key_bytes_max + 1, 'k');
  Bytes too_long = "\x96\x02\x02\x05\x00\xa1t"s;
  MsgpackWriter{too_long}.write_bin(long_key);
  struct Case {
    Bytes request;
    ErrorCode code;
    std::string_view text;
  };
  const Case cases[] = {
      {too_long, ErrorCode::too_large, "request 2: key has 1025 bytes, at most 1024 may be"},
      {"\x95\x02\x02\x05\x00\xa1t"s, ErrorCode::invalid_argument, "request 2: key is empty"},
      {"\x96\x02\x02\x05\x00\xa1t\x07"s, ErrorCode::malformed_frame, "request 2: key is not str or bin"},
      {"\x96\x02\x39\x05\x00\xa1t\x07"s, ErrorCode::unsupported, "request 2: operation 57 is unknown here"},
      {"\x93\x02\xcd\x01\x02\x05"s, ErrorCode::unsupported, "request 2: operation 258 is unknown here"},
      {"\x93\x02\x00\x05"s, ErrorCode::unsupported, "request 2: operation 0 is unknown here"},
      {"\x94\x02\x02\x05\xcf\x00\x00\x00\x01\x00\x00\x00\x00"s, ErrorCode::malformed_frame,
       "request 2: flags is too large a number"},
      {"\x92\x02\x02"s, ErrorCode::malformed_frame, "request 2: remaining_ms is missing"},
  };
  for (const Case& c : cases) {
    const Bytes frame = frame_around({good, c.request, good});
    auto reader = RequestReader::open(frame);
    BOOST_REQUIRE(reader);
    Request got;
    BOOST_REQUIRE((*reader->next(got) == Next::good));
    BOOST_REQUIRE((*reader->next(got) == Next::bad));
    BOOST_TEST(got.id.value == 2U);
    BOOST_TEST((reader->bad().code == c.code));
    BOOST_TEST(reader->bad().text == c.text);
    BOOST_REQUIRE((*reader->next(got) == Next::good));
    BOOST_TEST((got.id.value == 1U && got.key == "k"));
    BOOST_TEST((*reader->next(got) == Next::end));
  }
}

BOOST_AUTO_TEST_CASE(a_bad_send_still_says_that_it_wants_no_reply) {
  const Bytes frame = frame_around({"\x95\x02\x06\x05\x02\x01"s});
  auto reader = RequestReader::open(frame);
  Request got;
  BOOST_REQUIRE((*reader->next(got) == Next::bad));
  BOOST_TEST((got.op == Op::send && got.flags == no_reply));
}

BOOST_AUTO_TEST_CASE(each_part_of_a_request_is_bounded) {
  const auto outcome = [](const std::function<void(Request&, BytesView)>& set, std::size_t size) {
    const Bytes filler(size, 'x');
    Request request = lookup(1, "k");
    set(request, filler);
    const auto checked = check(request);
    const Bytes frame = frame_of(request);
    auto reader = RequestReader::open(frame);
    Request got;
    const auto next = reader->next(got);
    BOOST_REQUIRE(next);
    BOOST_TEST(((*next == Next::good) == !checked));
    if (*next == Next::bad)
      BOOST_TEST((reader->bad().code == ErrorCode::too_large && checked->code == ErrorCode::too_large));
    return *next;
  };
  const std::pair<std::size_t, std::function<void(Request&, BytesView)>> parts[] = {
      {limits::type_bytes_max, [](Request& r, BytesView v) { r.type = v; }},
      {limits::key_bytes_max, [](Request& r, BytesView v) { r.key = v; }},
      {limits::args_bytes_max, [](Request& r, BytesView v) { r.args = v; }},
      {limits::message_name_bytes_max, [](Request& r, BytesView v) { r.message = v; }},
      {limits::message_bytes_max, [](Request& r, BytesView v) { r.payload = v; }},
  };
  for (const auto& [max, set] : parts) {
    BOOST_TEST((outcome(set, max) == Next::good));
    BOOST_TEST((outcome(set, max + 1) == Next::bad));
  }
}

BOOST_AUTO_TEST_CASE(an_empty_key_is_refused_where_a_key_is_needed) {
  for (int op = 1; op <= 11; ++op) {
    Request request = lookup(1, "");
    request.op = static_cast<Op>(op);
    BOOST_TEST(check(request).has_value() == (op <= 6));
    BOOST_TEST(read_all(frame_of(request)) == (op > 6));
  }
}

BOOST_AUTO_TEST_CASE(the_largest_request_fits_into_one_frame) {
  const Bytes type(limits::type_bytes_max, 't');
  const Bytes key(limits::key_bytes_max, 'k');
  const Bytes args(limits::args_bytes_max, 'a');
  const Bytes message(limits::message_name_bytes_max, 'm');
  const Bytes payload(limits::message_bytes_max, 'p');
  const RequestBodyView body{Op::call, 3, type, key, args, Fence{~std::uint64_t{0}}};
  const Request request{body, RequestId{~std::uint64_t{0}}, 0xffffffff, message, payload};
  RequestWriter writer;
  BOOST_REQUIRE(writer.add(request));
  const BytesView frame = writer.finish(Epoch{1}, Incarnation{2});
  auto reader = RequestReader::open(frame);
  Request got;
  BOOST_REQUIRE((*reader->next(got) == Next::good));
  require_equal(got, request);
  BOOST_TEST(!writer.add(request));
  BOOST_TEST(writer.count() == 1U);
  writer.clear();
  BOOST_TEST(writer.add(request));
}

BOOST_AUTO_TEST_CASE(a_batch_is_bounded) {
  RequestWriter writer;
  ReplyWriter replies;
  for (std::size_t i = 0; i < limits::requests_per_frame_max; ++i) {
    BOOST_REQUIRE(writer.add(lookup(i, "k")));
    BOOST_REQUIRE(replies.add(Reply{}));
  }
  BOOST_TEST(!writer.add(lookup(1, "k")));
  BOOST_TEST(!replies.add(Reply{}));
  BOOST_TEST(read_all(writer.finish(Epoch{1}, Incarnation{2})));
  BOOST_TEST(read_all(replies.finish(Epoch{1}, Incarnation{2})));
  Bytes frame = "\x94\x04\x00\x00\xdc\x10\x01"s;  // 4097
  for (std::size_t i = 0; i <= limits::requests_per_frame_max; ++i) frame += "\x93\x01\x0a\x05"s;
  BOOST_TEST((code_of(RequestReader::open(frame)) == ErrorCode::too_large));
}

BOOST_AUTO_TEST_CASE(a_frame_is_bounded) {
  const auto ping_of = [](std::size_t size) {  // with an element of a later version that fills it up
    Bytes frame = "\x93\x06\x09\xc6"s;
    const auto filler = static_cast<std::uint32_t>(size - 8);
    for (int shift = 24; shift >= 0; shift -= 8) frame.push_back(static_cast<char>(filler >> shift));
    return frame.append(filler, 'x');
  };
  BOOST_TEST(decode_ping(ping_of(limits::frame_bytes_max)).has_value());
  const Bytes over = ping_of(limits::frame_bytes_max + 1);
  BOOST_TEST((code_of(kind_of(over)) == ErrorCode::too_large));
  BOOST_TEST((code_of(decode_ping(over)) == ErrorCode::too_large));
  BOOST_TEST((code_of(RequestReader::open(over)) == ErrorCode::too_large));
  BOOST_TEST((code_of(ReplyReader::open(over)) == ErrorCode::too_large));
}

BOOST_AUTO_TEST_CASE(names_in_a_handshake_are_bounded) {
  const Bytes longest(limits::node_id_bytes_max, 'n');
  const Bytes longer(limits::node_id_bytes_max + 1, 'n');
  Hello hello;
  hello.cluster = hello.name = longest;
  BOOST_TEST(decode_hello(encode_hello(hello)).has_value());
  hello.name = longer;
  BOOST_TEST(decode_hello(encode_hello(hello)).error().text == "HELLO: name has 65 bytes, at most 64 may be");
  hello.cluster = longer;  // of two that are too long the first is named
  BOOST_TEST(decode_hello(encode_hello(hello)).error().text == "HELLO: cluster has 65 bytes, at most 64 may be");
  hello.name = "";
  hello.cluster = longer;
  BOOST_TEST((code_of(decode_hello(encode_hello(hello))) == ErrorCode::too_large));
  Welcome welcome{1, longest, longest, {}, {}};
  BOOST_TEST(decode_welcome(encode_welcome(welcome)).has_value());
  welcome.node = longer;
  BOOST_TEST((code_of(decode_welcome(encode_welcome(welcome))) == ErrorCode::too_large));
}

BOOST_AUTO_TEST_CASE(a_hello_that_makes_no_sense_says_why) {
  const auto text_of = [](const Bytes& frame) { return decode_hello(frame).error().text; };
  BOOST_TEST(text_of("\x98\x01\xa4rekI\x01\x01\xa1"
                     "c\x01\xa0\x05"s) == "HELLO: its second element is not \"reki\"");
  BOOST_TEST(text_of("\x98\x01\xa4reki\x02\x01\xa1"
                     "c\x01\xa0\x05"s) == "HELLO: version_min is above version_max");
  BOOST_TEST(text_of("\x98\x01\xa4reki\x01\x01\xa1"
                     "c\x03\xa0\x05"s) == "HELLO: role 3 is neither client nor node");
  BOOST_TEST(text_of("\x97\x01\xa4reki\x01\x01\xa1"
                     "c\x01\xa0"s) == "HELLO: incarnation is missing");
  BOOST_TEST(text_of("\x98\x01\xa4reki\x01\xff\xa1"
                     "c\x01\xa0\x05"s) == "HELLO: version_max is not an unsigned number");
  BOOST_TEST(text_of("\x92\x06\x01"s) == "a frame of kind 6 instead of a HELLO");
}

BOOST_AUTO_TEST_CASE(a_kind_that_is_none_is_an_error) {
  for (const Bytes& frame : {""s, "\x90"s, "\x91\x00"s, "\x91\x09"s, "\x91\xa1x"s, "\x01"s, "\x92\x06"s, "hello"s}) {
    BOOST_TEST((code_of(kind_of(frame)) == ErrorCode::malformed_frame));
  }
}

BOOST_AUTO_TEST_CASE(an_error_text_is_cut_between_two_characters) {
  const Bytes text = Bytes(limits::error_text_bytes_max - 1, 'a') + "\xc3\xa4 and on";
  Reply reply;
  reply.code = ErrorCode::start_failed;
  reply.text = text;
  const Bytes frame = frame_of(reply);
  auto reader = ReplyReader::open(frame);
  Reply got;
  BOOST_REQUIRE((*reader->next(got) == Next::good));
  BOOST_TEST(got.text == Bytes(limits::error_text_bytes_max - 1, 'a'));
  const Bytes reject = encode_reject({ErrorCode::malformed_frame, text});
  BOOST_TEST(decode_reject(reject)->text.size() == limits::error_text_bytes_max - 1);
  const Bytes continuations(limits::error_text_bytes_max + 1, '\x80');
  BOOST_TEST(decode_reject(encode_reject({ErrorCode::internal, continuations}))->text.empty());
}

BOOST_AUTO_TEST_CASE(a_reply_that_is_too_large_becomes_an_error) {
  Bytes payload(limits::message_bytes_max, 'x');
  Reply reply;
  reply.id.value = 7;
  reply.payload = payload;
  Reply got;
  Bytes frame = frame_of(reply);
  BOOST_REQUIRE((*ReplyReader::open(frame)->next(got) == Next::good));
  BOOST_TEST(got.payload.size() == payload.size());
  payload += 'x';
  reply.payload = payload;
  frame = frame_of(reply);
  BOOST_REQUIRE((*ReplyReader::open(frame)->next(got) == Next::good));
  BOOST_TEST((got.id.value == 7U && got.code == ErrorCode::too_large));
}

BOOST_AUTO_TEST_CASE(one_bad_reply_does_not_spoil_its_batch) {
  const Bytes frame = "\x94\x05\x01\x02\x93\x92\x01\x00\x94\x02\x00\x05\xa1x\x92\x03\x00"s;
  auto reader = ReplyReader::open(frame);
  Reply got;
  BOOST_REQUIRE((*reader->next(got) == Next::good));
  BOOST_REQUIRE((*reader->next(got) == Next::bad));
  BOOST_TEST((got.id.value == 2U && reader->bad().text == "reply 2: started is not a bool"));
  BOOST_REQUIRE((*reader->next(got) == Next::good));
  BOOST_TEST((got.id.value == 3U && *reader->next(got) == Next::end));
}

BOOST_AUTO_TEST_CASE(arguments_of_list_come_back_and_have_defaults) {
  const Bytes bytes = encode_list_args({"after", 7});
  const auto args = decode_list_args(bytes);
  BOOST_REQUIRE(args);
  BOOST_TEST((args->cursor == "after" && args->limit == 7U));
  for (const auto& absent :
       {std::optional<BytesView>{}, std::optional<BytesView>{""}, std::optional<BytesView>{"\x90"}}) {
    BOOST_TEST(
        (decode_list_args(absent)->cursor.empty() && decode_list_args(absent)->limit == limits::list_page_default));
  }
  BOOST_TEST((code_of(decode_list_args(encode_list_args({"", 0}))) == ErrorCode::invalid_argument));
  BOOST_TEST((code_of(decode_list_args(encode_list_args({"", limits::list_page_max}))) == ErrorCode::ok));
  BOOST_TEST((code_of(decode_list_args(encode_list_args({"", limits::list_page_max + 1}))) == ErrorCode::too_large));
  for (const Bytes& bad : {"\x01"s, "\x91\x01"s, "\x92\xa0"s, "\x92\xa0\x01\x01"s, "\xdd\xff\xff\xff\xff"s}) {
    BOOST_TEST((code_of(decode_list_args(bad)) == ErrorCode::malformed_message));
  }
}

BOOST_AUTO_TEST_CASE(a_page_of_keys_comes_back) {
  ListPageWriter writer;
  std::vector<Bytes> keys;
  for (int i = 0; i < 300; ++i) {
    keys.push_back("key_" + std::to_string(i));
    BOOST_REQUIRE(writer.add(keys.back()));
  }
  const Bytes bytes = writer.take("next");
  const auto page = decode_list_page(bytes);
  BOOST_REQUIRE(page);
  BOOST_TEST(page->cursor == "next");
  BOOST_TEST(page->keys == keys, boost::test_tools::per_element());
  const Bytes none = writer.take("");
  BOOST_TEST((decode_list_page(none)->keys.empty() && decode_list_page(none)->cursor.empty()));
  for (std::size_t size = 0; size < bytes.size(); ++size) BOOST_REQUIRE(!decode_list_page(Bytes{bytes.data(), size}));
  BOOST_TEST(!decode_list_page("\x92\x91\x07\xa0"s));
}

BOOST_AUTO_TEST_CASE(a_page_is_bounded_in_keys_and_in_bytes) {
  ListPageWriter writer;
  while (writer.add("k")) {
  }
  BOOST_TEST(writer.count() == limits::list_page_max);
  (void)writer.take("");
  const Bytes key(limits::key_bytes_max, 'k');
  while (writer.add(key)) {
  }
  BOOST_TEST(writer.count() > 1000U);
  const Bytes page = writer.take(key);
  BOOST_TEST(page.size() <= limits::message_bytes_max);
  BOOST_TEST(decode_list_page(page).has_value());
}

BOOST_AUTO_TEST_CASE(counts_and_arguments_of_view_come_back) {
  BOOST_TEST(*decode_count(encode_count(1ULL << 40)) == 1ULL << 40);
  for (const Bytes& bad : {""s, "\xff"s, "\x01\x01"s, "\x91\x01"s}) BOOST_TEST(!decode_count(bad));
  for (const bool deltas : {false, true}) {
    const auto args = decode_view_args(encode_view_args(Epoch{9}, deltas));
    BOOST_TEST((args->have == Epoch{9} && args->deltas == deltas));
  }
  BOOST_TEST((encode_view_args(Epoch{9}) == "\x91\x09"s));
  BOOST_TEST((decode_view_args(std::nullopt)->have == Epoch{0}));
  BOOST_TEST((decode_view_args(""s)->have == Epoch{0}));
  BOOST_TEST(!decode_view_args("\x91\x05"s)->deltas);
  BOOST_TEST((code_of(decode_view_args("\x91\xa0"s)) == ErrorCode::malformed_message));
}

BOOST_AUTO_TEST_SUITE_END()
