#include "reki/node/server/node_watchers.hpp"

#include <boost/test/unit_test.hpp>

#include "reki/core/base/limits.hpp"
#include "reki/core/watch/watch_codec.hpp"

using namespace reki;
using namespace std::chrono_literals;

namespace {

std::shared_ptr<const View> view(std::uint32_t epoch, const std::vector<std::string>& ids) {
  std::vector<Member> members;
  for (const auto& id : ids)
    members.push_back({NodeId{id}, Incarnation{1}, "tcp://10.0.0.1:1", 1, {}, MemberState::up, {}});
  const SlotTable table = next_table({}, {}, slot_members(members));
  return std::make_shared<const View>(
      View::make({"c", Epoch{epoch}, Term{1}, NodeId{ids[0]}, 1}, std::move(members), table).value());
}

struct Asked {
  void install(std::uint32_t epoch, const std::vector<std::string>& ids = {"n1"}) {
    watchers.install(view(epoch, ids), 0, out);
  }
  std::optional<Answer> ask(std::uint64_t id, std::uint64_t after, std::uint32_t remaining_ms = 1000) {
    const Bytes args = wire::encode_watch_args({Incarnation{}, after});
    wire::Request request;
    request.id = RequestId{id};
    request.args = args;
    request.remaining_ms = remaining_ms;
    return watchers.ask(SessionId{5}, request, now);
  }
  /// The requests that have been answered since the last look.
  std::vector<std::uint64_t> answered() {
    std::vector<std::uint64_t> ids;
    for (const auto& each : out) {
      BOOST_TEST((each.session == SessionId{5}));
      ids.push_back(each.request.value);
    }
    std::ranges::sort(ids);
    last = std::move(out);
    out.clear();
    return ids;
  }
  std::uint64_t told_up_to() const {
    return wire::decode_watch_reply(last.at(0).answer.payload).value().position.sequence;
  }

  Instant now{1'000'000'000};
  NodeWatchers watchers;
  std::vector<SessionAnswer> out;
  std::vector<SessionAnswer> last;
};

using Ids = std::vector<std::uint64_t>;

}  // namespace

BOOST_AUTO_TEST_SUITE(node_watchers)

BOOST_AUTO_TEST_CASE(who_knows_less_than_the_view_is_answered_at_once_and_who_knows_as_much_waits) {
  Asked a;
  BOOST_TEST(!a.ask(1, 0).has_value());  // there is no view yet
  a.install(3);
  BOOST_TEST((a.answered() == Ids{1}));
  BOOST_TEST(a.told_up_to() == 3U);
  BOOST_TEST(a.ask(2, 0).has_value());
  BOOST_TEST(!a.ask(3, 3).has_value());
  BOOST_TEST(!a.ask(4, 7).has_value());  // has been told by a node that is ahead
  a.install(4, {"n1", "n2"});
  BOOST_TEST((a.answered() == Ids{3}));
  BOOST_TEST(a.told_up_to() == 4U);
}

BOOST_AUTO_TEST_CASE(a_view_that_is_no_newer_answers_nobody) {
  Asked a;
  a.install(3);
  BOOST_TEST(!a.ask(1, 3).has_value());
  a.install(3);
  a.install(2);
  BOOST_TEST(a.answered().empty());
}

BOOST_AUTO_TEST_CASE(who_has_waited_for_as_long_as_it_may_is_told_that_there_is_nothing) {
  Asked a;
  a.install(3);
  BOOST_TEST((a.watchers.next_due() == Instant::never()));
  BOOST_TEST(!a.ask(1, 3, 500).has_value());
  BOOST_TEST(!a.ask(2, 3, 200).has_value());
  BOOST_TEST((a.watchers.next_due() == a.now + 200ms));
  a.watchers.expire(a.now + 200ms + -1ns, a.out);
  BOOST_TEST(a.answered().empty());
  a.watchers.expire(a.now + 200ms, a.out);
  BOOST_TEST((a.answered() == Ids{2}));
  BOOST_TEST(a.told_up_to() == 3U);
  BOOST_TEST((a.watchers.next_due() == a.now + 500ms));
}

BOOST_AUTO_TEST_CASE(nobody_waits_for_longer_than_the_limit) {
  Asked a;
  a.install(3);
  BOOST_TEST(!a.ask(1, 3, 3'600'000).has_value());
  BOOST_TEST((a.watchers.next_due() == a.now + Duration{limits::watch_wait_max}));
}

BOOST_AUTO_TEST_CASE(no_more_wait_than_the_limit) {
  Asked a;
  a.install(3);
  for (std::size_t i = 0; i < limits::watches_open_max; ++i) BOOST_REQUIRE(!a.ask(i, 3).has_value());
  const auto refused = a.ask(9, 3);
  BOOST_REQUIRE(refused.has_value());
  BOOST_TEST((refused->code == ErrorCode::overloaded));
}

BOOST_AUTO_TEST_CASE(at_the_end_all_are_refused) {
  Asked a;
  a.install(3);
  BOOST_TEST(!a.ask(1, 3).has_value());
  a.watchers.refuse_all(Error{ErrorCode::shutting_down}, a.out);
  BOOST_TEST((a.answered() == Ids{1}));
  BOOST_TEST((a.last[0].answer.code == ErrorCode::shutting_down));
  a.install(4);
  BOOST_TEST(a.answered().empty());
}

BOOST_AUTO_TEST_CASE(a_question_that_cannot_be_read_is_an_error) {
  Asked a;
  wire::Request request;
  request.args = BytesView{"nonsense"};
  const auto answer = a.watchers.ask(SessionId{5}, request, a.now);
  BOOST_REQUIRE(answer.has_value());
  BOOST_TEST((answer->code != ErrorCode::ok));
}

BOOST_AUTO_TEST_SUITE_END()
