#include "reki/node/guard/death_notice.hpp"

#include <algorithm>
#include <array>
#include <future>
#include <memory>
#include <thread>
#include <utility>
#include <zmq.hpp>

#include "reki/core/base/limits.hpp"
#include "reki/net/clock.hpp"
#include "reki/net/poll.hpp"

namespace reki {
namespace {

using std::chrono::milliseconds;

// From the start. The first may meet a voter that is just being restarted, the last one that was busy electing.
constexpr std::array<milliseconds, 4> attempts{milliseconds(0), milliseconds(50), milliseconds(200), milliseconds(500)};
// What is left for answers to the last attempt.
constexpr milliseconds answer_wait{100};
static_assert(attempts.back() + answer_wait < limits::death_notice_time_max);
// A receiver that was not listening yet is found again soon.
constexpr int reconnect_ms = 20;

class Teller {
 public:
  Teller(const DeathNotice& notice, Instant begin, Duration at_most)
      : frame_(notice.frame), begin_(begin), give_up_(begin + at_most) {
    const auto count = std::min(notice.endpoints.size(), limits::death_notice_endpoints_max);
    context_ = std::make_unique<zmq::context_t>(static_cast<int>(std::max<std::size_t>(count, 1)));
    for (std::size_t i = 0; i < count; ++i) add(notice.endpoints[i], i);
  }

  Told tell() {
    for (const auto after : attempts) {
      if (!await_answers(begin_ + after)) return finish();
      send();
    }
    await_answers(begin_ + attempts.back() + answer_wait);
    return finish();
  }

 private:
  struct Line {
    zmq::socket_t socket;
    bool answered = false;
  };

  void add(const std::string& endpoint, std::size_t io_thread) {
    try {
      zmq::socket_t socket(*context_, zmq::socket_type::dealer);
      socket.set(zmq::sockopt::linger, 0);
      socket.set(zmq::sockopt::affinity, std::uint64_t{1} << io_thread);
      socket.set(zmq::sockopt::reconnect_ivl, reconnect_ms);
      socket.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(limits::frame_bytes_max));
      socket.set(zmq::sockopt::ipv6, endpoint.find('[') != std::string::npos);
      socket.connect(endpoint);
      lines_.push_back({std::move(socket)});
    } catch (const zmq::error_t&) {
      // No address for libzmq: the others are still to be told.
    }
  }

  Told finish() {
    const Told out{lines_.size(), static_cast<std::size_t>(std::ranges::count(lines_, true, &Line::answered))};
    close(out.acknowledged == 0 ? give_up_ - boot_time() : Duration{0});
    return out;
  }

  bool all_answered() const { return std::ranges::all_of(lines_, &Line::answered); }

  void send() {
    for (Line& line : lines_) {
      if (!line.answered) line.socket.send(zmq::buffer(frame_), zmq::send_flags::dontwait);
    }
  }

  /// Reads at least what has come. False if nobody is left to hear from, or no time.
  bool await_answers(Instant until) {
    until = std::min(until, give_up_);
    Instant now = boot_time();
    do {
      std::vector<zmq::pollitem_t> items;
      for (Line& line : lines_) items.push_back({line.socket.handle(), 0, ZMQ_POLLIN, 0});
      poll_until(items, now, until);
      for (std::size_t i = 0; i < items.size(); ++i) {
        if (items[i].revents != 0) read(lines_[i]);
      }
      now = boot_time();
    } while (now < until && !all_answered());
    return now < give_up_ && !all_answered();
  }

  static void read(Line& line) {
    zmq::message_t answer;
    while (line.socket.recv(answer, zmq::recv_flags::dontwait)) line.answered = true;
  }

  /// Returns once all that was sent has left, or `at_most` is over. What libzmq then still does, such as resolving a
  /// name, is left to itself: the process is about to end.
  void close(Duration at_most) {
    const auto linger = std::chrono::duration_cast<milliseconds>(std::max(at_most, Duration{0}));
    for (Line& line : lines_) line.socket.set(zmq::sockopt::linger, static_cast<int>(linger.count()));
    lines_.clear();
    std::promise<void> closed;
    auto done = closed.get_future();
    std::thread([context = std::move(context_), closed = std::move(closed)]() mutable {
      context.reset();
      closed.set_value();
    }).detach();
    done.wait_for(linger + answer_wait);
  }

  const Bytes& frame_;
  const Instant begin_;
  const Instant give_up_;
  std::unique_ptr<zmq::context_t> context_;
  std::vector<Line> lines_;
};

}  // namespace

Told tell_death(const DeathNotice& notice, Duration at_most) {
  if (notice.endpoints.empty()) return {};
  return Teller(notice, boot_time(), at_most).tell();
}

}  // namespace reki
