#include <algorithm>
#include <cstdio>
#include <functional>
#include <iostream>
#include <map>
#include <random>

#include "reki/client/cli/interruption.hpp"
#include "reki/client/cli/verbs.hpp"
#include "reki/core/base/cond_var.hpp"
#include "reki/net/clock.hpp"
#include "reki/net/random_number.hpp"

// Closed loops: a new request is made only when one has been answered, so that the figures are what a caller sees and
// not what a queue can hold. Latencies are from just before the request is handed to the library until its answer is
// there, on this machine's clock; all of them are kept and sorted.
namespace reki::cli {
namespace {

constexpr std::size_t many = 64;
constexpr std::uint64_t starts_max = 100000;  // per measurement: they are actors that somebody has to hold

struct Measurement {
  std::string what;
  std::string how;
  double seconds = 0;
  std::uint64_t operations = 0;
  std::vector<std::uint32_t> latencies;  // ns; of batches where there are batches
  std::map<ErrorCode, std::uint64_t> errors;

  void record(Duration took, ErrorCode code) {
    latencies.push_back(static_cast<std::uint32_t>(std::min<std::int64_t>(took.count(), UINT32_MAX)));
    count(code);
  }
  void count(ErrorCode code) {
    if (code == ErrorCode::ok) ++operations;
    else ++errors[code];
  }
  double micros(double quantile) const {  // REQUIRES: sorted
    if (latencies.empty()) return 0;
    const auto at = static_cast<std::size_t>(quantile * static_cast<double>(latencies.size()));
    return latencies[std::min(at, latencies.size() - 1)] / 1000.0;
  }
};

using Make = std::function<std::optional<Submission>()>;  // nullopt: no more

Measurement one_at_a_time(Client& client, const Make& make, Duration length) {
  Measurement out;
  const Instant start = boot_time();
  Instant before = start;
  while (before < start + length) {
    auto submission = make();
    if (!submission) break;
    const Answer answer = client.exchange(*submission);
    const Instant after = boot_time();
    out.record(after - before, answer.code);
    before = boot_time();
  }
  out.seconds = static_cast<double>((boot_time() - start).count()) / 1e9;
  return out;
}

/// `batches` of `size` requests each are under way at any time. After the first ones, everything happens on the
/// client's I/O thread.
class Loop {
 public:
  Loop(Client& client, const Make& make, std::size_t batches, std::size_t size, Duration length)
      : client_(client), make_(make), size_(size), batches_(batches), length_(length) {}

  Measurement run() {
    const Instant start = boot_time();
    end_ = start + length_;
    std::vector<Posting> first;
    for (std::size_t i = 0; i < batches_.size(); ++i) begin(i, start, first);
    active_ = static_cast<std::size_t>(std::count_if(batches_.begin(), batches_.end(), [](const Batch& b) { return b.missing > 0; }));
    const bool any = active_ > 0;
    client_.submit_many(std::move(first));
    if (any) {
      const MutexLock lock(mutex_);
      while (!over_) finished_.wait(mutex_);
    }
    out_.seconds = static_cast<double>((boot_time() - start).count()) / 1e9;
    return std::move(out_);
  }

 private:
  struct Batch {
    std::size_t missing = 0;
    Instant begun;
  };

  void begin(std::size_t index, Instant now, std::vector<Posting>& out) {
    Batch& batch = batches_[index];
    batch.begun = now;
    for (std::size_t i = 0; i < size_; ++i) {
      auto submission = make_();
      if (!submission) break;
      ++batch.missing;
      out.push_back({std::move(*submission), Completion{&Loop::arrived, this, index}});
    }
  }

  static void arrived(void* self, std::uint64_t index, std::uint64_t, Answer&& answer) {
    static_cast<Loop*>(self)->arrived(static_cast<std::size_t>(index), answer.code);
  }
  void arrived(std::size_t index, ErrorCode code) {
    Batch& batch = batches_[index];
    if (--batch.missing > 0) return out_.count(code);
    const Instant now = boot_time();
    out_.record(now - batch.begun, code);
    std::vector<Posting> next;
    if (now < end_) begin(index, now, next);
    if (!next.empty()) return client_.submit_many(std::move(next));
    if (--active_ > 0) return;
    const MutexLock lock(mutex_);  // notified under it: run() destroys both as soon as it sees `over_`
    over_ = true;
    finished_.notify_one();
  }

