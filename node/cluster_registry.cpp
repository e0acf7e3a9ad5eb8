#include "reki/node/cluster_registry.hpp"

#include <algorithm>
#include <utility>

#include "reki/core/base/hash.hpp"
#include "reki/core/base/limits.hpp"
#include "reki/core/config/config.hpp"
#include "reki/core/wire/bounds.hpp"
#include "reki/net/scatter_gather.hpp"
#include "reki/node/actors/outputs.hpp"

namespace reki {
namespace {

/// Asked for first of all: another thread may have had any lock when this process was forked.
Error in_child() { return Error{ErrorCode::unavailable, used_after_fork}; }

using wire::about_a_key;

SlotSet owned_by(const View& view, const NodeId& node, Incarnation incarnation) {
  SlotSet out;
  if (view.find(node, incarnation) == nullptr) return out;
  const MemberIndex self = view.index_of(node.value);
  for (std::uint16_t s = 0; s < slot_count; ++s) {
    if (view.table().owner(SlotId{s}) == self) out.insert(SlotId{s});
  }
  return out;
}

}  // namespace

ClusterRegistry::ClusterRegistry(Factories factories, Options options, Ports ports)
    : options_(std::move(options)),
      ports_(std::move(ports)),
      incarnation_(options_.incarnation.value),
      view_(options_.fixed_view),
      local_(std::move(factories), hosted_options()) {
  local_.set_self_registry(*this);
}

HostedOptions ClusterRegistry::hosted_options() {
  HostedOptions out = options_.hosted;
  out.node = options_.id;
  out.incarnation = options_.incarnation;
  if (options_.fixed_view) return out;
  auto hooks = std::make_shared<ClusterHooks>();
  hooks->page = options_.page;
  hooks->reroute = [this](std::string_view type, std::string_view key, EnvelopePtr request) {
    rerouted(type, key, std::move(request));
  };
  hooks->hand_over = [this](HandedOver state) { hand_over(std::move(state)); };
  hooks->slot_emptied = ports_.look_again;
  hooks->want_granted = ports_.want_granted;
  out.cluster_hooks = std::move(hooks);
  return out;
}

bool ClusterRegistry::wait_until_ready(Duration timeout) {
  const MutexLock lock(view_mutex_);
  return ready_changed_.wait_for(view_mutex_, timeout, [this] { return ready_.load(); });
}

void ClusterRegistry::set_ready(bool ready) {
  {
    const MutexLock lock(view_mutex_);
    if (ready_.exchange(ready) == ready) return;
  }
  ready_changed_.notify_all();
}

void ClusterRegistry::set_view(std::shared_ptr<const View> next) {
  {
    const MutexLock lock(view_mutex_);
    if (next->epoch() <= view_->epoch()) return;
  }
  publish(std::move(next), incarnation());
}

void ClusterRegistry::open() {
  publish(view(), incarnation());
  set_ready(true);
}

bool ClusterRegistry::begin_leaving() {
  leaving_ = true;
  const bool was_in = ready_;
  set_ready(false);
  return was_in;
}

Error ClusterRegistry::not_joined() const {
  return Error{ErrorCode::unavailable, "the node has not joined the cluster yet: " + ports_.why_not_ready()};
}

std::shared_ptr<const View> ClusterRegistry::view() const {
  const MutexLock lock(view_mutex_);
  return view_;
}

ClusterRegistry::Place ClusterRegistry::place_of(const View& view, std::string_view type, std::string_view key) const {
  Place out;
  out.owner = view.owner(slot_of(hash_key(key, hash_type(type, view.hash_seed()))));
  if (out.owner == nullptr || out.owner->node_id != options_.id) return out;
  out.here = options_.fixed_view || out.owner->incarnation == incarnation();
  // An earlier incarnation of this node: nobody serves the key until this one is let in.
  if (!out.here) out.owner = nullptr;
  return out;
}

Result<NodeId> ClusterRegistry::owner(std::string_view type, std::string_view key) const {
  if (local_.is_in_child()) return tl::make_unexpected(in_child());
  wire::Request request;
  request.type = type;
  request.key = key;
  if (auto error = wire::check(request)) return tl::make_unexpected(std::move(*error));
  const auto now = view();
  if (!now) return tl::make_unexpected(not_joined());
  const Place place = place_of(*now, type, key);
  if (place.owner == nullptr) return fail(ErrorCode::unavailable, "no node owns the key's slot");
  return place.owner->node_id;
}

Result<Watch> ClusterRegistry::watch(WatchFilter filter, WatchCallback callback) {
  if (local_.is_in_child()) return tl::make_unexpected(in_child());
  if (auto good = reki::check(filter); !good) return tl::make_unexpected(good.error());
  auto sink = std::make_shared<WatchSink>(std::move(callback));
  plane_->watch(std::move(filter), sink);
  return Watch{std::move(sink)};
}

void ClusterRegistry::submit(Submission submission, Completion done) {
  if (local_.is_in_child()) return done(Answer{in_child()});
  if (Outputs::hold(*this, submission, done)) return;
  const auto now = view();
  if (!now) return done(Answer{not_joined()});
  if (wire::level_of(submission.op) > now->level()) return done(Answer{wire::needs_level(submission.op, now->level())});
  if (about_a_key(submission.op)) {
    const Place place = place_of(*now, submission.type, submission.key);
    if (place.here && submission.op == wire::Op::next) submission.op = wire::Op::lookup;
    if (place.here) return local_.submit(std::move(submission), std::move(done));
    return forward(std::move(submission), {}, std::move(done));
  }
  if (auto error = submission.fault()) return done(Answer{std::move(*error)});
  if (submission.op == wire::Op::list || submission.op == wire::Op::count) return ask_all(std::move(submission), std::move(done));
  local_.submit(std::move(submission), std::move(done));
}

void ClusterRegistry::submit_many(std::vector<Posting> postings) {
  if (local_.is_in_child()) {
    for (auto& posting : postings) posting.done(Answer{in_child()});
    return;
  }
  std::erase_if(postings, [this](Posting& posting) { return Outputs::hold(*this, posting.submission, posting.done); });
  const auto now = view();
  if (!now) {
    for (auto& posting : postings) posting.done(Answer{not_joined()});
    return;
  }
  std::vector<Posting> here;
  std::vector<std::unique_ptr<Forwarded>> away;
  for (auto& posting : postings) {
    Submission& s = posting.submission;
    if (!about_a_key(s.op) || s.op == wire::Op::next) {
      submit(std::move(s), std::move(posting.done));
    } else if (place_of(*now, s.type, s.key).here) {
      here.push_back(std::move(posting));
    } else if (auto request = forwarded(std::move(s), {}, std::move(posting.done))) {
      away.push_back(std::move(request));
    }
  }
  // Those that take longer first.
  if (!away.empty()) plane_->forward_all(std::move(away));
  if (!here.empty()) local_.submit_many(std::move(here));
}

Answer ClusterRegistry::exchange(Submission& submission) {
  if (local_.is_in_child()) return Answer{in_child()};
  if (about_a_key(submission.op)) {
    const auto now = view();
    if (now && place_of(*now, submission.type, submission.key).here) return local_.exchange(submission);
  }
  return local_.exchange_by(*this, submission);
}

Registry::Live ClusterRegistry::find_live(std::string_view type, std::string_view key) {
  if (local_.is_in_child()) return {};
  const auto now = view();
  if (!now || !place_of(*now, type, key).here) return {};
  return local_.find_live(type, key);
}

/// Null if the submission may not be sent; then `done` has been told.
std::unique_ptr<Forwarded> ClusterRegistry::forwarded(Submission&& s, NodeId to, Completion done) const {
  auto out = std::make_unique<Forwarded>();
  out->deadline = options_.clock.now() + s.timeout;
  if (auto error = std::move(s).encode_into(*out)) {
    done(Answer{std::move(*error)});
    return nullptr;
  }
  out->node = std::move(to);
  out->done = std::move(done);
  return out;
}

void ClusterRegistry::forward(Submission&& submission, NodeId to, Completion done) {
  auto request = forwarded(std::move(submission), std::move(to), std::move(done));
  if (request) plane_->forward(std::move(request));
}

void ClusterRegistry::ask(const NodeId& node, Submission&& submission, Completion done) {
  if (node == options_.id) return local_.submit(std::move(submission), std::move(done));
  forward(std::move(submission), node, std::move(done));
}

/// A list or count of all nodes, this one among them.
void ClusterRegistry::ask_all(Submission&& submission, Completion done) {
  auto query = ClusterQuery::make(submission.op, submission.args);
  if (!query) return done(Answer{std::move(query.error())});
  auto ask_one = [this](const NodeId& node, wire::RequestBody body, Instant until, Completion answered) {
    Submission part(std::move(body));
    part.timeout = std::max(until - options_.clock.now(), Duration{1});  // what is over is told so there
    ask(node, std::move(part), std::move(answered));
  };
  const Instant deadline = options_.clock.now() + submission.timeout;
  ScatterGather::start(std::move(*query), {std::move(ask_one), [this] { return view(); }}, std::move(submission), deadline,
                       std::move(done));
}

// ---- membership thread

void ClusterRegistry::installed(const std::shared_ptr<const View>& view, Incarnation incarnation) {
  // What is new here has to be known as arriving before anybody is sent here, and what is not here any more only after
  // the way to its owner is known: so that a request always finds one or the other.
  const SlotSet owned = owned_by(*view, options_.id, incarnation);
  local_.expect(owned);
  incarnation_ = incarnation.value;
  publish(view, incarnation);
  local_.expect_only(owned);
}

bool ClusterRegistry::is_done_with(const SlotSet& slots) {
  if (handing_over_.load() != 0 || !local_.is_empty(slots)) return false;
  // Before the cluster hears of it: then watchers are told that this was the end, and not that they have missed it.
  if (leaving_) local_.end_watches_if_vacated();
  return true;
}

void ClusterRegistry::resumed() {
  if (!ready_) {
    if (auto kept = ports_.keep_incarnation(incarnation()); !kept && options_.log)
      options_.log(LogLevel::warn, "incarnation", kept.error().text);
  }
  local_.resume();
  set_ready(!leaving_);
}

void ClusterRegistry::fenced(Incarnation now) {
  set_ready(false);
  const bool was_leaving = now == Incarnation{};
  // Then too watchers have to see that what they are told next is another incarnation's.
  local_.start_over(was_leaving ? Incarnation{incarnation().value + 1} : now);
  if (was_leaving) return;
  incarnation_ = now.value;
  publish(view(), now);
}

std::string ClusterRegistry::stuck(Instant now, Duration step_max) {
  if (leaving_) return {};
  const auto text = [](std::string_view who, Duration since) {
    return std::string(who) + " has taken nothing up for " + to_text(since);
  };
  const Duration data = plane_->delay(now, step_max);
  if (data > limits::data_thread_stuck) return text("the data thread", data);
  const Duration workers = local_.delay(now, step_max);
  return workers > options_.workers_stuck ? text("the pool of workers", workers) : std::string{};
}

void ClusterRegistry::publish(std::shared_ptr<const View> view, Incarnation incarnation) {
  {
    const MutexLock lock(view_mutex_);
    view_ = view;
  }
  plane_->set_view(std::move(view), incarnation);
}

// ---- any thread

void ClusterRegistry::rerouted(std::string_view type, std::string_view key, EnvelopePtr request) {
  const auto now = view();
  const Place place = place_of(*now, type, key);
  if (place.here) return local_.readmit(type, key, std::move(request));
  auto out = std::make_unique<Forwarded>(body_of(*request, type, key, request->args));
  if (!request->name().empty()) {
    if (auto error = encode(*request, *out)) return request->done(Answer{std::move(*error)});
  }
  out->deadline = std::min(request->deadline, options_.clock.now() + limits::timeout_max);
  out->done = std::move(request->done);
  plane_->forward(std::move(out));
}

void ClusterRegistry::hand_over(HandedOver state) {
  auto out = std::make_unique<Forwarded>(wire::RequestBody{
      .op = wire::Op::hand_over, .type = state.type, .key = state.key, .args = std::move(state.args)});
  out->payload = std::move(state.state);
  out->deadline = options_.clock.now() + limits::move_grace;
  handing_over_.fetch_add(1);
  out->done = Completion::of([this](Answer&& answer) {
    if (!answer.ok() && options_.log) options_.log(LogLevel::warn, "state_lost", "text=\"" + answer.text + '"');
    handing_over_.fetch_sub(1);
    ports_.look_again();
  });
  plane_->forward(std::move(out));
}

}  // namespace reki
