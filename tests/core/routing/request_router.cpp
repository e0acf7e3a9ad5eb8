#include "reki/core/routing/request_router.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>

#include "router_fixture.hpp"

using namespace router_test;

BOOST_FIXTURE_TEST_SUITE(router, Fixture)

BOOST_AUTO_TEST_CASE(a_request_goes_to_the_owner_after_hello_and_its_answer_names_the_node) {
  auto_welcome = false;
  for (int i = 0; i < 30; ++i) submit(Op::lookup, "k" + std::to_string(i));
  pump();
  BOOST_TEST(hellos == 3);
  BOOST_TEST(sent.empty());
  for (std::uint32_t p = 0; p < 3; ++p) welcome(PeerIndex{p});
  pump();
  BOOST_TEST(sent.size() == 30U);
  BOOST_TEST(batches == 3);
  for (const auto& s : std::vector<Sent>{sent}) {
    BOOST_TEST(node(s.peer) == owner(s.key));
    reply(s, ErrorCode::ok);
  }
  BOOST_TEST(done.size() == 30U);
  for (const auto& r : done) {
    BOOST_TEST((r->outcome.code == ErrorCode::ok));
    BOOST_TEST(r->outcome.node->value == owner(std::string{r->key.view()}));
    BOOST_TEST(r->outcome.fence.value == 7U);
  }
  BOOST_TEST(out.outstanding() == 0U);
}

BOOST_AUTO_TEST_CASE(the_node_is_given_a_bit_less_than_the_time_that_is_left) {
  submit(Op::lookup, "a", 1s);
  submit(Op::lookup, "a", 50ms);
  submit(Op::lookup, "a", 1ms);
  pump();
  BOOST_TEST(sent.at(0).remaining_ms == 980U);
  BOOST_TEST(sent.at(1).remaining_ms == 45U);
  BOOST_TEST(sent.at(2).remaining_ms == 1U);
}

BOOST_AUTO_TEST_CASE(a_redirect_is_followed_at_once_under_the_same_id) {
  const auto key = key_of("n1");
  submit(Op::call, key);
  pump();
  const Sent first = last();
  reply(first, ErrorCode::wrong_node, "n2");
  BOOST_TEST(node(last().peer) == "n2");
  BOOST_TEST(last().id.value == first.id.value);
  reply(last(), ErrorCode::ok);
  BOOST_TEST((only_outcome() == ErrorCode::ok));
}

BOOST_AUTO_TEST_CASE(after_two_redirects_it_waits_between_tries_and_ends_with_wrong_node_by_the_deadline) {
  submit(Op::lookup, key_of("n1"), 1s);
  pump();
  for (int i = 0; i < 2; ++i) {
    const auto n = sent.size();
    reply(last(), ErrorCode::wrong_node, i == 0 ? "n2" : "n3");
    BOOST_TEST(sent.size() == n + 1);
  }
  auto n = sent.size();
  reply(last(), ErrorCode::wrong_node, "n1");
  BOOST_TEST(sent.size() == n);  // not at once
  const Instant start = now;
  while (done.empty() && now < start + 2s) {
    run(1ms);
    if (sent.size() > n) {
      n = sent.size();
      reply(last(), ErrorCode::wrong_node, "n2");
    }
  }
  BOOST_TEST((only_outcome() == ErrorCode::wrong_node));
  BOOST_TEST((now <= start + 1000ms));
  BOOST_TEST(n >= 40U);
  BOOST_TEST(n <= 150U);
}

BOOST_AUTO_TEST_CASE(a_redirect_from_a_node_that_is_behind_is_not_followed) {
  const auto key = key_of("n1");
  out.set_view(make_view(5, {"n1", "n2", "n3"}), now);
  submit(Op::lookup, key);
  pump();
  reply(last(), ErrorCode::wrong_node, "n2");  // its header says epoch 1
  BOOST_TEST(sent.size() == 1U);
  run(10ms);
  BOOST_TEST(sent.size() == 2U);
  BOOST_TEST(node(last().peer) == "n1");
}

