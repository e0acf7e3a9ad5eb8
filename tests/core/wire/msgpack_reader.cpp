#include "reki/core/wire/msgpack_reader.hpp"

#include <boost/test/unit_test.hpp>
#include <optional>
#include <random>
#include <string>
#include <utility>

#include "reki/core/base/limits.hpp"
#include "reki/core/wire/msgpack_writer.hpp"

using namespace reki;
using namespace std::string_literals;

namespace {

template <class Write>
Bytes written(Write write) {
  Bytes out;
  MsgpackWriter writer{out};
  write(writer);
  return out;
}

std::optional<std::uint64_t> uint_of(BytesView bytes) {
  MsgpackReader in{bytes};
  std::uint64_t value = 0;
  if (!in.read_uint(value) || !in.at_end()) return std::nullopt;
  return value;
}

bool skips(BytesView bytes) {
  MsgpackReader in{bytes};
  return in.skip() && in.at_end();
}

/// A random value of any kind, by the letter of the msgpack specification.
Bytes any_value(std::mt19937_64& random, int depth) {
  const auto big_endian = [](std::uint64_t value, int width) {
    Bytes out;
    for (int i = width - 1; i >= 0; --i) out.push_back(static_cast<char>(value >> (8 * i)));
    return out;
  };
  const auto filled = [&](std::size_t size) { return Bytes(size, 'x'); };
  const auto head = [&](int kind) { return Bytes(1, static_cast<char>(kind)); };
  const std::size_t size = random() % 40;
  switch (random() % (depth > 0 ? 16 : 13)) {
    case 0:
      return head(static_cast<int>(random() % 0x80));
    case 1:
      return head(0xe0 + static_cast<int>(random() % 0x20));
    case 2:
      return head(0xc0);
    case 3:
      return head(0xc2 + static_cast<int>(random() % 2));
    case 4:
      return head(0xa0 + static_cast<int>(size % 32)) + filled(size % 32);
    case 5:
      return head(0xc4) + big_endian(size, 1) + filled(size);
    case 6:
      return head(0xc5) + big_endian(size, 2) + filled(size);
    case 7:
      return head(0xdb) + big_endian(size, 4) + filled(size);
    case 8:
      return head(0xc7) + big_endian(size, 1) + filled(size + 1);
    case 9:
      return head(0xc9) + big_endian(size, 4) + filled(size + 1);
    case 10: {
      const int k = static_cast<int>(random() % 8);
      return head(0xcc + k) + filled(std::size_t{1} << (k & 3));
    }
    case 11: {
      const int k = static_cast<int>(random() % 5);
      return head(0xd4 + k) + filled((std::size_t{1} << k) + 1);
    }
    case 12:
      return random() % 2 == 0 ? head(0xca) + filled(4) : head(0xcb) + filled(8);
    default: {
      const bool map = random() % 2 == 0;
      const std::size_t count = random() % 6;
      Bytes out;
      switch (random() % 3) {
        case 0:
          out = head((map ? 0x80 : 0x90) + static_cast<int>(count));
          break;
        case 1:
          out = head(map ? 0xde : 0xdc) + big_endian(count, 2);
          break;
        default:
          out = head(map ? 0xdf : 0xdd) + big_endian(count, 4);
      }
      for (std::size_t i = 0; i < count * (map ? 2 : 1); ++i) out += any_value(random, depth - 1);
      return out;
    }
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(msgpack_reader)

BOOST_AUTO_TEST_CASE(numbers_are_written_in_the_smallest_form_and_come_back) {
  const std::pair<std::uint64_t, std::size_t> cases[] = {
      {0, 1},     {127, 1},   {128, 2},        {255, 2},        {256, 3},
      {65535, 3}, {65536, 5}, {0xffffffff, 5}, {1ULL << 32, 9}, {~std::uint64_t{0}, 9},
  };
  for (const auto& each : cases) {
    const Bytes bytes = written([&](auto& w) { w.write_uint(each.first); });
    BOOST_TEST(bytes.size() == each.second);
    BOOST_TEST((uint_of(bytes) == each.first));
  }
}

BOOST_AUTO_TEST_CASE(a_number_is_read_in_any_width_and_signed_if_not_negative) {
  BOOST_TEST((uint_of("\xcd\x00\x07"s) == 7U));
  BOOST_TEST((uint_of("\xcf\x00\x00\x00\x00\x00\x00\x00\x07"s) == 7U));
  BOOST_TEST((uint_of("\xd0\x07"s) == 7U));
  BOOST_TEST((uint_of("\xd1\x01\x00"s) == 256U));
  BOOST_TEST((uint_of("\xd2\x7f\xff\xff\xff"s) == 0x7fffffffU));
  BOOST_TEST((uint_of("\xd3\x7f\xff\xff\xff\xff\xff\xff\xff"s) == 0x7fffffffffffffffU));
}

BOOST_AUTO_TEST_CASE(a_negative_number_a_float_and_a_text_are_no_uint) {
  for (const Bytes& bytes : {"\xff"s, "\xd0\x80"s, "\xd1\xff\xff"s, "\xd3\xff\xff\xff\xff\xff\xff\xff\xff"s,
                             "\xca\x00\x00\x00\x00"s, "\xa1\x37"s, "\xc0"s, "\xc1"s, "\xd4\x00\x00"s, ""s}) {
    BOOST_TEST(!uint_of(bytes));
  }
}

BOOST_AUTO_TEST_CASE(a_negative_number_is_read_in_any_width_and_no_prefix_of_it_is) {
  const std::pair<Bytes, std::int64_t> cases[] = {{"\xff"s, -1},
                                                  {"\xe0"s, -32},
                                                  {"\xd0\x80"s, -0x80},
                                                  {"\xd1\x80\x01"s, -0x7fff},
                                                  {"\xd2\x80\x00\x00\x02"s, -0x7ffffffe},
                                                  {"\xd3\x80\x00\x00\x00\x00\x00\x00\x03"s, -0x7ffffffffffffffd}};
  for (const auto& [bytes, number] : cases) {
    for (std::size_t size = 0; size <= bytes.size(); ++size) {
      MsgpackReader in{BytesView{bytes}.substr(0, size)};
      std::int64_t value = 7;
      BOOST_TEST(in.read_negative(value) == (size == bytes.size()));
      BOOST_TEST(value == (size == bytes.size() ? number : 7));
      BOOST_TEST(in.left() == (size == bytes.size() ? 0 : size));
    }
  }
}

BOOST_AUTO_TEST_CASE(what_is_not_negative_is_left_to_others) {
  for (const Bytes& bytes : {"\x00"s, "\x7f"s, "\xd0\x7f"s, "\xd3\x7f\xff\xff\xff\xff\xff\xff\xff"s, "\xcc\xff"s, "\xc0"s}) {
    MsgpackReader in{bytes};
    std::int64_t value = 7;
    BOOST_TEST((!in.read_negative(value) && value == 7 && in.left() == bytes.size()));
  }
}

BOOST_AUTO_TEST_CASE(a_float_of_either_width_is_read_and_no_prefix_of_it_is) {
  for (const Bytes& bytes : {"\xca\xbf\xc0\x00\x00"s, "\xcb\xbf\xf8\x00\x00\x00\x00\x00\x00"s}) {
    for (std::size_t size = 0; size <= bytes.size(); ++size) {
      MsgpackReader in{BytesView{bytes}.substr(0, size)};
      double value = 7;
      BOOST_TEST(in.read_double(value) == (size == bytes.size()));
      BOOST_TEST(value == (size == bytes.size() ? -1.5 : 7));
      BOOST_TEST(in.left() == (size == bytes.size() ? 0 : size));
    }
  }
}

BOOST_AUTO_TEST_CASE(str_and_bin_of_every_length_are_views_into_the_bytes) {
  for (const std::size_t size : {0UL, 1UL, 31UL, 32UL, 255UL, 256UL, 65535UL, 65536UL, 70000UL}) {
    const Bytes text(size, 'a');
    for (const bool bin : {false, true}) {
      const Bytes bytes = written([&](auto& w) { bin ? w.write_bin(text) : w.write_str(text); });
      MsgpackReader in{bytes};
      BytesView value;
      BOOST_REQUIRE(in.read_bytes(value));
      BOOST_TEST((value == text));
      BOOST_TEST(in.at_end());
      BOOST_TEST((value.data() + value.size() == bytes.data() + bytes.size()));
    }
  }
}

BOOST_AUTO_TEST_CASE(arrays_bools_and_nil_come_back) {
  for (const std::uint32_t count : {0U, 15U, 16U, 65535U, 65536U}) {
    const Bytes bytes = written([&](auto& w) { w.write_array(count); }) + Bytes(count, '\xc0');
    MsgpackReader in{bytes};
    std::uint32_t back = 1;
    BOOST_REQUIRE(in.read_array(back));
    BOOST_TEST(back == count);
    BOOST_TEST(in.left() == count);
  }
  const Bytes bytes = written([](auto& w) {
    w.write_bool(true);
    w.write_bool(false);
    w.write_nil();
  });
  MsgpackReader in{bytes};
  bool yes = false;
  bool no = true;
  BOOST_TEST((in.read_bool(yes) && yes && in.read_bool(no) && !no && in.read_nil() && in.at_end()));
}

BOOST_AUTO_TEST_CASE(a_read_that_fails_moves_nothing) {
  const Bytes bytes = written([](auto& w) { w.write_str("abc"); });
  MsgpackReader in{bytes};
  std::uint64_t number = 7;
  std::uint32_t count = 7;
  bool flag = true;
  BOOST_TEST((!in.read_uint(number) && !in.read_array(count) && !in.read_bool(flag) && !in.read_nil()));
  BOOST_TEST((number == 7U && count == 7U && flag && in.left() == bytes.size()));
}

BOOST_AUTO_TEST_CASE(lengths_that_promise_more_than_is_there_are_refused) {
  for (const Bytes& bytes : {"\xdd\xff\xff\xff\xff"s, "\xdc\xff\xff"s, "\x91"s, "\x92\x01"s, "\xdc\x00"s}) {
    MsgpackReader in{bytes};
    std::uint32_t count = 0;
    BOOST_TEST(!in.read_array(count));
    BOOST_TEST(!skips(bytes));
  }
  for (const Bytes& bytes :
       {"\xdb\xff\xff\xff\xff"s, "\xc6\xff\xff\xff\xffx"s, "\xa1"s, "\xc4\x01"s, "\xd9"s, "\xda\x00"s}) {
    MsgpackReader in{bytes};
    BytesView value;
    BOOST_TEST(!in.read_bytes(value));
    BOOST_TEST(!skips(bytes));
  }
  BOOST_TEST(!skips("\xdf\xff\xff\xff\xff"s));
  BOOST_TEST(!skips("\xc9\xff\xff\xff\xff\x01"s));
}

BOOST_AUTO_TEST_CASE(a_value_of_any_kind_is_skipped_whole_and_no_prefix_of_it_is) {
  std::mt19937_64 random{1};
  for (int i = 0; i < 3000; ++i) {
    const Bytes value = any_value(random, 4);
    const Bytes bytes = value + "\x2a";
    MsgpackReader in{bytes};
    BytesView got;
    BOOST_REQUIRE_MESSAGE(in.read_value(got), "value " << i);
    BOOST_REQUIRE((got == value));
    BOOST_REQUIRE(in.left() == 1U);
    for (std::size_t size = 0; size < value.size(); size += 1 + value.size() / 50) {
      BOOST_REQUIRE(!skips(Bytes(value.data(), size)));
    }
  }
}

BOOST_AUTO_TEST_CASE(depth_is_bounded) {
  const std::size_t max = limits::decode_depth_max;
  BOOST_TEST(skips(Bytes(max, '\x91') + "\x01"));
  BOOST_TEST(!skips(Bytes(max + 1, '\x91') + "\x01"));
  BOOST_TEST(skips(Bytes(max - 1, '\x91') + "\x90"));
  BOOST_TEST(!skips(Bytes(max, '\x91') + "\x90"));
  BOOST_TEST(!skips(Bytes(1000000, '\x91') + "\x01"));
}

BOOST_AUTO_TEST_CASE(the_number_of_values_is_bounded) {
  const auto array = [](std::uint32_t count) {
    return written([&](auto& w) { w.write_array(count); }) + Bytes(count, '\x01');
  };
  BOOST_TEST(skips(array(limits::decode_items_max - 1)));
  BOOST_TEST(!skips(array(limits::decode_items_max)));
}

BOOST_AUTO_TEST_CASE(random_bytes_are_survived) {
  std::mt19937_64 random{2};
  for (int i = 0; i < 200000; ++i) {
    const Bytes noise = [&] {
      Bytes out(random() % 24, '\0');
      for (char& c : out) c = static_cast<char>(random() % 4 == 0 ? random() : 0x90 + random() % 0x70);
      return out;
    }();
    MsgpackReader in{noise};
    while (!in.at_end()) {
      std::uint64_t number = 0;
      std::uint32_t count = 0;
      bool flag = false;
      BytesView bytes;
      const std::size_t before = in.left();
      if (in.read_uint(number) || in.read_array(count) || in.read_bool(flag) || in.read_nil() || in.read_bytes(bytes) ||
          in.skip()) {
        BOOST_REQUIRE(in.left() < before);
      } else {
        break;
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
