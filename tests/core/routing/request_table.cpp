#include "reki/core/routing/request_table.hpp"

#include <boost/test/unit_test.hpp>
#include <vector>

using namespace reki;
using namespace std::chrono_literals;

namespace {

struct Witness final : RoutedRequest {
  explicit Witness(int& l) : left(l) { ++left; }
  ~Witness() override { --left; }
  int& left;
};

struct TableFixture {
  RoutedRequest& add(bool for_view = false) {
    auto* const request = new Witness(left);
    request->progress.asks_for_view = for_view;
    BOOST_REQUIRE(table.add(request, now + 10ms));
    return *request;
  }
  int left = 0;
  Instant now{5'000'000'000};
  RequestQueue queue;
  RequestTable table{3};
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(request_table, TableFixture)

BOOST_AUTO_TEST_CASE(a_request_is_found_by_its_id_where_it_is_in_flight_until_it_is_done) {
  RoutedRequest& request = add();
  const RequestId id = request.progress.id;
  request.progress.at = PeerIndex{4};
  BOOST_TEST(table.find_in_flight(id, PeerIndex{4}) == nullptr);  // it is queued there
  request.progress.state = RoutedRequest::State::in_flight;
  BOOST_TEST(table.find_in_flight(id, PeerIndex{4}) == &request);
  BOOST_TEST(table.find_in_flight(id, PeerIndex{5}) == nullptr);
  BOOST_TEST(table.find_in_flight(RequestId{id.value + 1}, PeerIndex{4}) == nullptr);
  BOOST_TEST(table.next_done() == nullptr);
  table.finish(request);
  BOOST_TEST(table.find_in_flight(id, PeerIndex{4}) == nullptr);
  BOOST_TEST(table.next_done().get() == &request);
  BOOST_TEST(table.next_done() == nullptr);
  BOOST_TEST(left == 0);
}

BOOST_AUTO_TEST_CASE(one_more_than_may_be_outstanding_is_overloaded_at_once) {
  for (int i = 0; i < 3; ++i) static_cast<void>(add());
  auto* const more = new Witness(left);
  BOOST_TEST(!table.add(more, now + 10ms));
  BOOST_TEST(table.outstanding() == 3U);
  const auto done = table.next_done();
  BOOST_TEST(done.get() == more);
  BOOST_TEST((done->outcome.code == ErrorCode::overloaded));
}

BOOST_AUTO_TEST_CASE(questions_for_a_view_do_not_count_and_are_nobodys_outcome) {
  for (int i = 0; i < 3; ++i) static_cast<void>(add());
  RoutedRequest& question = add(true);
  BOOST_TEST(table.outstanding() == 3U);
  const auto released = table.release(question);
  BOOST_TEST(released.get() == &question);
  BOOST_TEST(table.outstanding() == 3U);
  BOOST_TEST(table.next_done() == nullptr);
}

BOOST_AUTO_TEST_CASE(a_time_fires_once_and_not_for_one_that_is_done_and_once_more_if_that_is_wanted) {
  RoutedRequest& first = add();
  RoutedRequest& second = add();
  BOOST_TEST((table.next_expiry() <= now + 10ms));
  table.finish(second);
  std::vector<RoutedRequest*> fired;
  const auto note = [&](RoutedRequest& r) { fired.push_back(&r); };
  table.expire(now + 9ms, note);
  BOOST_TEST(fired.empty());
  table.expire(now + 11ms, note);
  table.expire(now + 30ms, note);
  BOOST_TEST((fired == std::vector{&first}));
  table.fire_at(first, now + 40ms);
  table.expire(now + 39ms, note);
  BOOST_TEST(fired.size() == 1U);
  table.expire(now + 41ms, note);
  BOOST_TEST((fired == std::vector{&first, &first}));
}

BOOST_AUTO_TEST_CASE(all_that_are_not_done_are_visited_and_may_be_finished_meanwhile) {
  table.finish(add());
  static_cast<void>(add());
  static_cast<void>(add());
  int visited = 0;
  table.for_each([&](RoutedRequest& r) {
    ++visited;
    table.finish(r);
  });
  BOOST_TEST(visited == 2);
  BOOST_TEST(table.outstanding() == 0U);
}

BOOST_AUTO_TEST_CASE(what_is_left_ends_with_the_table_be_it_in_a_queue_or_done) {
  {
    RequestTable other{3};
    auto* const queued = new Witness(left);
    auto* const done = new Witness(left);
    other.add(queued, now);
    other.add(done, now);
    queue.push_back(*queued);
    other.finish(*done);
    BOOST_TEST(left == 2);
  }
  BOOST_TEST(left == 0);
  BOOST_TEST(queue.empty());
}

BOOST_AUTO_TEST_SUITE_END()