BOOST_AUTO_TEST_CASE(calls_refused_with_hello_required_are_sent_again_after_the_next_welcome) {
  submit(Op::call, key_of("n1"));
  pump();
  const Sent first = last();
  hellos = 0;
  incarnations[first.peer.value] = Incarnation{999};
  out.rejected(first.peer, ErrorCode::hello_required, {}, now);
  pump();
  BOOST_TEST(hellos == 1);
  BOOST_TEST(sent.size() == 2U);
  BOOST_TEST(last().id.value == first.id.value);
  reply(last(), ErrorCode::ok);
  BOOST_TEST((only_outcome() == ErrorCode::ok));
}

BOOST_AUTO_TEST_CASE(a_call_in_a_frame_before_the_refused_one_is_of_unknown_outcome) {
  const auto key = key_of("n1");
  submit(Op::call, key);
  pump();
  submit(Op::lookup, key);
  pump();
  submit(Op::call, key);
  pump();
  // Only the last of three frames was refused: the first may have been executed by the incarnation before.
  incarnations[last().peer.value] = Incarnation{999};
  out.rejected(last().peer, ErrorCode::hello_required, {}, now);
  pump();
  BOOST_TEST((only_outcome() == ErrorCode::unknown_outcome));
  BOOST_TEST(sent.size() == 5U);
  BOOST_TEST((sent.at(3).op == Op::lookup));
  BOOST_TEST(sent.at(4).id.value == sent.at(2).id.value);
}

BOOST_AUTO_TEST_CASE(wrong_incarnation_for_one_request_greets_again_and_resends_it) {
  submit(Op::call, key_of("n2"));
  pump();
  incarnations[last().peer.value] = Incarnation{999};
  reply(last(), ErrorCode::wrong_incarnation);
  BOOST_TEST(sent.size() == 2U);
  reply(last(), ErrorCode::ok);
  BOOST_TEST((only_outcome() == ErrorCode::ok));
}

BOOST_AUTO_TEST_CASE(unavailable_promises_that_nothing_was_executed_so_all_are_tried_again_with_growing_waits) {
  const auto key = key_of("n1");
  for (const Op op : {Op::lookup, Op::call}) {
    sent.clear();
    done.clear();
    submit(op, key, 5s);
    pump();
    for (int i = 0; i < 24; ++i) {
      const auto n = sent.size();
      const Instant asked = now;
      reply(last(), ErrorCode::unavailable);
      while (sent.size() == n) run(100us);
      const Duration full = std::min<Duration>(limits::retry_wait_max, limits::retry_wait_min * (1 << i / limits::retries_per_wait));
      BOOST_TEST((now - asked >= full / 2));
      BOOST_TEST((now - asked <= full + 200us));
      BOOST_TEST(last().id.value == sent.front().id.value);
    }
    reply(last(), ErrorCode::ok);
    BOOST_TEST((only_outcome() == ErrorCode::ok));
  }
}

BOOST_AUTO_TEST_CASE(what_stays_unavailable_ends_with_the_last_text_just_before_the_deadline) {
  for (const Op op : {Op::stop, Op::call}) {
    done.clear();
    submit(op, key_of("n1"), 300ms);
    pump();
    const Instant start = now;
    for (std::size_t n = 0; done.empty();) {
      if (sent.size() > n) {
        n = sent.size();
        reply_as(last(), ErrorCode::unavailable, {.text = "no quorum, try " + std::to_string(n)});
      }
      run(200us);
      BOOST_REQUIRE((now <= start + 300ms));
    }
    BOOST_TEST((now >= start + 297ms));
    BOOST_TEST((only_outcome() == ErrorCode::unavailable));
    BOOST_TEST(done[0]->outcome.text.find("no quorum, try " + std::to_string(sent.size())) != std::string::npos);
    sent.clear();
  }
}

