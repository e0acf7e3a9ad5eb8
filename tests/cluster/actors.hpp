#pragma once

#include <cstdint>
#include <string>

#include "reki/actor/registry.hpp"

/// What the cluster tests' plugin (actors.cpp) serves and their client (probe.cpp) calls.
namespace cluster_test {

struct Ping {
  static constexpr std::string_view name = "ping";
  using Reply = std::int64_t;  ///< How many pings this start of the actor has had.
};
struct Crash {
  static constexpr std::string_view name = "crash";
  using Reply = std::int64_t;
};

/// Leaves no witness: for large numbers of keys.
struct Neighbour {
  static constexpr std::string_view type = "neighbour";
  using Messages = reki::Messages<Ping>;
};

/// Its factory takes its time.
struct SlowArgs {
  std::int64_t ms = 0;
  static constexpr auto fields = reki::fields("ms", &SlowArgs::ms);
};
struct Slow {
  static constexpr std::string_view type = "slow";
  using Messages = reki::Messages<Ping>;
  using Args = SlowArgs;
};

struct Crasher {
  static constexpr std::string_view type = "crasher";
  using Messages = reki::Messages<Ping, Crash>;
};

/// Answers with so many bytes.
struct Fetch {
  static constexpr std::string_view name = "fetch";
  using Reply = reki::Bytes;
  std::int64_t bytes = 0;
  static constexpr auto fields = reki::fields("bytes", &Fetch::bytes);
};
/// Answers with the number of bytes that came.
struct Put {
  static constexpr std::string_view name = "put";
  using Reply = std::int64_t;
  reki::Bytes bytes;
  static constexpr auto fields = reki::fields("bytes", &Put::bytes);
};
/// Sleeps in the handler.
struct Nap {
  static constexpr std::string_view name = "nap";
  std::int64_t ms = 0;
  static constexpr auto fields = reki::fields("ms", &Nap::ms);
};
/// Asks the cluster for the operation of the next level, about a neighbour.
struct AskNext {
  static constexpr std::string_view name = "ask_next";
  std::string key;
  static constexpr auto fields = reki::fields("key", &AskNext::key);
};
/// What has come of it.
struct NextCode {
  static constexpr std::string_view name = "next_code";
  using Reply = std::int64_t;  ///< As on the wire; -1: not answered yet.
};
struct Blob {
  static constexpr std::string_view type = "blob";
  using Messages = reki::Messages<Fetch, Put, Nap, Ping, AskNext, NextCode>;
};

/// Takes its time in the handler, and leaves a witness of each call: `noted`, with its number in the place of the object's.
struct Note {
  static constexpr std::string_view name = "note";
  using Reply = std::int64_t;  ///< The number.
  std::int64_t number = 0;
  std::int64_t ms = 0;
  static constexpr auto fields = reki::fields("number", &Note::number, "ms", &Note::ms);
};
struct Scribe {
  static constexpr std::string_view type = "scribe";
  using Messages = reki::Messages<Note>;
};

}  // namespace cluster_test
