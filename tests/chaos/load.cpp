// Callers that go on whatever happens to the nodes, and write down each call for a checker of histories:
//
//     chaos_load cluster=NAME addresses=tcp://H:P,... history=FILE [checked=FILE] [callers=16] [keys=50] [rate=500]
//                [seconds=0] [timeout_ms=2000] [clients=2] [seed=1]
//                [mix=call:8,lookup_or_start:4,lookup:2,stop:1,emit:2,hold:1,spin:1]
//
// `rate` is calls a second of all callers together, as far as they are answered in time; `seconds=0` means until
// SIGTERM. Each caller makes one call after the other. The history has a JSON object a call, `checked` the same for the
// checker of histories (history.hpp). Prints a JSON line a second with what was answered in it, and
// one with the totals at the end.
#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "history.hpp"
#include "reki/client/client.hpp"
#include "reki/net/clock.hpp"
#include "witness_actors.hpp"
#include "words.hpp"

namespace {

using namespace chaos;
using namespace std::chrono_literals;
using reki::boot_time;
using reki::Client;
using reki::Duration;
using reki::Error;
using reki::ErrorCode;
using reki::Instant;
using Json = nlohmann::ordered_json;

// Handlers that sleep or spin do so for up to this long: long enough that a fault finds some of them running.
constexpr std::int64_t hold_ms_max = 50;
/// Of a few that emit: so that on each node there is mostly one whose output is still to leave, whatever befalls it.
constexpr std::int64_t long_hold_ms_max = 300;
constexpr std::int64_t spin_ms_max = 5;

/// What was answered since somebody last asked.
class Tally {
 public:
  void add(const Error& outcome, Duration took) {
    const std::lock_guard lock(mutex_);
    if (outcome.code == ErrorCode::ok) {
      ++ok_;
    } else {
      const std::string name{reki::name_of(outcome.code)};
      ++failed_[name];
      why_.emplace(name, outcome.text);
    }
    longest_ = std::max(longest_, took);
  }
  Json take() {
    const std::lock_guard lock(mutex_);
    Json out{{"ok", std::exchange(ok_, 0)},
             {"failed", std::exchange(failed_, {})},
             {"why", std::exchange(why_, {})},
             {"max_ms", static_cast<double>(std::exchange(longest_, Duration{0}).count()) / 1e6}};
    return out;
  }

 private:
  std::mutex mutex_;
  std::uint64_t ok_ = 0;
  std::map<std::string, std::uint64_t> failed_;
  std::map<std::string, std::string> why_;  // the first text of each
  Duration longest_{0};
};

enum class Verb : std::size_t { call, lookup_or_start, lookup, stop, emit, hold, spin, verbs };
constexpr std::array<std::string_view, static_cast<std::size_t>(Verb::verbs)> verb_names{
    "call", "lookup_or_start", "lookup", "stop", "emit", "hold", "spin"};

/// "call:8,stop:1" as weights of the verbs.
std::discrete_distribution<std::size_t> read_mix(const Words& words) {
  std::array<double, verb_names.size()> weights{};
  for (const auto& part : words.list("mix")) {
    const auto colon = part.find(':');
    const auto* name = std::ranges::find(verb_names, part.substr(0, colon));
    if (name == verb_names.end() || colon == std::string::npos) throw std::invalid_argument("mix: " + part);
    weights[static_cast<std::size_t>(name - verb_names.begin())] = std::stod(part.substr(colon + 1));
  }
  if (words.text("mix").empty()) weights = {8, 4, 2, 1, 2, 1, 1};
  return {weights.begin(), weights.end()};
}

/// Sleeps that end early when all callers are to stop.
class Ending {
 public:
  /// False if the end came first.
  bool sleep_until(Instant at) {
    std::unique_lock lock(mutex_);
    return !changed_.wait_for(lock, std::max(Duration{0}, at - boot_time()), [&] { return ended_; });
  }
  void end() {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ended_ = false;
};

/// Both files of the history.
class Histories {
 public:
  explicit Histories(const Words& words)
      : json_(words.text("history")), checked_(words.text("checked", "/dev/null")) {
    checked_.add(std::string{check_file_begin});
  }
  void add(const HistoryEntry& entry) {
    json_.add(to_json(entry));
    checked_.add(to_check_line(entry));
  }
  void flush() {
    json_.flush();
    checked_.flush();
  }

