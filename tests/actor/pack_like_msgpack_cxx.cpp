// What pack.hpp writes and reads, against msgpack-cxx: the bytes of each kind, and which bytes are taken for which type.
#include <boost/test/unit_test.hpp>
#include <array>
#include <cmath>
#include <deque>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "reki/actor/msgpack_cxx.hpp"
#include "reki/actor/pack.hpp"

using namespace reki;

namespace {

template <class T>
Bytes theirs(const T& value) {
  Bytes out;
  detail::BytesSink sink{&out};
  msgpack::packer<detail::BytesSink> packer(sink);
  packer.pack(value);
  return out;
}

template <class T>
std::optional<T> read_by_them(BytesView bytes) {
  try {
    std::size_t used = 0;
    const auto handle = msgpack::unpack(bytes.data(), bytes.size(), used, nullptr, nullptr, detail::unpack_limits());
    T out{};
    handle.get().convert(out);
    if (used == bytes.size()) return out;
  } catch (const std::exception&) {
  }
  return std::nullopt;
}

/// The same bytes, and they come back as what they were.
template <class T>
void alike(const T& value) {
  const Bytes bytes = reki::pack(value);
  BOOST_TEST((bytes == theirs(value)));
  const auto back = unpack<T>(bytes);
  BOOST_TEST((back && *back == value));
}

template <class T>
void alike_at_the_ends() {
  for (const T value : {std::numeric_limits<T>::min(), T{0}, T{1}, std::numeric_limits<T>::max()}) alike(value);
}

/// msgpack of any kind, whole or not, sometimes with a byte that is wrong.
class Generator {
 public:
  explicit Generator(std::uint32_t seed) : random_(seed) {}
  Bytes next() {
    Bytes out;
    value(out, 3);
    if (out.size() > 1 && below(8) == 0) out.resize(below(out.size()));
    if (!out.empty() && below(8) == 0) out[below(out.size())] = static_cast<char>(below(256));
    if (below(16) == 0) out += '\x01';
    return out;
  }

 private:
  std::uint32_t below(std::size_t n) { return static_cast<std::uint32_t>(random_() % n); }
  void value(Bytes& out, int depth) {
    MsgpackWriter writer(out);
    switch (below(depth > 0 ? 11 : 8)) {
      case 0: return writer.write_nil();
      case 1: return writer.write_bool(below(2) == 1);
      case 2: return writer.write_uint(random_() >> below(64));
      case 3: return writer.write_int(-static_cast<std::int64_t>(random_() >> (1 + below(63))));
      case 4: return writer.write_double(std::ldexp(static_cast<double>(below(1000)), static_cast<int>(below(8)) - 4));
      case 5: return writer.write_float(static_cast<float>(below(1000)) / 8);
      case 6: return writer.write_str(Bytes(below(40), 'x'));
      case 7: return writer.write_bin(Bytes(below(6), 'y'));
      case 8: {
        const std::uint32_t n = below(4);
        writer.write_map(n);
        for (std::uint32_t i = 0; i < n; ++i) {
          if (below(2) == 0) writer.write_str(std::to_string(i));
          else writer.write_uint(i);
          value(out, depth - 1);
        }
        return;
      }
      default: {
        const std::uint32_t n = below(4);
        writer.write_array(n);
        for (std::uint32_t i = 0; i < n; ++i) value(out, depth - 1);
      }
    }
  }

  std::mt19937_64 random_;
};

template <class T>
void takes_what_they_take(std::uint32_t seed) {
  Generator generator(seed);
  int taken = 0;
  for (int i = 0; i < 10000; ++i) {
    const Bytes bytes = generator.next();
    const auto wanted = read_by_them<T>(bytes);
    const auto got = unpack<T>(bytes);
    BOOST_TEST_REQUIRE((wanted.has_value() == got.has_value()), "value " << i << " of seed " << seed);
    if (wanted) BOOST_TEST_REQUIRE((*wanted == *got), "value " << i << " of seed " << seed);
    taken += wanted ? 1 : 0;
  }
  BOOST_TEST(taken >= 5);
}

/// Only msgpack-cxx can read it.
struct Theirs {
  std::int32_t number = 0;
  std::string word;
  bool operator==(const Theirs&) const = default;
  MSGPACK_DEFINE(number, word)
};
struct Ours {
  std::int32_t before = 0;
  Theirs inner;
  std::vector<Theirs> more;
  std::int32_t after = 0;
  bool operator==(const Ours&) const = default;
  static constexpr auto fields = reki::fields("before", &Ours::before, "inner", &Ours::inner, "more", &Ours::more, "after", &Ours::after);
};
struct Around {
  Ours ours;
  bool operator==(const Around&) const = default;
  MSGPACK_DEFINE(ours)
};

struct Tree {
  std::vector<Tree> children;
  static constexpr auto fields = reki::fields("children", &Tree::children);
};

}  // namespace

