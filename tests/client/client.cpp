#include "reki/client/client.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <condition_variable>
#include <future>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "../actor/example_actors.hpp"
#include "../actor/watched.hpp"
#include "fake_node.hpp"
#include "reki/core/base/hash.hpp"
#include "reki/net/clock.hpp"

using namespace reki;
using namespace std::chrono_literals;
using example::Counter;
using example::Increment;
using wire::Op;

namespace {

/// Counters, as a node would have them, without the actors. One thread per node, so only the maps' own lock.
class Counters {
 public:
  FakeNode::Handler for_node(const std::string& id) {
    return [this, id](const wire::Request& r) { return handle(id, r); };
  }

 private:
  std::optional<FakeNode::Reply> handle(const std::string& id, const wire::Request& r) {
    const std::lock_guard lock(mutex_);
    auto& here = values_[id];
    const std::string key{r.key};
    FakeNode::Reply out;
    switch (r.op) {
      case Op::lookup_or_start:
        out.started = here.try_emplace(key, 0).second;
        return out;
      case Op::lookup:
        if (!here.contains(key)) out.code = ErrorCode::not_running;
        return out;
      case Op::stop:
        here.erase(key);
        return out;
      case Op::call:
        if (r.message == "never") return std::nullopt;
        out.payload = pack(here[key] += unpack<Increment>(r.payload).value().by);
        return out;
      case Op::count:
        out.payload = wire::encode_count(here.size());
        return out;
      case Op::list:
        return list(here, r);
      case Op::status: {
        std::map<std::string, std::string> status{{"node", id}, {"version", "1"}};
        out.payload = pack(status);
        return out;
      }
      case Op::describe:
        out.payload = encode_descriptions({describe<Counter>()});
        return out;
      default:
        out.code = ErrorCode::unsupported;
        return out;
    }
  }

  /// The cursor is the last key of the page before.
  static FakeNode::Reply list(const std::map<std::string, std::int64_t>& here, const wire::Request& r) {
    const auto args = wire::decode_list_args(r.args).value();
    wire::ListPageWriter page;
    auto at = args.cursor.empty() ? here.begin() : here.upper_bound(std::string{args.cursor});
    std::string last;
    for (; at != here.end() && page.count() < args.limit; ++at) {
      last = at->first;
      (void)page.add(at->first);
    }
    FakeNode::Reply out;
    out.payload = page.take(at == here.end() ? BytesView{} : BytesView{last});
    return out;
  }

  std::mutex mutex_;
  std::map<std::string, std::map<std::string, std::int64_t>> values_;
};

struct Fixture {
  Counters counters;
  FakeCluster cluster{3, [this](const std::string& id) { return counters.for_node(id); }};
  std::unique_ptr<Client> client = connect();

