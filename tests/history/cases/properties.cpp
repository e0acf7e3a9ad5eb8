// Many random histories: the right ones are accepted, each wrong one is rejected, and three ways of judging agree.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <functional>
#include <map>

#include "brute_force.hpp"
#include "generated.hpp"
#include "history/fence_order.hpp"
#include "history/wgl.hpp"

using namespace reki;
using namespace reki::history;

namespace {

using Operations = std::vector<Operation>;

bool keeps_fence_order(std::span<const Operation> one_key) { return FenceOrder{0}.check(one_key); }

bool has_order(std::span<const Operation> one_key, Faults faults, std::size_t window = 64) {
  Linearizability orders{{.faults = faults, .window = window, .keep = 0}};
  const bool out = orders.check(one_key);
  BOOST_TEST(orders.skipped() == 0);
  return out;
}

Operations sorted(const Operations& operations) {
  History history = history_of(operations);
  const auto all = history.by_key();
  return {all.begin(), all.end()};
}

// Mutations. Each finds the operations between which it can break the promise, and does it once, somewhere.

struct Site {
  std::size_t a = 0;
  std::size_t between = 0;
  std::size_t b = 0;
};
using Breaks = std::function<bool(const Operation& a, const Operation& b)>;

std::vector<Site> pairs(const Operations& all, const Breaks& fits) {
  std::vector<Site> out;
  for (std::size_t a = 0; a < all.size(); ++a) {
    for (std::size_t b = 0; b < all.size(); ++b) {
      if (a != b && fits(all[a], all[b])) out.push_back({a, 0, b});
    }
  }
  return out;
}

std::vector<Site> triples(const Operations& all, const std::function<bool(const Operation&)>& fits_between,
                          const Breaks& fits) {
  std::vector<Site> out;
  for (const Site& site : pairs(all, fits)) {
    for (std::size_t n = 0; n < all.size(); ++n) {
      const bool ordered = precedes(all[site.a], all[n]) && precedes(all[n], all[site.b]);
      if (n != site.a && n != site.b && ordered && fits_between(all[n])) out.push_back({site.a, n, site.b});
    }
  }
  return out;
}

bool asks_for_actor(const Operation& o) { return o.call != Call::stop && is_answered(o); }
bool has_fence(const Operation& o) { return o.fence.value != 0; }

void answer(Operation& o, Answer what, Fence fence) {
  o.answer = what;
  o.fence = fence;
}

struct Mutation {
  std::string name;
  std::function<std::vector<Site>(const Operations&)> sites;
  std::function<void(Operations&, const Site&)> apply;
};

const std::vector<Mutation>& mutations() {
  static const std::vector<Mutation> all{
      {"stale fence",
       [](const Operations& o) {
         return pairs(o, [](auto& a, auto& b) { return precedes(a, b) && a.fence.value > 1 && has_fence(b); });
       },
       [](Operations& o, const Site& s) { o[s.b].fence = Fence{o[s.a].fence.value - 1}; }},
      {"two starters",
       [](const Operations& o) {
         return pairs(o, [](auto& a, auto& b) {
           const bool other = a.request == 0 || a.request != b.request || a.client != b.client;
           return other && a.answer == Answer::started && b.call == Call::lookup_or_start &&
                  b.answer == Answer::running && a.fence == b.fence;
         });
       },
       [](Operations& o, const Site& s) { o[s.b].answer = Answer::started; }},
      {"resurrected after its stop",
       [](const Operations& o) {
         return pairs(o, [](auto& a, auto& b) {
           return precedes(a, b) && a.answer == Answer::stopped && has_fence(a) && asks_for_actor(b);
         });
       },
       [](Operations& o, const Site& s) { answer(o[s.b], Answer::running, o[s.a].fence); }},
      {"resurrected after it was not running",
       [](const Operations& o) {
         return triples(
             o, [](auto& n) { return n.answer == Answer::not_running; },
             [](auto& a, auto& b) { return has_fence(a) && asks_for_actor(b); });
       },
       [](Operations& o, const Site& s) { answer(o[s.b], Answer::running, o[s.a].fence); }},
      {"an old start acknowledged as new",
       [](const Operations& o) {
         return pairs(o, [](auto& a, auto& b) {
           return precedes(a, b) && has_fence(a) && b.answer == Answer::started && b.request == 0;
         });
       },
       [](Operations& o, const Site& s) { o[s.b].fence = o[s.a].fence; }},
      {"stopped twice",
       [](const Operations& o) {
         return pairs(o, [](auto& a, auto& b) {
           return precedes(a, b) && a.answer == Answer::stopped && has_fence(a) && b.call == Call::stop &&
                  is_answered(b);
         });
       },
       [](Operations& o, const Site& s) { answer(o[s.b], Answer::stopped, o[s.a].fence); }},
      {"a live actor not found",
       [](const Operations& o) {
         return triples(
             o, [](auto& n) { return n.call == Call::lookup && is_answered(n); },
             [](auto& a, auto& b) { return has_fence(a) && is_live(b) && a.fence == b.fence; });
       },
       [](Operations& o, const Site& s) { answer(o[s.between], Answer::not_running, {}); }},
  };
  return all;
}

/// Gives some operation another answer that such a call can have, right or wrong.
void disturb(Operations& all, std::mt19937_64& random) {
  Operation& o = all[random() % all.size()];
  const Fence seen = all[random() % all.size()].fence;
  const Fence fence = seen.value != 0 ? seen : Fence{1 + random() % 4};
  const bool told = random() % 4 != 0;
  const bool other = random() % 2 != 0;
  if (o.answer == Answer::unknown || o.answer == Answer::failed_unexecuted) return;
  switch (o.call) {
    case Call::lookup_or_start:
      return answer(o, other ? Answer::started : Answer::running, fence);
    case Call::lookup:
      return other ? answer(o, Answer::not_running, {}) : answer(o, Answer::running, fence);
    case Call::stop:
      return other ? answer(o, Answer::not_running, {}) : answer(o, Answer::stopped, told ? fence : Fence{});
  }
}

Generated::Options small(std::uint64_t seed, Faults faults) {
  Generated::Options out;
  out.seed = seed;
  out.operations = 5 + seed % 3;
  out.clients = 2 + seed % 3;
  out.faults = faults;
  out.retries = faults == Faults::allowed;
  return out;
}

/// How often each verdict was given: one that is never given has not been tested.
struct Verdicts {
  void count(bool accepted) { ++(accepted ? yes : no); }
  [[nodiscard]] bool both_are_common() const { return yes > (yes + no) / 10 && no > (yes + no) / 10; }
  int yes = 0;
  int no = 0;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(history_properties)

BOOST_AUTO_TEST_CASE(a_key_that_keeps_its_promise_is_accepted) {
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    const Operations all = sorted(Generated{{.seed = seed, .operations = 100}}.operations());
    BOOST_TEST_CONTEXT("seed " << seed) {
      BOOST_TEST(keeps_fence_order(all));
      BOOST_TEST(has_order(all, Faults::allowed));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_key_without_faults_is_accepted_without_faults) {
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    const Generated::Options options{
        .seed = seed, .operations = 100, .faults = Faults::none, .retries = false, .unknowns = seed % 2 == 0};
    const Operations all = sorted(Generated{options}.operations());
    BOOST_TEST_CONTEXT("seed " << seed) {
      BOOST_TEST(keeps_fence_order(all));
      BOOST_TEST(has_order(all, Faults::allowed));
      BOOST_TEST(has_order(all, Faults::none));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_history_with_one_broken_promise_is_rejected) {
  for (const Mutation& mutation : mutations()) {
    int applied = 0;
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
      Operations all = sorted(Generated{{.seed = seed, .operations = 60}}.operations());
      const std::vector<Site> sites = mutation.sites(all);
      if (sites.empty()) continue;
      mutation.apply(all, sites[seed % sites.size()]);
      ++applied;
      BOOST_TEST_CONTEXT(mutation.name << ", seed " << seed) {
        BOOST_TEST(!keeps_fence_order(all));
        BOOST_TEST(!has_order(all, Faults::allowed));
      }
    }
    BOOST_TEST_CONTEXT(mutation.name) { BOOST_TEST(applied >= 100); }
  }
}

BOOST_AUTO_TEST_CASE(rules_and_search_judge_small_histories_as_brute_force_does) {
  Verdicts verdicts;
  for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
    std::mt19937_64 random{seed};
    Operations all = Generated{small(seed, Faults::allowed)}.operations();
    for (std::uint64_t i = random() % 3; i > 0; --i) disturb(all, random);
    all = sorted(all);
    const bool expected = can_happen(all, Faults::allowed);
    verdicts.count(expected);
    BOOST_TEST_CONTEXT("seed " << seed) {
      BOOST_TEST(keeps_fence_order(all) == expected);
      BOOST_TEST(has_order(all, Faults::allowed) == expected);
    }
  }
  BOOST_TEST(verdicts.both_are_common());
}

BOOST_AUTO_TEST_CASE(the_search_without_faults_judges_small_histories_as_brute_force_does) {
  Verdicts verdicts;
  for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
    std::mt19937_64 random{seed};
    Operations all = Generated{small(seed, Faults::none)}.operations();
    for (std::uint64_t i = random() % 3; i > 0; --i) disturb(all, random);
    all = sorted(all);
    const bool expected = can_happen(all, Faults::none);
    verdicts.count(expected);
    BOOST_TEST_CONTEXT("seed " << seed) { BOOST_TEST(has_order(all, Faults::none) == expected); }
  }
  BOOST_TEST(verdicts.both_are_common());
}

BOOST_AUTO_TEST_CASE(rules_and_search_agree_on_long_histories_whatever_the_window) {
  Verdicts verdicts;
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    std::mt19937_64 random{seed};
    Operations all = Generated{{.seed = seed, .operations = 80, .clients = 2 + seed % 5}}.operations();
    if (seed % 2 == 0) disturb(all, random);
    all = sorted(all);
    const bool expected = keeps_fence_order(all);
    verdicts.count(expected);
    BOOST_TEST_CONTEXT("seed " << seed) {
      for (const std::size_t window : {12U, 17U, 64U}) BOOST_TEST(has_order(all, Faults::allowed, window) == expected);
    }
  }
  BOOST_TEST(verdicts.both_are_common());
}

BOOST_AUTO_TEST_SUITE_END()
