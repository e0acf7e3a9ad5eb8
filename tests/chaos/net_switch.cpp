// A network switch in a process of its own, with faults to order: the stand-in for `tc netem`, which not every kernel has.
//
//     chaos_switch SEED PORT=NAMESPACE...
//
// Makes the device "net0" in each namespace (it is the user's to give it an address and to set it up), says "ready",
// then reads the commands of switch_commands.hpp from standard input, a line each, and answers each with a line. It
// ends with its input, so that it never outlives whoever started it.
#include <linux/if_ether.h>
#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <queue>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include "reki/net/clock.hpp"
#include "switch_commands.hpp"
#include "tap.hpp"

namespace chaos {
namespace {

using reki::Instant;

// Larger than any frame of a device whose MTU nobody has raised beyond 9000.
constexpr std::size_t frame_bytes_max = 9216;
// Frames that may be under way; what comes beyond is dropped, as in a router that is full.
constexpr std::size_t under_way_max = 20000;
// Frames of one port before the others have their turn.
constexpr int frames_per_turn = 64;

struct Delayed {
  Instant at;
  std::uint64_t number;  ///< What is due at the same time keeps its order.
  std::size_t to;
  std::vector<char> frame;
};
struct Later {
  bool operator()(const Delayed& a, const Delayed& b) const {
    return a.at != b.at ? a.at > b.at : a.number > b.number;
  }
};

/// Everything on one thread.
class Switch {
 public:
  Switch(LinkTable links, std::vector<int> taps) : links_(std::move(links)), taps_(std::move(taps)) {
    for (const int tap : taps_) polled_.push_back({tap, POLLIN, 0});
    polled_.push_back({STDIN_FILENO, POLLIN, 0});
  }

  /// Until the end of standard input.
  void run() {
    for (bool open = true; open;) {
      wait();
      deliver_due();
      for (std::size_t port = 0; port < taps_.size(); ++port) {
        if (polled_[port].revents != 0) forward_from(port);
      }
      if (polled_.back().revents != 0) open = read_commands();
    }
  }

 private:
  void wait() {
    timespec left{};
    const timespec* timeout = nullptr;
    if (!under_way_.empty()) {
      const auto ns = std::max<std::int64_t>(0, (under_way_.top().at - reki::boot_time()).count());
      left = {ns / 1'000'000'000, ns % 1'000'000'000};
      timeout = &left;
    }
    if (ppoll(polled_.data(), polled_.size(), timeout, nullptr) < 0 && errno != EINTR) std::abort();
  }

  void deliver_due() {
    while (!under_way_.empty() && under_way_.top().at <= reki::boot_time()) {
      const Delayed& due = under_way_.top();
      write_to(due.to, due.frame);
      under_way_.pop();
    }
  }

  void forward_from(std::size_t port) {
    const Instant now = reki::boot_time();
    char bytes[frame_bytes_max];
    for (int i = 0; i < frames_per_turn; ++i) {
      const ssize_t size = read(taps_[port], bytes, sizeof bytes);
      if (size < static_cast<ssize_t>(ETH_HLEN)) return;  // no more, or no frame
      route(now, port, {bytes, static_cast<std::size_t>(size)});
    }
  }

  void route(Instant now, std::size_t from, std::span<const char> frame) {
    const auto* to = reinterpret_cast<const std::uint8_t*>(frame.data());
    const bool to_all = (to[0] & 1) != 0;
    for (std::size_t port = 0; port < taps_.size(); ++port) {
      if (port == from) continue;
      if (to_all || std::memcmp(to, mac_of_port(port).data(), ETH_ALEN) == 0) pass(now, from, port, frame);
    }
  }

  void pass(Instant now, std::size_t from, std::size_t to, std::span<const char> frame) {
    const Link::Fate fate = links_.at(from, to).pass(now, frame.size());
    auto& counters = links_.counters(from, to);
    if (fate.copies == 0) ++counters.dropped;
    for (std::size_t copy = 0; copy < fate.copies; ++copy) {
      if (fate.at[copy] <= now) {
        write_to(to, frame);
      } else if (under_way_.size() < under_way_max) {
        under_way_.push({fate.at[copy], ++number_, to, {frame.begin(), frame.end()}});
      } else {
        ++counters.dropped;
        continue;
      }
      ++counters.passed;
    }
  }

  /// The kernel refuses a frame for a device that is down: lost, as on a wire that is not plugged in.
  void write_to(std::size_t port, std::span<const char> frame) {
    (void)!write(taps_[port], frame.data(), frame.size());
  }

  bool read_commands() {
    char bytes[4096];
    const ssize_t size = read(STDIN_FILENO, bytes, sizeof bytes);
    if (size <= 0) return false;
    input_.append(bytes, static_cast<std::size_t>(size));
    for (auto end = input_.find('\n'); end != std::string::npos; end = input_.find('\n')) {
      std::puts(run_switch_command(links_, std::string_view{input_}.substr(0, end)).c_str());
      std::fflush(stdout);
      input_.erase(0, end + 1);
    }
    return true;
  }

  LinkTable links_;
  std::vector<int> taps_;
  std::vector<pollfd> polled_;
  std::priority_queue<Delayed, std::vector<Delayed>, Later> under_way_;
  std::uint64_t number_ = 0;
  std::string input_;
};

int run(std::uint64_t seed, std::span<char*> words) {
  std::vector<std::string> ports;
  std::vector<int> taps;
  for (const std::string word : words) {
    const auto equals = word.find('=');
    if (equals == std::string::npos) return std::fprintf(stderr, "not PORT=NAMESPACE: %s\n", word.c_str()), 2;
    ports.push_back(word.substr(0, equals));
    taps.push_back(open_tap(word.substr(equals + 1), "net0", mac_of_port(taps.size())));
  }
  Switch one(LinkTable(std::move(ports), seed), std::move(taps));
  std::puts("ready");
  std::fflush(stdout);
  one.run();
  return 0;
}

}  // namespace
}  // namespace chaos

int main(int argc, char** argv) {
  if (argc < 3) return std::fprintf(stderr, "usage: chaos_switch SEED PORT=NAMESPACE...\n"), 2;
  try {
    return chaos::run(std::strtoull(argv[1], nullptr, 10), {argv + 2, argv + argc});
  } catch (const std::system_error& e) {
    return std::fprintf(stderr, "chaos_switch: %s\n", e.what()), 1;
  }
}
