// A client process of the cluster tests: probe COMMAND CLUSTER ADDRESS [NAME=VALUE...]
// Does what the command says and prints one JSON document.
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "actors.hpp"
#include "reki/client/client.hpp"
#include "reki/net/clock.hpp"

namespace {

using namespace cluster_test;
using namespace std::chrono_literals;
using Json = nlohmann::json;
using reki::boot_time;
using reki::Client;
using reki::Duration;
using reki::ErrorCode;
using reki::Instant;

class Options {
 public:
  Options(char** begin, char** end) {
    for (char** word = begin; word != end; ++word) {
      const std::string text = *word;
      values_[text.substr(0, text.find('='))] = text.substr(text.find('=') + 1);
    }
  }
  std::string text(const std::string& name, const std::string& otherwise = {}) const {
    const auto found = values_.find(name);
    return found == values_.end() ? otherwise : found->second;
  }
  std::int64_t number(const std::string& name, std::int64_t otherwise) const {
    const auto found = values_.find(name);
    return found == values_.end() ? otherwise : std::stoll(found->second);
  }

 private:
  std::map<std::string, std::string> values_;
};

void sleep_until(Instant at) {
  const Duration left = at - boot_time();
  if (left > Duration{0}) std::this_thread::sleep_for(left);
}

std::string name(ErrorCode code) { return std::string{reki::name_of(code)}; }

/// What became of many calls: errors by name, and latencies in the order they came.
class Tally {
 public:
  void add(ErrorCode code, Duration took) {
    const std::lock_guard lock(mutex_);
    ++codes_[name(code)];
    if (code == ErrorCode::ok) took_.push_back(took);
    missing_.notify_one();
  }
  /// Until so many are there; each has a deadline of its own.
  void wait_for(std::uint64_t count) {
    std::unique_lock lock(mutex_);
    missing_.wait(lock, [&] { return total() >= count; });
  }
  Json json() {
    const std::lock_guard lock(mutex_);
    std::sort(took_.begin(), took_.end());
    const auto ms = [&](double quantile) {
      if (took_.empty()) return 0.0;
      const auto at = static_cast<std::size_t>(quantile * static_cast<double>(took_.size()));
      return static_cast<double>(took_[std::min(at, took_.size() - 1)].count()) / 1e6;
    };
    return {{"calls", total()}, {"codes", codes_},    {"p50_ms", ms(0.5)},
            {"p99_ms", ms(0.99)}, {"p999_ms", ms(0.999)}, {"max_ms", ms(1)}};
  }

 private:
  std::uint64_t total() const {
    std::uint64_t out = 0;
    for (const auto& [code, count] : codes_) out += count;
    return out;
  }

  std::mutex mutex_;
  std::condition_variable missing_;
  std::map<std::string, std::uint64_t> codes_;
  std::vector<Duration> took_;
};

/// `count` lookup_or_starts of one key at once, from threads and callbacks.
Json burst(Client& client, const Options& options) {
  const auto count = static_cast<std::size_t>(options.number("count", 250));
  const std::size_t blocking = std::min<std::size_t>(count, 20);
  const std::string key = options.text("key");
  const SlowArgs args{options.number("ms", 0)};
  const reki::CallOptions call{.timeout = std::chrono::milliseconds(options.number("timeout_ms", 30000))};
  std::mutex mutex;
  std::condition_variable changed;
  std::set<std::uint64_t> fences;
  std::set<std::uint32_t> starts;
  std::set<std::string> nodes;
  std::map<std::string, std::size_t> codes;
  std::size_t answers = 0;
  std::size_t started = 0;
  const auto take = [&](reki::Result<reki::ActorRef<Slow>> ref) {
    const std::lock_guard lock(mutex);
    ++codes[name(ref ? ErrorCode::ok : ref.error().code)];
    if (ref) {
      fences.insert(ref->fence().value);
      starts.insert(ref->start_number().value);
      nodes.insert(ref->node().value);
      started += ref->started() ? 1 : 0;
    }
    ++answers;
    changed.notify_one();
  };
  sleep_until(Instant{options.number("at", 0)});
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < blocking; ++i) {
    threads.emplace_back([&] { take(client.lookup_or_start<Slow>(key, args, call).get()); });
  }
  for (std::size_t i = blocking; i < count; ++i) client.lookup_or_start<Slow>(key, args, call).then(take);
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return answers == count; });
  return {{"answers", answers}, {"codes", codes}, {"fences", fences},
          {"starts", starts},   {"nodes", nodes}, {"started", started}};
}

