#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "clock.hpp"

namespace reki::sim {

/// Something that happens at a true time. What the fields mean depends on the kind.
struct Event {
  enum class Kind : std::uint8_t {
    letter,   ///< A control message arrives. payload: its place in the pool.
    packet,   ///< A request or reply arrives. payload: its place in the pool.
    timer,    ///< The machine's next wake-up.
    disk,     ///< A write is over.
    actor,    ///< A function of an actor returns, or a grace is over. payload: see Actors.
    client,   ///< A client's timer.
    resume,   ///< A pause is over.
    boot,     ///< A process starts.
    end,      ///< A process that has left ends.
    guard,    ///< A guard says that its process is dead. payload: place in the list of deaths.
    fault,    ///< payload: place in the plan.
    relief,   ///< The end of a fault that lasts. payload: place in the plan.
    etcd_request,  ///< A transaction takes effect in etcd. payload: its place in the pool.
    etcd_reply,    ///< Its answer arrives. payload: its place in the pool.
    etcd_timeout,  ///< Nobody waits for the answer any more. payload: the transaction's number.
  };
  Time at = 0;
  std::uint32_t order = 0;  ///< Of two at the same time the one that was scheduled first.
  std::uint32_t payload = 0;
  std::uint32_t process = 0;  ///< For which of the node's processes: they are counted.
  std::uint16_t node = 0;  ///< Or client.
  Kind kind = Kind::timer;

  friend bool operator<(const Event& a, const Event& b) { return a.at != b.at ? a.at < b.at : a.order < b.order; }
};

/// Events by time: a heap of four children a knot, in one block of memory.
class EventQueue {
 public:
  void push(Event event) {
    event.order = order_++;
    std::size_t hole = heap_.size();
    heap_.push_back(event);
    while (hole > 0) {
      const std::size_t parent = (hole - 1) / 4;
      if (!(event < heap_[parent])) break;
      heap_[hole] = heap_[parent];
      hole = parent;
    }
    heap_[hole] = event;
  }
  [[nodiscard]] bool empty() const { return heap_.empty(); }
  [[nodiscard]] const Event& top() const { return heap_.front(); }
  [[nodiscard]] std::size_t size() const { return heap_.size(); }

  Event pop() {
    const Event out = heap_.front();
    const Event moved = heap_.back();
    heap_.pop_back();
    if (!heap_.empty()) sink(moved);
    return out;
  }

 private:
  void sink(const Event& moved) {
    const std::size_t size = heap_.size();
    std::size_t hole = 0;
    for (std::size_t first = 1; first < size; first = 4 * hole + 1) {
      std::size_t least = first;
      const std::size_t end = first + 4 < size ? first + 4 : size;
      for (std::size_t child = first + 1; child < end; ++child) {
        if (heap_[child] < heap_[least]) least = child;
      }
      if (!(heap_[least] < moved)) break;
      heap_[hole] = heap_[least];
      hole = least;
    }
    heap_[hole] = moved;
  }

  std::vector<Event> heap_;
  std::uint32_t order_ = 0;
};

/// Places for things in flight: addresses do not matter, and a place is used again.
template <class T>
class Pool {
 public:
  std::uint32_t put(T thing) {
    if (free_.empty()) {
      things_.push_back(std::move(thing));
      return static_cast<std::uint32_t>(things_.size() - 1);
    }
    const std::uint32_t place = free_.back();
    free_.pop_back();
    things_[place] = std::move(thing);
    return place;
  }
  T& operator[](std::uint32_t place) { return things_[place]; }
  void drop(std::uint32_t place) { free_.push_back(place); }
  T take(std::uint32_t place) {
    free_.push_back(place);
    return std::move(things_[place]);
  }

 private:
  std::vector<T> things_;
  std::vector<std::uint32_t> free_;
};

}  // namespace reki::sim
