// Calls each of some keys again and again, and says how long none of them was answered:
//
//     chaos_prober cluster=NAME addresses=tcp://H:P,... keys=a,b,c [interval_us=1000] [timeout_ms=10000]
//
// Calls are made at fixed times, whether or not the earlier ones are answered, so that a silence cannot hide in calls that
// were not made. Commands come from standard input, a line each; its end is the prober's:
//
//     mark     a window begins; answers {"at":NS}
//     report   what has happened in it: {"at":NS,"keys":[...]}, and the window goes on
//
// Says {"ready":true} once every key has answered. Of a key the report has the owner's node and fence at the mark and
// now, when the first answer of a newer start came (0: none), and the longest time between two answers.
#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <iostream>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

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
using reki::Instant;
using Json = nlohmann::ordered_json;

struct Owner {
  std::uint64_t fence = 0;
  std::string node;
};
Json json_of(const Owner& owner) { return {{"fence", owner.fence}, {"node", owner.node}}; }

/// What came of one key. Thread-safe.
class Probe {
 public:
  explicit Probe(std::string key) : key_(std::move(key)) {}
  [[nodiscard]] const std::string& key() const { return key_; }

  void answered(const reki::Result<Seen>& seen, Instant now) {
    const std::lock_guard lock(mutex_);
    if (!seen) {
      ++failed_[std::string{reki::name_of(seen.error().code)}];
      return;
    }
    ++answers_;
    if (now - last_answer_ > silence_) {
      silence_ = now - last_answer_;
      silence_from_ = last_answer_;
    }
    last_answer_ = now;
    // Answers of the earlier owner may come behind those of the new one.
    if (seen->fence > now_.fence) now_ = {seen->fence, seen->node};
    if (seen->fence > marked_.fence && first_new_ == Instant{}) first_new_ = now;
  }

  void mark(Instant now) {
    const std::lock_guard lock(mutex_);
    marked_ = now_;
    first_new_ = {};
    silence_ = Duration{0};
    last_answer_ = silence_from_ = now;
    answers_ = 0;
    failed_.clear();
  }

  Json report(Instant now) {
    const std::lock_guard lock(mutex_);
    // The silence that lasts counts too, and goes on.
    const bool lasts = now - last_answer_ > silence_;
    return {{"key", key_},
            {"before", json_of(marked_)},
            {"after", json_of(now_)},
            {"first_new_at", first_new_.ns},
            {"silent_ms", static_cast<double>((lasts ? now - last_answer_ : silence_).count()) / 1e6},
            {"silent_from", (lasts ? last_answer_ : silence_from_).ns},
            {"answers", answers_},
            {"failed", failed_}};
  }

  bool has_answered() {
    const std::lock_guard lock(mutex_);
    return now_.fence != 0;
  }

 private:
  const std::string key_;
  std::mutex mutex_;
  Owner now_;
  Owner marked_;
  Instant first_new_;
  Instant last_answer_ = boot_time();
  Instant silence_from_;
  Duration silence_{0};
  std::uint64_t answers_ = 0;
  std::map<std::string, std::uint64_t> failed_;
};

void call_on_schedule(const std::stop_token& stop, Client& client, std::deque<Probe>& probes, const Words& words) {
  const Duration interval = std::chrono::microseconds(words.number("interval_us", 1000));
  const reki::CallOptions options{.timeout = std::chrono::milliseconds(words.number("timeout_ms", 10000))};
  for (Instant due = boot_time(); !stop.stop_requested(); due = due + interval) {
    std::this_thread::sleep_for(due - boot_time());
    for (Probe& probe : probes) {
      client.call<Witnessed>(probe.key(), Add{1}, {}, options).then([&probe](const reki::Result<Seen>& seen) {
        probe.answered(seen, boot_time());
      });
    }
  }
}

void obey(std::deque<Probe>& probes) {
  for (std::string line; std::getline(std::cin, line);) {
    const Instant now = boot_time();
    Json out{{"at", now.ns}};
    if (line == "mark") {
      for (Probe& probe : probes) probe.mark(now);
    } else if (line == "report") {
      out["keys"] = Json::array();
      for (Probe& probe : probes) out["keys"].push_back(probe.report(now));
    } else {
      out = {{"error", "mark or report, not '" + line + "'"}};
    }
    std::cout << out.dump() << std::endl;
  }
}

int run(const Words& words) {
  std::deque<Probe> probes;
  for (const auto& key : words.list("keys")) probes.emplace_back(key);
  auto client = Client::connect({.cluster = words.text("cluster"), .addresses = words.list("addresses"),
                                 .name = "chaos_prober", .connect_timeout = 30s});
  if (!client) return std::fprintf(stderr, "chaos_prober: %s\n", client.error().message().c_str()), 3;
  // The client goes before the probes, which its callbacks use, and after the thread that uses it.
  std::jthread calls([&](const std::stop_token& stop) { call_on_schedule(stop, **client, probes, words); });
  while (!std::ranges::all_of(probes, &Probe::has_answered)) std::this_thread::sleep_for(5ms);
  std::cout << Json{{"ready", true}}.dump() << std::endl;
  obey(probes);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(Words(argv + 1, argv + argc, {"cluster", "addresses", "keys", "interval_us", "timeout_ms"}));
  } catch (const std::exception& e) {
    return std::fprintf(stderr, "chaos_prober: %s\n", e.what()), 2;
  }
}
