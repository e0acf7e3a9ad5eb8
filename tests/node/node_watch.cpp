// Watching through real sockets: nodes in this process, clients, and peers without manners.
#include <boost/test/unit_test.hpp>
#include <thread>
#include <future>
#include <set>

#include "../actor/watched.hpp"
#include "cable.hpp"
#include "raw_peer.hpp"
#include "reki/client/client.hpp"
#include "reki/core/watch/watch_codec.hpp"
#include "test_nodes.hpp"

using namespace reki;
using namespace std::chrono_literals;
using example::Counter;
using example::Get;
using example::Increment;
using example::Reset;
using test::WatchTale;
using wire::Op;
using Lines = std::vector<std::string>;

namespace {

std::unique_ptr<Client> client_of(const std::string& address) {
  auto client = Client::connect({.cluster = "test", .addresses = {address}, .name = "watcher", .connect_timeout = 20s});
  BOOST_REQUIRE_MESSAGE(client.has_value(), test::why(client));
  return std::move(*client);
}

template <class R>
auto must(R result) {
  BOOST_REQUIRE_MESSAGE(result.has_value(), test::why(result));
  return std::move(*result);
}

void stop(Registry& registry, const std::string& key) { must(registry.stop<Counter>(key).get()); }

/// The next view of a cluster: with these members alone, or in these states, or at these addresses.
std::shared_ptr<const View> next_view(const View& now, std::vector<Member> members) {
  ViewHead head = now.head();
  head.epoch = Epoch{head.epoch.value + 1};
  std::vector<NodeId> ids;
  for (const auto& m : now.members()) ids.push_back(m.node_id);
  const auto table = next_table(now.table(), ids, slot_members(members));
  return std::make_shared<const View>(must(View::make(head, std::move(members), table)));
}
std::vector<Member> members_of(const View& view, const std::set<std::string>& without = {}) {
  std::vector<Member> out;
  for (const auto& m : view.members()) {
    if (!without.contains(m.node_id.value)) out.push_back(m);
  }
  return out;
}
void set_all(test::Cluster& cluster, const std::shared_ptr<const View>& view) {
  cluster.view = view;
  for (auto& node : cluster.nodes) node->set_view(view);
}

std::vector<std::string> lines_of(const std::vector<WatchEvent>& events) {
  std::vector<std::string> out;
  for (const auto& event : events) out.push_back(WatchTale::line(event));
  return out;
}

wire::Request watch_of(std::uint64_t id, const std::string& type, const std::string& key, const Bytes& args,
                       std::uint32_t remaining_ms = 20000) {
  auto out = request_for(id, Op::watch, key, type);
  out.args = args;
  out.remaining_ms = remaining_ms;
  return out;
}
wire::WatchReply watched(RawPeer& peer) {
  const auto reply = peer.reply();
  BOOST_REQUIRE_MESSAGE(reply.code == ErrorCode::ok, name_of(reply.code) << " " << reply.text);
  return must(wire::decode_watch_reply(reply.payload));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(node_watch)

BOOST_AUTO_TEST_CASE(a_client_is_told_what_becomes_of_a_key_with_reason_node_and_fence) {
  test::Cluster cluster({"n1", "n2", "n3"});
  const auto client = client_of(cluster.nodes[0]->address());
  const auto key = cluster.key_of("n2");
  WatchTale told;
  const auto watch = must(client->watch(WatchFilter::of_key("counter", key), told.callback()));
  BOOST_TEST((told.take(1) == Lines{"not_running " + key + " @n2"}));
  const auto ref = must(client->lookup_or_start<Counter>(key).get());
  (void)client->call<Counter>(key, Reset{}).get();
  must(client->stop<Counter>(key).get());
  const auto events = told.take_events(4);
  BOOST_TEST((lines_of(events) == Lines{"started " + key + " @n2", "crashed(crashed) " + key + " @n2",
                                        "restarted " + key + " @n2", "stopped(stopped) " + key + " @n2"}));
  BOOST_TEST((events[0].fence == ref.fence() && events[0].type == "counter"));
  BOOST_TEST(events[1].text == "cannot reset");
  BOOST_TEST((events[2].fence > ref.fence() && events[3].fence == events[2].fence));
}

BOOST_AUTO_TEST_CASE(a_node_watches_its_own_keys_and_those_of_others_alike) {
  test::Cluster cluster({"n1", "n2"});
  for (const auto* owner : {"n1", "n2"}) {
    const auto key = cluster.key_of(owner);
    const auto at = key + " @" + owner;
    Registry& registry = *cluster.nodes[0];
    WatchTale told;
    const auto watch = must(registry.watch(WatchFilter::of_key("counter", key), told.callback()));
    BOOST_TEST((told.take(1) == Lines{"not_running " + at}));
    must(registry.lookup_or_start<Counter>(key).get());
    BOOST_TEST((told.take(1) == Lines{"started " + at}));
    stop(*cluster.nodes[1], key);
    BOOST_TEST((told.take(1) == Lines{"stopped(stopped) " + at}));
  }
}

BOOST_AUTO_TEST_CASE(a_type_is_watched_on_all_nodes) {
  test::Cluster cluster({"n1", "n2", "n3"});
  const auto client = client_of(cluster.nodes[0]->address());
  WatchTale told;
  const auto watch = must(client->watch(WatchFilter::of_type("counter"), told.callback()));
  auto lines = told.take(3);
  std::ranges::sort(lines);
  BOOST_TEST((lines == Lines{"watching @n1", "watching @n2", "watching @n3"}));
  std::vector<std::string> keys;
  std::multiset<std::string> expected;
  for (int i = 0; i < 300; ++i) {
    keys.push_back("user_" + std::to_string(i));
    expected.insert("started " + keys.back() + " @" + must(client->owner("counter", keys.back())).value);
  }
  for (const auto& ref : client->lookup_or_start_many<Counter>(keys).get()) BOOST_REQUIRE(ref.has_value());
  lines = told.take(300);
  BOOST_TEST((std::multiset<std::string>(lines.begin(), lines.end()) == expected));
}

BOOST_AUTO_TEST_CASE(who_watches_the_nodes_is_told_of_each_change_of_the_view) {
  test::Cluster cluster({"n1", "n2", "n3"});
  const auto client = client_of(cluster.nodes[0]->address());
  WatchTale told;
  const auto watch = must(client->watch(WatchFilter::of_nodes(), told.callback()));
  BOOST_TEST((told.take(4) == Lines{"member @n1", "member @n2", "member @n3", "view"}));
  auto members = members_of(*cluster.view);
  members[1].state = MemberState::leaving;
  set_all(cluster, next_view(*cluster.view, members));
  BOOST_TEST((told.take(2) == Lines{"leaving @n2", "view"}));
  set_all(cluster, next_view(*cluster.view, members_of(*cluster.view, {"n2"})));
  BOOST_TEST((told.take(2) == Lines{"left @n2", "view"}));
  set_all(cluster, next_view(*cluster.view, members_of(*cluster.view, {"n3"})));
  const auto events = told.take_events(2);
  BOOST_TEST((lines_of(events) == Lines{"lost @n3", "view"}));
  BOOST_TEST((events[0].epoch == cluster.view->epoch() && events[1].epoch == cluster.view->epoch()));
}

BOOST_AUTO_TEST_CASE(a_nodes_watcher_goes_on_at_another_node_and_misses_nothing) {
  test::Cluster cluster({"n1", "n2"});
  const auto client = client_of(cluster.nodes[0]->address());
  WatchTale told;
  const auto watch = must(client->watch(WatchFilter::of_nodes(), told.callback()));
  told.take(3);
  cluster.nodes[0]->stop();
  auto members = members_of(*cluster.view);
  members.push_back({NodeId{"n3"}, {}, "tcp://127.0.0.1:1", 1, {}, MemberState::joining});
  set_all(cluster, next_view(*cluster.view, members));
  members[2].state = MemberState::up;
  set_all(cluster, next_view(*cluster.view, members));
  BOOST_TEST((lines_of(told.take_until(WatchKind::joined)) == Lines{"view", "joined @n3"}));
}

BOOST_AUTO_TEST_CASE(a_key_that_moves_is_watched_at_its_new_owner) {
  test::Cluster cluster({"n1", "n2"});
  const auto client = client_of(cluster.nodes[0]->address());
  const auto key = cluster.key_of("n2");
  WatchTale told;
  const auto watch = must(client->watch(WatchFilter::of_key("counter", key), told.callback()));
  BOOST_TEST((told.take(1) == Lines{"not_running " + key + " @n2"}));
  auto members = members_of(*cluster.view);
  members[1].weight = 0;
  set_all(cluster, next_view(*cluster.view, members));
  BOOST_TEST((told.take(2) == Lines{"moved(moved) " + key + " @n1 <>n2", "not_running " + key + " @n1"}));
  must(client->lookup_or_start<Counter>(key).get());
  BOOST_TEST((told.take(1) == Lines{"started " + key + " @n1"}));
}

BOOST_AUTO_TEST_CASE(a_key_is_watched_where_its_actor_is_until_that_has_ended) {
  Factories idle;
  idle.add<test::CounterActor>(TypeOptions{.idle = 100ms});
  test::Cluster cluster({"n1"});
  const auto config = test::config_of({"n1", "n2"});
  cluster.nodes.push_back(must(Node::start(config, "n2", idle, {.fixed_view = true})));
  auto members = members_of(*cluster.view);
  members[0].weight = 0;
  members.push_back({NodeId{"n2"}, {}, cluster.nodes[1]->address(), 1, {}, MemberState::up});
  set_all(cluster, next_view(*cluster.view, members));
  const auto client = client_of(cluster.nodes[1]->address());
  WatchTale told;
  const auto watch = must(client->watch(WatchFilter::of_key("counter", "k"), told.callback()));
  BOOST_TEST((told.take(1) == Lines{"not_running k @n2"}));
  must(client->lookup_or_start<Counter>("k").get());
  members[0].weight = 1;
  members[1].weight = 0;
  set_all(cluster, next_view(*cluster.view, members));
  BOOST_TEST((told.take(4) == Lines{"started k @n2", "stopped(passivated) k @n2", "moved(moved) k @n1 <>n2",
                                    "not_running k @n1"}));
}

BOOST_AUTO_TEST_CASE(a_node_that_is_gone_from_the_view_is_lost_to_those_who_watch_it) {
  test::Cluster cluster({"n1", "n2"});
  const auto client = client_of(cluster.nodes[0]->address());
  const auto key = cluster.key_of("n2");
  WatchTale of_key;
  WatchTale of_type;
  const auto first = must(client->watch(WatchFilter::of_key("counter", key), of_key.callback()));
  const auto second = must(client->watch(WatchFilter::of_type("counter"), of_type.callback()));
  of_key.take(1);
  of_type.take(2);
  cluster.nodes[0]->set_view(next_view(*cluster.view, members_of(*cluster.view, {"n2"})));
  BOOST_TEST((of_key.take(2) == Lines{"moved(node_lost) " + key + " @n1 <>n2", "not_running " + key + " @n1"}));
  BOOST_TEST((of_type.take(1) == Lines{"missed(node_lost) @n2"}));
}

BOOST_AUTO_TEST_CASE(over_a_lost_connection_exactly_what_was_missed_is_told) {
  const auto node = test::start(test::config_of({"n1"}), "n1");
  test::Cable cable(node->address());
  auto members = members_of(*node->view());
  members[0].addr = cable.address();
  node->set_view(next_view(*node->view(), members));
  const auto client = client_of(cable.address());
  const auto near = client_of(node->address());
  WatchTale of_type;
  WatchTale of_key;
  const auto first = must(client->watch(WatchFilter::of_type("counter"), of_type.callback()));
  const auto second = must(client->watch(WatchFilter::of_key("counter", "b"), of_key.callback()));
  BOOST_TEST((of_type.take(1) == Lines{"watching @n1"}));
  BOOST_TEST((of_key.take(1) == Lines{"not_running b @n1"}));
  for (int round = 0; round < 3; ++round) {
    cable.cut();
    for (const auto* key : {"a", "b"}) must(node->lookup_or_start<Counter>(key).get());
    for (const auto* key : {"b", "a"}) stop(*node, key);
    BOOST_TEST(of_type.size() == 0U);
    cable.mend();
    BOOST_TEST((of_type.take(4) == Lines{"started a @n1", "started b @n1", "stopped(stopped) b @n1", "stopped(stopped) a @n1"}));
    BOOST_TEST((of_key.take(2) == Lines{"started b @n1", "stopped(stopped) b @n1"}));
  }
}

BOOST_AUTO_TEST_CASE(a_node_of_another_incarnation_says_that_something_was_missed) {
  auto node = test::start(test::config_of({"n1"}), "n1");
  const auto address = node->address();
  const auto config = test::config_of({"n1"}, address);
  // The view that a client gets must have the port.
  node->set_view(next_view(*node->view(), members_of(view_of(config))));
  const auto client = client_of(address);
  WatchTale of_type;
  WatchTale of_key;
  const auto first = must(client->watch(WatchFilter::of_type("counter"), of_type.callback()));
  const auto second = must(client->watch(WatchFilter::of_key("counter", "k"), of_key.callback()));
  of_type.take(1);
  of_key.take(1);
  must(client->lookup_or_start<Counter>("k").get());
  of_type.take(1);
  of_key.take(1);
  node.reset();
  BOOST_TEST((of_key.take(2) == Lines{"stopped(closing) k @n1", "ended(closing) k @n1"}));
  BOOST_TEST((of_type.take(2) == Lines{"stopped(closing) k @n1", "ended(closing) @n1"}));
  node = test::start(config, "n1");
  must(node->lookup_or_start<Counter>("k").get());
  BOOST_TEST(WatchTale::line(of_type.take_until(WatchKind::missed).back()) == "missed(node_restarted) @n1");
  BOOST_TEST(WatchTale::line(of_key.take_until(WatchKind::missed).back()) == "missed(node_restarted) k @n1");
  // Asked before or after the start: it runs now.
  BOOST_TEST(lines_of(of_type.take_until(WatchKind::watching)).back() == "watching @n1");
  const auto now = lines_of(of_key.take_events(1));
  BOOST_TEST((now[0] == "running k @n1" || now[0] == "not_running k @n1"));
}

BOOST_AUTO_TEST_CASE(a_client_whose_callback_is_slow_is_told_how_much_it_has_missed) {
  test::Cluster cluster({"n1"});
  const auto client = client_of(cluster.nodes[0]->address());
  auto gate = std::make_shared<test::Gate>();
  WatchTale told;
  auto note = told.callback();
  const auto watch = must(client->watch(WatchFilter::of_type("counter"), [&, gate](const WatchEvent& event) {
    note(event);
    if (event.key == "first") gate->pass();
  }));
  told.take(1);
  must(cluster.nodes[0]->lookup_or_start<Counter>("first").get());
  gate->await_waiting(1);
  const std::size_t pairs = limits::watch_events_kept_max;
  for (std::size_t i = 0; i < pairs; ++i) {
    must(cluster.nodes[0]->lookup_or_start<Counter>("k").get());
    stop(*cluster.nodes[0], "k");
  }
  gate->open();
  const auto events = told.take_until(WatchKind::watching);
  BOOST_REQUIRE(events.size() > 3U);
  BOOST_TEST(WatchTale::line(events[1]) == "missed(fell_behind) @n1");
  BOOST_TEST(events.size() - 3 == limits::watch_events_kept_max);
  BOOST_TEST(events[1].number == 2 * pairs - limits::watch_events_kept_max);
  BOOST_TEST(WatchTale::line(events[events.size() - 2]) == "stopped(stopped) k @n1");
}

BOOST_AUTO_TEST_CASE(a_client_that_is_destroyed_ends_its_watches) {
  test::Cluster cluster({"n1"});
  auto client = client_of(cluster.nodes[0]->address());
  WatchTale told;
  const auto watch = must(client->watch(WatchFilter::of_key("counter", "k"), told.callback()));
  told.take(1);
  client.reset();
  BOOST_TEST((told.take(1) == Lines{"ended(closing) k"}));
}

BOOST_AUTO_TEST_CASE(a_node_that_stops_ends_the_watches_made_through_it) {
  test::Cluster cluster({"n1", "n2"});
  WatchTale told;
  const auto watch = must(cluster.nodes[0]->watch(WatchFilter::of_key("counter", cluster.key_of("n2")), told.callback()));
  told.take(1);
  cluster.nodes[0]->stop();
  BOOST_TEST(WatchTale::line(told.take_until(WatchKind::ended).back()) == "ended(closing) " + cluster.key_of("n2"));
}

BOOST_AUTO_TEST_CASE(what_no_registry_can_watch_is_refused_at_once) {
  test::Cluster cluster({"n1"});
  const auto client = client_of(cluster.nodes[0]->address());
  WatchTale told;
  for (Registry* registry : std::initializer_list<Registry*>{client.get(), cluster.nodes[0].get()}) {
    auto without_type = registry->watch(WatchFilter::of_key("", "k"), told.callback());
    BOOST_TEST((!without_type && without_type.error().code == ErrorCode::invalid_argument));
    auto too_long = registry->watch(WatchFilter::of_type(std::string(65, 't')), told.callback());
    BOOST_TEST((!too_long && too_long.error().code == ErrorCode::too_large));
  }
}

BOOST_AUTO_TEST_CASE(a_type_that_no_node_has_is_named_as_unwatched) {
  test::Cluster cluster({"n1"});
  const auto client = client_of(cluster.nodes[0]->address());
  WatchTale told;
  const auto watch = must(client->watch(WatchFilter::of_type("countr"), told.callback()));
  const auto events = told.take_events(1);
  BOOST_REQUIRE(!events.empty());
  BOOST_TEST(WatchTale::line(events[0]) == "unwatched @n1");
  BOOST_TEST((events[0].text.find("unknown_type") == 0U));
}

// ---- on the wire

BOOST_AUTO_TEST_CASE(an_open_question_is_answered_by_the_next_event_or_at_its_deadline) {
  test::Cluster cluster({"n1"});
  Node& node = *cluster.nodes[0];
  RawPeer peer(node.address());
  peer.greet();
  peer.request({watch_of(1, "counter", "k", {})});
  const auto first = watched(peer);
  BOOST_TEST((lines_of(first.events) == Lines{"not_running k"}));
  BOOST_TEST((first.position.incarnation == node.incarnation()));
  const auto args = wire::encode_watch_args(first.position);
  const auto began = std::chrono::steady_clock::now();
  peer.request({watch_of(2, "counter", "k", args, 150)});
  BOOST_TEST(watched(peer).events.empty());
  BOOST_TEST((std::chrono::steady_clock::now() - began >= 150ms));
  peer.request({watch_of(3, "counter", "k", args)});
  peer.request({watch_of(4, "counter", "", args)});
  must(node.lookup_or_start<Counter>("k").get());
  std::set<std::uint64_t> answered;
  while (answered.size() < 2) {
    for (const auto& reply : peer.replies()) {
      answered.insert(reply.id.value);
      BOOST_TEST((lines_of(must(wire::decode_watch_reply(reply.payload)).events) == Lines{"started k"}));
    }
  }
  BOOST_TEST((answered == std::set<std::uint64_t>{3, 4}));
  peer.request({watch_of(5, "counter", "k", args)});  // the same position again: the same answer
  BOOST_TEST((lines_of(watched(peer).events) == Lines{"started k"}));
}

BOOST_AUTO_TEST_CASE(a_question_at_the_wrong_node_is_told_the_owner_and_the_epoch) {
  test::Cluster cluster({"n1", "n2"});
  const auto key = cluster.key_of("n2");
  RawPeer peer(cluster.nodes[0]->address());
  peer.greet();
  peer.request({watch_of(1, "counter", key, {})});
  const auto reply = watched(peer);
  BOOST_REQUIRE(reply.events.size() == 1U);
  BOOST_TEST((reply.events[0].kind == WatchKind::moved && reply.events[0].node.value == "n2"));
  BOOST_TEST((reply.events[0].epoch == Epoch{2}));
}

BOOST_AUTO_TEST_CASE(an_open_question_about_a_key_that_moves_is_let_go_and_the_others_are_not) {
  test::Cluster cluster({"n1", "n2"});
  const auto key = cluster.key_of("n2");
  RawPeer peer(cluster.nodes[1]->address());
  peer.greet();
  peer.request({watch_of(1, "counter", "", {})});
  const auto args = wire::encode_watch_args(watched(peer).position);
  peer.request({watch_of(2, "counter", key, args), watch_of(3, "counter", "", args)});
  while (cluster.nodes[1]->server_stats().requests < 3) std::this_thread::yield();  // open before the view comes
  auto members = members_of(*cluster.view);
  members[1].weight = 0;
  cluster.nodes[1]->set_view(next_view(*cluster.view, members));
  const auto reply = peer.reply();  // long before its deadline
  BOOST_TEST(reply.id.value == 2U);
  BOOST_TEST(must(wire::decode_watch_reply(reply.payload)).events.empty());
  peer.request({watch_of(4, "counter", key, args)});
  const auto moved = watched(peer);
  BOOST_REQUIRE(moved.events.size() == 1U);
  BOOST_TEST((moved.events[0].kind == WatchKind::moved && moved.events[0].node.value == "n1"));
  BOOST_TEST((moved.events[0].epoch == Epoch{3}));
}

BOOST_AUTO_TEST_CASE(questions_about_nodes_are_answered_by_the_next_view_or_at_their_deadline) {
  test::Cluster cluster({"n1", "n2"});
  RawPeer peer(cluster.nodes[0]->address());
  peer.greet();
  peer.request({watch_of(1, "", "", {})});
  const auto first = watched(peer);
  BOOST_TEST((lines_of(first.events) == Lines{"member @n1", "member @n2", "view"}));
  BOOST_TEST((first.position == WatchPosition{Incarnation{}, 2}));
  const auto args = wire::encode_watch_args(first.position);
  peer.request({watch_of(2, "", "", args, 100)});
  const auto nothing = watched(peer);
  BOOST_TEST((nothing.events.empty() && nothing.position == first.position));
  peer.request({watch_of(3, "", "", args)});
  peer.request({watch_of(4, "", "", wire::encode_watch_args({Incarnation{}, 1}))});  // behind: at once
  BOOST_TEST((lines_of(watched(peer).events) == Lines{"view"}));
  cluster.nodes[0]->set_view(next_view(*cluster.view, members_of(*cluster.view, {"n2"})));
  BOOST_TEST((lines_of(watched(peer).events) == Lines{"lost @n2", "view"}));
}

BOOST_AUTO_TEST_CASE(a_question_that_cannot_be_read_gets_a_typed_error) {
  test::Cluster cluster({"n1"});
  RawPeer peer(cluster.nodes[0]->address());
  peer.greet();
  for (const auto* type : {"counter", ""}) {
    peer.request({watch_of(1, type, "", "\x92\x01")});
    BOOST_TEST((peer.reply().code == ErrorCode::malformed_message));
  }
  peer.request({watch_of(1, "countr", "k", {})});
  BOOST_TEST((peer.reply().code == ErrorCode::unknown_type));
  peer.request({watch_of(1, "counter", std::string(1025, 'k'), {})});
  BOOST_TEST((peer.reply().code == ErrorCode::too_large));
}

BOOST_AUTO_TEST_CASE(a_watcher_that_is_gone_is_forgotten_with_its_question) {
  test::Cluster cluster({"n1"});
  Node& node = *cluster.nodes[0];
  {
    RawPeer peer(node.address());
    peer.greet();
    peer.request({watch_of(1, "counter", "k", {})});
    const auto args = wire::encode_watch_args(watched(peer).position);
    peer.request({watch_of(2, "counter", "k", args, 300)});
    // Another question behind it, so that it has surely been read.
    peer.request({request_for(3, Op::status)});
    peer.reply();
    BOOST_TEST(node.server_stats().sessions == 1U);
  }
  const auto give_up = std::chrono::steady_clock::now() + 20s;
  while (node.server_stats().sessions != 0) BOOST_REQUIRE(std::chrono::steady_clock::now() < give_up);
}

BOOST_AUTO_TEST_CASE(a_node_that_closes_answers_watchers_to_the_end) {
  test::Cluster cluster({"n1"});
  auto& node = cluster.nodes[0];
  RawPeer peer(node->address());
  peer.greet();
  must(node->lookup_or_start<Counter>("k").get());
  peer.request({watch_of(1, "counter", "k", {})});
  auto position = watched(peer).position;
  peer.request({watch_of(2, "counter", "k", wire::encode_watch_args(position)), request_for(9, Op::status)});
  BOOST_TEST((peer.reply().id.value == 9U));  // the question has been read
  auto stopped = std::async(std::launch::async, [&] { return node->stop(); });
  BOOST_TEST((lines_of(watched(peer).events) == Lines{"stopped(closing) k", "ended(closing)"}));
  BOOST_TEST(stopped.get());
}

BOOST_AUTO_TEST_SUITE_END()
