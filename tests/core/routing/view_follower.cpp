#include "reki/core/routing/view_follower.hpp"

#include <set>

#include "peers_fixture.hpp"
#include "reki/core/base/limits.hpp"
#include "reki/core/wire/codec.hpp"

using namespace router_test;

namespace {

struct FollowerFixture : PeersFixture {
  FollowerFixture() {
    for (const int i : {1, 2, 3}) connect(i);
    follower.installed(Epoch{5});
  }
  /// Asks; whom, or "nobody".
  std::string ask(Instant at) {
    question = follower.question(peers, at);
    return question ? peers[*question->peer].node->value : "nobody";
  }
  /// The answer to the last question comes.
  void answer(Instant at, Outcome outcome = {}, const std::string& cluster = "test") {
    BOOST_REQUIRE(question);
    peers[*question->peer].asked_for_view = false;
    outcome.node = peers[*question->peer].node;
    question->outcome = std::move(outcome);
    follower.answered(std::move(question));
    follower.take_answers(cluster, at, [&](std::shared_ptr<const View> view) {
      follower.installed(view->epoch());
      installed.push_back(std::move(view));
    });
  }
  static Outcome with(const View& view) {
    Outcome out;
    out.payload = encode(view);
    return out;
  }

  ViewFollower follower{1};
  std::unique_ptr<RoutedRequest> question;
  std::vector<std::shared_ptr<const View>> installed;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(view_follower, FollowerFixture)

// ---- when

BOOST_AUTO_TEST_CASE(without_a_reason_nobody_is_asked) {
  follower.heard_of(Epoch{5}, peer(2).index, now);
  follower.heard_of(Epoch{4}, peer(2).index, now);
  BOOST_TEST((follower.next() == Instant::never()));
}

BOOST_AUTO_TEST_CASE(before_the_first_view_nobody_is_asked_for_another) {
  ViewFollower fresh{1};
  fresh.trouble(now);
  fresh.heard_of(Epoch{5}, peer(2).index, now);
  BOOST_TEST(!fresh.due(now + 1h));
  BOOST_TEST((fresh.next() == Instant::never()));
  fresh.installed(Epoch{1});
  BOOST_TEST(fresh.due(now));
}

BOOST_AUTO_TEST_CASE(whoever_has_a_newer_view_is_asked_at_once_and_but_once) {
  follower.heard_of(Epoch{6}, peer(2).index, now);
  BOOST_TEST(follower.due(now));
  BOOST_TEST(follower.behind());
  BOOST_TEST(ask(now) == "n2");
  follower.heard_of(Epoch{6}, peer(2).index, now);
  BOOST_TEST(!follower.due(now + 49ms));
  answer(now + 1ms, with(*view_of(6, 3)));
  BOOST_TEST(!follower.behind());
}

BOOST_AUTO_TEST_CASE(without_an_answer_somebody_else_is_asked_after_a_while) {
  follower.heard_of(Epoch{6}, peer(2).index, now);
  BOOST_TEST(ask(now) == "n2");
  BOOST_TEST((follower.next() == now + limits::view_poll_patience));
  const auto first = std::move(question);
  BOOST_TEST(ask(now + limits::view_poll_patience) != "n2");
}

BOOST_AUTO_TEST_CASE(in_trouble_there_is_a_question_every_10_to_20_ms_after_each_answer) {
  follower.trouble(now);
  for (int i = 0; i < 100; ++i) {
    const Duration wait = follower.next() - now;
    BOOST_TEST((wait >= limits::view_poll_min));
    BOOST_TEST((wait <= limits::view_poll_max));
    now = follower.next();
    BOOST_TEST(ask(now) != "nobody");
    follower.trouble(now);  // more of it makes no more questions
    now = now + 1ms;
    answer(now);
  }
  follower.calm();
  BOOST_TEST((follower.next() == Instant::never()));
}

BOOST_AUTO_TEST_CASE(a_still_newer_view_does_not_wait_for_the_answer_about_the_last) {
  follower.heard_of(Epoch{6}, peer(2).index, now);
  static_cast<void>(ask(now));
  const auto first = std::move(question);
  follower.heard_of(Epoch{7}, peer(3).index, now + 1ms);
  BOOST_TEST((follower.next() == now + limits::view_poll_min));
  BOOST_TEST(ask(now + limits::view_poll_min) == "n3");
}

BOOST_AUTO_TEST_CASE(a_view_that_nobody_has_is_given_up_until_somebody_speaks_of_it_again) {
  follower.heard_of(Epoch{6}, peer(2).index, now);
  int asked = 0;
  for (; follower.behind() && asked < 100; ++asked) {
    now = follower.next();
    static_cast<void>(ask(now));
    answer(now);
  }
  BOOST_TEST(asked == limits::view_polls_fruitless_max);
  follower.heard_of(Epoch{6}, peer(2).index, now);
  BOOST_TEST(follower.behind());
}

// ---- whom

BOOST_AUTO_TEST_CASE(who_knows_no_more_than_others_is_asked_in_turn) {
  std::multiset<std::string> asked;
  for (int i = 0; i < 6; ++i) {
    asked.insert(ask(now));
    answer(now);
  }
  BOOST_TEST((asked == std::multiset<std::string>{"n1", "n1", "n2", "n2", "n3", "n3"}));
}

BOOST_AUTO_TEST_CASE(only_who_is_there_is_asked_and_one_question_at_a_time) {
  peer(1).session.disconnected();
  peer(2).closed = true;
  BOOST_TEST(ask(now) == "n3");
  const auto open = std::move(question);
  BOOST_TEST(ask(now + 1ms) == "nobody");
  BOOST_TEST((follower.next() >= now + 1ms + limits::view_poll_min));  // and it goes on
  BOOST_TEST((follower.next() <= now + 1ms + limits::view_poll_max));
}

BOOST_AUTO_TEST_CASE(an_informant_that_is_gone_is_not_asked) {
  follower.heard_of(Epoch{6}, peer(2).index, now);
  peer(2).closed = true;
  const std::string asked = ask(now);
  BOOST_TEST((asked == "n1" || asked == "n3"));
}

BOOST_AUTO_TEST_CASE(a_question_says_what_we_have_and_is_the_routers_own) {
  BOOST_TEST(ask(now) != "nobody");
  BOOST_TEST((question->op == Op::view));
  BOOST_TEST((wire::decode_view_args(BytesView{*question->args}).value().have == Epoch{5}));
  BOOST_TEST((question->deadline == now + limits::view_poll_timeout));
  BOOST_TEST(question->progress.asks_for_view);
}

BOOST_AUTO_TEST_CASE(connections_are_made_to_one_more_member_each_time_until_all_are_wanted) {
  PeersFixture fresh(4);
  fresh.connect(2);
  std::set<std::string> more;
  for (int i = 0; i < 3; ++i) {
    RouterPeer* const next = follower.one_more(fresh.peers);
    BOOST_REQUIRE(next != nullptr);
    next->session.want();
    BOOST_TEST(more.insert(next->node->value).second);
  }
  BOOST_TEST((more == std::set<std::string>{"n1", "n3", "n4"}));
  BOOST_TEST(follower.one_more(fresh.peers) == nullptr);
}

BOOST_AUTO_TEST_CASE(addresses_given_by_hand_are_wanted_once_questions_went_unanswered_for_long) {
  follower.add_seed("tcp://10.0.0.1:7000");
  follower.trouble(now);
  BOOST_TEST(follower.seeds_wanted(now + 10s).empty());  // nothing was asked
  static_cast<void>(ask(now));
  static_cast<void>(ask(now + 50ms));
  for (const int i : {1, 2, 3}) peer(i).session.disconnected();
  BOOST_TEST(ask(now + 100ms) == "nobody");
  BOOST_TEST(follower.seeds_wanted(now + (limits::seeds_after - 1ms)).empty());
  BOOST_TEST(follower.seeds_wanted(now + limits::seeds_after).size() == 1U);
  connect(3);  // the others still have a question
  BOOST_TEST(ask(now + limits::seeds_after) == "n3");
  answer(now + limits::seeds_after + 1ms);
  BOOST_TEST(follower.seeds_wanted(now + 10s).empty());
}

// ---- answers

BOOST_AUTO_TEST_CASE(a_view_that_has_come_is_given_out_once_and_not_before_it_is_taken) {
  static_cast<void>(ask(now));
  question->outcome = with(*view_of(6, 2));
  question->outcome.node = peer(1).node;
  follower.answered(std::move(question));
  BOOST_TEST(follower.has_answers());
  BOOST_TEST(installed.empty());
  int views = 0;
  const auto count = [&](const std::shared_ptr<const View>& view) { views += view->epoch() == Epoch{6} ? 1 : 100; };
  follower.take_answers("test", now, count);
  follower.take_answers("test", now, count);
  BOOST_TEST(views == 1);
  BOOST_TEST(!follower.has_answers());
}

BOOST_AUTO_TEST_CASE(what_is_no_view_of_this_cluster_is_not_installed) {
  static_cast<void>(ask(now));
  answer(now);  // empty: ours is the newest
  static_cast<void>(ask(now));
  answer(now, with(*view_of(6, 3, Term{1}, "other")));
  static_cast<void>(ask(now));
  Outcome rubbish;
  rubbish.payload = "rubbish";
  answer(now, rubbish);
  static_cast<void>(ask(now));
  Outcome refused = with(*view_of(7, 3));
  refused.code = ErrorCode::unavailable;
  answer(now, refused);
  BOOST_TEST(installed.empty());
}

BOOST_AUTO_TEST_CASE(what_nobody_has_answered_leaves_the_question_open) {
  follower.add_seed("tcp://10.0.0.1:7000");
  static_cast<void>(ask(now));
  question->outcome.code = ErrorCode::unreachable;
  follower.answered(std::move(question));
  follower.take_answers("test", now + 1ms, [](const auto&) { BOOST_TEST(false); });
  BOOST_TEST((follower.next() == now + limits::view_poll_patience));
  BOOST_TEST(follower.seeds_wanted(now + limits::seeds_after).size() == 1U);
}

BOOST_AUTO_TEST_CASE(one_who_knew_of_a_still_newer_view_is_asked_right_after_the_answer) {
  follower.heard_of(Epoch{6}, peer(1).index, now);
  BOOST_TEST(ask(now) == "n1");
  follower.heard_of(Epoch{7}, peer(3).index, now + 30ms);
  answer(now + 31ms, with(*view_of(6, 3)));
  BOOST_TEST(follower.behind());
  BOOST_TEST((follower.next() == now + 31ms));
  BOOST_TEST(ask(now + 31ms) == "n3");
}

BOOST_AUTO_TEST_SUITE_END()
