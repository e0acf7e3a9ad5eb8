#include "reki/node/server/data_plane.hpp"

#include <algorithm>
#include <utility>

namespace reki {
namespace {

RequestRouter::Options router_options(const DataPlane::Options& options) {
  RequestRouter::Options out;
  out.identity = {options.cluster, wire::Role::node, options.node.value, options.incarnation};
  out.seed = options.incarnation.value;
  out.follow_views = false;  // they come to us by themselves
  return out;
}

RequestServer::Options request_server_options(const DataPlane::Options& options) {
  return {options.node, options.cluster, options.incarnation, options.sessions_max, options.status,
          options.heard_epoch, options.why_no_view};
}

void refuse_late(const std::unique_ptr<Forwarded>& request) {
  request->done(Answer{Error{ErrorCode::shutting_down, "the node is closed"}});
}

}  // namespace

DataPlane::DataPlane(const Options& options, HostedRegistry& registry, FrameSink& sink, ServerEvents& events)
    : clock_(options.clock),
      requests_(request_server_options(options), registry, *answers_, sink, events),
      router_(router_options(options)),
      now_(clock_.now()) {}

// ---- any thread

void DataPlane::set_view(std::shared_ptr<const View> view, Incarnation incarnation) {
  Task task{NewView{std::move(view), incarnation}};
  tasks_.push(std::move(task));
  view_waits_.store(true, std::memory_order_release);
}

void DataPlane::forward(std::unique_ptr<Forwarded> request) {
  Task task{std::move(request)};
  if (!tasks_.push(std::move(task))) refuse_late(std::get<0>(task));  // NOLINT(bugprone-use-after-move): it is as it was
}

void DataPlane::forward_all(std::vector<std::unique_ptr<Forwarded>> requests) {
  std::vector<Task> tasks;
  tasks.reserve(requests.size());
  for (auto& request : requests) tasks.emplace_back(std::move(request));
  if (tasks_.push_all(tasks)) return;
  for (auto& task : tasks) refuse_late(std::get<0>(task));
}

void DataPlane::watch(WatchFilter filter, std::shared_ptr<WatchSink> sink) {
  Task task{NewWatch{std::move(filter), std::move(sink)}};
  tasks_.push(std::move(task));
}

Duration DataPlane::delay(Instant now, Duration step_max) {
  if (probe_.ask(now)) tasks_.push(Task{SignOfLife{}});
  return probe_.owed(now, step_max);
}

// ---- data thread

void DataPlane::turn(Instant now) {
  now_ = now;
  requests_.take_answers(now_);
  take_tasks(now_);
  router_.tick(now_);
  watches_.tick(now_);
  deliver();
  requests_.end_round(now_);
}

Instant DataPlane::next_wake() { return std::min({router_.next_wake(), requests_.next_wake(), watches_.next_wake()}); }

void DataPlane::take_tasks(Instant now) {
  now_ = now;
  view_waits_.store(false, std::memory_order_release);  // before the queue is looked at
  tasks_.take(taken_);
  for (auto& task : taken_) {
    std::visit([this](auto& item) { take(std::move(item)); }, task);
  }
  taken_.clear();
}

void DataPlane::take(NewView next) {
  requests_.set_view(next.view, next.incarnation);
  peers_->set_incarnation(next.incarnation, now_);
  router_.set_view(next.view, now_);
  watches_.set_view(std::move(next.view), now_);
}

void DataPlane::carry(Watches::Question question, Completion done) {
  auto request = std::make_unique<Forwarded>(std::move(question.body));
  request->node = std::move(question.node);
  request->deadline = question.deadline;
  request->done = std::move(done);
  router_.submit(std::move(request), now_);
}

void DataPlane::deliver() {
  while (auto done = router_.next_done()) {
    const std::unique_ptr<Forwarded> request{static_cast<Forwarded*>(done.release())};
    request->done(Answer{std::move(request->outcome)});
  }
}

void DataPlane::close(Instant now) {
  tasks_.close();
  take_tasks(now);
  watches_.close();
  router_.shut_down();
  deliver();
}

}  // namespace reki
