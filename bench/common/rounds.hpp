#pragma once

#include <atomic>
#include <thread>

#include "reki/bench/figures.hpp"

namespace reki::bench {

/// Messages from one thread to some actors, in rounds: a round is sent as fast as it can be, and over when the last of
/// its messages has been handled. An actor counts its own messages and tells of it once a round, so that counting costs
/// the same next to nothing in every system that is measured so.
class Round {
 public:
  static constexpr long messages = 100000;

  explicit Round(long actors) : actors_(actors) {}

  /// By an actor after each message, with how many it has handled so far.
  void handled(long count) {
    if (count % (messages / actors_) == 0) over();
  }
  void over() { missing_.fetch_sub(1, std::memory_order_release); }

  /// Rounds for so long, after one that does not count; `send(i)` sends a message to actor i. Messages a second.
  template <class Send>
  double rate(double seconds, Send send) {
    send_all(send);
    const Stopwatch watch;
    long rounds = 0;
    do {
      send_all(send);
      ++rounds;
    } while (watch.seconds() < seconds);
    return static_cast<double>(rounds * messages) / watch.seconds();
  }
  /// Two actors that send each other a message until it has gone so often; `begin(hits)` sends the first.
  template <class Begin>
  double ns_per_hit(double seconds, Begin begin) {
    constexpr long hits = 20000;
    const auto play = [&] {
      missing_.store(1);
      begin(hits);
      wait();
    };
    play();
    const Stopwatch watch;
    long games = 0;
    do {
      play();
      ++games;
    } while (watch.seconds() < seconds);
    return watch.seconds() * 1e9 / static_cast<double>(games * hits);
  }

 private:
  template <class Send>
  void send_all(Send send) {
    missing_.store(actors_);
    for (long i = 0; i < messages; ++i) send(static_cast<std::size_t>(i % actors_));
    wait();
  }
  /// Without a core of its own for long: the actors need both.
  void wait() const {
    while (missing_.load(std::memory_order_acquire) > 0) std::this_thread::sleep_for(std::chrono::microseconds(20));
  }

  const long actors_;
  std::atomic<long> missing_{0};
};

}  // namespace reki::bench
