#include "reki/core/routing/request_router.hpp"

#include <algorithm>
#include <utility>

#include "reki/core/base/hash.hpp"
#include "reki/core/routing/request_deadline.hpp"

namespace reki {
namespace {

/// A node that has left closes its connections within that time, and says what it has not read.
constexpr Duration parting_time_max = limits::closing_time_max + limits::flush_time_max;

}  // namespace

RequestRouter::RequestRouter(const Options& options)
    : follow_views_(options.follow_views),
      peers_(options.session),
      frames_(options.identity),
      answers_(options.seed),
      retries_(options.seed),
      follower_(mix64(options.seed)),
      requests_(options.outstanding_max) {}

// ---- from submit to done

void RequestRouter::submit(std::unique_ptr<RoutedRequest> owned, Instant now) {
  RoutedRequest& request = *owned;
  if (!requests_.add(owned.release(), give_up_at(request.deadline, now))) return;
  if (request.deadline <= now)
    return finish(request, Error{ErrorCode::deadline_exceeded, "the deadline had passed already"});
  answers_.note_asked(request);
  route(request, now);
}

/// With the outcome that it has.
void RequestRouter::finish(RoutedRequest& request) {
  request.unlink_queue();
  if (!request.progress.asks_for_view) return requests_.finish(request);
  peers_[*request.peer].asked_for_view = false;
  follower_.answered(requests_.release(request));
}

void RequestRouter::finish(RoutedRequest& request, Error why) {
  request.fail(std::move(why));
  finish(request);
}

void RequestRouter::finish_all(RequestQueue& ended) {
  while (!ended.empty()) finish(ended.front());
}

void RequestRouter::shut_down() {
  requests_.for_each([this](RoutedRequest& request) {
    if (request.progress.state == State::in_flight && !may_repeat(request.op)) {
      finish(request, Error{ErrorCode::unknown_outcome, "closed here while the message was under way"});
    } else {
      finish(request, Error{ErrorCode::shutting_down, "closed here"});
    }
  });
}

bool RequestRouter::owes_outcomes() {
  bool owes = false;
  requests_.for_each([&](const RoutedRequest& request) {
    owes |= request.op != wire::Op::watch && !request.progress.asks_for_view;
  });
  return owes;
}

// ---- whom to ask

void RequestRouter::route(RoutedRequest& request, Instant now) {
  if (request.peer) {
    Peer& peer = peers_[*request.peer];
    if (!peer.closed) return enqueue(request, peer);
    return finish(request,
                  Error{ErrorCode::unreachable, peer.describe() + " is not in view " + std::to_string(epoch().value)});
  }
  constexpr std::string_view no_view = "no view of the cluster yet";
  if (!request.node.value.empty()) {
    if (!view()) return await_view(request, no_view, now);
    const Member* member = view()->find(request.node);
    if (member != nullptr) return enqueue(request, peers_.of(*member));
    return finish(request, Error{ErrorCode::unreachable, "there is no node '" + request.node.value + "' in view " +
                                                             std::to_string(epoch().value)});
  }
  Peer* const peer = wire::about_a_key(request.op) ? peers_.owner_of(request) : peers_.any();
  if (peer == nullptr) return await_view(request, view() ? "no node owns the key's slot" : no_view, now);
  enqueue(request, *peer);
}

void RequestRouter::route_all(RequestQueue& requests, Instant now) {
  while (!requests.empty()) {
    RoutedRequest& request = requests.front();
    request.unlink_queue();
    request.progress.redirects = 0;
    route(request, now);
  }
}

void RequestRouter::enqueue(RoutedRequest& request, Peer& peer) {
  const ErrorCode refusal = peer.session.refusal().code;
  work_.want(peer);
  if (refusal == ErrorCode::wrong_cluster || refusal == ErrorCode::version_mismatch) {
    // It was asked at most hello_again ago, and is asked again for those who come later.
    return finish(request, peer.session.refusal());
  }
  request.progress.state = State::queued;
  request.progress.at = peer.index;
  peer.queued.push_back(request);
}

BytesView RequestRouter::next_frame(PeerIndex peer, Instant now) {
  RequestQueue ended;
  const BytesView frame = frames_.next(peers_[peer], epoch(), now, ended);
  finish_all(ended);
  return frame;
}

bool RequestRouter::taken(PeerIndex index, bool yes) {
  Peer& peer = peers_[index];
  RequestQueue ended;
  frames_.taken(peer, yes, ended);
  if (yes) work_.expect_more();
  finish_all(ended);
  return yes && !peer.queued.empty();
}

// ---- who has to wait

/// Until there is another view.
void RequestRouter::await_view(RoutedRequest& request, std::string_view why, Instant now) {
  request.progress.state = State::waiting;
  request.progress.last = Error{ErrorCode::unavailable, std::string{why}};
  follower_.trouble(now);
  if (now + limits::give_up_before >= request.deadline) return finish(request, std::move(request.progress.last));
  await_view_.push_back(request);
}

/// Until the peer may be tried again, or there is another view.
void RequestRouter::hold(RoutedRequest& request, Peer& peer, Error why, Instant now) {
  RequestProgress& progress = request.progress;
  ++stats_.retries;
  request.unlink_queue();
  if (progress.state == State::in_flight) progress.trip = now - progress.sent;
  progress.last = std::move(why);
  if (peer.closed) return route(request, now);
  progress.state = State::waiting;
  progress.at = peer.index;
  follower_.trouble(now);
  if (now + limits::give_up_before >= request.deadline) return finish(request, std::move(progress.last));
  retries_.hold(peer.held, request, now);
}

void RequestRouter::try_again(Instant now) {
  while (!retries_.released().empty()) {
    RoutedRequest& request = retries_.released().front();
    request.unlink_queue();
    request.progress.redirects = 0;
    if (too_late_to_send(request, now)) {
      finish(request, std::move(request.progress.last));
    } else {
      route(request, now);
    }
  }
}

// ---- time

bool RequestRouter::tick(Instant now) {
  bool is_newer = false;
  if (follower_.has_answers()) {
    follower_.take_answers(identity().cluster, now, [&](std::shared_ptr<const View> view) {
      if (set_view(std::move(view), now)) is_newer = true;
    });
  }
  requests_.expire(now, [&](RoutedRequest& request) {
    auto why = ends_with(request, peers_, now);
    if (!why) return requests_.fire_at(request, request.deadline);
    finish(request, std::move(*why));
  });
  retries_.tick(peers_, now);
  try_again(now);
  part_in_time(now);
  follow(now);
  if (work_.look(peers_, now)) follower_.trouble(now);
  return is_newer;
}

Instant RequestRouter::next_wake() const {
  if (follower_.has_answers()) return Instant{};
  Instant at = std::min({requests_.next_expiry(), retries_.next(), work_.next_look()});
  if (follow_views_) at = std::min(at, follower_.next());
  for (const PeerIndex index : parting_) at = std::min(at, peers_[index].parts_at);
  return at;
}

// ---- views

PeerIndex RequestRouter::add_peer(std::string address) {
  follower_.add_seed(address);
  return peers_.add(std::move(address)).index;
}

bool RequestRouter::set_view(std::shared_ptr<const View> view, Instant now) {
  if (view->epoch() <= epoch()) return false;
  const std::vector<PeerIndex> left = peers_.seat(std::move(view));
  follower_.installed(epoch());
  RequestQueue moving;
  for (const PeerIndex index : left) leave(peers_[index], moving, now);
  for (const PeerIndex index : peers_.open()) peers_.take_misplaced(peers_[index], moving);
  moving.append(await_view_);
  route_all(moving, now);
  return true;
}

/// Nothing is sent there any more. A node that has left has answered what it executed, and the answer may come later
/// than the view without it; one that is silent is not waited for.
void RequestRouter::leave(Peer& peer, RequestQueue& moving, Instant now) {
  const RoutedRequest* const owed = peer.oldest_owed();
  const bool silent = owed != nullptr && peer.session.silent_to_ping(owed->progress.sent, now);
  settle(peer, peer.session.last_executed(), silent ? Peer::InDoubt::ends : Peer::InDoubt::waits, moving);
  moving.append(peer.held.requests);
  moving.append(peer.queued);
  if (peer.in_flight.empty()) return peers_.forget(peer);
  peer.parts_at = now + parting_time_max;
  parting_.push_back(peer.index);
}

void RequestRouter::part_in_time(Instant now) {
  RequestQueue moving;
  std::erase_if(parting_, [&](PeerIndex index) {
    Peer& peer = peers_[index];
    if (!peer.in_flight.empty() && now < peer.parts_at) return false;
    settle(peer, peer.session.last_executed(), Peer::InDoubt::ends, moving);
    peers_.forget(peer);
    return true;
  });
  route_all(moving, now);
}

void RequestRouter::follow(Instant now) {
  if (!follow_views_ || !follower_.due(now)) return;
  const auto is_stuck = [&](PeerIndex p) { return peers_[p].is_stuck(now); };
  const bool waits = !await_view_.empty() || std::ranges::any_of(peers_.open(), is_stuck);
  if (!follower_.behind() && !waits) return follower_.calm();
  if (Peer* const more = follower_.one_more(peers_)) work_.want(*more);
  for (const std::string& address : follower_.seeds_wanted(now)) {
    if (!peers_.is_open(address)) work_.want(peers_.add(address));
  }
  auto question = follower_.question(peers_, now);
  if (!question) return;
  ++stats_.view_polls;
  RoutedRequest& request = *question;
  Peer& peer = peers_[*request.peer];
  submit(std::move(question), now);
  request.unlink_queue();
  peer.queued.push_front(request);
}

}  // namespace reki
