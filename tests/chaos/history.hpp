#pragma once

#include <cstdint>
#include <cstdio>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "reki/core/error.hpp"

namespace chaos {

/// One call of one client, as a checker of histories reads it.
struct HistoryEntry {
  std::uint32_t client = 0;
  std::uint64_t request = 0;  ///< Counts a client's calls; a client makes one after the other.
  std::string key;
  std::string_view op;  ///< "lookup_or_start", "lookup", "stop", "call"
  std::int64_t invoked = 0;
  std::optional<std::int64_t> returned;  ///< Absent if it may still take effect: the outcome is unknown.
  std::string_view outcome;              ///< "found", "started", "not_running", "stopped", "failed", "unknown"
  std::uint64_t fence = 0;               ///< 0: none
  std::string_view error;                ///< The code's name; empty if it went well.
  std::optional<std::int64_t> value;     ///< Of a call: the total that the actor answered with.
};

/// Whether nothing of a call that failed so can take effect any more.
[[nodiscard]] bool is_without_effect(reki::ErrorCode code);

/// Fills in what a failed call has: outcome and error, and no return if it may still take effect.
void set_failed(HistoryEntry& entry, reki::ErrorCode code, std::int64_t returned);

/// Appends entries to a file, one JSON object a line. Thread-safe; buffered until `flush` or the end.
class HistoryWriter {
 public:
  /// Throws std::system_error.
  explicit HistoryWriter(const std::string& path);
  HistoryWriter(const HistoryWriter&) = delete;
  HistoryWriter& operator=(const HistoryWriter&) = delete;
  ~HistoryWriter();

  void add(const HistoryEntry& entry);
  void flush();

 private:
  std::mutex mutex_;
  std::FILE* file_;
};

[[nodiscard]] std::string to_json(const HistoryEntry& entry);

}  // namespace chaos