BOOST_AUTO_TEST_CASE(what_was_refused_and_then_got_no_answer_still_tells_of_the_refusal) {
  submit(Op::lookup, key_of("n1"), 300ms);
  submit(Op::call, key_of("n1"), 300ms);
  pump();
  const std::vector<Sent> first = sent;
  for (const auto& s : first) reply_as(s, ErrorCode::unavailable, {.text = "no quorum"});
  run(305ms);  // sent again, and not answered
  BOOST_TEST(sent.size() == 4U);
  BOOST_TEST(done.size() == 2U);
  BOOST_TEST((done.at(0)->outcome.code == ErrorCode::unavailable));
  BOOST_TEST(done.at(0)->outcome.text.find("no quorum") != std::string::npos);
  BOOST_TEST((done.at(1)->outcome.code == ErrorCode::unknown_outcome));  // that one may have been executed
}

BOOST_AUTO_TEST_CASE(shutting_down_promises_that_nothing_was_executed_so_calls_are_tried_again_too) {
  submit(Op::call, key_of("n1"));
  pump();
  reply(last(), ErrorCode::shutting_down);
  run(20ms);
  BOOST_TEST(sent.size() == 2U);
  BOOST_TEST(done.empty());
}

BOOST_AUTO_TEST_CASE(a_lost_connection_retries_lookups_and_ends_calls_that_were_sent_but_not_those_that_were_not) {
  const auto key = key_of("n3");
  submit(Op::lookup, key);
  submit(Op::call, key);
  pump();
  const PeerIndex peer = last().peer;
  blocked.insert(peer.value);
  submit(Op::call, key);
  out.disconnected(peer, now);
  pump();
  BOOST_TEST((only_outcome() == ErrorCode::unknown_outcome));
  run(20ms);
  blocked.clear();
  incarnations[peer.value] = Incarnation{999};
  run(50ms);
  BOOST_TEST(sent.size() == 4U);
  const std::vector<Sent> all = sent;
  reply(all.at(2), ErrorCode::ok);
  reply(all.at(3), ErrorCode::ok);
  BOOST_TEST(done.size() == 3U);
}

BOOST_AUTO_TEST_CASE(at_the_deadline_what_was_never_sent_is_unreachable) {
  blocked = {0, 1, 2};
  submit(Op::call, "a", 500ms);
  submit(Op::lookup, "a", 500ms);
  run(499ms);
  BOOST_TEST(done.empty());
  run(3ms);
  BOOST_TEST(done.size() == 2U);
  for (const auto& r : done) BOOST_TEST((r->outcome.code == ErrorCode::unreachable));
}

BOOST_AUTO_TEST_CASE(at_the_deadline_what_was_sent_to_a_silent_peer_is_unreachable_or_of_unknown_outcome) {
  submit(Op::lookup_or_start, "a", 500ms);
  submit(Op::call, "a", 500ms);
  submit(Op::send, "a", 500ms);
  now = now + 1us;
  run(502ms);
  BOOST_TEST(done.size() == 3U);
  BOOST_TEST(pings >= 3);
  BOOST_TEST((done.at(0)->outcome.code == ErrorCode::unreachable));
  BOOST_TEST((done.at(1)->outcome.code == ErrorCode::unknown_outcome));
  BOOST_TEST((done.at(2)->outcome.code == ErrorCode::unknown_outcome));
}

BOOST_AUTO_TEST_CASE(at_the_deadline_a_peer_that_answers_pings_has_exceeded_it) {
  submit(Op::lookup_or_start, "a", 500ms);
  submit(Op::call, "a", 500ms);
  pump();
  while (done.empty()) {
    const int before = pings;
    run(1ms);
    if (pings > before) out.heard(last().peer, Epoch{1}, now);
  }
  BOOST_TEST((done.at(0)->outcome.code == ErrorCode::deadline_exceeded));
  BOOST_TEST((done.at(1)->outcome.code == ErrorCode::unknown_outcome));
}

BOOST_AUTO_TEST_CASE(a_peer_is_pinged_only_while_it_owes_replies_and_is_silent) {
  submit(Op::lookup, "a", 10s);
  run(90ms);
  BOOST_TEST(pings == 0);
  run(1s);
  BOOST_TEST(pings >= 7);
  BOOST_TEST(pings <= 11);
  reply(last(), ErrorCode::ok);
  const int before = pings;
  run(1s);
  BOOST_TEST(pings == before);
}