  Client& client_;
  const Make& make_;
  const std::size_t size_;
  std::vector<Batch> batches_;
  const Duration length_;
  Instant end_;
  std::size_t active_ = 0;
  Measurement out_;
  Mutex mutex_;
  CondVar finished_;
  bool over_ ABSL_GUARDED_BY(mutex_) = false;
};

/// What is measured, with the keys that it uses.
class Bench {
 public:
  Bench(Client& client, const CommandLine& line, TypeDescription type, std::string message, Bytes payload, Bytes args)
      : client_(client), line_(line), type_(std::move(type)), message_(std::move(message)),
        payload_(std::move(payload)), args_(std::move(args)) {
    char name[32];
    std::snprintf(name, sizeof name, "bench-%08x-", static_cast<unsigned>(random_number()));
    prefix_ = name;
  }

  Result<Report> run() {
    const auto length = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(line_.seconds));
    say("starting " + std::to_string(line_.keys) + " actors of type '" + type_.type + "', keys " + prefix_ + "*");
    catch_interruptions();
    const Make start = until_interrupted(up_to(line_.keys, [&] { return about(wire::Op::lookup_or_start, started_++); }));
    const auto set_up = Loop(client_, start, 256, 1, setup_max).run();
    if (!set_up.errors.empty()) {
      stop_all();
      return fail(set_up.errors.begin()->first, "the actors to measure cannot all be started");
    }
    const Make lookup = until_interrupted([&] { return about(wire::Op::lookup_or_start, any_key()); });
    const Make call = until_interrupted([&] { return a_call(any_key()); });
    measure("look-up", "1 at a time", [&] { return one_at_a_time(client_, lookup, length); });
    measure("look-up", "64 outstanding", [&] { return Loop(client_, lookup, 64, 1, length).run(); });
    measure("look-up", "16 batches of 64", [&] { return Loop(client_, lookup, 16, many, length).run(); });
    if (!message_.empty()) {
      measure("call " + message_, "1 at a time", [&] { return one_at_a_time(client_, call, length); });
      measure("call " + message_, "64 outstanding", [&] { return Loop(client_, call, 64, 1, length).run(); });
      measure("call " + message_, "1024 outstanding", [&] { return Loop(client_, call, 1024, 1, length).run(); });
    }
    measure("start", "1 at a time", [&] { return one_at_a_time(client_, new_keys(), length); });
    measure("start", "64 outstanding", [&] { const Make make = new_keys(); return Loop(client_, make, 64, 1, length).run(); });
    measure("start", "16 batches of 64", [&] { const Make make = new_keys(); return Loop(client_, make, 16, many, length).run(); });
    stop_all();
    return report();
  }

 private:
  static constexpr Duration setup_max = std::chrono::minutes(5);

  void say(const std::string& text) const {
    if (!line_.json) std::cerr << "bench: " << text << "\n";
  }

  Submission about(wire::Op op, std::uint64_t key) const {
    Submission out;
    out.op = op;
    out.type = type_.type;
    out.key = prefix_ + std::to_string(key);
    out.timeout = line_.timeout;
    if (op == wire::Op::lookup_or_start || op == wire::Op::start) out.args = args_;
    return out;
  }
  Submission a_call(std::uint64_t key) const {
    Submission out = about(wire::Op::call, key);
    out.args = args_;
    out.message = EnvelopePtr{new EncodedEnvelope(message_, payload_)};
    return out;
  }
  std::uint64_t any_key() { return random_() % line_.keys; }
  template <class One>
  Make up_to(std::uint64_t count, One one) const {
    return [count, one]() mutable -> std::optional<Submission> {
      if (count == 0) return std::nullopt;
      --count;
      return one();
    };
  }
  Make new_keys() {
    return until_interrupted(up_to(starts_max, [this] { return about(wire::Op::start, started_++); }));
  }
  static Make until_interrupted(Make make) {
    return [make = std::move(make)] { return is_interrupted() ? std::nullopt : make(); };
  }

  /// Nothing, if it is interrupted before or meanwhile.
  template <class Run>
  void measure(const std::string& what, const char* how, Run run) {
    if (is_interrupted()) return;
    say(what + ", " + how + "...");
    Measurement m = run();
    if (is_interrupted()) return;
    m.what = what;
    m.how = how;
    std::sort(m.latencies.begin(), m.latencies.end());
    measurements_.push_back(std::move(m));
  }