  std::unique_ptr<Client> connect() const {
    ClientOptions options;
    options.cluster = "test";
    options.addresses = cluster.addresses();
    options.connect_timeout = 20s;
    auto connected = Client::connect(options);
    if (!connected) throw std::runtime_error(connected.error().message());
    return std::move(*connected);
  }
  std::string key_on(const std::string& node) const {
    for (int i = 0;; ++i) {
      if (client->owner("counter", "k" + std::to_string(i))->value == node) return "k" + std::to_string(i);
    }
  }
};

/// Counts answers from any thread, and waits for a number of them.
class Tally {
 public:
  void add(ErrorCode code) {
    const std::lock_guard lock(mutex_);
    ++codes_[code];
    ++count_;
    changed_.notify_all();  // under the lock: the waiter destroys both once it has seen the count
  }
  bool wait_for(int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 40s, [&] { return count_ >= count; });
  }
  int count() {
    const std::lock_guard lock(mutex_);
    return count_;
  }
  int of(ErrorCode code) {
    const std::lock_guard lock(mutex_);
    return codes_[code];
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<ErrorCode, int> codes_;
  int count_ = 0;
};

template <class T>
ErrorCode code_of(const Result<T>& result) {
  return result ? ErrorCode::ok : result.error().code;
}

Submission call_without_reply(const std::string& key, Duration timeout) {
  Submission s;
  s.op = Op::call;
  s.type = "counter";
  s.key = key;
  s.args = Bytes{};
  s.message = EnvelopePtr{new EncodedEnvelope("never", {})};
  s.timeout = timeout;
  return s;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(client, Fixture)

BOOST_AUTO_TEST_CASE(keys_are_started_found_called_counted_listed_and_stopped_on_three_nodes) {
  std::set<std::string> keys;
  for (int i = 0; i < 50; ++i) {
    const auto key = "user_" + std::to_string(i);
    const auto ref = client->lookup_or_start<Counter>(key).get();
    BOOST_REQUIRE(ref);
    BOOST_TEST(ref->started());
    BOOST_TEST(ref->node().value == client->owner("counter", key)->value);
    BOOST_TEST(ref->call(Increment{2}).get().value() == 2);
    BOOST_TEST(ref->call(Increment{3}).get().value() == 5);
    keys.insert(key);
  }
  BOOST_TEST(!client->lookup_or_start<Counter>("user_1").get()->started());
  BOOST_TEST((code_of(client->lookup<Counter>("nobody").get()) == ErrorCode::not_running));
  BOOST_TEST(client->count<Counter>().get().value() == 50U);
  for (const std::size_t limit : {1, 7, 1000}) {
    std::set<std::string> listed;
    Bytes cursor;
    do {
      const auto page = client->list<Counter>({}, cursor, limit).get();
      BOOST_REQUIRE(page);
      BOOST_TEST(!page->keys.empty());
      for (const auto& key : page->keys) BOOST_TEST(listed.insert(key).second);
      cursor = page->cursor;
    } while (!cursor.empty());
    BOOST_TEST((listed == keys));
  }
  BOOST_TEST(client->stop<Counter>("user_1").get().has_value());
  BOOST_TEST(client->count<Counter>().get().value() == 49U);
  BOOST_TEST(std::get<std::string>(client->status("n2").get().value().at("node")) == "n2");
  BOOST_TEST(client->describe().get().value().at(0).type == "counter");
}

BOOST_AUTO_TEST_CASE(in_a_child_of_fork_a_client_answers_with_an_error_and_ends_at_once) {
  const pid_t child = fork();
  BOOST_REQUIRE(child >= 0);
  if (child == 0) {
    alarm(20);
    const auto answer = client->lookup_or_start<Counter>("k", {}, {.timeout = 5s}).get();
    const bool refused = code_of(answer) == ErrorCode::unavailable && !client->owner("counter", "k");
    client.reset();
    _exit(refused ? 0 : 1);
  }
  int status = 0;
  BOOST_REQUIRE(waitpid(child, &status, 0) == child);
  BOOST_TEST((WIFEXITED(status) && WEXITSTATUS(status) == 0));
  BOOST_TEST(client->lookup_or_start<Counter>("k").get().has_value());
}

BOOST_AUTO_TEST_CASE(a_callback_that_throws_leaves_the_client_open) {
  const auto before = failed_callbacks();
  client->lookup_or_start<Counter>("k").then([](const auto&) { throw 7; });
  BOOST_TEST(client->lookup_or_start<Counter>("k").get().has_value());
  Tally told;
  client->lookup_or_start<Counter>("k").then([&](const auto& r) { told.add(code_of(r)); });
  BOOST_REQUIRE(told.wait_for(1));  // behind the other on the one thread
  BOOST_TEST(told.of(ErrorCode::ok) == 1);
  BOOST_TEST(failed_callbacks() - before == 1U);
}

BOOST_AUTO_TEST_CASE(a_callback_that_would_wait_for_an_answer_is_told_so_at_once) {
  std::promise<std::vector<ErrorCode>> codes;
  client->lookup_or_start<Counter>("k").then([&](auto ref) {
    const std::vector<std::string> keys{"a", "b"};
    const auto many = client->lookup_or_start_many<Counter>(keys).get();
    codes.set_value({code_of(ref->call(Increment{1}).get()), code_of(many.at(0)), code_of(many.at(1)), code_of(client->count<Counter>().get())});
  });
  BOOST_TEST((codes.get_future().get() == std::vector(4, ErrorCode::would_block)));
}

BOOST_AUTO_TEST_CASE(an_empty_cluster_lists_nothing_in_one_page) {
  const auto page = client->list<Counter>().get();
  BOOST_REQUIRE(page);
  BOOST_TEST(page->keys.empty());
  BOOST_TEST(page->cursor.empty());
}

BOOST_AUTO_TEST_CASE(calls_from_many_threads_all_get_their_own_answers) {
  std::atomic<int> wrong = 0;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 1; i <= 200; ++i) {
        const auto sum = client->call<Counter>("thread_" + std::to_string(t), Increment{1}, {}, {.timeout = 30s}).get();
        if (!sum || *sum != i) ++wrong;
      }
    });
  }
  threads.clear();
  BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_CASE(callbacks_run_on_one_thread_that_is_no_callers_while_callers_block_for_answers) {
  Fixture f;
  std::atomic<bool> over = false;
  std::set<std::thread::id> callers;
  std::mutex mutex;
  std::vector<std::thread> threads;
  std::atomic<int> failures = 0;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      {
        const std::lock_guard lock(mutex);
        callers.insert(std::this_thread::get_id());
      }
      while (!over) {
        if (!f.client->lookup_or_start<Counter>("k").get()) ++failures;
      }
    });
  }
  Tally answers;
  std::set<std::thread::id> answering;
  for (int n = 1; n <= 300; ++n) {
    f.client->lookup_or_start<Counter>("k").then([&](const auto& ref) {
      answering.insert(std::this_thread::get_id());
      answers.add(code_of(ref));
    });
    if (n % 3 == 0) BOOST_REQUIRE(answers.wait_for(n));  // between, the callers have the client to themselves
  }
  over = true;
  for (auto& thread : threads) thread.join();
  BOOST_TEST(failures == 0);
  BOOST_TEST(answers.of(ErrorCode::ok) == 300);
  BOOST_TEST(answering.size() == 1U);
  for (const auto& id : callers) BOOST_TEST(!answering.contains(id));
}

