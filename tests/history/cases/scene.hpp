#pragma once

#include <span>
#include <stdexcept>
#include <string>

#include "history/history.hpp"

/// A history written down by hand: operations of one key, each of a client of its own unless another is named. Times
/// are bare nanoseconds.
class Scene {
 public:
  /// Which client sent it, and as a try of which request.
  struct From {
    std::uint32_t client;
    std::uint64_t request;
  };
  using Call = reki::history::Call;
  using Answer = reki::history::Answer;

  Scene() { (void)history.key("k"); }

  Scene& started(std::uint64_t fence, std::int64_t from, std::int64_t to) {
    return add(Call::lookup_or_start, Answer::started, fence, from, to, stranger());
  }
  Scene& started(From sender, std::uint64_t fence, std::int64_t from, std::int64_t to) {
    return add(Call::lookup_or_start, Answer::started, fence, from, to, sender);
  }
  Scene& found(std::uint64_t fence, std::int64_t from, std::int64_t to) {
    return add(Call::lookup_or_start, Answer::running, fence, from, to, stranger());
  }
  Scene& running(std::uint64_t fence, std::int64_t from, std::int64_t to) {
    return add(Call::lookup, Answer::running, fence, from, to, stranger());
  }
  Scene& not_running(std::int64_t from, std::int64_t to) {
    return add(Call::lookup, Answer::not_running, 0, from, to, stranger());
  }
  Scene& nothing_to_stop(std::int64_t from, std::int64_t to) {
    return add(Call::stop, Answer::not_running, 0, from, to, stranger());
  }
  /// fence 0: it was not told which.
  Scene& stopped(std::uint64_t fence, std::int64_t from, std::int64_t to) {
    return add(Call::stop, Answer::stopped, fence, from, to, stranger());
  }
  Scene& unknown(Call call, std::int64_t from) { return unknown(stranger(), call, from); }
  Scene& unknown(From sender, Call call, std::int64_t from) {
    return add(call, Answer::unknown, 0, from, reki::Instant::never().ns, sender);
  }
  Scene& failed(From sender, std::int64_t from, std::int64_t to) {
    return add(Call::lookup_or_start, Answer::failed_unexecuted, 0, from, to, sender);
  }
  From client(std::uint64_t request) { return {stranger().client, request}; }

  [[nodiscard]] std::span<const reki::history::Operation> operations() { return history.by_key(); }

  reki::history::History history;

 private:
  From stranger() { return {history.new_client("c" + std::to_string(clients_++)), 0}; }
  Scene& add(Call call, Answer answer, std::uint64_t fence, std::int64_t from, std::int64_t to, From sender) {
    reki::history::Operation o;
    o.client = sender.client;
    o.request = sender.request;
    o.call = call;
    o.answer = answer;
    o.fence = reki::Fence{fence};
    o.invoked = reki::Instant{from};
    o.returned = reki::Instant{to};
    if (const auto added = history.add(o); !added) throw std::invalid_argument(added.error().text);
    return *this;
  }

  int clients_ = 0;
};