 private:
  LineWriter json_;
  LineWriter checked_;
};

/// One caller, on a thread of its own.
class Caller {
 public:
  Caller(Client& client, Histories& history, Tally& tally, const Words& words, std::uint32_t number)
      : client_(client),
        history_(history),
        tally_(tally),
        number_(number),
        keys_(static_cast<std::size_t>(words.number("keys", 50))),
        options_{.timeout = std::chrono::milliseconds(words.number("timeout_ms", 2000))},
        interval_(Duration{1s} * words.number("callers", 16) / std::max<std::int64_t>(1, words.number("rate", 500))),
        dice_(static_cast<std::uint64_t>(words.number("seed", 1)) * 1000 + number),
        mix_(read_mix(words)) {}

  void run(Ending& ending) {
    // Spread over the first interval.
    Instant due = boot_time() + interval_ * (number_ % 16) / 16;
    while (ending.sleep_until(due)) {
      one_call();
      due = std::max(due + interval_, boot_time());
    }
  }

 private:
  void one_call() {
    const auto verb = static_cast<Verb>(mix_(dice_));
    HistoryEntry entry;
    entry.client = number_;
    entry.request = ++requests_;
    entry.key = random_key();
    entry.op = verb > Verb::stop ? "call" : verb_names[static_cast<std::size_t>(verb)];
    const Instant invoked = boot_time();
    entry.invoked = invoked.ns;
    Error outcome = carry_out(verb, entry);
    const Instant returned = boot_time();
    if (outcome.code == ErrorCode::not_running) outcome = Error{ErrorCode::ok};
    if (outcome.code == ErrorCode::ok) entry.returned = returned.ns;
    else set_failed(entry, outcome.code, returned.ns);
    history_.add(entry);
    tally_.add(outcome, returned - invoked);
  }

  Error carry_out(Verb verb, HistoryEntry& entry) {
    switch (verb) {
      case Verb::lookup_or_start:
        return refer(client_.lookup_or_start<Witnessed>(entry.key, {}, options_).get(), entry);
      case Verb::lookup: return refer(client_.lookup<Witnessed>(entry.key, options_).get(), entry);
      case Verb::stop: return stop(entry);
      case Verb::emit: return call(entry, Emit{random_key(), random_ms(dice_() % 8 == 0 ? long_hold_ms_max : hold_ms_max / 2)});
      case Verb::hold: return call(entry, Hold{random_ms(hold_ms_max)});
      case Verb::spin: return call(entry, Spin{random_ms(spin_ms_max)});
      default: return call(entry, Add{1});
    }
  }

  static Error refer(const reki::Result<reki::ActorRef<Witnessed>>& ref, HistoryEntry& entry) {
    if (!ref) {
      entry.outcome = "not_running";  // what it is if it is no failure
      return ref.error();
    }
    entry.outcome = ref->started() ? "started" : "found";
    entry.fence = ref->fence().value;
    return Error{ErrorCode::ok};
  }
  Error stop(HistoryEntry& entry) {
    const auto fence = client_.stop<Witnessed>(entry.key, options_).get();
    entry.outcome = fence ? "stopped" : "not_running";
    if (!fence) return fence.error();
    entry.fence = fence->value;
    return Error{ErrorCode::ok};
  }
  template <class Message>
  Error call(HistoryEntry& entry, Message message) {
    const auto seen = client_.call<Witnessed>(entry.key, std::move(message), {}, options_).get();
    if (!seen) return seen.error();
    entry.outcome = "found";
    entry.fence = seen->fence;
    entry.value = seen->total;
    return Error{ErrorCode::ok};
  }

