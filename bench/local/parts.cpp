// Parts that we have of our own, each beside the one that a library has for the same purpose and doing the same work.
#include <absl/container/flat_hash_map.h>
#include <absl/container/inlined_vector.h>

#include <deque>
#include <future>
#include <map>
#include <memory>
#include <msgpack.hpp>
#include <mutex>
#include <shared_mutex>
#include <thread>

#include "groups.hpp"
#include "reki/actor/answer_promise.hpp"
#include "reki/actor/envelope.hpp"
#include "reki/bench/figures.hpp"
#include "reki/bench/keys.hpp"
#include "reki/core/activation/activation_index.hpp"
#include "reki/core/base/hash.hpp"
#include "reki/core/base/random.hpp"
#include "reki/core/base/small_string.hpp"
#include "reki/core/base/timer_wheel.hpp"
#include "reki/core/wire/msgpack_reader.hpp"
#include "reki/core/wire/msgpack_writer.hpp"
#include "reki/node/actors/mailbox.hpp"
#include "reki/node/support/rcu/read_section.hpp"

namespace reki::bench {
namespace {

/// How long a step takes. A step is given its number.
template <class Step>
double ns_each(double seconds, Step step) {
  constexpr std::size_t at_once = 10000;
  for (std::size_t i = 0; i < at_once; ++i) step(i);
  const Stopwatch watch;
  std::size_t done = 0;
  do {
    for (std::size_t i = 0; i < at_once; ++i) step(done + i);
    done += at_once;
  } while (watch.seconds() < seconds);
  return watch.seconds() * 1e9 / static_cast<double>(done);
}

// --- a key that comes with a request, moves on and is compared

using InlinedVector = absl::InlinedVector<char, SmallString::inline_bytes_max>;
InlinedVector text_of(std::string_view text, const InlinedVector&) { return {text.begin(), text.end()}; }
template <class Text>
Text text_of(std::string_view text, const Text&) {
  return Text{text};
}

template <class Text>
double ns_per_key(double seconds, const std::vector<std::string>& keys) {
  return ns_each(seconds, [&](std::size_t i) {
    const std::string& key = keys[i % keys.size()];
    Text came = text_of(key, Text{});
    const Text moved = std::move(came);
    keep(same_bytes({moved.data(), moved.size()}, key));
  });
}

void small_strings(double seconds) {
  const auto keys = random_keys(1000);
  print({"local.parts.key.small_string", ns_per_key<SmallString>(seconds, keys), "ns"});
  print({"local.parts.key.std_string", ns_per_key<std::string>(seconds, keys), "ns"});
  print({"local.parts.key.inlined_vector", ns_per_key<InlinedVector>(seconds, keys), "ns"});
}

// --- an answer for one who blocks, and looks four times before it has come

void promises(double seconds) {
  constexpr int looks = 4;
  const double ours = ns_each(seconds, [](std::size_t) {
    const auto promise = std::make_shared<AnswerPromise>();
    Completion done = AnswerPromise::completion(promise);
    for (int i = 0; i < looks; ++i) keep(promise->has_arrived());
    done(Answer{});
    keep(promise->take().ok());
  });
  const double standard = ns_each(seconds, [](std::size_t) {
    std::promise<Answer> promise;
    auto future = promise.get_future();
    Completion done = Completion::of([promise = std::move(promise)](Answer&& answer) mutable { promise.set_value(std::move(answer)); });
    for (int i = 0; i < looks; ++i) keep(future.wait_for(std::chrono::seconds(0)));
    done(Answer{});
    keep(future.get().ok());
  });
  print({"local.parts.answer.promise", ours, "ns"});
  print({"local.parts.answer.std_promise", standard, "ns"});
}

// --- messages from one thread to another

class OurMailbox {
 public:
  void push(Waiter* message) { keep(mailbox_.push(message)); }
  Waiter* pop() { return mailbox_.pop(taken_); }

 private:
  Mailbox mailbox_;
  Mailbox::Taken taken_;
};
/// A deque behind a lock, which the consumer takes whole.
class LockedDeque {
 public:
  void push(Waiter* message) {
    const std::lock_guard lock(mutex_);
    pushed_.push_back(message);
  }
  Waiter* pop() {
    if (taken_.empty()) {
      const std::lock_guard lock(mutex_);
      taken_.swap(pushed_);
    }
    if (taken_.empty()) return nullptr;
    Waiter* const out = taken_.front();
    taken_.pop_front();
    return out;
  }

