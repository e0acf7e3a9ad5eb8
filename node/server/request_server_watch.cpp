// What watchers elsewhere are told: of keys and types by the registry, of the nodes by the views that come here.
#include <algorithm>
#include <utility>

#include "reki/core/base/hash.hpp"
#include "reki/core/watch/watch_codec.hpp"
#include "reki/net/clock.hpp"
#include "reki/node/server/request_server.hpp"

namespace reki {

void RequestServer::watch(Session& session, const wire::Request& request) {
  if (request.type.empty()) return watch_nodes(session, request);
  std::optional<HostedRegistry::OtherOwner> other;
  wire::Reply where;
  where.id = request.id;
  if (!request.key.empty() && redirect(request, where)) {
    const bool nobodys = view_->owner(slot_of(hash_key(request.key, type_hash_))) == nullptr;
    if (where.code == ErrorCode::unavailable && !nobodys) return reply(session, where);
    other.emplace();
    other->node.value = where.owner;
    other->epoch = view_->epoch();
  }
  sessions_.began(session);
  answers_.during(*this, [&] {
    registry_.serve_watch(request, std::move(other), answers_.expect(session.id, request.id));
  });
}

void RequestServer::watch_nodes(Session& session, const wire::Request& request) {
  const auto position = wire::decode_watch_args(request.args);
  std::optional<Error> error;
  if (!position) error = position.error();
  if (closing_) error = Error{ErrorCode::shutting_down, "node '" + options_.node.value + "'"};
  if (!error && nodes_questions_.size() >= limits::watches_open_max) error = Error{ErrorCode::overloaded};
  if (error) return reply_error(session, request.id, *error);
  wire::Reply out;
  out.id = request.id;
  if (const auto payload = view_log_.reply_to(position->sequence)) {
    out.payload = *payload;
    return reply(session, out);
  }
  sessions_.began(session);
  const auto wait = std::min<Duration>(std::chrono::milliseconds(request.remaining_ms), limits::watch_wait_max);
  nodes_questions_.emplace(now_ + wait, NodesQuestion{session.id, request.id, position->sequence});
}

void RequestServer::answer_node_watchers(const std::optional<Error>& error) {
  std::erase_if(nodes_questions_, [&](const auto& item) {
    const NodesQuestion& question = item.second;
    Answer answer;
    if (error) {
      answer = Answer{*error};
    } else if (auto payload = view_log_.reply_to(question.epoch)) {
      answer.payload = std::move(*payload);
    } else {
      return false;
    }
    answered(question.session, question.request, std::move(answer));
    return true;
  });
}

void RequestServer::expire_node_watchers(Instant now) {
  now_ = now;
  while (!nodes_questions_.empty() && nodes_questions_.begin()->first <= now) {
    const NodesQuestion question = nodes_questions_.begin()->second;
    nodes_questions_.erase(nodes_questions_.begin());
    Answer nothing;
    nothing.payload = ViewLog::nothing_after(question.epoch);
    answered(question.session, question.request, std::move(nothing));
  }
}

void RequestServer::release_watchers() {
  if (!view_log_.has(view_->epoch())) view_log_.install(view_, wall_clock_ms());
  answer_node_watchers({});
  registry_.release_watches([this](std::uint64_t hash) {
    const MemberIndex owner = view_->table().owner(slot_of(hash));
    return owner == nobody || owner != self_;
  });
}

void RequestServer::refuse_new() {
  closing_ = true;
  answer_node_watchers(Error{ErrorCode::shutting_down, "node '" + options_.node.value + "'"});
}

void RequestServer::say_goodbye() {
  sessions_.for_each([this](const Session& session) { sink_.send(session.route, wire::encode_goodbye({session.frames})); });
}

Instant RequestServer::next_wake() {
  const Instant idle = sessions_.next_due();
  return nodes_questions_.empty() ? idle : std::min(idle, nodes_questions_.begin()->first);
}

}  // namespace reki
