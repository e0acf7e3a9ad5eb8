// What answers count: those of the incarnations that the view names, and no start of an actor that is older than one seen.
#include <boost/test/unit_test.hpp>

#include "router_cluster.hpp"

using namespace router_test;

namespace {

const std::vector<std::string> three{"n1", "n2", "n3"};

/// A client of three nodes that has looked up one key of n1's.
struct Fixture : SimCluster {
  Fixture() : SimCluster(three), key(key_of(*out.view(), "n1")) { ask(Op::lookup); }
  /// One request, to its end.
  ErrorCode ask(Op op, Duration timeout = 300ms) {
    submit(op, key, timeout);
    run_until_done(timeout + 50ms);
    BOOST_REQUIRE(!done.empty());
    BOOST_TEST_MESSAGE(name_of(done.back()->outcome.code) << ": " << done.back()->outcome.text);
    return done.back()->outcome.code;
  }
  /// Another incarnation answers at its address, and the client has noticed.
  void replace(const std::string& id) {
    kill(id);
    restart(id);
    run(5ms);
  }
  /// All nodes answer for this start of the actor.
  void answer_with(std::uint32_t start) {
    instead = [start](SimNode&, const wire::Request& r) -> std::optional<SimReply> {
      if (r.op == Op::view) return std::nullopt;
      return SimReply{.fence = Fence::make(Epoch{1}, StartNumber{start})};
    };
  }
  std::string key;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(router_incarnations, Fixture)

BOOST_AUTO_TEST_CASE(a_new_incarnation_of_a_node_is_another_peer_with_a_connection_of_its_own) {
  node("n1").frozen = true;  // the old one hangs
  submit(Op::lookup, key);
  submit(Op::call, key);
  run(1ms);
  node("n1").frozen = false;
  restart("n1");
  node("n1").sessions.clear();
  const auto second = view(2, three);
  give(second, three);
  out.set_view(second, now);
  run(1s);
  BOOST_TEST(count(ErrorCode::unknown_outcome) == 1);
  BOOST_TEST(count(ErrorCode::ok) == 2);
  BOOST_TEST(node("n1").executed == 2);  // the two look-ups
}

BOOST_AUTO_TEST_CASE(an_answer_of_an_incarnation_that_the_view_does_not_name_does_not_count) {
  const auto second = view(2, three);
  give(second, three);
  out.set_view(second, now);
  replace("n1");  // and is not let in, but answers as if it were
  instead = [&](SimNode& n, const wire::Request& r) -> std::optional<SimReply> {
    if (n.id == "n1" && r.op != Op::view) return SimReply{.fence = Fence::make(Epoch{9}, StartNumber{9})};
    return std::nullopt;
  };
  BOOST_TEST((ask(Op::call) == ErrorCode::unknown_outcome));
  BOOST_TEST((ask(Op::lookup_or_start) == ErrorCode::unavailable));
  BOOST_TEST(done.back()->outcome.text.find("not the one in view 2") != std::string::npos);
  BOOST_TEST(out.stats().answers_outdated >= 2U);
  // Let in, it is an incarnation like any other.
  const auto third = view(3, three);
  give(third, {"n2"});
  BOOST_TEST((ask(Op::lookup_or_start) == ErrorCode::ok));
  BOOST_TEST(out.epoch().value == 3U);
}

BOOST_AUTO_TEST_CASE(a_refusal_by_such_an_incarnation_is_heard) {
  replace("n1");
  node("n1").refuses = "no quorum: 1 of 3 voters answers";
  BOOST_TEST((ask(Op::call) == ErrorCode::unavailable));
  BOOST_TEST(done.back()->outcome.text.find("no quorum") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_incarnation_that_goes_by_a_newer_view_than_ours_counts) {
  replace("n1");
  const auto second = view(2, three);
  give(second, {"n1"});
  instead = [&](SimNode&, const wire::Request& r) -> std::optional<SimReply> {
    if (r.op == Op::view) return SimReply{.code = ErrorCode::internal};  // it is not to be had yet
    return std::nullopt;
  };
  BOOST_TEST((ask(Op::call) == ErrorCode::ok));
  BOOST_TEST(out.epoch().value == 1U);
}

BOOST_AUTO_TEST_CASE(an_older_start_than_one_that_was_seen_is_no_answer) {
  answer_with(5);
  BOOST_TEST((ask(Op::lookup_or_start) == ErrorCode::ok));
  answer_with(4);
  BOOST_TEST((ask(Op::lookup_or_start) == ErrorCode::unavailable));
  BOOST_TEST(done.back()->outcome.text.find("has been seen") != std::string::npos);
  BOOST_TEST((ask(Op::lookup) == ErrorCode::unavailable));
  BOOST_TEST((ask(Op::stop) == ErrorCode::unavailable));
  BOOST_TEST((ask(Op::call) == ErrorCode::unknown_outcome));
  BOOST_TEST((ask(Op::send) == ErrorCode::unknown_outcome));
  answer_with(5);
  BOOST_TEST((ask(Op::call) == ErrorCode::ok));
  answer_with(6);
  BOOST_TEST((ask(Op::lookup) == ErrorCode::ok));
}

BOOST_AUTO_TEST_CASE(a_newer_view_makes_no_older_start_count) {
  answer_with(5);
  BOOST_TEST((ask(Op::lookup_or_start) == ErrorCode::ok));
  const auto second = view(2, three);
  give(second, three);
  out.set_view(second, now);
  answer_with(4);
  BOOST_TEST((ask(Op::lookup) == ErrorCode::unavailable));
  BOOST_TEST((ask(Op::call) == ErrorCode::unknown_outcome));
}

BOOST_AUTO_TEST_CASE(a_look_up_that_met_a_zombie_finds_the_actor_within_its_deadline) {
  answer_with(5);
  BOOST_TEST((ask(Op::lookup_or_start) == ErrorCode::ok));
  answer_with(4);
  at(50ms, [&] { answer_with(5); });
  submit(Op::lookup, key);
  const Instant start = now;
  run_until_done(1s);
  BOOST_TEST((done.back()->outcome.code == ErrorCode::ok));
  BOOST_TEST(done.back()->outcome.fence.start().value == 5U);
  BOOST_TEST((now - start <= 80ms));
}

BOOST_AUTO_TEST_CASE(a_call_that_was_under_way_when_a_newer_start_was_seen_keeps_its_answer) {
  // Answers overtake each other: the call was executed, and then the key moved.
  instead = [&](SimNode&, const wire::Request& r) -> std::optional<SimReply> {
    if (r.op == Op::view) return std::nullopt;
    const auto start = r.op == Op::call ? 4U : 5U;
    return SimReply{.fence = Fence::make(Epoch{1}, StartNumber{start})};
  };
  submit(Op::lookup, key);  // in the frame before the call's
  submit(Op::call, key);
  run_until_done(1s);
  BOOST_TEST(count(ErrorCode::ok) == 3);
  BOOST_TEST((ask(Op::call) == ErrorCode::unknown_outcome));  // this one began afterwards
}

BOOST_AUTO_TEST_CASE(of_look_ups_under_way_together_none_ends_with_an_older_start_than_one_before_it) {
  std::uint32_t start = 6;
  instead = [&](SimNode&, const wire::Request& r) -> std::optional<SimReply> {
    if (r.op == Op::view) return std::nullopt;
    return SimReply{.fence = Fence::make(Epoch{1}, StartNumber{start > 4 ? --start : 5})};
  };
  submit(Op::lookup, key);  // answered with start 5
  submit(Op::lookup, key);  // with 4, and then 5
  run_until_done(1s);
  BOOST_REQUIRE(count(ErrorCode::ok) == 3);
  BOOST_TEST(done.at(1)->outcome.fence.start().value == 5U);
  BOOST_TEST(done.at(2)->outcome.fence.start().value == 5U);
  BOOST_TEST(out.stats().answers_outdated == 1U);
}

BOOST_AUTO_TEST_CASE(an_incarnation_that_the_view_does_not_name_may_say_how_it_is) {
  replace("n1");
  auto r = std::make_unique<Call>();
  r->op = Op::status;
  r->node = NodeId{"n1"};
  r->deadline = now + 300ms;
  instead = [](SimNode&, const wire::Request&) { return SimReply{.payload = "well"}; };
  out.submit(std::move(r), now);
  run_until_done(1s);
  BOOST_TEST((done.back()->outcome.code == ErrorCode::ok));
}

BOOST_AUTO_TEST_CASE(fences_of_a_view_from_a_config_are_in_no_order) {
  const std::vector<Member> members{{NodeId{"n1"}, Incarnation{}, address_of("n1"), 1, {}, MemberState::up}};
  const auto table = fixed_view("test", 1, members).value().table();
  const auto plain = std::make_shared<const View>(View::make({"test", Epoch{2}, Term{}, NodeId{}, 1}, members, table).value());
  give(plain, {"n1"});
  out.set_view(plain, now);
  answer_with(5);
  BOOST_TEST((ask(Op::lookup) == ErrorCode::ok));
  answer_with(4);
  BOOST_TEST((ask(Op::lookup) == ErrorCode::ok));
  BOOST_TEST((ask(Op::call) == ErrorCode::ok));
}

BOOST_AUTO_TEST_CASE(of_two_answers_to_one_request_the_first_counts) {
  node("n1").frozen = true;
  submit(Op::lookup, key);
  run(1ms);
  // It moves to n2 or n3 and is answered there; what n1 says when it thaws comes to nobody.
  const auto second = view(2, {"n2", "n3"});
  give(second, {"n2", "n3"});
  out.set_view(second, now);
  run_until_done(1s);
  BOOST_TEST(count(ErrorCode::ok) == 2);
  BOOST_TEST(done.back()->outcome.node->value != "n1");
  BOOST_TEST(out.outstanding() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
