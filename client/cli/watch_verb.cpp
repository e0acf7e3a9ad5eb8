#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <iostream>
#include <utility>

#include "reki/client/cli/interruption.hpp"
#include "reki/client/cli/verbs.hpp"
#include "reki/core/base/cond_var.hpp"
#include "reki/core/view/view.hpp"

namespace reki::cli {
namespace {

using Clock = std::chrono::steady_clock;

/// Readable once there is something to do, be it an event or a signal.
const int& bell() {
  static const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return fd;
}
void ring() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(bell(), &one, sizeof one);  // full: it rings already
}

/// What the watch has told and is not printed yet. Bounded: while whoever reads us is slow, the client's thread waits,
/// which has nothing else to do here, and the node says what was missed.
class Incoming {
 public:
  void add(const WatchEvent& event) {
    {
      const MutexLock lock(mutex_);
      while (events_.size() >= max && !closed_) room_.wait(mutex_);
      events_.push_back(event);
    }
    ring();
  }
  std::vector<WatchEvent> take() {
    const MutexLock lock(mutex_);
    room_.notify_one();
    return std::exchange(events_, {});
  }
  void close() {
    const MutexLock lock(mutex_);
    closed_ = true;
    room_.notify_one();
  }

 private:
  static constexpr std::size_t max = 1000;
  Mutex mutex_;
  CondVar room_;
  std::vector<WatchEvent> events_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};
/// The last thing before the watch is cancelled, which waits for a callback that runs.
struct Closing {
  Incoming& incoming;
  ~Closing() { incoming.close(); }
};

/// Blocks until the bell rings or `until` has come.
void await(std::optional<Clock::time_point> until) {
  pollfd item{bell(), POLLIN, 0};
  int timeout = -1;
  if (until) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*until - Clock::now()).count();
    timeout = static_cast<int>(std::clamp<std::int64_t>(left, 0, INT32_MAX));
  }
  if (poll(&item, 1, timeout) <= 0) return;
  std::uint64_t rings = 0;
  [[maybe_unused]] const auto got = read(bell(), &rings, sizeof rings);
}

std::string member_state(const WatchEvent& event) {
  return event.number <= static_cast<std::uint64_t>(MemberState::leaving)
             ? std::string{name_of(static_cast<MemberState>(event.number))}
             : std::to_string(event.number);
}

Json json_of(const WatchEvent& event) {
  Json out{{"event", name_of(event.kind)}};
  const auto add = [&](const char* name, bool there, auto value) {
    if (there) out[name] = value;
  };
  add("reason", event.reason != WatchReason::none, name_of(event.reason));
  add("type", !event.type.empty(), event.type);
  add("key", !event.key.empty(), event.key);
  add("node", !event.node.value.empty(), event.node.value);
  add("from", !event.other.value.empty(), event.other.value);
  add("start_number", event.fence.value != 0, event.fence.start().value);
  add("fence", event.fence.value != 0, event.fence.value);
  add("retry_after_ms", event.retry_after > Duration{0},
      std::chrono::ceil<std::chrono::milliseconds>(event.retry_after).count());
  add("text", !event.text.empty(), event.text);
  add("epoch", event.epoch.value != 0, event.epoch.value);
  add("missed", event.kind == WatchKind::missed, event.number);
  add("state", event.kind == WatchKind::member, member_state(event));
  add("time_ms", event.time_ms != 0, event.time_ms);
  return out;
}

std::string clock_text(std::int64_t time_ms) {
  if (time_ms == 0) return "-";
  const std::time_t seconds = time_ms / 1000;
  std::tm local{};
  localtime_r(&seconds, &local);
  std::array<char, 16> text{};
  std::strftime(text.data(), text.size(), "%H:%M:%S", &local);
  std::string ms = std::to_string(time_ms % 1000);
  ms.insert(0, 3 - ms.size(), '0');
  return text.data() + ("." + ms);
}

/// All that has no column of its own.
std::string details(const WatchEvent& event) {
  std::string out;
  const auto add = [&](const std::string& text) { out += (out.empty() ? "" : ", ") + text; };
  if (event.kind == WatchKind::moved) add("from " + event.other.value);
  if (event.fence.value != 0) add("start " + std::to_string(event.fence.start().value));
  if (event.kind == WatchKind::missed) add(event.number == 0 ? "nobody knows how much" : std::to_string(event.number) + " events");
  if (event.kind == WatchKind::member) add(member_state(event));
  if (event.epoch.value != 0) add("epoch " + std::to_string(event.epoch.value));
  if (!event.text.empty()) add(event.text);
  if (event.retry_after > Duration{0}) {
    add("again in " + std::to_string(std::chrono::ceil<std::chrono::milliseconds>(event.retry_after).count()) + " ms");
  }
  return out;
}

/// Columns as wide as most of what comes: what is to come is not known.
std::string row(std::array<std::string, 6> cells) {
  constexpr std::array<std::size_t, 6> widths{12, 11, 14, 8, 16, 0};
  std::ranges::transform(cells, cells.begin(), printable);
  std::string out;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    out += cells[i];
    out.append(cells[i].size() < widths[i] ? widths[i] - cells[i].size() : 0, ' ');
    if (i + 1 < cells.size()) out += "  ";
  }
  out.erase(out.find_last_not_of(' ') + 1);
  return out;
}

void print_event(const WatchEvent& event, bool as_json) {
  if (as_json) {
    std::cout << one_line(for_any_reader(json_of(event))) << std::endl;  // whoever reads a stream reads it line by line
    return;
  }
  const std::string reason{event.reason == WatchReason::none ? "" : name_of(event.reason)};
  std::cout << row({clock_text(event.time_ms), std::string{name_of(event.kind)}, reason, event.node.value, event.key,
                    details(event)})
            << std::endl;
}

Result<WatchFilter> filter_of(Client& client, const CommandLine& line) {
  if (line.nodes) return WatchFilter::of_nodes();
  if (auto described = description_of(client, line.type, line.timeout); !described) {
    return tl::make_unexpected(described.error());
  }
  return WatchFilter{line.type, line.key};
}

}  // namespace

Result<Report> watch(Client& client, const CommandLine& line) {
  auto filter = filter_of(client, line);
  if (!filter) return tl::make_unexpected(filter.error());
  std::optional<Clock::time_point> until;
  if (line.watch_for > Duration{0}) until = Clock::now() + line.watch_for;
  if (bell() < 0) return fail(ErrorCode::internal, "no file descriptor is left");
  catch_interruptions(ring);

  Incoming incoming;
  auto watch = client.watch(std::move(*filter), [&](const WatchEvent& event) { incoming.add(event); });
  if (!watch) return tl::make_unexpected(watch.error());
  const Closing closing{incoming};
  if (!line.json) std::cout << row({"TIME", "EVENT", "REASON", "NODE", "KEY", "DETAILS"}) << std::endl;
  for (std::uint64_t printed = 0;;) {
    for (const auto& event : incoming.take()) {
      print_event(event, line.json);
      if (!std::cout || ++printed == line.count) return Report{};
    }
    if (is_interrupted() || (until && Clock::now() >= *until)) return Report{};
    await(until);
  }
}

}  // namespace reki::cli