BOOST_AUTO_TEST_CASE(hello_is_said_again_until_a_welcome_comes) {
  auto_welcome = false;
  submit(Op::lookup, "a", 3s);
  run(1600ms);
  BOOST_TEST(hellos_to[owner("a")] == 4);
  BOOST_TEST(sent.empty());
  run(2s);
  BOOST_TEST((only_outcome() == ErrorCode::unreachable));
}

BOOST_AUTO_TEST_CASE(a_welcome_to_a_hello_said_twice_changes_nothing) {
  submit(Op::call, "a", 1s);
  pump();
  welcome(last().peer);
  pump();
  BOOST_TEST(sent.size() == 1U);
  BOOST_TEST(done.empty());
}

BOOST_AUTO_TEST_CASE(a_refusal_of_the_connection_is_told_at_once_and_asked_again_later) {
  auto_welcome = false;
  submit(Op::lookup, "a", 5s);
  pump();
  PeerIndex peer;
  for (std::uint32_t p = 0; p < 3; ++p) {
    if (node(PeerIndex{p}) == owner("a")) peer = PeerIndex{p};
  }
  out.rejected(peer, ErrorCode::wrong_cluster, "this is 'production'", now);
  pump();
  BOOST_TEST((only_outcome() == ErrorCode::wrong_cluster));
  submit(Op::lookup, "a", 5s);
  pump();
  BOOST_TEST(done.size() == 2U);
  BOOST_TEST(hellos == 1);
  auto_welcome = true;
  run(600ms);
  BOOST_TEST(hellos == 2);
  submit(Op::lookup, "a", 5s);
  pump();
  BOOST_TEST(sent.size() == 1U);
}

