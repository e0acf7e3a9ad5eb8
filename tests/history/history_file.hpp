#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "history/history.hpp"

/// The form of a history in a file. A client process writes one file; all of them are read into one History.
///
/// ```
/// reki-history 1
/// CLIENT REQUEST CALL KEY INVOKED RETURNED ANSWER [FENCE]
/// a 17 lookup_or_start cart/42 1000 2000 started 5:1
/// a - lookup cart/42 2100 2200 not_running
/// b - stop cart/42 2100 never unknown
/// ```
/// One operation a line, in any order, single blanks between; lines that begin with '#' are comments. REQUEST is a
/// number that tries of one request share, or '-'. INVOKED and RETURNED are nanoseconds of CLOCK_BOOTTIME, or of any
/// other clock that all files of the history share. FENCE is epoch:start. In CLIENT and KEY, bytes up to 0x20 and from
/// 0x7f on, '%', and '#' are written %XX. Text, and not JSON, since ten million lines are to be read in seconds and any
/// language can print it.
namespace reki::history {

/// One line, by names.
struct Record {
  std::string_view client;  ///< Not empty.
  std::uint64_t request = 0;
  Call call = Call::lookup;
  std::string_view key;  ///< Not empty.
  Instant invoked;
  Instant returned = Instant::never();
  Answer answer = Answer::unknown;
  Fence fence;
};

/// Appends the record's line, with its end.
void append_line(std::string& out, const Record& record);

/// Writes a history file as it happens. Thread safety: none; a file a thread, or a lock around it.
///
/// Lines leave the process when a buffer is full, and with `flush`: what a killed process had not flushed is missing,
/// which can hide a violation and never makes one (check.hpp, Faults::allowed).
class Writer {
 public:
  /// Replaces the file. Fails with `invalid_argument` if that cannot be done.
  [[nodiscard]] static Result<Writer> create(const std::string& path);
  void write(const Record& record);
  /// Fails with `internal` if anything since `create` could not be written.
  Result<void> flush();

 private:
  struct Close {
    void operator()(std::FILE* file) const { (void)std::fclose(file); }
  };
  explicit Writer(std::FILE* file) : file_(file) {}

  std::unique_ptr<std::FILE, Close> file_;
  std::string line_;
  bool failed_ = false;
};

struct ReadCounts {
  std::uint64_t operations = 0;
  bool cut_off = false;  ///< The last line has no end: its writer was killed. It is not read.
};

/// Adds the operations of a file to `history`. Fails with `invalid_argument` at the first mistake, as
/// "FILE:LINE: what is wrong; what to do"; what came before it has been added.
[[nodiscard]] Result<ReadCounts> read_file(History& history, const std::string& path);
/// The same from memory; `name` is for messages.
[[nodiscard]] Result<ReadCounts> read_text(History& history, std::string_view text, const std::string& name);

}  // namespace reki::history
