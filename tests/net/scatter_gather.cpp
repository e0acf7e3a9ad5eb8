#include "reki/net/scatter_gather.hpp"

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "reki/actor/envelope.hpp"
#include "reki/core/wire/codec.hpp"

using namespace reki;
using namespace std::chrono_literals;

namespace {

std::shared_ptr<const View> view_of(int nodes) {
  std::vector<Member> members;
  for (int i = 1; i <= nodes; ++i) {
    members.push_back({NodeId{"n" + std::to_string(i)}, Incarnation{}, "tcp://127.0.0.1:7001", 1, {}, MemberState::up});
  }
  return std::make_shared<const View>(fixed_view("x", 1, members).value());
}

struct Asked {
  std::string node;
  wire::RequestBody body;
  Instant deadline;
  Completion done;
};

struct Fixture {
  void start(wire::RequestBody body) {
    auto query = ClusterQuery::make(body.op, body.args).value();
    auto ask = [this](const NodeId& node, wire::RequestBody part, Instant deadline, Completion done) {
      asked.push_back({node.value, std::move(part), deadline, std::move(done)});
    };
    ScatterGather::start(std::move(query), {ask, [this] { return view; }}, std::move(body), Instant{7'000'000},
                         Completion::of([this](Answer&& a) { answers.push_back(std::move(a)); }));
  }
  static Answer number(std::uint64_t n) {
    Answer out;
    out.payload = wire::encode_count(n);
    return out;
  }

  std::shared_ptr<const View> view = view_of(3);
  std::vector<Asked> asked;
  std::vector<Answer> answers;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(scatter_gather, Fixture)

BOOST_AUTO_TEST_CASE(every_node_is_asked_the_same_until_the_same_deadline_and_the_caller_told_once) {
  start({.op = wire::Op::count, .type = "t", .key = "prefix"});
  BOOST_REQUIRE(asked.size() == 3U);
  std::set<std::string> nodes;
  for (Asked& part : asked) {
    BOOST_TEST(nodes.insert(part.node).second);
    BOOST_TEST((part.body.op == wire::Op::count));
    BOOST_TEST(part.body.type.view() == "t");
    BOOST_TEST(part.body.key.view() == "prefix");
    BOOST_TEST((part.deadline == Instant{7'000'000}));
  }
  for (Asked& part : asked) {
    BOOST_TEST(answers.empty());
    part.done(number(2));
  }
  BOOST_REQUIRE(answers.size() == 1U);
  BOOST_TEST(wire::decode_count(answers[0].payload).value() == 6U);
}

BOOST_AUTO_TEST_CASE(the_next_node_is_asked_by_the_view_of_that_moment) {
  start({.op = wire::Op::list, .type = "t"});
  BOOST_REQUIRE(asked.size() == 1U);
  view = view_of(1);
  wire::ListPageWriter nothing;
  Answer empty;
  empty.payload = nothing.take({});
  asked[0].done(std::move(empty));
  BOOST_TEST(asked.size() == 1U);
  BOOST_REQUIRE(answers.size() == 1U);
  BOOST_TEST(answers[0].ok());
}

BOOST_AUTO_TEST_CASE(a_part_that_is_dropped_unanswered_is_the_callers_error) {
  start({.op = wire::Op::count, .type = "t"});
  asked.clear();
  BOOST_REQUIRE(answers.size() == 1U);
  BOOST_TEST((answers[0].code == ErrorCode::internal));
}

BOOST_AUTO_TEST_CASE(answers_may_come_on_any_thread) {
  constexpr int rounds = 200;
  view = view_of(4);
  for (int round = 0; round < rounds; ++round) {
    asked.clear();
    start({.op = wire::Op::count, .type = "t"});
    std::atomic<int> ready = 0;
    std::vector<std::jthread> threads;
    for (Asked& part : asked) {
      threads.emplace_back([&] {
        for (++ready; ready != 4;) std::this_thread::yield();
        part.done(number(3));
      });
    }
    threads.clear();
    BOOST_REQUIRE(answers.size() == static_cast<std::size_t>(round) + 1);
    BOOST_REQUIRE(wire::decode_count(answers.back().payload).value() == 12U);
  }
}

BOOST_AUTO_TEST_SUITE_END()
