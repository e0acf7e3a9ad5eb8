#pragma once

#include <cstddef>
#include <memory>

#include "reki/core/base/limits.hpp"
#include "reki/core/base/slot_map.hpp"
#include "reki/core/base/timer_wheel.hpp"
#include "reki/core/routing/routed_request.hpp"

namespace reki {

/// Owns the requests of a router from submit to done: their ids, their deadlines, and those that are done.
///
/// Pure; no thread safety. Nothing is allocated for a request, and nothing is searched for.
/// Which queue a request is in is not its affair, but for those that are done.
class RequestTable {
 public:
  explicit RequestTable(std::size_t outstanding_max);
  /// Ends the requests untold. REQUIRES: the queues that they are in are still there.
  ~RequestTable();
  RequestTable(const RequestTable&) = delete;
  RequestTable& operator=(const RequestTable&) = delete;

  /// Gives the request an id; expire() fires for it at `at`. False if too many are outstanding: then it is done, with `overloaded`.
  bool add(RoutedRequest* request, Instant at);
  /// Once that has fired: it fires once more, then.
  void fire_at(RoutedRequest& request, Instant at) { timers_.add(request, at); }
  /// The one with that id, if it is in flight at that peer; else null. Any id may be asked for.
  [[nodiscard]] RoutedRequest* find_in_flight(RequestId id, PeerIndex at) const {
    RoutedRequest* const request = ids_.find(id);
    const bool here =
        request != nullptr && request->progress.state == RoutedRequest::State::in_flight && request->progress.at == at;
    return here ? request : nullptr;
  }
  /// It is done, with the outcome that it has. REQUIRES: it was added, and is in no queue.
  void finish(RoutedRequest& request);
  /// The same for one that no caller waits for.
  [[nodiscard]] std::unique_ptr<RoutedRequest> release(RoutedRequest& request);
  /// The one that has been done for longest; null if there is none.
  [[nodiscard]] std::unique_ptr<RoutedRequest> next_done();

  /// Calls `fire(request)` for each whose time has come.
  template <class Fire>
  void expire(Instant now, Fire fire) {
    timers_.advance(now, [&](TimerHook& hook) { fire(static_cast<RoutedRequest&>(hook)); });
  }
  [[nodiscard]] Instant next_expiry() const { return timers_.next(); }
  /// Calls `visit(request)` for each that is not done; it may be finished meanwhile.
  template <class Visitor>
  void for_each(Visitor visit) {
    ids_.for_each(visit);
  }
  /// Those that callers wait for.
  [[nodiscard]] std::size_t outstanding() const { return outstanding_; }

 private:
  void forget(RoutedRequest& request);

  const std::size_t outstanding_max_;
  std::size_t outstanding_ = 0;
  SlotMap<RequestId, RoutedRequest*> ids_;
  static_assert(2 * limits::outstanding_per_client_max <= decltype(ids_)::size_max);  // and the router's own
  TimerWheel timers_;
  RequestQueue done_;
};

}  // namespace reki
