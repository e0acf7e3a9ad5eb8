#pragma once

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <latch>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "actors.hpp"

namespace ancestors {

using namespace reki;
using namespace std::chrono_literals;

/// Waits for a condition with a deadline: true as soon as it holds.
template <class Condition>
bool eventually(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + 20s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

/// The registry under test and what becomes of it. One in this process, or a cluster of reki-node processes.
class Home {
 public:
  virtual ~Home() = default;
  virtual Registry& registry() = 0;
  /// Closes it, all actors with it: a registry in this process, or all nodes of the cluster. It may still be asked.
  virtual void end() = 0;
  /// Makes another one in its place, after `end`.
  virtual void begin() = 0;
  /// The registry of that key is lost and comes back: another in this process, or its node after kill -9.
  virtual void lose(std::string_view type, std::string_view key) = 0;
};

/// What each case of the suite runs in. Keys are its own: no other case and no earlier run has had them.
///
/// In this process, unless REKI_ANCESTORS_CLUSTER names a cluster: see run.py.
class Place {
 public:
  Place();
  ~Place();
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

 protected:
  [[nodiscard]] Registry& registry() { return home_->registry(); }
  [[nodiscard]] Home& home() { return *home_; }
  [[nodiscard]] std::string key(std::string_view name) const { return prefix_ + std::string{name}; }
  /// "0", "1"... up to `count`.
  [[nodiscard]] std::vector<std::string> keys(int count) const;
  /// All keys of this case begin with it.
  [[nodiscard]] const std::string& prefix() const { return prefix_; }

  template <class A = Worker>
  ActorRef<A> found_or_started(const std::string& key, const ArgsOf<A>& args = {}) {
    return registry().lookup_or_start<A>(key, args).get().value();
  }
  template <class A = Worker>
  std::uint64_t count() {
    return registry().count<A>(prefix_).get().value();
  }
  /// The code of an answer; `ok` if it is none of an error.
  template <class T>
  static ErrorCode code(const Result<T>& answer) {
    return answer ? ErrorCode::ok : answer.error().code;
  }
  /// No answer by the deadline: the node has said so, or has said nothing by then.
  template <class T>
  static bool gave_up(const Result<T>& answer) {
    return code(answer) == ErrorCode::deadline_exceeded || code(answer) == ErrorCode::unreachable;
  }
  template <class A = Worker>
  ErrorCode lookup(const std::string& key) {
    return code(registry().lookup<A>(key).get());
  }
  /// What was asked of a door by a start that waits at it.
  bool somebody_knocks(const std::string& door) {
    return eventually([&] { return registry().call<Door>(door, Knocks{}).get().value_or(0) > 0; });
  }

 private:
  std::string prefix_;
  std::unique_ptr<Home> home_;
};

/// For what answers with nothing: that it goes well.
inline void done(Operation<void> operation) { BOOST_TEST(operation.get().has_value()); }

/// The sum of a worker.
template <class A>
std::int64_t sum(const ActorRef<A>& ref) {
  return ref.call(Read{}).get().value();
}

/// Whether that one start is still there, and not: whether the key has an actor.
template <class A>
bool is_alive(const ActorRef<A>& ref) {
  const auto answer = ref.pinned().call(Read{}).get();
  BOOST_REQUIRE((answer || answer.error().code == ErrorCode::gone));
  return answer.has_value();
}

/// The same start of the same key.
template <class A>
bool same(const ActorRef<A>& a, const ActorRef<A>& b) {
  return a.key() == b.key() && a.fence() == b.fence();
}

/// Runs `count` operations from four threads at once, `make(i)` each, and waits for their answers.
template <class Make>
auto all_at_once(int count, Make make) {
  using Answer = decltype(make(0).get());
  constexpr int threads = 4;
  std::vector<Answer> answers(static_cast<std::size_t>(count));
  std::latch ready(threads);
  const auto missing = std::make_shared<std::latch>(count);  // shared: count_down() may return after wait() has
  {
    std::vector<std::jthread> callers;
    for (int t = 0; t < threads; ++t) {
      callers.emplace_back([&, t] {
        ready.arrive_and_wait();
        for (int i = t; i < count; i += threads) {
          make(i).then([&answers, missing, i](Answer answer) {
            answers[static_cast<std::size_t>(i)] = std::move(answer);
            missing->count_down();
          });
        }
      });
    }
    missing->wait();
  }
  return answers;
}

/// A folder for the marks of actors (WorkerArgs), gone with it.
class Marks {
 public:
  Marks();
  ~Marks();
  Marks(const Marks&) = delete;
  Marks& operator=(const Marks&) = delete;
  [[nodiscard]] const std::string& folder() const { return folder_; }
  /// How many objects live that were given this folder.
  [[nodiscard]] std::size_t count() const;

 private:
  std::string folder_;
};

}  // namespace ancestors
