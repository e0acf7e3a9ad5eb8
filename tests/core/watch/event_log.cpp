#include "reki/core/watch/event_log.hpp"

#include <boost/test/unit_test.hpp>

#include "reki/core/watch/watch_codec.hpp"

using namespace reki;
using What = EventLog::Resumption::What;

namespace {

WatchEvent event(const std::string& key) {
  WatchEvent out;
  out.kind = WatchKind::started;
  out.key = key;
  return out;
}

std::string keys_after(const EventLog& log, std::uint64_t sequence) {
  std::string out;
  log.for_each_after(sequence, [&](const WatchEvent& e) { out += e.key; });
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(event_log)

BOOST_AUTO_TEST_CASE(from_any_number_that_is_kept_the_rest_follows) {
  EventLog log;
  BOOST_TEST(log.last() == 0U);
  BOOST_TEST((log.resume(0).what == What::exact));
  for (const auto* key : {"a", "b", "c"}) log.append(event(key));
  BOOST_TEST(log.last() == 3U);
  for (std::uint64_t sequence = 0; sequence <= 3; ++sequence) {
    BOOST_TEST((log.resume(sequence).what == What::exact));
    BOOST_TEST(keys_after(log, sequence) == std::string("abc").substr(sequence));
  }
}

BOOST_AUTO_TEST_CASE(what_no_longer_fits_is_counted_for_those_who_need_it) {
  EventLog log({.events_max = 2, .bytes_max = 100000});
  for (const auto* key : {"a", "b", "c", "d", "e"}) log.append(event(key));
  BOOST_TEST(log.last() == 5U);
  BOOST_TEST((log.resume(0).what == What::fell_behind && log.resume(0).missed == 3U));
  BOOST_TEST((log.resume(2).what == What::fell_behind && log.resume(2).missed == 1U));
  BOOST_TEST(keys_after(log, 0) == "de");
  BOOST_TEST((log.resume(3).what == What::exact));
  BOOST_TEST(keys_after(log, 3) == "de");
  BOOST_TEST(keys_after(log, 4) == "e");
}

BOOST_AUTO_TEST_CASE(bytes_are_bounded_as_events_are) {
  const auto large = event(std::string(1000, 'x'));
  const std::size_t bytes = wire::watch_event_bytes_max(large);
  EventLog log({.events_max = 100, .bytes_max = 3 * bytes});
  for (int i = 0; i < 10; ++i) log.append(large);
  BOOST_TEST((log.resume(7).what == What::exact));
  BOOST_TEST((log.resume(6).what == What::fell_behind && log.resume(6).missed == 1U));
  EventLog tiny({.events_max = 100, .bytes_max = 1});
  tiny.append(large);
  tiny.append(event("b"));
  BOOST_TEST(keys_after(tiny, 0) == "b");
}

BOOST_AUTO_TEST_CASE(over_an_interruption_nobody_goes_on) {
  EventLog log;
  log.append(event("a"));
  log.append(event("b"));
  log.interrupt();
  for (std::uint64_t sequence = 0; sequence <= 2; ++sequence) BOOST_TEST((log.resume(sequence).what == What::not_kept));
  const auto since = log.last();
  BOOST_TEST(since > 2U);
  BOOST_TEST((log.resume(since).what == What::exact));
  log.append(event("c"));
  BOOST_TEST(keys_after(log, since) == "c");
  log.interrupt();
  BOOST_TEST((log.resume(since).what == What::not_kept));
  BOOST_TEST((log.resume(log.last()).what == What::exact));
}

BOOST_AUTO_TEST_CASE(a_number_that_was_never_given_is_not_gone_on_from) {
  EventLog log;
  log.append(event("a"));
  BOOST_TEST((log.resume(2).what == What::not_kept));
  BOOST_TEST((log.resume(UINT64_MAX).what == What::not_kept));
  BOOST_TEST(keys_after(log, UINT64_MAX).empty());
}

BOOST_AUTO_TEST_SUITE_END()