/// Starts many keys, counts them, lists them page by page, stops them.
Json keys(Client& client, const Options& options) {
  const auto count = static_cast<std::size_t>(options.number("count", 1000));
  const auto batch = static_cast<std::size_t>(options.number("batch", 2000));
  const reki::CallOptions call{.timeout = 30s};
  std::vector<std::string> all;
  for (std::size_t i = 0; i < count; ++i) all.push_back(options.text("prefix", "key_") + std::to_string(i));

  std::map<std::string, std::size_t> per_node;
  std::map<std::string, std::size_t> codes;
  std::size_t not_at_owner = 0;
  const auto in_batches = [&](auto run) {
    for (std::size_t i = 0; i < count; i += batch) {
      run(std::span<const std::string>(all).subspan(i, std::min(batch, count - i)));
    }
  };
  const Instant began = boot_time();
  in_batches([&](std::span<const std::string> some) {
    for (const auto& ref : client.lookup_or_start_many<Neighbour>(some, {}, call).get()) {
      ++codes[name(ref ? ErrorCode::ok : ref.error().code)];
      if (!ref) continue;
      ++per_node[ref->node().value];
      not_at_owner += client.owner(Neighbour::type, ref->key())->value == ref->node().value ? 0 : 1;
    }
  });
  const Instant started = boot_time();
  const auto counted = client.count<Neighbour>({}, call).get();
  std::vector<std::string> listed;
  const auto limit = static_cast<std::size_t>(options.number("page", 1000));
  std::string failed;
  std::size_t pages = 0;
  for (reki::Bytes cursor; failed.empty();) {
    auto page = client.list<Neighbour>({}, cursor, limit, call).get();
    if (!page) {
      failed = page.error().message();
      break;
    }
    ++pages;
    if (page->keys.size() > limit) failed = "a page of " + std::to_string(page->keys.size());
    listed.insert(listed.end(), page->keys.begin(), page->keys.end());
    cursor = page->cursor;
    if (cursor.empty()) break;
  }
  const Instant done = boot_time();
  const std::size_t with_repeats = listed.size();
  std::sort(listed.begin(), listed.end());
  listed.erase(std::unique(listed.begin(), listed.end()), listed.end());
  std::sort(all.begin(), all.end());
  const auto ones = client.count<Neighbour>(options.text("prefix", "key_") + "1", call).get();
  std::size_t stopped = 0;
  in_batches([&](std::span<const std::string> some) {
    for (const auto& fence : client.stop_many<Neighbour>(some, call).get()) stopped += fence ? 1 : 0;
  });
  return {{"codes", codes},
          {"keys_per_node", per_node},
          {"not_at_owner", not_at_owner},
          {"count", counted ? Json(*counted) : Json(counted.error().message())},
          {"count_of_ones", ones ? Json(*ones) : Json(ones.error().message())},
          {"pages", pages},
          {"listed", with_repeats},
          {"listed_exactly", listed == all && with_repeats == all.size()},
          {"failed", failed},
          {"stopped", stopped},
          {"left", client.count<Neighbour>({}, call).get().value_or(~std::uint64_t{0})},
          {"start_s", static_cast<double>((started - began).count()) / 1e9},
          {"list_s", static_cast<double>((done - started).count()) / 1e9}};
}

