#pragma once

#include <deque>
#include <map>
#include <memory>
#include <utility>

#include "told.hpp"
#include "world.hpp"

namespace reki::contract {

/// Those who watch: some in this process by the registry's call, some from the wire, who ask question after question.
class Watchers {
 public:
  explicit Watchers(World& world) : world_(world) {}

  /// One more in this process; beyond a few the oldest goes.
  void begin(const Operation& o);
  /// One of those in this process watches no more. False: there is none.
  bool end(const Operation& o);
  /// The one from the wire who watches that asks, if no question of it is open.
  bool ask(const Operation& o);
  /// Nothing happens for now: all who have been told all must know how it is.
  void check_at_rest();
  /// The same once the registry has closed, or has told that nothing more happens on it.
  void check_at_the_end();

 private:
  struct Local {
    std::shared_ptr<Told> told;
    Watch watch;
  };
  /// Shared with the answer that it waits for.
  struct Remote {
    Remote(World& w, const WatchFilter& filter) : world(w), told(w.oracle, filter) {}
    World& world;
    Told told;
    WatchPosition position{};
    bool open = false;
    Instant deadline{};
    std::int64_t passed = 0;  ///< Oracle::passed when it was asked.
    int goes_on = 0;          ///< So many questions more, each with the answer to the one before.
    ErrorCode refused = ErrorCode::ok;
  };
  using RemotePtr = std::shared_ptr<Remote>;

  static void ask(const RemotePtr& remote, std::uint32_t wait_ms);
  static void answered(const RemotePtr& remote, const Answer& answer);
  static void check_refusal(const Remote& remote);
  static void end_with_all(const RemotePtr& remote);

  static constexpr std::size_t local_max = 4;

  World& world_;
  std::deque<Local> local_;
  std::map<std::pair<std::string, std::uint32_t>, RemotePtr> remote_;  ///< By what is watched, and a number.
};

}  // namespace reki::contract
