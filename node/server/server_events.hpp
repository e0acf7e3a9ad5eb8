#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "reki/core/base/time.hpp"
#include "reki/node/server/server_stats.hpp"
#include "reki/node/support/log.hpp"

namespace reki {

/// A number that one thread counts and any thread reads.
class Counter64 {
 public:
  void add(std::uint64_t n = 1) { value_.store(get() + n, std::memory_order_relaxed); }
  void set(std::uint64_t n) { value_.store(n, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_ = 0;
};

/// Counts events and passes them to the log, so few a second that no peer can flood it.
///
/// `count` on the data thread only; `read` on any.
class ServerEvents {
 public:
  explicit ServerEvents(LogSink log) : log_(std::move(log)) {}
  /// `fields` as LogSink takes them; what was left out since the last line is added.
  void count(ServerEvent event, Instant now, std::string_view fields);
  /// The same without a line in the log: what is normal in small numbers.
  void count(ServerEvent event) { counts_[static_cast<std::size_t>(event)].add(); }
  [[nodiscard]] ServerStats read() const;

  Counter64 sessions, sessions_opened, frames, requests, replies, reply_frames;

 private:
  struct Window {
    Instant began;
    std::uint32_t logged = 0;
    std::uint64_t left_out = 0;
  };
  LogSink log_;
  std::array<Counter64, server_event_count> counts_;
  std::array<Window, server_event_count> windows_;
};

}  // namespace reki