/// Keys of neighbours that a node owns.
std::vector<std::string> keys_of(Client& client, const std::string& node, std::size_t count) {
  std::vector<std::string> out;
  for (std::size_t i = 0; out.size() < count; ++i) {
    std::string key = "neighbour_" + std::to_string(i);
    if (node.empty() || client.owner(Neighbour::type, key)->value == node) out.push_back(std::move(key));
  }
  return out;
}

/// Neighbours that are kept busy, and what came of it.
struct Load {
  std::vector<std::string> keys;
  Tally tally;
};

/// Calls at fixed times, whether or not the earlier ones are answered, each measured from when it was due: a stall of
/// the node cannot hide in calls that were not made. Until `end`, or until `over` is true.
void call_on_schedule(Client& client, std::initializer_list<Load*> loads, Duration interval, Instant end, const std::atomic<bool>* over = nullptr) {
  std::uint64_t made = 0;
  for (Instant due = boot_time(); due < end && (over == nullptr || !*over); due = due + interval, ++made) {
    sleep_until(due);
    for (Load* load : loads) {
      client.call<Neighbour>(load->keys[made % load->keys.size()], Ping{}).then([load, due](const auto& pings) {
        load->tally.add(pings ? ErrorCode::ok : pings.error().code, boot_time() - due);
      });
    }
  }
  for (Load* load : loads) load->tally.wait_for(made);
}

std::string warm_up(Client& client, const std::vector<std::string>& keys) {
  for (const auto& ref : client.lookup_or_start_many<Neighbour>(keys, {}, {.timeout = 30s}).get()) {
    if (!ref) return ref.error().message();
  }
  return {};
}

/// Latency of calls to neighbours on one node, and of as many to another for comparison: what the machine is worth
/// just now. Says "ready" on stderr once they run. With ms=0 until stdin ends.
Json latency(Client& client, const Options& options) {
  const auto count = static_cast<std::size_t>(options.number("keys", 200));
  Load here{keys_of(client, options.text("node"), count), {}};
  Load there{keys_of(client, options.text("compare"), count), {}};
  for (Load* load : {&here, &there}) {
    if (auto failed = warm_up(client, load->keys); !failed.empty()) return {{"failed", failed}};
  }
  std::cerr << "ready" << std::endl;
  const auto ms = options.number("ms", 3000);
  const Instant end = ms == 0 ? Instant::never() : boot_time() + std::chrono::milliseconds(ms);
  std::atomic<bool> over{false};
  std::jthread reader;
  if (ms == 0) {
    reader = std::jthread([&over] {
      for (std::string line; std::getline(std::cin, line);) {
      }
      over = true;
    });
  }
  call_on_schedule(client, {&here, &there}, std::chrono::microseconds(options.number("interval_us", 1000)), end, &over);
  return {{"here", here.tally.json()}, {"there", there.tally.json()}};
}

