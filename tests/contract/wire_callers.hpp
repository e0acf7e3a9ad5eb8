#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <vector>

#include "world.hpp"

namespace reki::contract {

/// Who sends requests to the node from outside: each with its incarnation, and the ids of its requests.
class WireCallers {
 public:
  explicit WireCallers(World& world) : world_(world) {}

  /// Adds a request to those that go together.
  void add(const Ask& ask, const Operation& o);
  [[nodiscard]] bool empty() const { return batch_.empty(); }
  /// Sends them. All are of one caller.
  void serve(std::uint32_t caller);

 private:
  class Sink;
  /// One request with the bytes that it points to.
  struct Framed {
    std::uint32_t ask;
    bool no_reply;
    std::string key;
    Bytes args;
    Bytes payload;
    wire::Request request;
  };

  World& world_;
  std::deque<Framed> batch_;
};

}  // namespace reki::contract