BOOST_AUTO_TEST_SUITE(pack_like_msgpack_cxx)

BOOST_AUTO_TEST_CASE(numbers) {
  alike_at_the_ends<std::int8_t>();
  alike_at_the_ends<std::uint8_t>();
  alike_at_the_ends<std::int16_t>();
  alike_at_the_ends<std::uint16_t>();
  alike_at_the_ends<std::int32_t>();
  alike_at_the_ends<std::uint32_t>();
  alike_at_the_ends<std::int64_t>();
  alike_at_the_ends<std::uint64_t>();
  alike_at_the_ends<char>();
  alike_at_the_ends<bool>();
  for (int bit = 0; bit < 63; ++bit) {
    for (const std::int64_t near : {-1, 0, 1}) {
      alike((std::int64_t{1} << bit) + near);
      alike(-(std::int64_t{1} << bit) + near);
    }
  }
}

BOOST_AUTO_TEST_CASE(floats_which_are_integers_if_they_are_whole) {
  for (const double value : {0.0, -0.0, 0.5, 1.0, -1.0, 1.5, 2e9, -2e9, 9007199254740993.0, 9.2e18, -9.3e18, 1.8e19, 1e19, 1e20, -1e20, 1e300, 5e-324}) {
    alike(value);
    alike(static_cast<float>(value));
  }
  alike(std::numeric_limits<double>::infinity());
  alike(-std::numeric_limits<float>::infinity());
  const double none = std::numeric_limits<double>::quiet_NaN();
  BOOST_TEST((reki::pack(none) == theirs(none)));
  BOOST_TEST(std::isnan(unpack<double>(reki::pack(none)).value()));
}

BOOST_AUTO_TEST_CASE(words_and_bytes_of_all_lengths) {
  for (const std::size_t size : {0, 1, 31, 32, 255, 256, 65535, 65536}) {
    alike(std::string(size, 'w'));
    alike(std::vector<char>(size, 'c'));
    alike(std::vector<unsigned char>(size, 200));
    alike(std::vector<std::byte>(size, std::byte{7}));
    alike(std::vector<std::int32_t>(size, -5));
  }
  alike(std::array<char, 3>{'a', 'b', 'c'});
  alike(std::array<unsigned char, 2>{1, 255});
}

BOOST_AUTO_TEST_CASE(containers) {
  alike(std::vector<bool>{true, false, true});
  alike(std::vector<std::vector<std::string>>{{"a", "b"}, {}, {"c"}});
  alike(std::array<std::int32_t, 3>{1, -1, 70000});
  alike(std::list<std::string>{"x", "y"});
  alike(std::deque<std::int32_t>{1, 2});
  alike(std::set<std::string>{"b", "a"});
  alike(std::multiset<std::int32_t>{2, 2, 1});
  alike(std::unordered_set<std::int32_t>{9});
  alike(std::map<std::string, double>{{"a", 0.5}, {"b", 2}});
  alike(std::unordered_map<std::int32_t, std::string>{{3, "three"}});
  alike(std::multimap<std::int32_t, std::int32_t>{{1, 2}, {1, 3}});
  alike(std::map<std::string, std::vector<std::map<std::int32_t, bool>>>{{"k", {{{1, true}}, {}}}});
  std::map<std::int32_t, std::int32_t> many;
  for (std::int32_t i = 0; i < 70000; ++i) many[i] = -i;
  alike(many);
}

BOOST_AUTO_TEST_CASE(optionals_pairs_and_tuples) {
  alike(std::optional<std::int32_t>{});
  alike(std::optional<std::int32_t>{5});
  alike(std::optional<std::vector<std::string>>{{"a"}});
  alike(std::pair<std::string, std::int32_t>{"a", 1});
  alike(std::tuple<>{});
  alike(std::tuple<std::int32_t, std::string, bool>{1, "b", true});
  alike(std::vector<std::pair<std::string, std::optional<double>>>{{"a", 0.5}, {"b", std::nullopt}});
}

