#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "../actor/example_actors.hpp"
#include "reki/core/base/hash.hpp"
#include "reki/node/node.hpp"

/// Nodes in this process, on ports that the system gives out.
namespace test {

/// For messages of BOOST_REQUIRE_MESSAGE, which are made whether they are needed or not.
template <class R>
std::string why(const R& result) {
  return result ? std::string{} : result.error().message();
}

class CounterActor : public reki::Actor<example::Counter> {
 public:
  std::int64_t on(const example::Increment& m) { return value_ += m.by; }
  std::int64_t on(const example::Get&) { return value_; }
  void on(const example::Reset&) { throw std::runtime_error("cannot reset"); }

 private:
  std::int64_t value_ = 0;
};

/// What a handler waits for.
class Gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_; });
  }
  void await_waiting(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  int waiting_ = 0;
};

struct Pass {
  static constexpr std::string_view name = "pass";
  using Reply = std::int64_t;
};
/// Forks, and has the child ask about a counter. 0: it was refused at once, whatever it asked; else the child's status.
struct Fork {
  static constexpr std::string_view name = "fork";
  using Reply = std::int64_t;
  std::string counter;
  static constexpr auto fields = reki::fields("counter", &Fork::counter);
};
/// An actor whose handler lasts until the gate opens.
struct Gated {
  static constexpr std::string_view type = "gated";
  using Messages = reki::Messages<Pass, Fork>;
};
class GatedActor : public reki::Actor<Gated> {
 public:
  explicit GatedActor(std::shared_ptr<Gate> gate) : gate_(std::move(gate)) {}
  std::int64_t on(const Pass&) {
    gate_->pass();
    return 1;
  }
  std::int64_t on(const Fork& m, reki::Context& context) {
    const pid_t child = fork();
    if (child == 0) ask_in_child(context.registry(), m.counter);
    int status = 0;
    return waitpid(child, &status, 0) == child ? status : -1;
  }

 private:
  [[noreturn]] static void ask_in_child(reki::Registry& registry, const std::string& key) {
    using example::Counter;
    alarm(20);  // nobody answers there, and nothing ends by a deadline
    const auto refused = [](const auto& answer) { return !answer && answer.error().code == reki::ErrorCode::unavailable; };
    const std::vector<std::string> keys{key};
    const bool good = refused(registry.lookup<Counter>(key).get()) && refused(registry.call<Counter>(key, example::Get{}).get()) &&
                      refused(registry.lookup_or_start_many<Counter>(keys).get().at(0)) && refused(registry.count<Counter>().get()) &&
                      refused(registry.owner("counter", key)) &&
                      refused(registry.watch(reki::WatchFilter::of_key("counter", key), [](const reki::WatchEvent&) {}));
    _exit(good ? 0 : 1);
  }

  std::shared_ptr<Gate> gate_;
};

struct Blow {
  static constexpr std::string_view name = "blow";
  using Reply = std::string;
  std::uint64_t bytes = 0;
  static constexpr auto fields = reki::fields("bytes", &Blow::bytes);
};
struct Relay {
  static constexpr std::string_view name = "relay";
  std::string to;
  bool crash = false;  ///< After sending.
  static constexpr auto fields = reki::fields("to", &Relay::to, "crash", &Relay::crash);
};
/// Answers with as many bytes as asked for; sends increments to counters.
struct Horn {
  static constexpr std::string_view type = "horn";
  using Messages = reki::Messages<Blow, Relay>;
};
class HornActor : public reki::Actor<Horn> {
 public:
  std::string on(const Blow& m) { return std::string(m.bytes, 'x'); }
  void on(const Relay& m, reki::Context& context) {
    context.send<example::Counter>(m.to, example::Increment{5});
    if (m.crash) throw std::runtime_error("after sending");
  }
};

inline reki::Factories factories(std::shared_ptr<Gate> gate = std::make_shared<Gate>()) {
  reki::Factories out;
  out.add<CounterActor>().add<HornActor>();
  out.add<GatedActor>({.blocking = true}, [gate](const reki::NoArgs&) { return std::make_unique<GatedActor>(gate); });
  return out;
}

inline reki::Config config_of(const std::vector<std::string>& ids, const std::string& address = "tcp://127.0.0.1:0") {
  reki::Config out;
  out.cluster = "test";
  for (const auto& id : ids) {
    reki::NodeConfig node;
    node.id = reki::NodeId{id};
    node.listen = address;
    out.nodes.push_back(node);
  }
  return out;
}

inline std::unique_ptr<reki::Node> start(const reki::Config& config, const std::string& id,
                                         reki::NodeOptions options = {},
                                         std::shared_ptr<Gate> gate = std::make_shared<Gate>()) {
  // Of a config without a control plane.
  options.fixed_view = config.nodes.front().control.empty();
  // The tests' peers keep their connections.
  if (options.goodbye_time == reki::limits::goodbye_time_max) options.goodbye_time = reki::Duration{0};
  auto node = reki::Node::start(config, id, factories(std::move(gate)), std::move(options));
  BOOST_REQUIRE_MESSAGE(node.has_value(), test::why(node));
  return std::move(*node);
}

/// Some nodes that know each other's addresses, as view 2.
struct Cluster {
  explicit Cluster(const std::vector<std::string>& ids, std::shared_ptr<Gate> gate = std::make_shared<Gate>(),
                   const reki::NodeOptions& options = {}) {
    const auto config = config_of(ids);
    std::vector<reki::Member> members;
    for (const auto& id : ids) {
      nodes.push_back(start(config, id, options, gate));
      members.push_back({reki::NodeId{id}, {}, nodes.back()->address(), 1, "", reki::MemberState::up});
    }
    const auto first = nodes[0]->view();
    reki::ViewHead head = first->head();
    head.epoch = reki::Epoch{2};
    auto made = reki::View::make(head, members, first->table());
    BOOST_REQUIRE_MESSAGE(made.has_value(), test::why(made));
    view = std::make_shared<const reki::View>(std::move(*made));
    for (auto& node : nodes) node->set_view(view);
  }
  /// A key that node `owner` has.
  std::string key_of(std::string_view owner, std::string_view type = "counter") const {
    for (int i = 0;; ++i) {
      auto key = "k" + std::to_string(i);
      const auto slot = reki::slot_of(reki::hash_key(key, reki::hash_type(type, view->hash_seed())));
      if (view->owner(slot)->node_id.value == owner) return key;
    }
  }

  std::vector<std::unique_ptr<reki::Node>> nodes;
  std::shared_ptr<const reki::View> view;
};

}  // namespace test
