#pragma once

#include <cstdint>
#include <string>

#include "reki/core/routing/fence_memory.hpp"
#include "reki/core/routing/routed_request.hpp"
#include "reki/core/routing/router_peers.hpp"
#include "reki/core/view/view.hpp"
#include "reki/core/wire/wire.hpp"

namespace reki {

/// Decides whether an answer counts: it does not if it comes from an incarnation of a node that the view does not name,
/// or is about an older start of the actor than has been seen.
///
/// Pure; no thread safety. What has been seen is a FenceMemory, whose seed nobody else is to know.
class AnswerCheck {
 public:
  explicit AnswerCheck(std::uint64_t seed) : seed_(seed) {}

  /// Of a request that is submitted soon: has the processor bring what note_asked() takes.
  void prefetch(RoutedRequest& request);
  /// The request is asked now.
  void note_asked(RoutedRequest& request);
  /// Replies mostly come in the order of their requests: has the processor bring what those to the next few take.
  void prefetch_behind(RequestQueue& in_flight, RoutedRequest& answered) const;

  /// Why the answer does not count; empty if it does, and then its fence is remembered.
  [[nodiscard]] std::string why_outdated(const RoutedRequest& request, const RouterPeer& peer,
                                         const wire::ReplyHeader& header, const wire::Reply& reply, const View* view);

 private:
  void hash(RoutedRequest& request) const;

  const std::uint64_t seed_;
  FenceMemory fences_;
};

}  // namespace reki