BOOST_AUTO_TEST_CASE(what_bytes_are_taken_for_which_type) {
  takes_what_they_take<bool>(1);
  takes_what_they_take<std::int8_t>(2);
  takes_what_they_take<std::uint16_t>(3);
  takes_what_they_take<std::int64_t>(4);
  takes_what_they_take<std::uint64_t>(5);
  takes_what_they_take<double>(6);
  takes_what_they_take<float>(7);
  takes_what_they_take<std::string>(8);
  takes_what_they_take<std::vector<char>>(9);
  takes_what_they_take<std::vector<std::int64_t>>(10);
  takes_what_they_take<std::array<std::int64_t, 2>>(11);
  takes_what_they_take<std::map<std::string, std::int64_t>>(12);
  takes_what_they_take<std::optional<std::string>>(13);
  takes_what_they_take<std::pair<std::int64_t, std::int64_t>>(14);
  takes_what_they_take<std::tuple<std::int64_t, std::optional<std::int64_t>, double>>(15);
  takes_what_they_take<std::vector<std::map<std::int64_t, std::vector<double>>>>(16);
}

BOOST_AUTO_TEST_CASE(what_only_msgpack_cxx_knows_goes_through_it) {
  const Ours ours{1, {-2, "word"}, {{3, "x"}, {4, "y"}}, 5};
  const auto back = unpack<Ours>(reki::pack(ours));
  BOOST_REQUIRE(back.has_value());
  BOOST_TEST((*back == ours));
  const Around around{ours};
  const auto outer = unpack<Around>(reki::pack(around));
  BOOST_REQUIRE(outer.has_value());
  BOOST_TEST((*outer == around));
  const std::unique_ptr<std::int32_t> pointed = std::make_unique<std::int32_t>(8);
  BOOST_TEST(*unpack<std::unique_ptr<std::int32_t>>(reki::pack(pointed)).value() == 8);
}

BOOST_AUTO_TEST_CASE(a_wrong_field_is_named_through_msgpack_cxx_too) {
  const Bytes in_theirs = reki::pack(std::tuple{1, std::tuple{"no number", "word"}, std::vector<int>{}, 5});
  BOOST_TEST(unpack<Ours>(in_theirs).error().text == "field 'inner' has the wrong type or is out of range");
  const Bytes in_ours = reki::pack(std::make_tuple(std::make_tuple("no number")));
  BOOST_TEST(unpack<Around>(in_ours).error().text == "field 'before' has the wrong type or is out of range");
}

BOOST_AUTO_TEST_CASE(what_exceeds_a_bound_is_too_large) {
  const auto code = [](const auto& result) { return result ? ErrorCode::ok : result.error().code; };
  BOOST_TEST((code(unpack<std::string>(reki::pack(std::string(limits::message_bytes_max, 'x')))) == ErrorCode::ok));
  BOOST_TEST((code(unpack<std::string>(reki::pack(std::string(limits::message_bytes_max + 1, 'x')))) == ErrorCode::too_large));
  BOOST_TEST((code(unpack<std::vector<bool>>(reki::pack(std::vector<bool>(limits::decode_items_max)))) == ErrorCode::ok));
  BOOST_TEST((code(unpack<std::vector<bool>>(reki::pack(std::vector<bool>(limits::decode_items_max + 1)))) == ErrorCode::too_large));
  BOOST_TEST((code(unpack<std::string>("\xc6\xff\xff\xff\xff")) == ErrorCode::too_large));
  BOOST_TEST((code(unpack<std::map<int, int>>("\xdf\xff\xff\xff\xff")) == ErrorCode::too_large));
  BOOST_TEST((code(unpack<std::vector<int>>(Bytes("\xdc\x00\x05\x01", 4))) == ErrorCode::malformed_message));
}

BOOST_AUTO_TEST_CASE(values_in_each_other_have_a_bound) {
  // Each level of a Tree is two containers: its fields, and its children.
  const auto nested = [](std::size_t levels) {
    Bytes out;
    for (std::size_t i = 0; i < levels; ++i) out += "\x91\x91";
    return unpack<Tree>(out + "\x90");
  };
  BOOST_TEST(nested(limits::decode_depth_max / 2 - 1).has_value());
  const auto deeper = nested(limits::decode_depth_max / 2);
  BOOST_REQUIRE(!deeper);
  BOOST_TEST((deeper.error().code == ErrorCode::too_large));
  BOOST_TEST((nested(100000).error().code == ErrorCode::too_large));
}

BOOST_AUTO_TEST_SUITE_END()
