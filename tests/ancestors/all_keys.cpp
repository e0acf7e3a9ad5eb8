// Count, list and walk over what runs.
#include <algorithm>

#include "place.hpp"

using namespace ancestors;

namespace {

/// One key of those that run, if there is one. A page of a cluster may be empty although there is more.
std::vector<std::string> sample(Registry& registry, const std::string& prefix) {
  Bytes cursor;
  do {
    auto page = registry.list<Worker>(prefix, cursor, 1).get().value();
    if (!page.keys.empty()) return page.keys;
    cursor = std::move(page.cursor);
  } while (!cursor.empty());
  return {};
}

std::vector<std::string> listed(Registry& registry, const std::string& prefix, std::size_t limit) {
  std::vector<std::string> out;
  Bytes cursor;
  do {
    auto page = registry.list<Worker>(prefix, cursor, limit).get().value();
    out.insert(out.end(), page.keys.begin(), page.keys.end());
    cursor = std::move(page.cursor);
  } while (!cursor.empty());
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(all_keys, Place)

BOOST_AUTO_TEST_CASE(where_nothing_was_started_none_are_counted) { BOOST_TEST(count() == 0U); }

BOOST_AUTO_TEST_CASE(each_start_counts_one_more) {
  std::uint64_t expected = 0;
  for (const auto& k : keys(5)) {
    found_or_started(k);
    BOOST_TEST(count() == ++expected);
  }
}

BOOST_AUTO_TEST_CASE(a_stop_counts_one_less) {
  found_or_started(key("a"));
  found_or_started(key("b"));
  BOOST_TEST(count() == 2U);
  BOOST_TEST(registry().stop<Worker>(key("a")).get().has_value());
  BOOST_TEST(count() == 1U);
}

BOOST_AUTO_TEST_CASE(an_actor_that_ends_itself_counts_one_less) {
  const auto ref = found_or_started(key("a"));
  BOOST_TEST(count() == 1U);
  done(ref.call(Leave{}));
  BOOST_TEST(count() == 0U);
}

BOOST_AUTO_TEST_CASE(an_actor_that_crashes_and_is_not_restarted_counts_one_less) {
  const auto ref = found_or_started<Mortal>(key("a"));
  BOOST_TEST(count<Mortal>() == 1U);
  BOOST_TEST((code(ref.call(Crash{}).get()) == ErrorCode::actor_crashed));
  BOOST_TEST(count<Mortal>() == 0U);
}

BOOST_AUTO_TEST_CASE(a_walk_over_nothing_visits_nothing) {
  std::vector<std::string> seen{"was here before"};
  BOOST_TEST(registry().for_each<Worker>([&](std::string_view k) { seen.emplace_back(k); }, prefix()).value() == 0U);
  BOOST_TEST((seen == std::vector<std::string>{"was here before"}));
}

BOOST_AUTO_TEST_CASE(a_walk_visits_each_key_once) {
  const auto expected = keys(5);
  for (const auto& k : expected) found_or_started(k);
  std::vector<std::string> seen;
  BOOST_TEST(registry().for_each<Worker>([&](std::string_view k) { seen.emplace_back(k); }, prefix()).value() == 5U);
  std::sort(seen.begin(), seen.end());
  BOOST_TEST(seen == expected);
}

BOOST_AUTO_TEST_CASE(a_walk_may_add_to_what_was_there_before) {
  std::int64_t total = 100;
  for (const auto& k : keys(4)) found_or_started(k, {.initial = 1});
  std::vector<std::string> seen;
  registry().for_each<Worker>([&](std::string_view k) { seen.emplace_back(k); }, prefix()).value();
  for (const auto& ref : registry().lookup_many<Worker>(seen).get()) total += sum(ref.value());
  BOOST_TEST(total == 104);
}

BOOST_AUTO_TEST_CASE(a_list_of_nothing_is_empty) { BOOST_TEST(listed(registry(), prefix(), 10).empty()); }

BOOST_AUTO_TEST_CASE(a_list_has_each_key_once_and_leads_to_its_actor) {
  const auto expected = keys(5);
  std::vector<ActorRef<Worker>> started;
  for (const auto& k : expected) started.push_back(found_or_started(k));
  for (const std::size_t limit : {1U, 2U, 10U}) BOOST_TEST(listed(registry(), prefix(), limit) == expected);
  const auto found = registry().lookup_many<Worker>(listed(registry(), prefix(), 10)).get();
  BOOST_REQUIRE(found.size() == started.size());
  for (std::size_t i = 0; i < found.size(); ++i) BOOST_TEST(same(found[i].value(), started[i]));
}

BOOST_AUTO_TEST_CASE(a_sample_of_nothing_is_nothing) { BOOST_TEST(sample(registry(), prefix()).empty()); }

BOOST_AUTO_TEST_CASE(a_sample_is_one_of_the_keys) {
  const auto candidates = keys(5);
  for (const auto& k : candidates) found_or_started(k);
  const auto one = sample(registry(), prefix());
  BOOST_REQUIRE(one.size() == 1U);
  BOOST_TEST((std::find(candidates.begin(), candidates.end(), one.front()) != candidates.end()));
}

BOOST_AUTO_TEST_SUITE_END()
