#include "link.hpp"

#include <boost/test/unit_test.hpp>
#include <limits>
#include <vector>

namespace {

using chaos::Link;
using chaos::LinkSettings;
using reki::Duration;
using reki::Instant;
using namespace std::chrono_literals;

constexpr Instant start{1'000'000'000};

LinkSettings settings_of(std::initializer_list<std::string_view> words) {
  LinkSettings out;
  for (const auto word : words) BOOST_REQUIRE(chaos::apply_setting(out, word));
  return out;
}

Link link_with(std::initializer_list<std::string_view> words, std::uint64_t seed = 1) {
  Link out(seed);
  out.settings = settings_of(words);
  return out;
}

/// The fates of frames that come a millisecond apart.
std::vector<Link::Fate> fates(Link& link, std::size_t frames) {
  std::vector<Link::Fate> out;
  for (std::size_t i = 0; i < frames; ++i) out.push_back(link.pass(start + i * 1ms, 1000));
  return out;
}

std::size_t count_of_copies(const std::vector<Link::Fate>& all, std::size_t copies) {
  return static_cast<std::size_t>(std::ranges::count(all, copies, &Link::Fate::copies));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(one_link)

BOOST_AUTO_TEST_CASE(without_settings_each_frame_arrives_once_and_at_once) {
  Link plain(1);
  for (int i = 0; i < 100; ++i) {
    const auto fate = plain.pass(start + i * 1us, 1500);
    BOOST_TEST(fate.copies == 1U);
    BOOST_CHECK(fate.at[0] == start + i * 1us);
  }
}

BOOST_AUTO_TEST_CASE(a_delay_is_added_to_every_frame) {
  Link slow = link_with({"delay_ms=2.5"});
  BOOST_CHECK(slow.pass(start, 100).at[0] == start + 2500us);
  BOOST_CHECK(slow.pass(start + 1ms, 100).at[0] == start + 3500us);
}

BOOST_AUTO_TEST_CASE(jitter_spreads_over_its_range_and_keeps_the_order) {
  Link link = link_with({"delay_ms=1", "jitter_ms=10"});
  Instant last{};
  Duration least = 1h;
  Duration most{0};
  for (const auto& fate : fates(link, 1000)) {
    BOOST_CHECK(fate.at[0] >= last);
    last = fate.at[0];
  }
  // Far enough apart that no frame waits for the one before.
  for (int i = 0; i < 1000; ++i) {
    const Instant now = start + 1h + i * 1s;
    const Duration took = link.pass(now, 100).at[0] - now;
    least = std::min(least, took);
    most = std::max(most, took);
  }
  BOOST_CHECK(least >= 1ms && least < 2ms);
  BOOST_CHECK(most <= 11ms && most > 10ms);
}

BOOST_AUTO_TEST_CASE(a_shorter_delay_lets_nothing_overtake_what_is_under_way) {
  Link link = link_with({"delay_ms=50"});
  const Instant first = link.pass(start, 100).at[0];
  link.settings = {};
  BOOST_CHECK(link.pass(start + 1ms, 100).at[0] == first);
  BOOST_CHECK(link.pass(first + 1ns, 100).at[0] == first + 1ns);
}

BOOST_AUTO_TEST_CASE(frames_are_lost_and_doubled_as_often_as_ordered) {
  Link losing = link_with({"loss=0.1"});
  const auto lost = count_of_copies(fates(losing, 20000), 0);
  BOOST_TEST((lost > 1800 && lost < 2200), lost);
  Link doubling = link_with({"duplicate=0.25"});
  const auto doubled = count_of_copies(fates(doubling, 20000), 2);
  BOOST_TEST((doubled > 4750 && doubled < 5250), doubled);
  Link both = link_with({"loss=0.5", "duplicate=0.5"});
  const auto doubled_of_the_rest = count_of_copies(fates(both, 20000), 2);
  BOOST_TEST((doubled_of_the_rest > 4750 && doubled_of_the_rest < 5250), doubled_of_the_rest);
}

BOOST_AUTO_TEST_CASE(what_overtakes_goes_at_once_and_does_not_hold_up_the_rest) {
  Link link = link_with({"delay_ms=20", "reorder=0.3"});
  std::size_t overtook = 0;
  for (std::size_t i = 0; i < 10000; ++i) {
    const Instant now = start + i * 1ms;
    const Duration took = link.pass(now, 100).at[0] - now;
    BOOST_CHECK(took == 0ms || took == 20ms);
    overtook += took == 0ms ? 1 : 0;
  }
  BOOST_TEST((overtook > 2800 && overtook < 3200), overtook);
}

BOOST_AUTO_TEST_CASE(a_cut_lets_nothing_through) {
  Link link(1);
  link.settings.cut = true;
  BOOST_TEST(count_of_copies(fates(link, 1000), 0) == 1000U);
}

BOOST_AUTO_TEST_CASE(frames_queue_for_a_line_of_limited_rate) {
  Link link = link_with({"rate_mbit=8", "delay_ms=5"});  // 1000 bytes take a millisecond
  BOOST_CHECK(link.pass(start, 1000).at[0] == start + 6ms);
  BOOST_CHECK(link.pass(start, 1000).at[0] == start + 7ms);
  BOOST_CHECK(link.pass(start, 500).at[0] == start + 7500us);
  BOOST_CHECK(link.pass(start + 1s, 1000).at[0] == start + 1s + 6ms);
}

BOOST_AUTO_TEST_CASE(the_seed_decides_each_frames_fate) {
  const auto pattern = [](std::uint64_t seed) {
    Link link = link_with({"loss=0.3", "duplicate=0.3", "jitter_ms=5", "reorder=0.2"}, seed);
    std::vector<std::int64_t> out;
    for (const auto& fate : fates(link, 500)) {
      out.push_back(static_cast<std::int64_t>(fate.copies));
      for (std::size_t i = 0; i < fate.copies; ++i) out.push_back(fate.at[i].ns);
    }
    return out;
  };
  BOOST_CHECK(pattern(7) == pattern(7));
  BOOST_CHECK(pattern(7) != pattern(8));
}

BOOST_AUTO_TEST_CASE(another_setting_leaves_the_dice_for_loss_as_they_fall) {
  const auto lost = [](std::initializer_list<std::string_view> words) {
    Link link = link_with(words, 3);
    std::vector<bool> out;
    for (const auto& fate : fates(link, 500)) out.push_back(fate.copies == 0);
    return out;
  };
  BOOST_CHECK(lost({"loss=0.3"}) == lost({"loss=0.3", "duplicate=0.5", "jitter_ms=3", "reorder=0.5"}));
}

BOOST_AUTO_TEST_CASE(settings_out_of_range_or_unknown_are_refused_and_change_nothing) {
  LinkSettings settings = settings_of({"loss=0.5"});
  const LinkSettings before = settings;
  for (const auto* word : {"loss=1.5", "loss=-0.1", "loss=nan", "loss=", "loss", "loss=0.1x", "delay_ms=60001", "colour=1",
                           "", "=1", "rate_mbit=inf"}) {
    const auto done = chaos::apply_setting(settings, word);
    BOOST_REQUIRE_MESSAGE(!done, word);
    BOOST_CHECK(done.error().code == reki::ErrorCode::invalid_argument);
    BOOST_CHECK(settings == before);
  }
}

BOOST_AUTO_TEST_SUITE_END()
