// What a real client makes of nodes that join, leave, restart and fail.
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <future>
#include <map>
#include <mutex>
#include <thread>

#include "../actor/example_actors.hpp"
#include "fake_node.hpp"
#include "reki/client/client.hpp"
#include "reki/core/base/hash.hpp"
#include "reki/net/clock.hpp"

using namespace reki;
using namespace std::chrono_literals;
using example::Counter;
using example::Increment;
using wire::Op;

namespace {

/// Nodes that serve what is theirs in the view that they have been given, in views that a coordinator would make.
class Nodes {
 public:
  explicit Nodes(const std::vector<std::string>& ids) {
    for (const auto& id : ids) add(id);
    give(view(ids), ids);
  }

  FakeNode& add(const std::string& id) {
    nodes_[id] = std::make_unique<FakeNode>(id, [this, id](const wire::Request& r) { return serve(id, r); });
    return *nodes_[id];
  }
  FakeNode& node(const std::string& id) { return *nodes_.at(id); }

  /// The next view: of these, with those that leave and own nothing.
  std::shared_ptr<const View> view(const std::vector<std::string>& ids, const std::string& leaving = {}) {
    std::vector<Member> members;
    for (const auto& id : ids) {
      const auto state = id == leaving ? MemberState::leaving : MemberState::up;
      members.push_back({NodeId{id}, node(id).incarnation(), node(id).address(), 1, {}, state});
    }
    const auto table = fixed_view("test", 42, members).value().table();
    return std::make_shared<const View>(View::make({"test", Epoch{++epoch_}, Term{1}, NodeId{ids[0]}, 42}, members, table).value());
  }
  void give(const std::shared_ptr<const View>& view, const std::vector<std::string>& to) {
    for (const auto& id : to) {
      const std::lock_guard lock(mutex_);
      views_[id] = view;
      node(id).set_view(view);
    }
  }
  /// What a node says to all but `view`; code ok: serves.
  void refuse(const std::string& id, ErrorCode code, const std::string& text = {}) {
    const std::lock_guard lock(mutex_);
    refusals_[id] = {code, {}, text, {}, {}, false};
  }
  std::uint32_t epoch() const { return epoch_; }
  std::unique_ptr<Client> connect(const std::vector<std::string>& ids) {
    ClientOptions options;
    options.cluster = "test";
    for (const auto& id : ids) options.addresses.push_back(node(id).address());
    options.connect_timeout = 20s;
    return Client::connect(options).value();
  }

 private:
  std::optional<FakeNode::Reply> serve(const std::string& id, const wire::Request& r) {
    const std::lock_guard lock(mutex_);
    FakeNode::Reply out;
    if (r.op == Op::count) {
      out.payload = wire::encode_count(10);
      return out;
    }
    if (r.op == Op::list) {
      wire::ListPageWriter page;
      static_cast<void>(page.add("of_" + id));
      out.payload = page.take({});
      return out;
    }
    if (refusals_[id].code != ErrorCode::ok) return refusals_[id];
    const Member* owner = views_[id]->owner(slot_of(hash_key(r.key, hash_type(r.type, 42))));
    if (owner == nullptr || owner->node_id.value != id) {
      out.code = owner == nullptr ? ErrorCode::unavailable : ErrorCode::wrong_node;
      if (owner != nullptr) out.owner = owner->node_id.value;
      return out;
    }
    out.fence = Fence::make(views_[id]->epoch(), StartNumber{1});
    if (r.op == Op::call) out.payload = pack(++calls_[std::string{r.key}]);
    return out;
  }

  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const View>> views_;      // guarded by mutex_
  std::map<std::string, FakeNode::Reply> refusals_;               // guarded by mutex_
  std::map<std::string, std::int64_t> calls_;                     // guarded by mutex_: where they were executed is all one
  std::uint32_t epoch_ = 0;
  std::map<std::string, std::unique_ptr<FakeNode>> nodes_;        // their threads end first
};

std::string key_on(const Client& client, const std::string& node) {
  for (int i = 0;; ++i) {
    auto key = "k" + std::to_string(i);
    if (client.owner("counter", key)->value == node) return key;
  }
}

/// Calls without end until told to stop; each must work, and exactly once.
class Caller {
 public:
  Caller(Client& client, std::string key) : thread_([this, &client, key = std::move(key)] { run(client, key); }) {}
  ~Caller() { stop(); }
  void stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  /// Waits for so many more.
  void see(int more) const {
    const int until = calls + more;
    const Instant patience = boot_time() + 40s;
    while (calls < until && boot_time() < patience) std::this_thread::sleep_for(1ms);
    BOOST_REQUIRE_MESSAGE(calls >= until, "calls go on");
  }
  std::atomic<int> calls = 0;
  std::vector<std::string> failures;  ///< After stop().