  std::string random_key() { return "key-" + std::to_string(dice_() % keys_); }
  std::int64_t random_ms(std::int64_t most) { return std::uniform_int_distribution<std::int64_t>(0, most)(dice_); }

  Client& client_;
  Histories& history_;
  Tally& tally_;
  std::uint32_t number_;
  std::size_t keys_;
  reki::CallOptions options_;
  Duration interval_;
  std::mt19937_64 dice_;
  std::discrete_distribution<std::size_t> mix_;
  std::uint64_t requests_ = 0;
};

void add_to(Json& totals, const Json& second) {
  totals["ok"] = totals["ok"].get<std::uint64_t>() + second["ok"].get<std::uint64_t>();
  for (const auto& [name, count] : second["failed"].items()) {
    totals["failed"][name] = totals["failed"].value(name, std::uint64_t{0}) + count.get<std::uint64_t>();
  }
  for (const auto& [name, text] : second["why"].items()) totals["why"].emplace(name, Json(text));
  totals["max_ms"] = std::max(totals["max_ms"].get<double>(), second["max_ms"].get<double>());
}

/// Prints what each second brought, until SIGTERM, SIGINT or `end`; returns the totals.
Json report(Tally& tally, Histories& history, const sigset_t& signals, Instant end) {
  Json totals{{"ok", 0}, {"failed", Json::object()}, {"why", Json::object()}, {"max_ms", 0.0}};
  for (Instant due = boot_time() + 1s; boot_time() < end; due = due + 1s) {
    const auto left = std::max(Duration{0}, due - boot_time());
    const timespec wait{left.count() / 1'000'000'000, left.count() % 1'000'000'000};
    const bool ended = sigtimedwait(&signals, nullptr, &wait) > 0;
    const Json second = tally.take();
    add_to(totals, second);
    Json line{{"at", boot_time().ns}};
    line.update(second);
    std::cout << line.dump() << std::endl;
    history.flush();
    if (ended) break;
  }
  return totals;
}

int run(const Words& words, const sigset_t& signals) {
  Histories history(words);
  std::vector<std::unique_ptr<Client>> clients;
  for (std::int64_t i = 0; i < words.number("clients", 2); ++i) {
    auto client = Client::connect({.cluster = words.text("cluster"), .addresses = words.list("addresses"),
                                   .name = "chaos_load", .connect_timeout = 30s});
    if (!client) return std::fprintf(stderr, "chaos_load: %s\n", client.error().message().c_str()), 3;
    clients.push_back(std::move(*client));
  }
  Tally tally;
  Ending ending;
  std::vector<std::unique_ptr<Caller>> callers;
  std::vector<std::jthread> threads;
  for (std::uint32_t i = 0; i < words.number("callers", 16); ++i) {
    callers.push_back(std::make_unique<Caller>(*clients[i % clients.size()], history, tally, words, i));
    threads.emplace_back([&ending, caller = callers.back().get()] { caller->run(ending); });
  }
  const auto seconds = words.number("seconds", 0);
  Json totals = report(tally, history, signals, seconds == 0 ? Instant::never() : boot_time() + seconds * 1s);
  ending.end();
  threads.clear();  // each ends its last call, by its deadline
  add_to(totals, tally.take());
  history.flush();
  std::cout << Json{{"totals", totals}}.dump() << std::endl;
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // in all threads: report() waits for them
  try {
    return run(Words(argv + 1, argv + argc, {"cluster", "addresses", "history", "checked", "callers", "keys", "rate",
                                             "seconds", "timeout_ms", "clients", "seed", "mix"}),
               signals);
  } catch (const std::exception& e) {
    return std::fprintf(stderr, "chaos_load: %s\n", e.what()), 2;
  }
}