BOOST_AUTO_TEST_CASE(many_keys_in_one_call_are_one_frame_per_owner) {
  std::vector<std::string> keys;
  for (int i = 0; i < 300; ++i) keys.push_back("k" + std::to_string(i));
  for (const auto& ref : client->lookup_or_start_many<Counter>(keys).get()) BOOST_TEST(ref.has_value());  // connects
  std::map<std::string, int> before;
  for (auto& node : cluster.nodes) before[node->id()] = node->frames;
  const auto refs = client->lookup_many<Counter>(keys).get();
  BOOST_TEST(refs.size() == 300U);
  for (std::size_t i = 0; i < refs.size(); ++i) {
    BOOST_REQUIRE(refs[i]);
    BOOST_TEST(refs[i]->key() == keys[i]);
  }
  for (auto& node : cluster.nodes) BOOST_TEST(node->frames - before[node->id()] == 1);
}

BOOST_AUTO_TEST_CASE(what_is_waiting_shares_frames) {
  const auto key = key_on("n1");
  BOOST_REQUIRE(client->lookup_or_start<Counter>(key).get());
  FakeNode& node = cluster.node("n1");
  Tally tally;
  const int frames_before = node.frames;
  // The callback runs on the I/O thread: all that it asks for waits until the thread is back.
  client->lookup<Counter>(key).then([&](auto) {
    for (int i = 0; i < 500; ++i) {
      client->lookup<Counter>(key, {.timeout = 30s}).then([&](auto r) { tally.add(code_of(r)); });
    }
  });
  BOOST_TEST(tally.wait_for(500));
  BOOST_TEST(tally.of(ErrorCode::ok) == 500);
  BOOST_TEST(node.frames - frames_before == 2);
  BOOST_TEST(node.largest_batch == 500);
}

