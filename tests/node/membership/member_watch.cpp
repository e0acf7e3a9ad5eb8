// Watching nodes that are a cluster by themselves: what becomes of a watch when slots move and incarnations end.
#include <boost/algorithm/string/join.hpp>
#include <boost/test/unit_test.hpp>
#include <algorithm>
#include <map>

#include "../actor/watched.hpp"
#include "reki/client/client.hpp"
#include "test_members.hpp"

using namespace reki;
using namespace std::chrono_literals;
using example::Counter;
using test::WatchTale;
using Lines = std::vector<std::string>;

namespace {

template <class R>
auto must(R result) {
  BOOST_REQUIRE_MESSAGE(result.has_value(), test::why(result));
  return std::move(*result);
}

/// Three members, and a client of the first.
struct Fixture {
  Fixture() {
    cluster.start_all({"n1", "n2", "n3"});
    client = must(Client::connect({.cluster = "test", .addresses = {cluster.nodes[0]->address()}, .name = "watcher",
                                   .connect_timeout = 20s}));
  }
  std::string owner(const std::string& key) { return must(client->owner("counter", key)).value; }

  test::Members cluster{4};
  std::unique_ptr<Client> client;
};

/// Those about that node, as lines.
Lines about(const std::vector<WatchEvent>& events, const std::string& node) {
  Lines out;
  for (const auto& event : events) {
    if (event.node.value == node) out.push_back(WatchTale::line(event));
  }
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(member_watch)

BOOST_FIXTURE_TEST_CASE(a_key_is_followed_from_a_node_that_leaves_to_the_next_owner_and_nothing_is_missed, Fixture) {
  const auto key = cluster.key_of("n3");
  for (Registry* registry : {static_cast<Registry*>(client.get()), static_cast<Registry*>(cluster.nodes[1].get())}) {
    BOOST_REQUIRE(registry->lookup_or_start<Counter>(key).get().has_value());
  }
  WatchTale told;
  WatchTale told_at_a_node;
  const auto watch = must(client->watch(WatchFilter::of_key("counter", key), told.callback()));
  const auto another = must(cluster.nodes[1]->watch(WatchFilter::of_key("counter", key), told_at_a_node.callback()));
  BOOST_TEST((told.take(1) == Lines{"running " + key + " @n3"}));
  BOOST_TEST((told_at_a_node.take(1) == Lines{"running " + key + " @n3"}));
  BOOST_TEST(cluster.nodes[2]->stop());
  const auto events = told.take_events(3);
  const auto at = owner(key);
  const Lines expected{"stopped(moved) " + key + " @n3", "moved(moved) " + key + " @" + at + " <>n3",
                       "not_running " + key + " @" + at};
  Lines lines;
  for (const auto& event : events) lines.push_back(WatchTale::line(event));
  BOOST_TEST(lines == expected, "at the client: " << boost::algorithm::join(lines, ", "));
  BOOST_REQUIRE(!events.empty());
  const Lines there = told_at_a_node.take(3);
  BOOST_TEST(there == expected, "at a node: " << boost::algorithm::join(there, ", "));
  const auto next = must(client->lookup_or_start<Counter>(key).get());
  BOOST_TEST(told.take(1) == Lines{"started " + key + " @" + at}, boost::test_tools::per_element());
  BOOST_TEST((next.fence() > events[0].fence));
}

BOOST_FIXTURE_TEST_CASE(a_key_is_followed_to_a_node_that_joins_and_the_state_that_came_along_starts_it, Fixture) {
  std::vector<std::string> keys;
  for (int i = 0; i < 40; ++i) keys.push_back("k" + std::to_string(i));
  WatchTale told;
  const auto watch = must(client->watch(WatchFilter::of_type("diary"), told.callback()));
  BOOST_TEST(told.take(3).size() == 3U);
  for (const auto& key : keys) must(client->call<test::Diary>(key, test::Write{"x"}).get());
  told.take_events(keys.size());
  cluster.start("n4");
  cluster.await_all();
  std::vector<std::string> moving;
  for (const auto& key : keys) {
    if (cluster.nodes[0]->owner("diary", key)->value == "n4") moving.push_back(key);
  }
  BOOST_REQUIRE(!moving.empty());
  std::map<std::string, Lines> lines_of;
  for (bool all = false; !all;) {
    const auto events = told.take_events(1);
    BOOST_REQUIRE(!events.empty());
    for (const auto& event : events) lines_of[event.key].push_back(WatchTale::line(event));
    all = std::ranges::all_of(moving, [&](const auto& key) { return lines_of[key].size() >= 2; });
  }
  for (const auto& key : moving) {
    BOOST_TEST((lines_of[key][0].starts_with("stopped(moved) " + key + " @n") && lines_of[key].size() == 2), lines_of[key][0]);
    BOOST_TEST(lines_of[key][1] == "started " + key + " @n4");
  }
}

BOOST_FIXTURE_TEST_CASE(a_node_that_leaves_says_so_to_the_watchers_of_types_and_nodes, Fixture) {
  const auto key = cluster.key_of("n3");
  must(client->lookup_or_start<Counter>(key).get());
  WatchTale of_type;
  WatchTale of_nodes;
  const auto watch = must(client->watch(WatchFilter::of_type("counter"), of_type.callback()));
  const auto nodes = must(client->watch(WatchFilter::of_nodes(), of_nodes.callback()));
  BOOST_TEST(of_type.take(3).size() == 3U);
  of_nodes.take_until(WatchKind::view);
  BOOST_TEST(cluster.nodes[2]->stop());
  auto events = of_type.take_until(WatchKind::ended);
  BOOST_TEST((about(events, "n3") == Lines{"stopped(moved) " + key + " @n3", "ended(closing) @n3"}));
  events = of_nodes.take_until(WatchKind::left);
  BOOST_TEST((about(events, "n3") == Lines{"leaving @n3", "left @n3"}));
}

BOOST_AUTO_TEST_SUITE_END()
