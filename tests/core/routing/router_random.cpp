// Whatever happens, in whatever order: each request is done once, by its deadline.
#include <boost/test/unit_test.hpp>
#include <deque>
#include <random>

#include "router_cluster.hpp"
#include "router_fixture.hpp"

using namespace router_test;

BOOST_AUTO_TEST_SUITE(router_random)

BOOST_AUTO_TEST_CASE(under_random_events_every_request_is_done_exactly_once_by_its_deadline) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) {
      std::mt19937_64 random(seed);
      RequestRouter::Options options;
      options.seed = seed;
      Fixture f(options);
      struct Counted : RoutedRequest {
        int* count = nullptr;
      };
      std::deque<int> counts;
      std::uint32_t epoch = 1;
      std::size_t finished = 0;
      const auto collect = [&] {
        for (auto& r : f.done) {
          ++*static_cast<Counted&>(*r).count;
          ++finished;
        }
        f.done.clear();
      };
      for (int step = 0; step < 1500; ++step) {
        const auto pick = [&](std::uint64_t n) { return random() % n; };
        const PeerIndex peer{static_cast<std::uint32_t>(pick(3))};
        switch (pick(12)) {
          case 0: case 1: case 2: case 3: {
            auto r = std::make_unique<Counted>();
            constexpr Op ops[] = {Op::lookup, Op::call, Op::send, Op::stop, Op::describe};
            r->op = ops[pick(5)];
            r->type = "t";
            r->key = "k" + std::to_string(pick(50));
            r->deadline = f.now + Duration{static_cast<std::int64_t>(1 + pick(800'000'000))};
            counts.push_back(0);
            r->count = &counts.back();
            f.out.submit(std::move(r), f.now);
            break;
          }
          case 4: case 5: case 6: {
            if (f.sent.empty()) break;
            constexpr ErrorCode codes[] = {ErrorCode::ok, ErrorCode::ok, ErrorCode::wrong_node, ErrorCode::unavailable,
                                           ErrorCode::shutting_down, ErrorCode::hello_required, ErrorCode::not_running};
            f.reply(f.sent[pick(f.sent.size())], codes[pick(7)], "n" + std::to_string(1 + pick(4)));
            break;
          }
          case 7:
            f.out.rejected(peer, pick(4) == 0 ? ErrorCode::wrong_cluster : ErrorCode::hello_required, {}, f.now);
            break;
          case 8:
            f.out.disconnected(peer, f.now);
            f.incarnations[peer.value] = Incarnation{random()};
            break;
          case 9:
            if (!f.blocked.insert(peer.value).second) f.blocked.erase(peer.value);
            break;
          case 10:
            if (pick(10) == 0 && f.node(PeerIndex{2}) == "n3") {
              f.out.set_view(Fixture::make_view(++epoch, {"n1", "n2", "n3"}), f.now);
            }
            break;
          default:
            f.run(Duration{static_cast<std::int64_t>(pick(30'000'000))});
        }
        f.pump();
        collect();
      }
      f.run(2s);
      collect();
      BOOST_TEST(finished == counts.size());
      BOOST_TEST(f.late == 0);
      for (const int c : counts) BOOST_REQUIRE(c == 1);
      BOOST_TEST(f.out.outstanding() == 0U);
    }
  }
}

namespace {

/// Nodes that join, leave, are killed, freeze and refuse, in views that reach them whenever they do.
class Turmoil {
 public:
  explicit Turmoil(std::uint64_t seed) : cluster(ids, seed), random_(seed) {}

  void step() {
    switch (pick(16)) {
      case 0: case 1: case 2: case 3: case 4: case 5: {
        constexpr Op ops[] = {Op::lookup, Op::lookup_or_start, Op::call, Op::call, Op::stop};
        const Duration timeout{static_cast<std::int64_t>(1 + pick(800'000'000))};
        cluster.submit(ops[pick(5)], "k" + std::to_string(pick(50)), timeout);
        ++submitted;
        break;
      }
      case 6:
        cluster.kill(any());
        break;
      case 7:
        if (const auto id = any(); !cluster.node(id).alive) cluster.restart(id);
        break;
      case 8:
        if (const auto id = any(); cluster.node(id).alive) cluster.node(id).frozen = true;
        break;
      case 9:
        cluster.thaw(any());
        break;
      case 10:
        cluster.node(any()).refuses = "no quorum";
        break;
      case 11: case 12:
        cluster.node(any()).refuses.clear();
        break;
      case 13:
        change_view();
        break;
      default:
        cluster.run(Duration{static_cast<std::int64_t>(pick(30'000'000))});
    }
  }
  void heal() {
    for (const auto& id : ids) {
      cluster.kill(id);
      cluster.restart(id);
    }
    cluster.give(cluster.view(++epoch_, ids), ids);
    cluster.run(3s);
  }

  const std::vector<std::string> ids{"n1", "n2", "n3", "n4"};
  SimCluster cluster;
  int submitted = 0;

 private:
  std::uint64_t pick(std::uint64_t n) { return random_() % n; }
  std::string any() { return ids[pick(ids.size())]; }
  void change_view() {
    std::vector<std::string> members;
    for (const auto& id : ids) {
      if (pick(3) != 0) members.push_back(id);
    }
    if (members.empty()) members.push_back(any());
    const auto view = cluster.view(++epoch_, members, {any()});
    for (const auto& id : ids) {
      if (pick(3) != 0) cluster.give(view, {id});
    }
  }

  std::mt19937_64 random_;
  std::uint32_t epoch_ = 1;
};

}  // namespace

BOOST_AUTO_TEST_CASE(in_turmoil_calls_are_executed_once_at_most_and_never_if_they_are_said_not_to_have_been) {
  std::map<ErrorCode, int> codes;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) {
      Turmoil turmoil(seed);
      SimCluster& c = turmoil.cluster;
      for (int step = 0; step < 1000; ++step) turmoil.step();
      turmoil.heal();
      BOOST_TEST(static_cast<int>(c.done.size()) == turmoil.submitted);
      BOOST_TEST(c.out.outstanding() == 0U);
      BOOST_TEST((c.latest <= 2ms));
      for (const auto& call : c.done) {
        ++codes[call->outcome.code];
        if (call->op != Op::call) continue;
        const int times = c.executed[call->number];
        BOOST_REQUIRE(times <= 1);
        if (call->outcome.code != ErrorCode::unknown_outcome) BOOST_REQUIRE((times == 1) == (call->outcome.code == ErrorCode::ok));
      }
      for (int i = 0; i < 50; ++i) c.submit(Op::call, "k" + std::to_string(i));
      const int ok = c.count(ErrorCode::ok);
      c.run_until_done(2s);
      BOOST_TEST(c.count(ErrorCode::ok) == ok + 50);
      BOOST_TEST((c.out.next_wake() >= c.now + 10ms));  // and then there is nothing left to do
    }
  }
  for (const auto& [code, count] : codes) BOOST_TEST_MESSAGE(name_of(code) << ": " << count);
}

BOOST_AUTO_TEST_SUITE_END()
