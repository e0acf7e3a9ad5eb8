#pragma once

#include <cstdint>
#include <cstdio>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "reki/core/base/error.hpp"
#include "reki/core/base/ids.hpp"

namespace chaos {

/// One call of one client.
struct HistoryEntry {
  std::uint32_t client = 0;
  std::uint64_t request = 0;  ///< Counts a client's calls from 1 on; a client makes one after the other.
  std::string key;
  std::string_view op;  ///< "lookup_or_start", "lookup", "stop", "call"
  std::int64_t invoked = 0;
  std::optional<std::int64_t> returned;  ///< Absent if it may still take effect: the outcome is unknown.
  std::string_view outcome;              ///< "found", "started", "not_running", "stopped", "failed", "unknown"
  std::uint64_t fence = 0;               ///< 0: none
  std::string_view error;                ///< The code's name; empty if it went well.
  std::optional<std::int64_t> value;     ///< Of a call: the total that the actor answered with.
};

/// Whether nothing of an operation that ends so has taken effect, or can any more.
///
/// lookup_or_start and stop are tried again by the client until their deadline, and the error is that of the last try:
/// an earlier one may have had its effect all the same.
[[nodiscard]] bool is_without_effect(std::string_view op, reki::ErrorCode code);

/// Fills in what a failed operation has: outcome and error, and no return if it may still take effect.
void set_failed(HistoryEntry& entry, reki::ErrorCode code, std::int64_t returned);

/// One JSON object.
[[nodiscard]] std::string to_json(const HistoryEntry& entry);

/// The first line of a file for the checker of histories, and an entry as a line of it:
/// ```
/// CLIENT REQUEST CALL KEY INVOKED RETURNED ANSWER [FENCE]
/// c3 17 lookup_or_start key-42 1000 2000 started 5:1
/// c3 18 stop key-42 2100 never unknown
/// ```
/// It knows no calls of actors: one that was answered is the look-up of a running actor, another may have started one.
/// REQUIRES: keys without blanks, '%' and '#'.
inline constexpr std::string_view check_file_begin = "reki-history 1";
[[nodiscard]] std::string to_check_line(const HistoryEntry& entry);

/// Writes lines to a file. Thread-safe; buffered until `flush` or the end.
class LineWriter {
 public:
  /// Throws std::system_error, as the others do.
  explicit LineWriter(const std::string& path);
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;
  ~LineWriter();

  void add(std::string line);
  void flush();

 private:
  std::mutex mutex_;
  std::FILE* file_;
};

}  // namespace chaos
