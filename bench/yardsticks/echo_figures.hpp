#pragma once

#include <algorithm>
#include <string>

#include "reki/bench/figures.hpp"
#include "reki/bench/latencies.hpp"
#include "two_processes.hpp"

namespace reki::bench {

/// What an echo program is asked to do.
struct EchoLoad {
  Placement pin = Placement::free;
  long outstanding = 1;  ///< Messages under way.
  long batch = 1;        ///< Requests in a message.
  long bytes = 64;       ///< Of one request: about what a look-up of a 16-byte key takes on the wire.
  double seconds = 1;

  static EchoLoad from(const Options& options) {
    const auto at_least_one = [&](std::string_view key, long otherwise) {
      return std::max(1L, options.whole(key, otherwise));
    };
    return {placement(options), at_least_one("outstanding", 1), at_least_one("batch", 1), at_least_one("bytes", 64),
            options.number("seconds", 1)};
  }
  [[nodiscard]] std::size_t message_bytes() const { return static_cast<std::size_t>(batch * bytes); }
  /// "zmq_echo.same.64", "zmq_echo.free.16x64"
  [[nodiscard]] std::string name(const std::string& program) const {
    return program + "." + name_of(pin) + "." + std::to_string(outstanding) +
           (batch > 1 ? "x" + std::to_string(batch) : "");
  }
};

/// Counts what comes back, after a warm-up of a tenth of the time. Reads the clock for each message only while one is
/// under way at a time: then it is the latency that matters; else every 64th.
class EchoCount {
 public:
  explicit EchoCount(const EchoLoad& load) : load_(load) {}

  /// `messages` have come back. False: the time is over.
  bool came_back(long messages) {
    messages_ += messages;
    if (load_.outstanding > 1 && (unread_ += messages) < 64) return true;
    unread_ = 0;
    const double at = watch_.seconds();
    if (at < load_.seconds * 0.1) {
      warm_ = at;
      messages_ = 0;
    } else if (load_.outstanding == 1) {
      latencies_.add(Duration{static_cast<std::int64_t>((at - last_) * 1e9)});
    }
    last_ = at;
    return at < load_.seconds;
  }
  void print(const std::string& program) const {
    const auto name = load_.name(program);
    bench::print({name + ".rate", static_cast<double>(messages_ * load_.batch) / (last_ - warm_), "1/s"});
    if (load_.outstanding > 1) return;
    for (const auto& [suffix, quantile] : {std::pair{".p50", 0.5}, {".p99", 0.99}, {".p999", 0.999}}) {
      bench::print({name + suffix, static_cast<double>(latencies_.percentile(quantile).count()), "ns"});
    }
  }

 private:
  const EchoLoad load_;
  Stopwatch watch_;
  double warm_ = 0;
  double last_ = 0;
  long messages_ = 0;
  long unread_ = 0;
  Latencies latencies_;
};

}  // namespace reki::bench