BOOST_AUTO_TEST_CASE(a_redirect_is_followed_and_the_newer_view_is_fetched) {
  const auto key = key_on("n1");
  // n1 has left; the others know, the client does not.
  auto members = std::vector<Member>(cluster.view->members().begin(), cluster.view->members().end());
  members[0].state = MemberState::leaving;
  const auto ids = std::vector{NodeId{"n1"}, NodeId{"n2"}, NodeId{"n3"}};
  const auto table = next_table(cluster.view->table(), ids, slot_members(members));
  const auto newer = std::make_shared<const View>(View::make({"test", Epoch{2}, Term{}, NodeId{}, 42}, members, table).value());
  FakeNode redirecting("n1", [newer](const wire::Request& r) {
    FakeNode::Reply out;
    const auto slot = slot_of(hash_key(r.key, hash_type(r.type, 42)));
    out.code = ErrorCode::wrong_node;
    out.owner = newer->owner(slot)->node_id.value;
    return out;
  });
  members[0].addr = redirecting.address();
  auto stale = std::vector<Member>(members);
  stale[0].state = MemberState::up;
  const auto older = std::make_shared<const View>(View::make({"test", Epoch{1}, Term{}, NodeId{}, 42}, stale, cluster.view->table()).value());
  redirecting.set_view(older);
  ClientOptions options;
  options.cluster = "test";
  options.addresses = {redirecting.address()};
  options.connect_timeout = 20s;
  const auto other = Client::connect(options);
  BOOST_REQUIRE(other);
  BOOST_TEST((*other)->view()->epoch().value == 1U);
  for (const char* id : {"n2", "n3"}) {
    cluster.node(id).set_view(std::make_shared<const View>(View::make({"test", Epoch{2}, Term{}, NodeId{}, 42}, members, table).value()));
  }
  redirecting.set_view(newer);
  const auto ref = (*other)->lookup_or_start<Counter>(key, {}, {.timeout = 20s}).get();
  BOOST_REQUIRE(ref);
  BOOST_TEST(ref->node().value == newer->owner(slot_of(hash_key(key, hash_type("counter", 42))))->node_id.value);
  const Instant patience = boot_time() + 20s;
  while ((*other)->view()->epoch().value < 2 && boot_time() < patience) (void)(*other)->lookup<Counter>(key).get();
  BOOST_TEST((*other)->view()->epoch().value == 2U);
}

BOOST_AUTO_TEST_CASE(a_dead_node_gives_typed_errors_within_the_deadline_and_the_others_serve_on) {
  const auto key = key_on("n1");
  BOOST_REQUIRE(client->lookup_or_start<Counter>(key).get());
  cluster.node("n1").stop();
  const Instant start = boot_time();
  const auto lookup = client->lookup<Counter>(key, {.timeout = 300ms}).get();
  BOOST_TEST((code_of(lookup) == ErrorCode::unreachable));
  const auto call = client->call<Counter>(key, Increment{}, {}, {.timeout = 300ms}).get();
  BOOST_TEST((code_of(call) == ErrorCode::unreachable || code_of(call) == ErrorCode::unknown_outcome));
  const auto count = client->count<Counter>({}, {.timeout = 300ms}).get();
  BOOST_TEST((code_of(count) == ErrorCode::unreachable));
  BOOST_TEST(count.error().text.find("n1") != std::string::npos);
  BOOST_TEST((boot_time() - start >= 590ms));
  BOOST_TEST(client->lookup_or_start<Counter>(key_on("n2"), {}, {.timeout = 20s}).get().has_value());
}

BOOST_AUTO_TEST_CASE(a_call_that_was_under_way_when_its_node_died_is_of_unknown_outcome_at_once) {
  Tally tally;
  FakeNode& node = cluster.node("n1");
  BOOST_REQUIRE(client->lookup_or_start<Counter>(key_on("n1")).get());
  const int before = node.requests;
  const Instant start = boot_time();
  client->submit(call_without_reply(key_on("n1"), 30s), Completion::of([&](Answer&& a) { tally.add(a.code); }));
  while (node.requests == before) std::this_thread::yield();
  node.stop();
  BOOST_TEST(tally.wait_for(1));
  BOOST_TEST(tally.of(ErrorCode::unknown_outcome) == 1);
  BOOST_TEST((boot_time() - start < 20s));
}

BOOST_AUTO_TEST_CASE(after_a_restart_of_the_node_calls_work_again) {
  const auto key = key_on("n2");
  FakeNode& node = cluster.node("n2");
  for (int i = 0; i < 3; ++i) {
    BOOST_REQUIRE(client->lookup_or_start<Counter>(key, {}, {.timeout = 20s}).get());
    node.stop();
    node.start();
    const auto sum = client->call<Counter>(key, Increment{1}, {}, {.timeout = 20s}).get();
    // The one thing that may be said of a call that met the end of the old process.
    BOOST_TEST((sum || sum.error().code == ErrorCode::unknown_outcome));
    BOOST_TEST(client->call<Counter>(key, Increment{1}, {}, {.timeout = 20s}).get().has_value());
  }
  BOOST_TEST(node.hellos >= 4);
}