 private:
  void run(Client& client, const std::string& key) {
    for (std::int64_t n = 1; !stop_; ++n) {
      const auto value = client.call<Counter>(key, Increment{1}, {}, {.timeout = 30s}).get();
      if (!value) {
        failures.push_back(value.error().message());
        --n;
      } else if (*value != n) {
        failures.push_back("call " + std::to_string(n) + " was number " + std::to_string(*value));
        n = *value;
      }
      ++calls;
    }
  }
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(following_views)

BOOST_AUTO_TEST_CASE(a_rolling_restart_of_all_nodes_fails_no_call) {
  const std::vector<std::string> all{"n1", "n2", "n3"};
  Nodes nodes(all);
  const auto client = nodes.connect(all);
  std::vector<std::unique_ptr<Caller>> callers;
  for (const auto& id : all) callers.push_back(std::make_unique<Caller>(*client, key_on(*client, id)));
  for (const auto& caller : callers) caller->see(10);
  for (const auto& id : all) {
    std::vector<std::string> others;
    std::copy_if(all.begin(), all.end(), std::back_inserter(others), [&](const auto& other) { return other != id; });
    const auto draining = nodes.view(all, id);
    nodes.give(draining, {id});  // the others are behind for a while
    nodes.give(draining, others);
    for (const auto& caller : callers) caller->see(10);
    nodes.give(nodes.view(others), others);
    for (const auto& caller : callers) caller->see(10);
    nodes.node(id).stop();
    for (const auto& caller : callers) caller->see(10);
    nodes.node(id).start();
    const auto joined = nodes.view(all);
    nodes.give(joined, {others[0]});
    nodes.give(joined, all);
    for (const auto& caller : callers) caller->see(10);
  }
  for (const auto& caller : callers) {
    caller->stop();
    for (const auto& failure : caller->failures) BOOST_ERROR(failure);
  }
  BOOST_TEST(client->view()->epoch().value == nodes.epoch());
}

BOOST_AUTO_TEST_CASE(the_keys_of_a_killed_node_are_served_by_others_once_a_view_says_so) {
  Nodes nodes({"n1", "n2", "n3"});
  const auto client = nodes.connect({"n1"});
  const auto key = key_on(*client, "n1");
  BOOST_REQUIRE(client->lookup_or_start<Counter>(key, {}, {.timeout = 20s}).get());
  nodes.node("n1").stop();
  auto found = std::async(std::launch::async, [&] { return client->lookup_or_start<Counter>(key, {}, {.timeout = 20s}).get(); });
  // It asks nodes that it has not been connected to so far.
  const Instant patience = boot_time() + 20s;
  while (nodes.node("n2").hellos + nodes.node("n3").hellos == 0 && boot_time() < patience) std::this_thread::sleep_for(1ms);
  const auto second = nodes.view({"n2", "n3"});
  nodes.give(second, {"n3"});
  nodes.give(second, {"n2"});
  const auto ref = found.get();
  BOOST_REQUIRE(ref);
  BOOST_TEST(ref->node().value != "n1");
}

BOOST_AUTO_TEST_CASE(a_node_that_was_killed_and_came_back_is_found_by_the_view_that_names_its_new_life) {
  Nodes nodes({"n1", "n2"});
  const auto client = nodes.connect({"n1", "n2"});
  const auto key = key_on(*client, "n1");
  for (int i = 0; i < 3; ++i) {
    BOOST_REQUIRE(client->lookup_or_start<Counter>(key, {}, {.timeout = 20s}).get());
    // A node that goes by a newer view than the client's is believed: it has to have this one.
    const Instant patience = boot_time() + 20s;
    while (client->view()->epoch().value != nodes.epoch() && boot_time() < patience) std::this_thread::sleep_for(1ms);
    nodes.node("n1").stop();
    nodes.node("n1").start();
    const auto stale = client->lookup_or_start<Counter>(key, {}, {.timeout = 50ms}).get();
    BOOST_TEST(!stale.has_value());  // it answers, but the view names another incarnation
    nodes.give(nodes.view({"n1", "n2"}), {"n1", "n2"});
    BOOST_TEST(client->call<Counter>(key, Increment{1}, {}, {.timeout = 20s}).get().has_value());
  }
}

BOOST_AUTO_TEST_CASE(a_node_that_joins_later_is_found_through_the_view) {
  Nodes nodes({"n1"});
  const auto client = nodes.connect({"n1"});
  BOOST_REQUIRE(client->lookup_or_start<Counter>("a", {}, {.timeout = 20s}).get());
  nodes.add("n2");
  nodes.give(nodes.view({"n2"}), {"n1", "n2"});
  const auto ref = client->lookup_or_start<Counter>("a", {}, {.timeout = 20s}).get();
  BOOST_REQUIRE(ref);
  BOOST_TEST(ref->node().value == "n2");
}

BOOST_AUTO_TEST_CASE(what_is_refused_until_the_deadline_says_why_before_it) {
  Nodes nodes({"n1", "n2"});
  const auto client = nodes.connect({"n1", "n2"});
  for (const char* id : {"n1", "n2"}) nodes.refuse(id, ErrorCode::unavailable, "no quorum: 2 of 5 voters answer");
  const auto lookup = client->lookup<Counter>("a", {.timeout = 400ms}).get();
  const auto call = client->call<Counter>("a", Increment{1}, {}, {.timeout = 400ms}).get();
  for (const Error& error : {lookup.error(), call.error()}) {
    BOOST_TEST((error.code == ErrorCode::unavailable));
    BOOST_TEST(error.text.find("no quorum: 2 of 5") != std::string::npos);
  }
  auto waiting = std::async(std::launch::async, [&] { return client->call<Counter>("a", Increment{1}, {}, {.timeout = 20s}).get(); });
  const int asked = nodes.node("n1").requests + nodes.node("n2").requests;
  const Instant patience = boot_time() + 20s;
  while (nodes.node("n1").requests + nodes.node("n2").requests < asked + 20 && boot_time() < patience) std::this_thread::sleep_for(1ms);
  for (const char* id : {"n1", "n2"}) nodes.refuse(id, ErrorCode::ok);
  BOOST_TEST(waiting.get().value_or(0) == 1);
}

BOOST_AUTO_TEST_CASE(a_count_and_a_list_pass_over_a_node_that_leaves_while_it_is_asked) {
  Nodes nodes({"n1", "n2", "n3"});
  const auto client = nodes.connect({"n1", "n2", "n3"});
  BOOST_TEST(client->count<Counter>({}, {.timeout = 20s}).get().value_or(0) == 30U);
  const int asked = nodes.node("n1").requests;
  nodes.node("n2").freeze(true);
  auto count = std::async(std::launch::async, [&] { return client->count<Counter>({}, {.timeout = 20s}).get(); });
  auto list = std::async(std::launch::async, [&] {
    std::vector<std::string> keys;
    return client->for_each<Counter>([&](std::string_view key) { keys.emplace_back(key); }, {}, {.timeout = 20s})
        .map([&](auto) { return keys; });
  });
  const Instant patience = boot_time() + 20s;
  while (nodes.node("n1").requests < asked + 2 && boot_time() < patience) std::this_thread::sleep_for(1ms);
  nodes.give(nodes.view({"n1", "n3"}), {"n1", "n3"});
  BOOST_TEST(count.get().value_or(0) == 20U);
  BOOST_TEST((list.get().value() == std::vector<std::string>{"of_n1", "of_n3"}));
}

BOOST_AUTO_TEST_CASE(a_node_that_closes_refuses_and_its_keys_go_to_another) {
  Nodes nodes({"n1", "n2"});
  const auto client = nodes.connect({"n1"});
  const auto key = key_on(*client, "n1");
  nodes.refuse("n1", ErrorCode::shutting_down, "closing");
  auto waiting = std::async(std::launch::async, [&] { return client->call<Counter>(key, Increment{1}, {}, {.timeout = 20s}).get(); });
  nodes.give(nodes.view({"n1", "n2"}, "n1"), {"n2"});  // n1 never knows
  BOOST_TEST(waiting.get().value_or(0) == 1);
}

BOOST_AUTO_TEST_SUITE_END()