BOOST_AUTO_TEST_CASE(another_node_at_the_address_is_not_taken_for_the_one_wanted) {
  auto_welcome = false;
  submit(Op::lookup, key_of("n1"), 1s);
  pump();
  out.welcomed(PeerIndex{0}, {1, "test", "n2", Incarnation{5}, Epoch{1}}, now);
  pump();
  BOOST_TEST(sent.empty());
  run(1100ms);
  BOOST_TEST((only_outcome() == ErrorCode::unreachable));
  BOOST_TEST(done[0]->outcome.text.find("'n2' answers there") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(replies_with_unknown_ids_or_of_another_incarnation_or_twice_are_ignored) {
  submit(Op::lookup, "a");
  pump();
  const Sent s = last();
  wire::Reply r;
  r.id = s.id;
  out.replied(s.peer, {Epoch{1}, Incarnation{12345}, 1}, r, now);
  r.id = RequestId{s.id.value + 1};
  out.replied(s.peer, {Epoch{1}, incarnations[s.peer.value], 1}, r, now);
  r.id = RequestId{UINT64_MAX};
  out.replied(s.peer, {Epoch{1}, incarnations[s.peer.value], 1}, r, now);
  out.replied(PeerIndex{(s.peer.value + 1) % 3}, {Epoch{1}, incarnations[(s.peer.value + 1) % 3], 1}, r, now);
  pump();
  BOOST_TEST(done.empty());
  reply(s, ErrorCode::ok);
  reply(s, ErrorCode::ok);
  BOOST_TEST((only_outcome() == ErrorCode::ok));
  BOOST_TEST(out.stats().replies_ignored == 5U);
}

BOOST_AUTO_TEST_CASE(ids_are_never_used_again) {
  std::set<std::uint64_t> ids;
  for (int i = 0; i < 200; ++i) {
    submit(Op::lookup, "a");
    pump();
    BOOST_TEST(ids.insert(last().id.value).second);
    reply(last(), ErrorCode::ok);
  }
}

BOOST_AUTO_TEST_CASE(a_batch_that_the_socket_refused_is_sent_later_in_order_and_counts_as_unsent) {
  submit(Op::call, "a");
  submit(Op::call, "a", 100ms);
  pump();
  const PeerIndex peer = last().peer;
  sent.clear();
  blocked.insert(peer.value);
  submit(Op::call, "a", 100ms);
  submit(Op::call, "a");
  submit(Op::call, "a");
  pump();
  BOOST_TEST(requests_in(peer, out.next_frame(peer, now)).size() == 3U);
  out.taken(peer, false);
  run(102ms);
  // Two of the four calls with a short deadline end: one was sent, one was not.
  BOOST_TEST(done.size() == 2U);
  std::multiset<ErrorCode> codes{done.at(0)->outcome.code, done.at(1)->outcome.code};
  BOOST_TEST((codes == std::multiset<ErrorCode>{ErrorCode::unknown_outcome, ErrorCode::unreachable}));
  blocked.clear();
  submit(Op::call, "a");
  pump();
  BOOST_TEST(sent.size() == 3U);
  BOOST_TEST(sent.at(0).id.value < sent.at(1).id.value);
}

BOOST_AUTO_TEST_CASE(batches_are_split_at_the_target_size) {
  for (int i = 0; i < 40; ++i) {
    auto r = make(Op::call, "a");
    r->payload.assign(10000, 'x');
    out.submit(std::move(r), now);
  }
  pump();
  BOOST_TEST(sent.size() == 40U);
  BOOST_TEST(batches == 6);
}

BOOST_AUTO_TEST_CASE(a_send_that_wants_no_reply_is_done_when_the_socket_has_it) {
  submit(Op::call, "a");
  auto r = make(Op::send, "a");
  r->flags = wire::no_reply;
  out.submit(std::move(r), now);
  submit(Op::call, "a");
  pump();
  BOOST_TEST(sent.size() == 3U);
  BOOST_TEST((only_outcome() == ErrorCode::ok));
  BOOST_TEST(out.outstanding() == 2U);
  reply(sent.at(0), ErrorCode::ok);
  reply(sent.at(2), ErrorCode::ok);
  BOOST_TEST(done.size() == 3U);
}

BOOST_AUTO_TEST_CASE(requests_without_a_key_go_to_any_node_or_to_the_one_named) {
  submit(Op::lookup, key_of("n2"));
  pump();
  submit(Op::describe, {});
  pump();
  BOOST_TEST(node(last().peer) == "n2");  // the one that is there
  auto r = make(Op::list, {});
  r->node = NodeId{"n3"};
  out.submit(std::move(r), now);
  pump();
  BOOST_TEST(node(last().peer) == "n3");
  r = make(Op::list, {});
  r->node = NodeId{"n9"};
  out.submit(std::move(r), now);
  pump();
  BOOST_TEST((only_outcome() == ErrorCode::unreachable));
}

BOOST_AUTO_TEST_CASE(a_part_of_a_list_is_asked_for_again_once_there_is_the_view_that_its_node_goes_by) {
  for (const Op op : {Op::list, Op::count}) {
    auto r = make(op, {});
    r->node = NodeId{"n3"};
    out.submit(std::move(r), now);
    pump();
    const std::uint32_t newer = out.epoch().value + 1;
    reply_as(last(), ErrorCode::ok, {.epoch = Epoch{newer}});
    BOOST_TEST(done.empty());
    const std::size_t before = sent.size();
    out.set_view(make_view(newer, {"n1", "n2", "n3", "n4"}), now);
    pump();
    BOOST_REQUIRE(sent.size() == before + 1);
    BOOST_TEST((last().op == op && node(last().peer) == "n3"));
    reply_as(last(), ErrorCode::ok, {.epoch = Epoch{newer}});
    BOOST_TEST((only_outcome() == ErrorCode::ok));
    done.clear();
  }
}

BOOST_AUTO_TEST_CASE(a_part_of_a_list_whose_view_does_not_come_ends_by_its_deadline) {
  auto r = make(Op::list, {}, 100ms);
  r->node = NodeId{"n3"};
  out.submit(std::move(r), now);
  pump();
  reply_as(last(), ErrorCode::ok, {.epoch = Epoch{9}});
  run(120ms);
  BOOST_TEST((only_outcome() == ErrorCode::unavailable));
  BOOST_TEST(late == 0);
}

BOOST_AUTO_TEST_CASE(a_request_for_any_node_finds_the_one_that_is_up) {
  blocked = {0, 1};
  submit(Op::describe, {}, 2s);
  pump();
  submit(Op::lookup, key_of("n3"));
  pump();
  for (int i = 0; i < 5; ++i) submit(Op::describe, {});
  pump();
  BOOST_TEST(std::count_if(sent.begin(), sent.end(), [](const Sent& s) { return s.op == Op::describe; }) >= 5);
}

BOOST_AUTO_TEST_CASE(at_the_bound_the_newest_is_refused) {
  RequestRouter::Options options;
  options.outstanding_max = 10;
  Fixture f(options);
  for (int i = 0; i < 11; ++i) f.submit(Op::lookup, "a");
  f.pump();
  BOOST_TEST((f.only_outcome() == ErrorCode::overloaded));
  f.reply(f.last(), ErrorCode::ok);
  f.submit(Op::lookup, "a");
  f.pump();
  BOOST_TEST(f.done.size() == 2U);
}

BOOST_AUTO_TEST_CASE(shutting_down_answers_everything_and_does_not_claim_that_sent_calls_were_not_executed) {
  submit(Op::call, "a");
  submit(Op::lookup, "a");
  pump();
  blocked = {0, 1, 2};
  submit(Op::call, "a");
  out.shut_down();
  pump();
  std::multiset<ErrorCode> codes;
  for (const auto& r : done) codes.insert(r->outcome.code);
  BOOST_TEST((codes == std::multiset<ErrorCode>{ErrorCode::unknown_outcome, ErrorCode::shutting_down, ErrorCode::shutting_down}));
  BOOST_TEST(out.outstanding() == 0U);
}

BOOST_AUTO_TEST_CASE(a_reply_that_cannot_be_read_ends_its_request) {
  submit(Op::call, "a");
  pump();
  out.reply_unreadable(last().peer, {Epoch{1}, incarnations[last().peer.value], 1}, last().id, Error{ErrorCode::malformed_frame}, now);
  pump();
  BOOST_TEST((only_outcome() == ErrorCode::unknown_outcome));
}

BOOST_AUTO_TEST_CASE(who_has_sent_a_frame_is_told_whether_there_may_be_more_for_the_peer) {
  submit(Op::call, "a");
  pump();
  const PeerIndex peer = last().peer;
  for (int i = 0; i < 2; ++i) {
    auto large = make(Op::call, "a", 1s);
    large->payload.assign(limits::batch_bytes_target, 'x');
    out.submit(std::move(large), now);
  }
  BOOST_TEST(requests_in(peer, out.next_frame(peer, now)).size() == 1U);
  BOOST_TEST(!out.taken(peer, false));  // not before the socket has room
  BOOST_TEST(requests_in(peer, out.next_frame(peer, now)).size() == 1U);
  BOOST_TEST(out.taken(peer, true));
  BOOST_TEST(requests_in(peer, out.next_frame(peer, now)).size() == 1U);
  BOOST_TEST(!out.taken(peer, true));
  BOOST_TEST(out.next_frame(peer, now).empty());
}

BOOST_AUTO_TEST_CASE(before_the_first_view_peers_are_asked_by_address_and_keep_their_connection) {
  RequestRouter bare(RequestRouter::Options{});
  const PeerIndex seed = bare.add_peer("tcp://127.0.0.1:7010");
  auto r = make(Op::view, {});
  r->peer = seed;
  bare.submit(std::move(r), now);
  bare.submit(make(Op::lookup, "a"), now);  // waits for the view
  BOOST_TEST((wire::kind_of(bare.next_frame(seed, now)).value() == wire::FrameKind::hello));
  bare.taken(seed, true);
  BOOST_TEST(bare.next_frame(seed, now).empty());  // until it is welcome
  bare.welcomed(seed, {1, "test", "n1", Incarnation{1}, Epoch{1}}, now);
  BOOST_TEST(requests_in(seed, bare.next_frame(seed, now)).size() == 1U);
  bare.taken(seed, false);
  bare.set_view(make_view(1, {"n1"}), now);
  BOOST_TEST(requests_in(seed, bare.next_frame(seed, now)).size() == 2U);
  bare.taken(seed, true);
}

BOOST_AUTO_TEST_SUITE_END()
