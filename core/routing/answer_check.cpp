#include "reki/core/routing/answer_check.hpp"

#include <cstddef>

#include "reki/core/base/hash.hpp"

namespace reki {

void AnswerCheck::hash(RoutedRequest& request) const {
  request.progress.key_hash = hash_key(request.key, hash_type(request.type, seed_));
}

void AnswerCheck::prefetch(RoutedRequest& request) {
  if (!wire::about_a_key(request.op)) return;
  hash(request);
  if (!only_looks(request.op)) fences_.prefetch(request.progress.key_hash);
}

void AnswerCheck::note_asked(RoutedRequest& request) {
  if (!wire::about_a_key(request.op)) return;
  if (request.progress.key_hash == 0) hash(request);
  if (!only_looks(request.op)) request.progress.floor = fences_.highest(request.progress.key_hash);
}

void AnswerCheck::prefetch_behind(RequestQueue& in_flight, RoutedRequest& answered) const {
  constexpr std::size_t cache_line = 64;
  RoutedRequest* later = &answered;
  for (int ahead = 0; ahead < 4; ++ahead) {
    later = in_flight.after(*later);
    if (later == nullptr) return;
  }
  fences_.prefetch(later->progress.key_hash);
  for (int ahead = 0; ahead < 2; ++ahead) {
    later = in_flight.after(*later);
    if (later == nullptr) return;
  }
  const auto* const bytes = reinterpret_cast<const char*>(later);
  for (std::size_t i = 0; i < sizeof *later; i += cache_line) __builtin_prefetch(bytes + i, 1);
}

/// What a look-up answers is how things are, so an older start than any that was seen is no answer. Of the others it is
/// what they have done: that start may have been the one when they were asked.
std::string AnswerCheck::why_outdated(const RoutedRequest& request, const RouterPeer& peer,
                                      const wire::ReplyHeader& header, const wire::Reply& reply, const View* view) {
  // A view from a config knows no incarnations, and the fences of its nodes are in no order across restarts.
  if (view == nullptr || view->term().value == 0) return {};
  const bool about_the_node = request.op == wire::Op::view || request.op == wire::Op::status;
  if (!about_the_node && peer.named.value != 0 && header.incarnation != peer.named && header.epoch <= view->epoch()) {
    return "an incarnation of " + peer.describe() + " answered that is not the one in view " +
           std::to_string(view->epoch().value);
  }
  const std::uint64_t key = request.progress.key_hash;
  if (key == 0 || reply.fence.value == 0) return {};
  Fence least = request.progress.floor;
  if (reply.fence >= least) {
    const Fence highest = fences_.note(key, reply.fence);
    if (!only_looks(request.op) || reply.fence >= highest) return {};
    least = highest;
  }
  return peer.describe() + " answered for start " + std::to_string(reply.fence.value) + " of the actor, but start " +
         std::to_string(least.value) + " has been seen";
}

}  // namespace reki
