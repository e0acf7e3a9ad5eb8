#include "reki/node/guard/lease_page.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <string_view>
#include <system_error>

namespace reki {
namespace {

Result<void> check(const DeathNotice& notice) {
  if (notice.endpoints.size() > limits::death_notice_endpoints_max) {
    return fail(ErrorCode::too_large, "a death notice goes to " + std::to_string(limits::death_notice_endpoints_max) +
                                          " endpoints at most, not " + std::to_string(notice.endpoints.size()));
  }
  if (notice.frame.size() > limits::death_notice_frame_bytes_max) {
    return fail(ErrorCode::too_large, "the frame of a death notice has " +
                                          std::to_string(limits::death_notice_frame_bytes_max) +
                                          " bytes at most, not " + std::to_string(notice.frame.size()));
  }
  for (const auto& endpoint : notice.endpoints) {
    if (const auto parsed = parse_endpoint(endpoint); !parsed) return tl::make_unexpected(parsed.error());
  }
  return {};
}

}  // namespace

Result<void> LeasePage::set_death_notice(const DeathNotice& notice) {
  if (auto checked = check(notice); !checked) return checked;
  const auto generation = generation_.load(std::memory_order_relaxed) + 1;
  Buffer& buffer = buffers_[generation % 2];
  std::size_t end = 0;
  for (const auto& endpoint : notice.endpoints) {
    end += endpoint.copy(&buffer.endpoints[end], endpoint.size());
    buffer.endpoints[end++] = '\n';
  }
  buffer.endpoints_bytes = static_cast<std::uint32_t>(end);
  notice.frame.copy(buffer.frame.data(), notice.frame.size());
  buffer.frame_bytes = static_cast<std::uint32_t>(notice.frame.size());
  generation_.store(generation, std::memory_order_release);
  return {};
}

std::optional<Instant> LeasePage::lease_to_enforce() const {
  const Instant lease = lease_end();
  if (lease.ns == 0 || lease.ns == quiet_for_.load(std::memory_order_acquire)) return std::nullopt;
  return lease;
}

std::optional<DeathNotice> LeasePage::death_notice() const {
  const auto generation = generation_.load(std::memory_order_acquire);
  if (generation == 0 || left_.load(std::memory_order_acquire) == left_mark) return std::nullopt;
  const Buffer& buffer = buffers_[generation % 2];
  // A node that crashed may have written anything anywhere before; that must not be the guard's end too.
  if (buffer.endpoints_bytes > buffer.endpoints.size() || buffer.frame_bytes > buffer.frame.size()) return std::nullopt;
  DeathNotice out;
  std::string_view rest(buffer.endpoints.data(), buffer.endpoints_bytes);
  for (auto end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
    out.endpoints.emplace_back(rest.substr(0, end));
    rest.remove_prefix(end + 1);
  }
  if (out.endpoints.empty()) return std::nullopt;
  out.frame.assign(buffer.frame.data(), buffer.frame_bytes);
  return out;
}

void UnmapLeasePage::operator()(LeasePage* page) const { munmap(page, sizeof(LeasePage)); }

MappedLeasePage map_lease_page() {
  void* memory = mmap(nullptr, sizeof(LeasePage), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap of the lease page");
  return MappedLeasePage(new (memory) LeasePage);
}

}  // namespace reki