/// Crashes one actor again and again, looks at it in between, and keeps its neighbours busy.
Json crash(Client& client, const Options& options) {
  const std::string key = options.text("key", "the_crasher");
  const auto node = client.owner(Crasher::type, key)->value;
  Load here{keys_of(client, node, static_cast<std::size_t>(options.number("neighbours", 1000))), {}};
  Load there{keys_of(client, node == "n1" ? "n2" : "n1", 100), {}};
  for (Load* load : {&here, &there}) {
    if (auto failed = warm_up(client, load->keys); !failed.empty()) return {{"failed", failed}};
  }
  if (auto started = client.lookup_or_start<Crasher>(key).get(); !started) return {{"failed", started.error().message()}};
  const Instant end = boot_time() + std::chrono::milliseconds(options.number("ms", 10000));

  Tally crashes;
  Tally looks;
  std::atomic<std::uint64_t> restarting{0};
  std::atomic<std::uint64_t> with_time{0};
  std::uint64_t crashed = 0;
  {
    std::jthread load([&] { call_on_schedule(client, {&here, &there}, 1ms, end); });
    std::jthread look([&] {
      for (Instant due = boot_time(); due < end; due = due + 2ms) {
        sleep_until(due);
        const auto pings = client.call<Crasher>(key, Ping{}, {}, {.wait_for_restart = false}).get();
        const ErrorCode code = pings ? ErrorCode::ok : pings.error().code;
        looks.add(code, boot_time() - due);
        if (code != ErrorCode::restarting) continue;
        ++restarting;
        if (pings.error().retry_after > Duration{0}) ++with_time;
      }
    });
    for (Instant due = boot_time(); due < end; due = due + 100ms) {
      sleep_until(due);
      const auto reply = client.call<Crasher>(key, Crash{}).get();
      crashes.add(reply ? ErrorCode::ok : reply.error().code, boot_time() - due);
      ++crashed;
    }
  }
  const auto last = client.call<Crasher>(key, Ping{}).get();
  return {{"node", node},
          {"here", here.tally.json()},
          {"there", there.tally.json()},
          {"crashed", crashed},
          {"crashes", crashes.json()},
          {"looks", looks.json()},
          {"restarting", restarting.load()},
          {"restarting_with_time", with_time.load()},
          {"last", name(last ? ErrorCode::ok : last.error().code)}};
}

/// One client that lives as long as its standard input: "call KEY TIMEOUT_MS" or "lookup KEY TIMEOUT_MS" a line, and a
/// JSON line for each.
Json session(Client& client, const Options&) {
  std::string verb;
  std::string key;
  std::int64_t timeout_ms = 0;
  while (std::cin >> verb >> key >> timeout_ms) {
    const reki::CallOptions call{.timeout = std::chrono::milliseconds(timeout_ms)};
    const Instant began = boot_time();
    ErrorCode code = ErrorCode::ok;
    std::string text;
    std::int64_t value = 0;
    const auto take = [&](const auto& result) {
      if (result) return;
      code = result.error().code;
      text = result.error().text;
    };
    if (verb == "call") {
      const auto pings = client.call<Neighbour>(key, Ping{}, {}, call).get();
      take(pings);
      value = pings.value_or(0);
    } else {
      const auto ref = client.lookup<Neighbour>(key, call).get();
      take(ref);
    }
    const auto took = static_cast<double>((boot_time() - began).count()) / 1e6;
    std::cout << Json{{"code", name(code)}, {"text", text}, {"value", value}, {"ms", took}}.dump() << std::endl;
  }
  return {{"end", true}};
}

/// The operation that comes with the next level, about a key.
Json next(Client& client, const Options& options) {
  reki::Submission asks;
  asks.op = reki::wire::Op::next;
  asks.type = Neighbour::type;
  asks.key = options.text("key");
  const auto answer = client.exchange(asks);
  return {{"code", name(answer.code)}, {"text", answer.text}};
}

constexpr struct {
  std::string_view name;
  Json (*run)(Client&, const Options&);
} commands[] = {{"burst", burst}, {"keys", keys}, {"latency", latency}, {"crash", crash}, {"session", session}, {"next", next}};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return std::fprintf(stderr, "usage: probe COMMAND CLUSTER ADDRESS [NAME=VALUE...]\n"), 2;
  const Options options(argv + 4, argv + argc);
  const auto client = Client::connect({.cluster = argv[2], .addresses = {argv[3]}, .name = "probe", .connect_timeout = 30s});
  if (!client) return std::fprintf(stderr, "%s\n", client.error().message().c_str()), 3;
  for (const auto& command : commands) {
    if (command.name != argv[1]) continue;
    std::cout << command.run(**client, options).dump() << std::endl;
    return 0;
  }
  return std::fprintf(stderr, "no command '%s'\n", argv[1]), 2;
}
