#pragma once

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "reki/actor/task.hpp"
#include "reki/node/registry/hosted_registry.hpp"

/// Actors that tests steer and watch from outside.
namespace test {

using namespace reki;
using namespace std::chrono_literals;

/// Waits for a condition with a deadline: true as soon as it holds.
template <class Condition>
bool eventually(Condition condition, std::chrono::milliseconds deadline = 20s) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

/// A door that actors wait at until a test opens it.
class Door {
 public:
  void open() {
    {
      const std::lock_guard lock(mutex_);
      open_ = true;
    }
    changed_.notify_all();
  }
  void pass() {
    ++waiting;
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return open_; });
    --waiting;
  }
  std::atomic<int> waiting = 0;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

/// What has happened to actors, over all threads: who lives, in which order things came.
class Witness {
 public:
  void born(const std::string& key) {
    const std::lock_guard lock(mutex_);
    ++live_[key];
    most_ = std::max(most_, live_[key]);
    ++births_[key];
  }
  void dead(const std::string& key) {
    const std::lock_guard lock(mutex_);
    --live_[key];
  }
  void note(std::string event) {
    const std::lock_guard lock(mutex_);
    notes_.push_back(std::move(event));
  }
  int live(const std::string& key) {
    const std::lock_guard lock(mutex_);
    return live_[key];
  }
  int births(const std::string& key) {
    const std::lock_guard lock(mutex_);
    return births_[key];
  }
  /// The most actors of one key that were ever alive at once.
  int most() {
    const std::lock_guard lock(mutex_);
    return most_;
  }
  std::vector<std::string> notes() {
    const std::lock_guard lock(mutex_);
    return notes_;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, int> live_;
  std::map<std::string, int> births_;
  int most_ = 0;
  std::vector<std::string> notes_;
};

struct Add {
  static constexpr std::string_view name = "add";
  using Reply = std::int64_t;
  std::int64_t by = 1;
  static constexpr auto fields = reki::fields("by", &Add::by);
};
struct Crash {
  static constexpr std::string_view name = "crash";
  std::string text = "boom";
  static constexpr auto fields = reki::fields("text", &Crash::text);
};
struct Refuse {
  static constexpr std::string_view name = "refuse";
  using Reply = std::int64_t;
};
struct Leave {
  static constexpr std::string_view name = "leave";
};
struct Wait {
  static constexpr std::string_view name = "wait";
};
struct Note {
  static constexpr std::string_view name = "note";
  std::string text;
  static constexpr auto fields = reki::fields("text", &Note::text);
};
/// Sends Add to another key and then crashes or not.
struct Forward {
  static constexpr std::string_view name = "forward";
  std::string to;
  bool crash = false;
  static constexpr auto fields = reki::fields("to", &Forward::to, "crash", &Forward::crash);
};
/// Sends itself a Note after some time.
struct Remind {
  static constexpr std::string_view name = "remind";
  std::int64_t after_ms = 1;
  std::string text;
  static constexpr auto fields = reki::fields("after_ms", &Remind::after_ms, "text", &Remind::text);
};
struct PuppetArgs {
  std::int64_t initial = 0;
  static constexpr auto fields = reki::fields("initial", &PuppetArgs::initial);
};
struct Puppet {
  static constexpr std::string_view type = "puppet";
  using Messages = reki::Messages<Add, Crash, Refuse, Leave, Wait, Note, Forward, Remind>;
  using Args = PuppetArgs;
};

/// What a test shares with its puppets.
struct Stage {
  Witness witness;
  Door door;
  std::function<void(const std::string& key)> at_start = [](const std::string&) {};
};

class PuppetActor final : public Actor<Puppet> {
 public:
  PuppetActor(Stage& stage, const PuppetArgs& args) : stage_(stage), value_(args.initial) {}
  ~PuppetActor() override {
    if (born_) stage_.witness.dead(key_);
  }
  Result<void> on_start(Context& context) override {
    key_ = context.key();
    stage_.at_start(key_);
    stage_.witness.born(key_);
    born_ = true;
    return {};
  }
  void on_stop(Context&, StopReason reason) override {
    stage_.witness.note("stop " + key_ + " " + std::string{name_of(reason)});
  }
  std::int64_t on(const Add& m) { return value_ += m.by; }
  void on(const Crash& m) { throw std::runtime_error(m.text); }
  Result<std::int64_t> on(const Refuse&) { return fail(ErrorCode::refused, "not today"); }
  void on(const Leave&, Context& context) { context.stop_self(); }
  void on(const Wait&) { stage_.door.pass(); }
  void on(const Note& m) { stage_.witness.note(m.text); }
  void on(const Forward& m, Context& context) {
    context.send<Puppet>(m.to, Add{100});
    if (m.crash) throw std::runtime_error("after sending");
  }
  void on(const Remind& m, Context& context) {
    send_later(context, std::chrono::milliseconds(m.after_ms), Note{m.text});
  }

 private:
  Stage& stage_;
  std::int64_t value_;
  std::string key_;
  bool born_ = false;
};

inline Factories puppets(Stage& stage, TypeOptions options = {}) {
  Factories out;
  out.add<PuppetActor>(std::move(options),
                       [&stage](const PuppetArgs& args) { return std::make_unique<PuppetActor>(stage, args); });
  return out;
}

/// The answer to one request from the wire, wherever it comes.
inline Answer serve(HostedRegistry& registry, const wire::Request& request, Incarnation from) {
  struct Peer final : ReplySink {
    Completion expect(const wire::Request&) override {
      return Completion::of([this](Answer&& a) {
        answer = std::move(a);
        done = true;
      });
    }
    void reply(const wire::Request&, const wire::Reply& reply) override {
      answer = Answer{wire::outcome_of(reply, nullptr)};
      done = true;
    }
    Answer answer;
    std::atomic<bool> done = false;
  };
  Peer peer;
  registry.serve(std::span(&request, 1), from, peer);
  BOOST_TEST(eventually([&] { return peer.done.load(); }));
  return std::move(peer.answer);
}

}  // namespace test