BOOST_AUTO_TEST_CASE(a_frozen_node_is_unreachable_or_of_unknown_outcome_and_works_again_when_it_thaws) {
  const auto key = key_on("n3");
  FakeNode& node = cluster.node("n3");
  BOOST_REQUIRE(client->lookup_or_start<Counter>(key).get());
  node.freeze(true);
  BOOST_TEST((code_of(client->lookup<Counter>(key, {.timeout = 400ms}).get()) == ErrorCode::unreachable));
  BOOST_TEST((code_of(client->call<Counter>(key, Increment{}, {}, {.timeout = 400ms}).get()) == ErrorCode::unknown_outcome));
  node.freeze(false);
  BOOST_TEST(client->lookup<Counter>(key, {.timeout = 20s}).get().has_value());
}

BOOST_AUTO_TEST_CASE(a_node_that_is_there_but_does_not_answer_has_exceeded_the_deadline) {
  FakeCluster silent(1, [](const std::string&) { return [](const wire::Request&) { return std::optional<FakeNode::Reply>{}; }; });
  ClientOptions options;
  options.cluster = "test";
  options.addresses = silent.addresses();
  options.connect_timeout = 20s;
  const auto other = Client::connect(options).value();
  BOOST_TEST((code_of(other->lookup<Counter>("k", {.timeout = 600ms}).get()) == ErrorCode::deadline_exceeded));
}

BOOST_AUTO_TEST_CASE(garbage_from_a_node_is_survived) {
  const Bytes reply_head{wire::ReplyWriter{}.finish(Epoch{1}, Incarnation{1001})};
  std::vector<Bytes> garbage{{}, "x", Bytes(5000, '\xff'), "\xdd\xff\xff\xff\xff", "\x94\x05\x01\x01\xdd\xff\xff\xff\xff", "\x91\x05",
                             wire::encode_hello({}), wire::encode_pong({7, Epoch{1}}), reply_head.substr(0, reply_head.size() - 1)};
  wire::Reply stray;
  stray.id = RequestId{12345};
  wire::ReplyWriter writer;
  (void)writer.add(stray);
  garbage.emplace_back(writer.finish(Epoch{1}, Incarnation{1001}));
  for (auto& node : cluster.nodes) node->also_send(garbage);
  const auto other = connect();
  for (int i = 0; i < 100; ++i) {
    BOOST_TEST(other->call<Counter>("k" + std::to_string(i), Increment{1}, {}, {.timeout = 20s}).get().value_or(0) == 1);
  }
}

BOOST_AUTO_TEST_CASE(every_call_is_answered_when_the_client_is_destroyed_during_traffic) {
  for (int round = 0; round < 5; ++round) {
    Tally tally;
    auto other = connect();
    constexpr int count = 2000;
    for (int i = 0; i < count; ++i) {
      const auto key = "k" + std::to_string(i);
      if (i % 3 == 0) {
        other->submit(call_without_reply(key, 30s), Completion::of([&](Answer&& a) { tally.add(a.code); }));
      } else if (i % 3 == 1) {
        other->lookup_or_start<Counter>(key).then([&](auto r) { tally.add(code_of(r)); });
      } else {
        other->count<Counter>().then([&](auto r) { tally.add(code_of(r)); });
      }
    }
    other.reset();
    BOOST_TEST(tally.count() == count);
    const int known = tally.of(ErrorCode::ok) + tally.of(ErrorCode::shutting_down) + tally.of(ErrorCode::unknown_outcome);
    BOOST_TEST(known == count);
  }
}

BOOST_AUTO_TEST_CASE(a_callback_that_asks_again_while_the_client_ends_is_answered) {
  Tally tally;
  auto other = connect();
  Client* const raw = other.get();
  other->submit(call_without_reply("k", 30s), Completion::of([&, raw](Answer&& a) {
                  tally.add(a.code);
                  raw->lookup<Counter>("k").then([&](auto r) { tally.add(code_of(r)); });
                  raw->count<Counter>().then([&](auto r) { tally.add(code_of(r)); });
                }));
  other.reset();
  BOOST_TEST(tally.count() == 3);
  BOOST_TEST(tally.of(ErrorCode::shutting_down) >= 2);
}

