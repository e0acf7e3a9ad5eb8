#include "reki/core/routing/answer_check.hpp"

#include "peers_fixture.hpp"

using namespace router_test;

namespace {

struct CheckFixture : PeersFixture {
  /// Why an answer of this fence does not count; empty if it does.
  std::string why(RoutedRequest& r, Fence fence, Incarnation from = Incarnation{101}, Epoch epoch = Epoch{1}) {
    wire::Reply reply;
    reply.fence = fence;
    return check.why_outdated(r, peer(1), {epoch, from, 1}, reply, view.get());
  }
  RoutedRequest& asked(Op op) {
    RoutedRequest& r = request(op);
    r.key = "k";
    check.note_asked(r);
    return r;
  }
  AnswerCheck check{7};
  std::shared_ptr<const View> view = view_of(1, 3);
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(answer_check, CheckFixture)

BOOST_AUTO_TEST_CASE(a_look_up_that_says_an_older_start_than_was_seen_does_not_count) {
  BOOST_TEST(why(asked(Op::lookup), Fence{5}) == "");
  BOOST_TEST(why(asked(Op::lookup), Fence{5}) == "");
  BOOST_TEST(why(asked(Op::lookup), Fence{4}).find("start 4 of the actor, but start 5") != std::string::npos);
  BOOST_TEST(why(asked(Op::lookup), Fence{6}) == "");
}

BOOST_AUTO_TEST_CASE(a_call_counts_if_its_start_was_the_newest_when_it_was_asked) {
  RoutedRequest& early = asked(Op::call);
  BOOST_TEST(why(asked(Op::call), Fence{5}) == "");
  BOOST_TEST(why(early, Fence{4}) == "");
  BOOST_TEST(why(asked(Op::call), Fence{4}) != "");  // asked when 5 had been seen
}

BOOST_AUTO_TEST_CASE(other_keys_have_starts_of_their_own) {
  BOOST_TEST(why(asked(Op::lookup), Fence{5}) == "");
  RoutedRequest& other = request(Op::lookup);
  check.note_asked(other);
  BOOST_TEST(why(other, Fence{1}) == "");
}

BOOST_AUTO_TEST_CASE(an_incarnation_that_the_view_does_not_name_does_not_count_unless_it_goes_by_a_newer_view) {
  BOOST_TEST(why(asked(Op::lookup), Fence{5}, Incarnation{55}).find("an incarnation of node 'n1'") !=
             std::string::npos);
  BOOST_TEST(why(asked(Op::lookup), Fence{5}, Incarnation{55}, Epoch{2}) == "");
  BOOST_TEST(why(asked(Op::status), Fence{}, Incarnation{55}) == "");  // says how that one is
}

BOOST_AUTO_TEST_CASE(with_a_view_from_a_config_fences_are_in_no_order) {
  view = view_of(1, 3, Term{});
  BOOST_TEST(why(asked(Op::lookup), Fence{5}) == "");
  BOOST_TEST(why(asked(Op::lookup), Fence{4}, Incarnation{55}) == "");
  view = nullptr;
  BOOST_TEST(why(asked(Op::lookup), Fence{3}) == "");
}

BOOST_AUTO_TEST_CASE(an_answer_without_a_start_counts_and_teaches_nothing) {
  BOOST_TEST(why(asked(Op::lookup), Fence{5}) == "");
  BOOST_TEST(why(asked(Op::lookup), Fence{}) == "");
  BOOST_TEST(why(asked(Op::lookup), Fence{4}) != "");
}

BOOST_AUTO_TEST_SUITE_END()
