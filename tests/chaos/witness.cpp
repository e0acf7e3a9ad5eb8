#include "witness.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <ctime>
#include <fstream>
#include <random>
#include <system_error>

namespace chaos {

struct WitnessLog::Header {
  char magic[8] = {'r', 'e', 'k', 'i', 'w', 'i', 't', '1'};
  std::uint64_t capacity = 0;
  std::uint64_t process = 0;
  std::uint64_t begun = 0;     ///< Records that writers have taken a place for; grows beyond the capacity.
  std::uint64_t messages = 0;  ///< Handed out by new_message.
  std::uint64_t padding[3] = {};
};

namespace {

constexpr std::size_t header_bytes = 64;

/// What `written` has in the finished record of that number: never 0, as a fresh file is.
std::uint64_t mark_of(std::uint64_t number) { return number ^ 0x7769'746e'6573'7321U; }

std::uint64_t random_number() {
  std::random_device source;
  return (std::uint64_t{source()} << 32) | source();
}

[[noreturn]] void raise(const std::string& what) { throw std::system_error(errno, std::generic_category(), what); }

}  // namespace

std::string_view name_of(WitnessEvent event) {
  switch (event) {
    case WitnessEvent::start_begin: return "start_begin";
    case WitnessEvent::started: return "started";
    case WitnessEvent::stop: return "stop";
    case WitnessEvent::handler_begin: return "handler_begin";
    case WitnessEvent::handler_end: return "handler_end";
    case WitnessEvent::output_accepted: return "output_accepted";
  }
  return "unknown";
}

/// The kernel's, whatever a preloaded library makes of the node's clocks.
std::int64_t witness_now() {
  timespec now{};
  syscall(SYS_clock_gettime, CLOCK_BOOTTIME, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

WitnessLog::WitnessLog(const std::filesystem::path& folder, std::uint64_t capacity) {
  static_assert(sizeof(Header) == header_bytes);
  Header header;
  header.capacity = capacity;
  header.process = random_number();
  path_ = folder / (std::to_string(witness_now()) + "-" + std::to_string(getpid()) + ".witness");
  mapped_bytes_ = header_bytes + capacity * sizeof(WitnessRecord);
  const int fd = open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) raise(path_);
  if (ftruncate(fd, static_cast<off_t>(mapped_bytes_)) != 0) raise("ftruncate " + path_.string());
  void* mapped = mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (mapped == MAP_FAILED) raise("mmap " + path_.string());
  close(fd);
  header_ = new (mapped) Header(header);
}

WitnessLog::~WitnessLog() { munmap(header_, mapped_bytes_); }

void WitnessLog::write(WitnessEvent event, std::int64_t at_ns, std::string_view key, std::uint64_t fence,
                       std::uint64_t message) {
  const std::uint64_t number = std::atomic_ref{header_->begun}.fetch_add(1, std::memory_order_relaxed);
  if (number >= header_->capacity) return;
  auto* record = reinterpret_cast<WitnessRecord*>(header_ + 1) + number;
  record->at_ns = at_ns;
  record->process = header_->process;
  record->key_hash = XXH3_64bits(key.data(), key.size());
  record->fence = fence;
  record->message = message;
  static thread_local const auto tid = static_cast<std::uint32_t>(syscall(SYS_gettid));
  record->pid = static_cast<std::uint32_t>(getpid());
  record->tid = tid;
  record->event = event;
  record->key_bytes = static_cast<std::uint8_t>(std::min(key.size(), witness_key_bytes_max));
  std::memcpy(record->key_text, key.data(), record->key_bytes);
  std::atomic_ref{record->written}.store(mark_of(number), std::memory_order_release);
}

std::uint64_t WitnessLog::new_message() {
  return header_->process + std::atomic_ref{header_->messages}.fetch_add(1, std::memory_order_relaxed) + 1;
}

reki::Result<WitnessContents> read_witness_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const auto not_one = [&](const char* why) {
    return reki::fail(reki::ErrorCode::invalid_argument, path.string() + ": " + why);
  };
  struct Fields {
    char magic[8];
    std::uint64_t capacity, process, begun, rest[4];
  } header{};
  static_assert(sizeof header == header_bytes);
  if (!file) return not_one("cannot be read");
  const bool is_whole = static_cast<bool>(file.read(reinterpret_cast<char*>(&header), sizeof header));
  // Its process was killed before it had written the header.
  if (file.gcount() == 0 || (is_whole && std::memcmp(&header, std::array<char, header_bytes>{}.data(), header_bytes) == 0)) return WitnessContents{};
  if (!is_whole) return not_one("has no header");
  if (std::memcmp(header.magic, "rekiwit1", sizeof header.magic) != 0) return not_one("is no witness file");
  WitnessContents out;
  const std::uint64_t begun = std::min(header.begun, header.capacity);
  out.lost = header.begun - begun;
  for (std::uint64_t number = 0; number < begun; ++number) {
    WitnessRecord record;
    if (!file.read(reinterpret_cast<char*>(&record), sizeof record)) {
      out.torn += begun - number;
      break;
    }
    if (record.written == mark_of(number) && record.key_bytes <= witness_key_bytes_max) out.records.push_back(record);
    else ++out.torn;
  }
  return out;
}

}  // namespace chaos