BOOST_AUTO_TEST_CASE(what_breaks_a_bound_is_refused_before_it_is_sent) {
  BOOST_TEST((code_of(client->lookup<Counter>("").get()) == ErrorCode::invalid_argument));
  BOOST_TEST((code_of(client->lookup<Counter>(std::string(1025, 'k')).get()) == ErrorCode::too_large));
  BOOST_TEST(client->lookup_or_start<Counter>(std::string(1024, 'k')).get().has_value());
  BOOST_TEST((code_of(client->lookup<Counter>("k", {.timeout = 0s}).get()) == ErrorCode::invalid_argument));
  BOOST_TEST((code_of(client->lookup<Counter>("k", {.timeout = 2h}).get()) == ErrorCode::invalid_argument));
  BOOST_TEST((code_of(client->list<Counter>({}, {}, 0).get()) == ErrorCode::invalid_argument));
  BOOST_TEST((code_of(client->list<Counter>({}, "rubbish").get()) == ErrorCode::invalid_argument));
  BOOST_TEST((code_of(client->status("n9").get()) == ErrorCode::unreachable));
  BOOST_TEST(!client->owner("counter", ""));
}

BOOST_AUTO_TEST_CASE(connecting_fails_with_what_became_of_each_address) {
  ClientOptions options;
  options.cluster = "test";
  options.connect_timeout = 300ms;
  options.addresses = {"tcp://127.0.0.1:1", "tcp://127.0.0.1:2"};
  auto failed = Client::connect(options);
  BOOST_TEST((code_of(failed) == ErrorCode::unreachable));
  BOOST_TEST(failed.error().text.find("tcp://127.0.0.1:1:") != std::string::npos);
  BOOST_TEST(failed.error().text.find("tcp://127.0.0.1:2:") != std::string::npos);
  options.addresses = {"nonsense"};
  BOOST_TEST((code_of(Client::connect(options)) == ErrorCode::invalid_argument));
  options.addresses = {};
  BOOST_TEST((code_of(Client::connect(options)) == ErrorCode::invalid_argument));
  options.cluster = "production";
  options.connect_timeout = 20s;
  options.addresses = cluster.addresses();
  failed = Client::connect(options);
  BOOST_TEST((code_of(failed) == ErrorCode::wrong_cluster));
}

BOOST_AUTO_TEST_CASE(a_node_of_another_cluster_is_not_talked_to_even_if_it_says_welcome) {
  FakeNode staging("n1", counters.for_node("n1"), "staging");
  staging.welcomes_anybody = true;
  ClientOptions options;
  options.cluster = "test";
  options.connect_timeout = 20s;
  options.addresses = {staging.address()};
  BOOST_TEST((code_of(Client::connect(options)) == ErrorCode::wrong_cluster));
  BOOST_TEST(staging.requests == 0);
}

BOOST_AUTO_TEST_CASE(nodes_of_an_older_version_are_named_as_unwatched_and_asked_again) {
  test::WatchTale told;
  const auto watch = client->watch(WatchFilter::of_type("counter"), told.callback()).value();
  for (const auto& event : told.take_events(3)) {
    BOOST_TEST((event.kind == WatchKind::unwatched));
    BOOST_TEST(event.text.starts_with("unsupported"));
  }
  const int asked = cluster.node("n1").requests;
  const Instant patience = boot_time() + 20s;
  while (cluster.node("n1").requests < asked + 2) BOOST_REQUIRE(boot_time() < patience);
  BOOST_TEST(told.size() == 0U);
}

BOOST_AUTO_TEST_CASE(one_bad_address_does_not_stop_the_others) {
  ClientOptions options;
  options.cluster = "test";
  options.connect_timeout = 20s;
  options.addresses = {"tcp://127.0.0.1:1", "tcp://no.such.host.invalid:7000", cluster.addresses()[0], "tcp://127.0.0.1:2"};
  const auto other = Client::connect(options);
  BOOST_REQUIRE(other);
  BOOST_TEST((*other)->lookup_or_start<Counter>("k", {}, {.timeout = 20s}).get().has_value());
}

BOOST_AUTO_TEST_SUITE_END()
