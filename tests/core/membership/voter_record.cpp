#include "reki/core/membership/voter_record.hpp"

#include <boost/test/unit_test.hpp>
#include <random>

#include "control_messages.hpp"

using namespace reki;
using namespace reki::membership;

namespace {

VoterSlot slot(std::uint64_t counter, std::uint32_t epoch, std::uint64_t mix = 0) {
  return {counter, {"shop", 77, Term{0x30001}, Term{0x20002}, test::control_view("shop", epoch, mix)}};
}

bool same(const VoterSlot& a, const VoterSlot& b) {
  const bool views = (a.record.view == nullptr) == (b.record.view == nullptr) &&
                     (a.record.view == nullptr || *a.record.view == *b.record.view);
  return views && a.counter == b.counter && a.record.cluster == b.record.cluster && a.record.store == b.record.store &&
         a.record.promised == b.record.promised && a.record.accepted == b.record.accepted;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(voter_record)

BOOST_AUTO_TEST_CASE(a_slot_comes_back_as_it_was_written_whatever_follows_it) {
  const VoterSlot empty{1, {"", UINT64_MAX, Term{}, Term{}, nullptr}};
  for (const VoterSlot& s : {slot(UINT64_MAX, 5), empty}) {
    const Bytes bytes = encode(s);
    BOOST_TEST((voter_slot_length(bytes) == bytes.size()));
    BOOST_TEST(same(decode_voter_slot(bytes).value(), s));
    BOOST_TEST(same(decode_voter_slot(bytes + "the rest of an earlier one").value(), s));
  }
}

BOOST_AUTO_TEST_CASE(a_rescue_is_kept_and_a_record_without_one_is_written_as_ever) {
  VoterSlot s = slot(3, 5);
  const std::size_t plain = encode(s).size();
  s.record.lineage = Lineage{std::uint64_t{9} << 58 | 5};
  s.record.retired = 66;
  BOOST_TEST(encode(s).size() == plain + 1 + 9 + 1);  // with the level
  s.record.level = 2;
  const VoterRecord got = decode_voter_slot(encode(s)).value().record;
  BOOST_TEST((got.lineage == s.record.lineage && got.retired == 66U && got.level == 2 && !got.is_over()));
  s.record.view = nullptr;
  BOOST_TEST(decode_voter_slot(encode(s)).value().record.is_over());
}

BOOST_AUTO_TEST_CASE(a_write_torn_at_any_byte_leaves_no_slot) {
  const Bytes older = encode(slot(6, 5));
  const Bytes newer = encode(slot(8, 7, 1));
  BOOST_REQUIRE(older.size() == newer.size());
  Bytes torn = older;
  std::size_t differ = 0;
  for (std::size_t n = 0; n < newer.size(); ++n) {
    // The first n bytes are the new ones.
    const bool is_older = torn == older;
    const bool is_newer = torn == newer;
    const auto got = decode_voter_slot(torn);
    if (got.has_value() != (is_older || is_newer)) BOOST_FAIL("torn at byte " << n << " and taken for good");
    if (!is_older && !is_newer) ++differ;
    torn[n] = newer[n];
  }
  BOOST_TEST(differ > 16000U);
  BOOST_TEST(same(decode_voter_slot(torn).value(), slot(8, 7, 1)));
}

BOOST_AUTO_TEST_CASE(sectors_written_in_any_order_leave_no_slot_until_all_are_there) {
  std::mt19937_64 random{1};
  const Bytes older = encode(slot(6, 5));
  Bytes newer = encode(slot(8, 70000, 1));
  newer.resize(older.size() + 512, '\0');
  for (int i = 0; i < 500; ++i) {
    Bytes mixed = older;
    mixed.resize(newer.size(), '\0');
    bool all = true;
    for (std::size_t at = 0; at < newer.size(); at += 512) {
      const bool changes = mixed.compare(at, 512, newer, at, 512) != 0;
      if (changes && random() % 20 == 0) {
        all = false;
      } else {
        mixed.replace(at, 512, newer, at, std::min<std::size_t>(512, newer.size() - at));
      }
    }
    if (mixed.substr(0, older.size()) == older) continue;
    BOOST_REQUIRE(decode_voter_slot(mixed).has_value() == all);
  }
}

BOOST_AUTO_TEST_CASE(every_bit_of_a_slot_is_checked) {
  const auto flipped = [](const Bytes& good, std::size_t at, std::size_t bit) {
    Bytes bytes = good;
    bytes[at] = static_cast<char>(bytes[at] ^ 1 << bit);
    return decode_voter_slot(bytes).has_value();
  };
  const Bytes small = encode(VoterSlot{6, {"", 77, Term{0x30001}, Term{}, nullptr}});
  for (std::size_t i = 0; i < small.size() * 8; ++i) BOOST_REQUIRE(!flipped(small, i / 8, i % 8));
  const Bytes large = encode(slot(6, 5));
  BOOST_TEST(large.size() > 32768U);
  for (std::size_t i = 0; i < large.size(); ++i) BOOST_REQUIRE(!flipped(large, i, i % 8));
}

BOOST_AUTO_TEST_CASE(bytes_that_are_no_slot_are_an_error) {
  const Bytes good = encode(slot(6, 5));
  BOOST_TEST(!decode_voter_slot("").has_value());
  BOOST_TEST(!decode_voter_slot(Bytes(voter_slot_bytes, '\0')).has_value());
  BOOST_TEST(!decode_voter_slot(BytesView{good}.substr(0, good.size() - 1)).has_value());
  BOOST_TEST(!voter_slot_length("rekislot").has_value());
  Bytes huge = good;
  huge[16] = '\x7f';
  BOOST_TEST(!voter_slot_length(huge).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
