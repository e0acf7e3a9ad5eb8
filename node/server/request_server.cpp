#include "reki/node/server/request_server.hpp"

#include <algorithm>
#include <utility>

#include "reki/net/clock.hpp"
#include "reki/node/server/printable.hpp"

namespace reki {
namespace {

std::string hex(std::string_view route) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const char c : route.substr(0, 16)) {
    out += digits[static_cast<unsigned char>(c) >> 4];
    out += digits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

}  // namespace

RequestServer::RequestServer(Options options, HostedRegistry& registry, AnswerQueue& answers, FrameSink& sink, ServerEvents& events)
    : options_(std::move(options)),
      registry_(registry),
      answers_(answers),
      sink_(sink),
      events_(events),
      view_(options_.node, options_.incarnation),
      sessions_(options_.sessions_max),
      batches_(sessions_, sink, events) {
  batches_.set_sender(view_.epoch(), view_.incarnation());
}

void RequestServer::set_view(std::shared_ptr<const View> view, Incarnation incarnation) {
  view_.set(std::move(view), incarnation);
  batches_.set_sender(view_.epoch(), view_.incarnation());
  // What is watched here may be another node's.
  std::vector<SessionAnswer> answers;
  node_watchers_.install(view_.get(), wall_clock_ms(), answers);
  answered_all(answers);
  registry_.release_watches([this](std::uint64_t hash) { return !view_.owns(hash); });
}

Instant RequestServer::next_wake() { return std::min(sessions_.next_due(), node_watchers_.next_due()); }

void RequestServer::take_answers(Instant now) {
  now_ = now;
  answers_.take(taken_);
  answered_all(taken_);
  look_at_backlog();
}

void RequestServer::end_round(Instant now) {
  now_ = now;
  std::vector<SessionAnswer> answers;
  node_watchers_.expire(now, answers);
  answered_all(answers);
  sessions_.forget_idle(now);
  batches_.flush(now);
  events_.sessions.set(sessions_.size());
}

void RequestServer::refuse_new() {
  closing_ = true;
  std::vector<SessionAnswer> answers;
  node_watchers_.refuse_all(closing_error(), answers);
  answered_all(answers);
}

bool RequestServer::say_goodbye() {
  has_said_goodbye_ = true;
  bool any_open = false;
  sessions_.for_each([&](const Session& session) {
    any_open |= sink_.send(session.route, wire::encode_goodbye({session.frames})) != FrameSink::Sent::gone;
  });
  return any_open;
}

// ---- frames

void RequestServer::frame(std::string_view route, BytesView frame, Instant now) {
  now_ = now;
  events_.frames.add();
  const auto kind = wire::kind_of(frame);
  if (!kind) return refuse(route, ServerEvent::malformed_frame, kind.error(), now);
  if (has_said_goodbye_ && *kind != wire::FrameKind::hello) return;
  switch (*kind) {
    case wire::FrameKind::hello:
      return hello(route, frame, now);
    case wire::FrameKind::request:
      return requests(route, frame, now);
    case wire::FrameKind::ping:
      return ping(route, frame, now);
    default:
      return not_a_frame(route, "a node takes HELLO, REQUEST and PING only", now);
  }
}

void RequestServer::not_a_frame(std::string_view route, std::string_view why, Instant now) {
  refuse(route, ServerEvent::malformed_frame, Error{ErrorCode::malformed_frame, std::string(why)}, now);
}

void RequestServer::refuse(std::string_view route, ServerEvent event, const Error& why, Instant now) {
  std::string fields = "connection=" + hex(route);
  if (const Session* session = sessions_.find(route)) fields += " peer=" + printable(session->name);
  fields += " code=" + std::string(name_of(why.code)) + " text=\"" + why.text + '"';
  events_.count(event, now, fields);
  sink_.send(route, wire::encode_reject({why.code, why.text}));
}

void RequestServer::hello(std::string_view route, BytesView frame, Instant now) {
  const auto hello = wire::decode_hello(frame);
  if (!hello) return refuse(route, ServerEvent::malformed_frame, hello.error(), now);
  const bool any_cluster = hello->role == wire::Role::client && hello->cluster.empty();
  if (hello->cluster != options_.cluster && !any_cluster) {
    const std::string text = "this is node '" + options_.node.value + "' of cluster '" + options_.cluster +
                             "', not of '" + printable(hello->cluster) + "'; check the address and [cluster] name";
    return refuse(route, ServerEvent::wrong_cluster, Error{ErrorCode::wrong_cluster, text}, now);
  }
  const Level version = std::min(hello->version_max, supported_levels.max);
  if (version < std::max(hello->version_min, supported_levels.min)) {
    const std::string text = "this node speaks protocol versions " + std::to_string(supported_levels.min) + " to " +
                             std::to_string(supported_levels.max) + ", you " + std::to_string(hello->version_min) +
                             " to " + std::to_string(hello->version_max) + "; update the older side";
    return refuse(route, ServerEvent::version_mismatch, Error{ErrorCode::version_mismatch, text}, now);
  }
  if (closing_) {
    sink_.send(route, wire::encode_reject({ErrorCode::shutting_down, "the node is closing"}));
    return;
  }
  // An idle session that has to make room has its last replies first.
  if (sessions_.size() >= options_.sessions_max) batches_.flush(now);
  const auto greeted = sessions_.greet(route, *hello, now);
  if (greeted.session == nullptr) {
    const std::string text = "all " + std::to_string(options_.sessions_max) + " sessions of the node are busy";
    return refuse(route, ServerEvent::too_many_sessions, Error{ErrorCode::overloaded, text}, now);
  }
  if (greeted.dropped_one) events_.count(ServerEvent::session_dropped, now, "reason=too_many_sessions");
  if (greeted.fresh) events_.sessions_opened.add();
  events_.sessions.set(sessions_.size());
  sink_.send(route, wire::encode_welcome(
                        {version, options_.cluster, options_.node.value, view_.incarnation(), view_.epoch()}));
}

void RequestServer::ping(std::string_view route, BytesView frame, Instant now) {
  const auto ping = wire::decode_ping(frame);
  if (!ping) return refuse(route, ServerEvent::malformed_frame, ping.error(), now);
  Session* const session = sessions_.find(route);
  // Also to a stranger, who learns no more than that somebody is there: a REJECT would tell a peer that counts them
  // (core/routing/peer_session.hpp) that a REQUEST was refused.
  if (session != nullptr) {
    ++session->frames;
    sessions_.heard(*session, now);
  }
  const Epoch epoch = session != nullptr ? view_.epoch() : Epoch{};
  sink_.send(route, wire::encode_pong({ping->nonce, epoch}));
}

void RequestServer::requests(std::string_view route, BytesView frame, Instant now) {
  Session* const session = sessions_.find(route);
  if (session == nullptr) {
    const Error why{ErrorCode::hello_required, "say HELLO first: the node does not know this connection"};
    return refuse(route, ServerEvent::hello_required, why, now);
  }
  ++session->frames;
  auto reader = wire::RequestReader::open(frame);
  if (!reader) return refuse(route, ServerEvent::malformed_frame, reader.error(), now);
  if (reader->header().target.value != 0 && reader->header().target != view_.incarnation()) {
    const Error why{ErrorCode::wrong_incarnation, "node '" + options_.node.value + "' was restarted meanwhile"};
    return refuse(route, ServerEvent::wrong_incarnation, why, now);
  }
  sessions_.heard(*session, now);
  batches_.begin_frame(reader->header().count);
  const auto read = read_requests(*session, *reader);
  serve_gathered(*session);
  batches_.end_frame(*session, now);
  if (!read) refuse(route, ServerEvent::malformed_frame, read.error(), now);
}

}  // namespace reki