 private:
  std::mutex mutex_;
  std::deque<Waiter*> pushed_;
  std::deque<Waiter*> taken_;
};

template <class Queue>
double messages_a_second(double seconds) {
  std::vector<Waiter> messages(1 << 16);
  double busy = 0;
  std::size_t done = 0;
  while (busy < seconds) {
    Queue queue;
    const Stopwatch watch;
    std::thread producer([&] {
      for (Waiter& message : messages) queue.push(&message);
    });
    for (std::size_t taken = 0; taken < messages.size();) {
      if (queue.pop() != nullptr) ++taken;
      else std::this_thread::yield();
    }
    producer.join();
    busy += watch.seconds();
    done += messages.size();
  }
  return static_cast<double>(done) / busy;
}

void mailboxes(double seconds) {
  print({"local.parts.messages.mailbox", messages_a_second<OurMailbox>(seconds), "1/s"});
  print({"local.parts.messages.locked_deque", messages_a_second<LockedDeque>(seconds), "1/s"});
}

// --- 100 000 deadlines within five seconds, of which one ends early and another comes

constexpr std::size_t deadlines = 100000;

Instant deadline_after(Instant now, SplitMix& random) { return now + Duration{static_cast<std::int64_t>(random.below(5'000'000'000))}; }

double ns_per_wheel_deadline(double seconds) {
  SplitMix random(1);
  const auto wheel = std::make_unique<TimerWheel>();
  std::vector<TimerHook> hooks(deadlines);
  for (TimerHook& hook : hooks) wheel->add(hook, deadline_after({}, random));
  const double out = ns_each(seconds, [&](std::size_t) {
    TimerHook& hook = hooks[random.below(deadlines)];
    wheel->remove(hook);
    wheel->add(hook, deadline_after({}, random));
  });
  for (TimerHook& hook : hooks) wheel->remove(hook);
  return out;
}

double ns_per_map_deadline(double seconds) {
  SplitMix random(1);
  std::multimap<Instant, std::size_t> map;
  std::vector<decltype(map)::iterator> places(deadlines);
  for (std::size_t i = 0; i < deadlines; ++i) places[i] = map.emplace(deadline_after({}, random), i);
  return ns_each(seconds, [&](std::size_t) {
    const auto i = random.below(deadlines);
    map.erase(places[i]);
    places[i] = map.emplace(deadline_after({}, random), i);
  });
}

void timers(double seconds) {
  print({"local.parts.deadline.timer_wheel", ns_per_wheel_deadline(seconds), "ns"});
  print({"local.parts.deadline.multimap", ns_per_map_deadline(seconds), "ns"});
}

// --- a request as msgpack, read

Bytes a_request() {
  Bytes out;
  MsgpackWriter writer(out);
  writer.write_array(9);
  for (const std::uint64_t number : {70000U, 5U, 4000U, 0U}) writer.write_uint(number);
  writer.write_str("counter");
  writer.write_str("user_1234567");
  writer.write_nil();
  writer.write_str("increment");
  writer.write_bin("\x91\x02");
  return out;
}

bool read_by_cursor(const Bytes& bytes) {
  MsgpackReader in{bytes};
  std::uint32_t count = 0;
  std::uint64_t number = 0;
  BytesView text;
  bool good = in.read_array(count);
  for (int i = 0; i < 4; ++i) good = in.read_uint(number) && good;
  for (int i = 0; i < 2; ++i) good = in.read_bytes(text) && good;
  good = in.read_nil() && good;
  for (int i = 0; i < 2; ++i) good = in.read_bytes(text) && good;
  return good && in.at_end();
}

void readers_of_msgpack(double seconds) {
  const Bytes bytes = a_request();
  print({"local.parts.msgpack.reader", ns_each(seconds, [&](std::size_t) { keep(read_by_cursor(bytes)); }), "ns"});
  const double visited = ns_each(seconds, [&](std::size_t) {
    msgpack::null_visitor visitor;
    std::size_t used = 0;
    keep(msgpack::parse(bytes.data(), bytes.size(), used, visitor));
  });
  msgpack::zone zone;
  const auto views = [](msgpack::type::object_type, std::size_t, void*) { return true; };
  const double unpacked = ns_each(seconds, [&](std::size_t) {
    std::size_t used = 0;
    bool referenced = false;
    keep(msgpack::unpack(zone, bytes.data(), bytes.size(), used, referenced, views).via.array.size);
    zone.clear();
  });
  print({"local.parts.msgpack.cxx_visitor", visited, "ns"});
  print({"local.parts.msgpack.cxx_unpack", unpacked, "ns"});
}

// --- a look-up among 10 000 keys, while others may write

void indices(double seconds) {
  const auto keys = random_keys(10000);
  const TypeIndex type{1};
  ActivationIndex index;
  RetiredActivations retired;
  std::vector<Activation*> entries;
  absl::flat_hash_map<std::string_view, Activation*> map;
  for (const auto& key : keys) {
    Activation* const a = make_activation(hash_key(key, 1), type, key);
    entries.push_back(a);
    index.insert(*a, retired);
    map.emplace(a->key(), a);
  }
  Walk walk(keys.size());
  const double ours = ns_each(seconds, [&](std::size_t) {
    const std::string& key = keys[walk.next()];
    const RcuReadSection section;
    keep(index.find(hash_key(key, 1), type, key)->hash);
  });
  std::shared_mutex mutex;
  const double locked = ns_each(seconds, [&](std::size_t) {
    const std::string& key = keys[walk.next()];
    const std::shared_lock lock(mutex);
    keep(map.find(key)->second->hash);
  });
  for (Activation* const a : entries) index.erase(*a, retired);
  print({"local.parts.find.activation_index", ours, "ns"});
  print({"local.parts.find.flat_map_shared_mutex", locked, "ns"});
}

}  // namespace

void parts(const Options& options) {
  const double seconds = options.number("seconds", 0.5) / 8;
  small_strings(seconds);
  promises(seconds);
  mailboxes(seconds);
  timers(seconds);
  readers_of_msgpack(seconds);
  indices(seconds);
}

}  // namespace reki::bench