  void stop_all() {
    if (is_interrupted()) say("interrupted");
    say("stopping " + std::to_string(started_) + " actors");
    std::uint64_t next = 0;
    const Make stop = up_to(started_, [&] { return about(wire::Op::stop, next++); });
    const auto done = Loop(client_, stop, 256, 1, setup_max).run();
    for (const auto& [code, count] : done.errors) {
      if (code != ErrorCode::not_running) say(std::to_string(count) + " could not be stopped: " + std::string{name_of(code)});
    }
  }

  static std::string number(double value, int decimals) {
    char text[32];
    std::snprintf(text, sizeof text, "%.*f", decimals, value);
    return text;
  }

  Report report() const {
    Report out;
    out.json = {{"type", type_.type}, {"keys", line_.keys}, {"nodes", client_.view()->members().size()},
                {"interrupted", is_interrupted()}, {"measurements", Json::array()}};
    out.table = {{"WHAT", "HOW", "PER SECOND", "P50 us", "P90 us", "P99 us", "P99.9 us", "ERRORS"}};
    for (const auto& m : measurements_) {
      const double rate = m.seconds > 0 ? static_cast<double>(m.operations) / m.seconds : 0;
      Json errors = Json::object();
      std::string error_text = "0";
      for (const auto& [code, count] : m.errors) {
        errors[std::string{name_of(code)}] = count;
        error_text = error_text == "0" ? "" : error_text.append(", ");
        error_text.append(std::to_string(count)).append(" ").append(name_of(code));
      }
      out.json["measurements"].push_back({{"what", m.what}, {"how", m.how}, {"operations", m.operations}, {"seconds", m.seconds},
                                          {"per_second", rate}, {"p50_us", m.micros(0.5)}, {"p90_us", m.micros(0.9)},
                                          {"p99_us", m.micros(0.99)}, {"p999_us", m.micros(0.999)}, {"errors", errors}});
      out.table.push_back({m.what, m.how, number(rate, 0), number(m.micros(0.5), 1), number(m.micros(0.9), 1),
                           number(m.micros(0.99), 1), number(m.micros(0.999), 1), error_text});
    }
    out.text = "One client process with one I/O thread; " + std::to_string(line_.keys) + " random keys; each for " +
               number(line_.seconds, 1) + " s, or " + std::to_string(starts_max) +
               " starts. A look-up is lookup_or_start of a running actor.\nLatency is the caller's; of batches, until the last of the 64 answers.\n";
    return out;
  }

  Client& client_;
  const CommandLine& line_;
  const TypeDescription type_;
  const std::string message_;
  const Bytes payload_;
  const Bytes args_;
  std::string prefix_;
  std::uint64_t started_ = 0;
  std::minstd_rand random_{1};
  std::vector<Measurement> measurements_;
};

Result<TypeDescription> type_to_measure(Client& client, const CommandLine& line) {
  if (!line.type.empty()) return description_of(client, line.type, line.timeout);
  auto types = client.describe({}, {.timeout = line.timeout}).get();
  if (!types) return tl::make_unexpected(types.error());
  if (types->size() == 1) return std::move(types->front());
  std::string names;
  for (const auto& type : *types) names += " " + type.type;
  return fail(ErrorCode::invalid_argument, "which type? Choose with --type:" + names);
}

}  // namespace

Result<Report> bench(Client& client, const CommandLine& line) {
  auto type = type_to_measure(client, line);
  if (!type) return tl::make_unexpected(type.error());
  Bytes payload;
  std::string name = line.message;
  if (name.empty() && !type->messages.empty()) name = type->messages.front().name;
  if (!name.empty()) {
    const auto message = message_of(*type, name);
    if (!message) return tl::make_unexpected(message.error());
    auto packed = pack_json(line.payload, message->fields, name);
    if (!packed) return tl::make_unexpected(packed.error());
    payload = std::move(*packed);
  }
  auto args = line.args ? pack_json(*line.args, type->args, "--args") : Bytes{};
  if (!args) return tl::make_unexpected(args.error());
  return Bench(client, line, std::move(*type), name, std::move(payload), std::move(*args)).run();
}

}  // namespace reki::cli
