#include "reki/node/guard/lease_page.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <functional>
#include <new>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "reki/core/base/limits.hpp"

using namespace reki;
using namespace std::chrono_literals;

namespace {

/// A child process of this test; it ends with the test at the latest.
class Child {
 public:
  template <class Main>
  explicit Child(Main main) : pid_(fork()) {
    BOOST_REQUIRE(pid_ >= 0);
    if (pid_ > 0) return;
    main();
    _exit(0);
  }
  ~Child() { end(SIGKILL); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  void end(int signal = 0) {
    if (pid_ <= 0) return;
    if (signal != 0) kill(pid_, signal);
    waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  pid_t pid_;
};

/// Every part of it tells which one it is; the frame begins with the number.
DeathNotice notice_of(unsigned number) {
  const auto letter = static_cast<char>('a' + number % 26);
  DeathNotice out;
  for (unsigned i = 0; i <= number % limits::death_notice_endpoints_max; ++i) {
    out.endpoints.push_back("tcp://" + std::string(1 + number % 200, letter) + ":7101");
  }
  out.frame = std::to_string(number) + std::string(1 + number * 37 % 4000, letter);
  return out;
}

bool equal(const DeathNotice& a, const DeathNotice& b) { return a.endpoints == b.endpoints && a.frame == b.frame; }

}  // namespace

BOOST_AUTO_TEST_SUITE(lease_page)

BOOST_AUTO_TEST_CASE(a_new_page_holds_no_lease_and_no_notice) {
  const auto page = map_lease_page();
  BOOST_TEST(page->lease_end().ns == 0);
  BOOST_TEST(page->incarnation().value == 0U);
  BOOST_TEST(!page->lease_to_enforce().has_value());
  BOOST_TEST(!page->death_notice().has_value());
}

BOOST_AUTO_TEST_CASE(a_lease_is_enforced_unless_the_node_is_quiet_for_it) {
  const auto page = map_lease_page();
  const Instant first{5'000'000};
  page->set_lease_end(first);
  BOOST_TEST((page->lease_to_enforce() == first));
  page->declare_quiet(first);
  BOOST_TEST(!page->lease_to_enforce().has_value());
  page->set_lease_end(first + 1ms);
  BOOST_TEST((page->lease_to_enforce() == first + 1ms));
  page->set_lease_end({});
  BOOST_TEST(!page->lease_to_enforce().has_value());
}

BOOST_AUTO_TEST_CASE(another_process_sees_what_is_written_after_the_fork) {
  const auto page = map_lease_page();
  Child child([&] {
    page->set_incarnation(Incarnation{7});
    page->set_lease_end(Instant{9});
    (void)page->set_death_notice(notice_of(3));
  });
  child.end();
  BOOST_TEST(page->incarnation().value == 7U);
  BOOST_TEST(page->lease_end().ns == 9);
  BOOST_REQUIRE(page->death_notice().has_value());
  BOOST_TEST(equal(*page->death_notice(), notice_of(3)));
}

BOOST_AUTO_TEST_CASE(the_latest_notice_counts_and_one_without_endpoints_takes_it_away) {
  const auto page = map_lease_page();
  for (unsigned i = 0; i < 100; ++i) {
    BOOST_REQUIRE(page->set_death_notice(notice_of(i)).has_value());
    BOOST_REQUIRE(page->death_notice().has_value());
    BOOST_TEST(equal(*page->death_notice(), notice_of(i)));
  }
  BOOST_REQUIRE(page->set_death_notice({}).has_value());
  BOOST_TEST(!page->death_notice().has_value());
}

BOOST_AUTO_TEST_CASE(who_has_left_properly_leaves_no_notice) {
  const auto page = map_lease_page();
  BOOST_REQUIRE(page->set_death_notice(notice_of(1)).has_value());
  page->mark_left();
  BOOST_TEST(!page->death_notice().has_value());
}

BOOST_AUTO_TEST_CASE(the_largest_notice_fits) {
  const auto page = map_lease_page();
  DeathNotice largest;
  const std::string longest = "tcp://" + std::string(limits::endpoint_bytes_max - 6, 'h') + ":65535";
  largest.endpoints.assign(limits::death_notice_endpoints_max, longest);
  largest.frame.assign(limits::death_notice_frame_bytes_max, '\0');
  const auto written = page->set_death_notice(largest);
  BOOST_REQUIRE_MESSAGE(written.has_value(), written.error().message());
  BOOST_TEST(equal(page->death_notice().value(), largest));
}

BOOST_AUTO_TEST_CASE(what_exceeds_a_bound_or_is_no_address_is_refused_and_the_earlier_notice_stands) {
  const auto page = map_lease_page();
  BOOST_REQUIRE(page->set_death_notice(notice_of(1)).has_value());
  auto refused = [&](const DeathNotice& notice, ErrorCode code) {
    const auto result = page->set_death_notice(notice);
    BOOST_REQUIRE(!result.has_value());
    BOOST_TEST((result.error().code == code));
    BOOST_TEST(equal(page->death_notice().value(), notice_of(1)));
  };
  refused({std::vector<std::string>(limits::death_notice_endpoints_max + 1, "tcp://a:1"), "f"}, ErrorCode::too_large);
  refused({{"tcp://a:1"}, std::string(limits::death_notice_frame_bytes_max + 1, 'f')}, ErrorCode::too_large);
  refused({{"tcp://a:1", "ipc:///run/a"}, "f"}, ErrorCode::invalid_argument);
  refused({{"tcp://a\n:1"}, "f"}, ErrorCode::invalid_argument);
  refused({{"tcp://" + std::string(300, 'h') + ":1"}, "f"}, ErrorCode::invalid_argument);
}

BOOST_AUTO_TEST_CASE(a_page_that_a_crash_has_filled_with_anything_is_read_without_harm) {
  const auto page = map_lease_page();
  std::mt19937_64 random(1);
  for (int round = 0; round < 1000; ++round) {
    BOOST_REQUIRE(page->set_death_notice(notice_of(1)).has_value());
    auto* words = reinterpret_cast<std::uint64_t*>(page.get());
    std::generate_n(words, sizeof(LeasePage) / sizeof(std::uint64_t), std::ref(random));
    const auto left = page->death_notice();
    if (left) BOOST_TEST(left->frame.size() <= limits::death_notice_frame_bytes_max);
    new (page.get()) LeasePage;
  }
}

BOOST_AUTO_TEST_CASE(a_node_that_dies_while_it_replaces_its_notice_leaves_a_whole_one) {
  std::vector<DeathNotice> notices;
  for (unsigned i = 0; i < 200; ++i) notices.push_back(notice_of(i));
  std::set<unsigned> seen;
  // On a busy machine it is killed at the same places again and again: then more often.
  for (int round = 0; round < 100 || (seen.size() <= 20 && round < 5000); ++round) {
    const auto page = map_lease_page();
    Child child([&] {
      for (unsigned i = 1;; ++i) {
        (void)page->set_death_notice(notices[i % notices.size()]);
        page->set_lease_end(Instant{i});
      }
    });
    // In the middle of anything, and later in each round.
    while (page->lease_end().ns < 1 + round) {
    }
    child.end(SIGKILL);
    const auto left = page->death_notice();
    BOOST_REQUIRE(left.has_value());
    const auto number = static_cast<unsigned>(std::stoul(left->frame));
    BOOST_REQUIRE(equal(*left, notices.at(number)));
    seen.insert(number);
  }
  BOOST_TEST(seen.size() > 20U);  // it was killed at many places
}

BOOST_AUTO_TEST_SUITE_END()
