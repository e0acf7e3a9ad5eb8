#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "reki/core/base/error.hpp"

/// What actors leave behind of what they did, for a judge to read later: evidence that outlives kill -9.
///
/// A process has one file of fixed-size records in shared memory that is backed by the file, so that whatever was
/// written is in it however the process ends. All times are CLOCK_BOOTTIME, which the processes of a machine share.
namespace chaos {

enum class WitnessEvent : std::uint8_t {
  start_begin = 1,  ///< The object's constructor began.
  started,          ///< on_start is about to return.
  stop,             ///< on_stop has been called.
  handler_begin,
  handler_end,      ///< Before the handler's outputs are released.
  output_accepted,  ///< A message of `key` with `fence`, sent by its handler `message`, is handled elsewhere.
};
[[nodiscard]] std::string_view name_of(WitnessEvent event);

inline constexpr std::size_t witness_key_bytes_max = 38;

/// One record as it is in the file. `written` is stored last: a record without it is torn.
struct WitnessRecord {
  std::uint64_t written = 0;
  std::int64_t at_ns = 0;
  std::uint64_t process = 0;   ///< Random, one for each process: pids come again.
  std::uint64_t key_hash = 0;  ///< XXH3 of the whole key.
  std::uint64_t fence = 0;
  std::uint64_t message = 0;  ///< Names one run of a handler; 0 where there is none.
  std::uint32_t pid = 0;
  std::uint32_t tid = 0;
  WitnessEvent event{};
  std::uint8_t key_bytes = 0;
  char key_text[witness_key_bytes_max] = {};  ///< The key's first bytes, for people.

  [[nodiscard]] std::string_view key() const { return {key_text, key_bytes}; }
};
static_assert(sizeof(WitnessRecord) == 96);

/// CLOCK_BOOTTIME in ns.
[[nodiscard]] std::int64_t witness_now();

/// The file of this process. Thread-safe; threads do not wait for each other.
class WitnessLog {
 public:
  /// Makes a new file in `folder`, with room for so many records. It is sparse: only what is written takes place.
  /// Throws std::system_error.
  WitnessLog(const std::filesystem::path& folder, std::uint64_t capacity);
  WitnessLog(const WitnessLog&) = delete;
  WitnessLog& operator=(const WitnessLog&) = delete;
  ~WitnessLog();

  /// What does not fit any more is counted, and makes the judge refuse the file.
  void write(WitnessEvent event, std::int64_t at_ns, std::string_view key, std::uint64_t fence, std::uint64_t message);
  /// For one run of a handler: unlike any other, of other processes too.
  [[nodiscard]] std::uint64_t new_message();
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  struct Header;
  std::filesystem::path path_;
  std::size_t mapped_bytes_;
  Header* header_;  ///< The records follow it.
};

struct WitnessContents {
  std::vector<WitnessRecord> records;  ///< In the order in which they were begun.
  std::uint64_t torn = 0;              ///< Begun and not finished: their threads were killed in the middle.
  std::uint64_t lost = 0;              ///< Did not fit.
};

/// Fails with `invalid_argument` for what is not such a file; a cut off end is torn records. Nothing is in one that is empty
/// or has no header but zeros, as of a process that was killed when it had just begun.
[[nodiscard]] reki::Result<WitnessContents> read_witness_file(const std::filesystem::path& path);

}  // namespace chaos
