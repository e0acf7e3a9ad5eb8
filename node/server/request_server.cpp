#include "reki/node/server/request_server.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <utility>

#include "reki/core/base/assert.hpp"
#include "reki/core/base/hash.hpp"

namespace reki {
namespace {

/// Requests that the registry gets at a time.
constexpr std::size_t gathered_max = 64;
/// Writers kept for the next round; each has a buffer as large as its largest batch was.
constexpr std::size_t writers_kept_max = 64;

using wire::about_a_key;
bool is_about_request(ErrorCode code) {
  switch (code) {
    case ErrorCode::unknown_type:
    case ErrorCode::unknown_message:
    case ErrorCode::malformed_message:
    case ErrorCode::too_large:
    case ErrorCode::invalid_argument:
    case ErrorCode::unsupported:
      return true;
    default:
      return false;
  }
}
bool is_for_registry(wire::Op op) { return op <= wire::Op::describe; }
bool wants_no_reply(const wire::Request& r) { return r.op == wire::Op::send && (r.flags & wire::no_reply) != 0; }

/// Bytes of a peer as they may stand in a log line.
std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, limits::node_id_bytes_max)) out += c > ' ' && c < 0x7f && c != '"' ? c : '?';
  return out;
}

std::string hex(std::string_view route) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const char c : route.substr(0, 16)) {
    out += digits[static_cast<unsigned char>(c) >> 4];
    out += digits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

/// 0: a view made from a config does not know.
bool is_same_life(Incarnation member, Incarnation peer) { return member == peer || member == Incarnation{}; }

}  // namespace

RequestServer::RequestServer(Options options, HostedRegistry& registry, AnswerQueue& answers, FrameSink& sink, ServerEvents& events)
    : options_(std::move(options)),
      registry_(registry),
      answers_(answers),
      sink_(sink),
      events_(events),
      incarnation_(options_.incarnation),
      sessions_(options_.sessions_max) {}

void RequestServer::set_view(std::shared_ptr<const View> view, Incarnation incarnation) {
  view_ = std::move(view);
  incarnation_ = incarnation;
  self_ = view_->index_of(options_.node.value);
  // An earlier life of this node owns nothing that this one may serve.
  if (self_ != nobody && !is_same_life(view_->members()[self_].incarnation, incarnation)) self_ = nobody;
  views_.add(view_);
  hashed_type_.clear();
  release_watchers();
}

void RequestServer::tick(Instant now) {
  expire_node_watchers(now);
  sessions_.forget_idle(now);
  events_.sessions.set(sessions_.size());
}

void RequestServer::frame(std::string_view route, BytesView frame, Instant now) {
  now_ = now;
  events_.frames.add();
  const auto kind = wire::kind_of(frame);
  if (!kind) return refuse(route, ServerEvent::malformed_frame, kind.error(), now);
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
  const std::uint16_t version = std::min(hello->version_max, wire::version_max);
  if (version < std::max(hello->version_min, wire::version_min)) {
    const std::string text = "this node speaks protocol versions " + std::to_string(wire::version_min) + " to " +
                             std::to_string(wire::version_max) + ", you " + std::to_string(hello->version_min) +
                             " to " + std::to_string(hello->version_max) + "; update the older side";
    return refuse(route, ServerEvent::version_mismatch, Error{ErrorCode::version_mismatch, text}, now);
  }
  if (closing_) {
    sink_.send(route, wire::encode_reject({ErrorCode::shutting_down, "the node is closing"}));
    return;
  }
  // An idle session that has to make room has its last replies first.
  if (sessions_.size() >= options_.sessions_max) flush(now);
  const auto greeted = sessions_.greet(route, *hello, now);
  if (greeted.session == nullptr) {
    const std::string text = "all " + std::to_string(options_.sessions_max) + " sessions of the node are busy";
    return refuse(route, ServerEvent::too_many_sessions, Error{ErrorCode::overloaded, text}, now);
  }
  if (greeted.dropped_one) events_.count(ServerEvent::session_dropped, now, "reason=too_many_sessions");
  if (greeted.fresh) events_.sessions_opened.add();
  events_.sessions.set(sessions_.size());
  const Epoch epoch = view_ ? view_->epoch() : Epoch{};
  sink_.send(route,
             wire::encode_welcome({version, options_.cluster, options_.node.value, incarnation_, epoch}));
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
  const Epoch epoch = session != nullptr && view_ ? view_->epoch() : Epoch{};
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
  if (reader->header().target.value != 0 && reader->header().target != incarnation_) {
    const Error why{ErrorCode::wrong_incarnation, "node '" + options_.node.value + "' was restarted meanwhile"};
    return refuse(route, ServerEvent::wrong_incarnation, why, now);
  }
  sessions_.heard(*session, now);
  part_ = limits::batch_part_of(reader->header().count);
  const auto read = read_requests(*session, *reader);
  serve_gathered(*session);
  send_part(*session, limits::batch_part_min);
  if (!read) refuse(route, ServerEvent::malformed_frame, read.error(), now);
}

/// Fails with what is wrong with the frame; what came before that is served.
Result<void> RequestServer::read_requests(Session& session, wire::RequestReader& reader) {
  const bool known = is_known(session, reader.header().epoch);
  for (wire::Request request;;) {
    const auto next = reader.next(request);
    if (!next) return tl::make_unexpected(next.error());
    if (*next == wire::Next::end) return {};
    events_.requests.add();
    if (*next == wire::Next::good && !known) {
      const Error why{ErrorCode::unavailable, "node '" + options_.node.value + "' does not know this life of the sender"};
      events_.count(ServerEvent::unknown_sender);
      if (!wants_no_reply(request)) reply_error(session, request.id, why);
      continue;
    }
    if (*next == wire::Next::good) {
      serve(session, request);
      continue;
    }
    bad_request(session, reader.bad().code, reader.bad().text);
    if (!wants_no_reply(request)) reply_error(session, request.id, reader.bad());
  }
}

/// Nothing is accepted from a node that the view has dropped; one that has come with a newer view waits for that.
bool RequestServer::is_known(const Session& session, Epoch epoch) {
  if (view_ && epoch > view_->epoch() && options_.heard_epoch) options_.heard_epoch(NodeId{session.name}, epoch);
  if (session.role != wire::Role::node || !view_) return true;
  const Member* const member = view_->find(session.name);
  return member != nullptr && is_same_life(member->incarnation, session.incarnation);
}

void RequestServer::bad_request(const Session& session, ErrorCode code, const std::string& text) {
  events_.count(ServerEvent::bad_request, now_,
                "peer=" + printable(session.name) + " code=" + std::string(name_of(code)) + " text=\"" + text + '"');
}

void RequestServer::serve(Session& session, const wire::Request& request) {
  wire::Reply out;
  out.id = request.id;
  const bool watches = request.op == wire::Op::watch;
  if ((closing_ && !watches) || !view_) {
    const Error why{closing_ ? ErrorCode::shutting_down : ErrorCode::unavailable, "node '" + options_.node.value + "'"};
    if (!wants_no_reply(request)) reply_error(session, request.id, why);
    return;
  }
  if (about_a_key(request.op) && redirect(request, out)) {
    events_.count(ServerEvent::wrong_node);
    if (!wants_no_reply(request)) reply(session, out);
    return;
  }
  if (overloaded_ && wire::is_message(request.op)) {
    events_.count(ServerEvent::backlogged);
    const Error why{ErrorCode::overloaded, "node '" + options_.node.value + "' has more messages than it can handle in time"};
    if (!wants_no_reply(request)) reply_error(session, request.id, why);
    return;
  }
  if (is_for_registry(request.op)) {
    gathered_.push_back(request);
    if (gathered_.size() == gathered_max) serve_gathered(session);
    return;
  }
  serve_gathered(session);
  if (watches) return watch(session, request);
  if (request.op == wire::Op::view) {
    answer_view(request, out);
    return reply(session, out);
  }
  if (request.op == wire::Op::status) {
    const Bytes status = options_.status ? options_.status() : Bytes{};
    out.payload = status;
    return reply(session, out);
  }
  if (request.op == wire::Op::hand_over) {
    auto kept = registry_.arrive({std::string{request.type}, std::string{request.key},
                                  Bytes{request.args.value_or(BytesView{})}, Bytes{request.payload}});
    return kept ? reply(session, out) : reply_error(session, request.id, kept.error());
  }
}

/// Hands to the registry what was gathered for it: together, and before anything else that came later.
void RequestServer::serve_gathered(Session& session) {
  if (gathered_.empty()) return;
  struct Peer final : HostedRegistry::ReplySink {
    Peer(RequestServer& i, Session& s) : in(i), session(s) {}
    Completion expect(const wire::Request& request) override {
      if (wants_no_reply(request)) return {};
      in.sessions_.began(session);
      return in.answers_.expect(session.id, request.id);
    }
    void found(const wire::Request& request, Fence fence, bool started) override {
      wire::Reply out;
      out.id = request.id;
      out.fence = fence;
      out.started = started;
      in.reply(session, out);
    }
    RequestServer& in;
    Session& session;
  };
  Peer peer{*this, session};
  answers_.during(*this, [&] { registry_.serve(gathered_, session.incarnation, peer); });
  gathered_.clear();
}

bool RequestServer::redirect(const wire::Request& request, wire::Reply& out) {
  if (request.type != hashed_type_) {
    hashed_type_ = request.type;
    type_hash_ = hash_type(request.type, view_->hash_seed());
  }
  const SlotId slot = slot_of(hash_key(request.key, type_hash_));
  const MemberIndex owner = view_->table().owner(slot);
  if (owner == self_ && owner != nobody) return false;
  const bool earlier_life = owner != nobody && view_->members()[owner].node_id == options_.node;
  if (owner == nobody || earlier_life) {
    out.code = ErrorCode::unavailable;
    out.text = earlier_life ? "the node has not joined again yet" : "no node owns the key's slot";
  } else {
    out.code = ErrorCode::wrong_node;
    out.owner = view_->members()[owner].node_id.value;
  }
  return true;
}

void RequestServer::answer_view(const wire::Request& request, wire::Reply& out) {
  const auto have = wire::decode_view_args(request.args);
  if (!have) {
    out.code = have.error().code;
    out.text = "args of view: [epoch, deltas]";
  } else if (have->have < view_->epoch()) {
    if (have->deltas) out.payload = views_.delta_from(have->have);
    if (out.payload.empty()) out.payload = views_.whole();
  }
}

void RequestServer::take_answers(Instant now) {
  now_ = now;
  answers_.take(taken_);
  for (auto& item : taken_) answered(item.session, item.request, std::move(item.answer));
  taken_.clear();
  look_at_backlog();
}

/// Looks at the workers only while much is under way, so that it costs nothing else, and a busy machine alone refuses nobody.
void RequestServer::look_at_backlog() {
  constexpr Duration step_max = limits::backlog_time_max / 10;
  overloaded_ = answers_.missing() > limits::backlog_requests && registry_.backlog(now_, step_max) >= limits::backlog_time_max;
}

void RequestServer::answered(SessionId id, RequestId request, Answer&& answer) {
  Session* const session = sessions_.find(id);
  if (session == nullptr) return events_.count(ServerEvent::reply_late);
  sessions_.ended(*session, now_);
  if (is_about_request(answer.code)) bad_request(*session, answer.code, answer.text);
  reply(*session, wire::reply_of(request, answer));
}

void RequestServer::reply_error(Session& session, RequestId id, const Error& error) {
  reply(session, wire::reply_of(id, error));
}

void RequestServer::reply(Session& session, const wire::Reply& out) {
  if (out.payload.size() > limits::message_bytes_max) {
    events_.count(ServerEvent::reply_too_large, now_, "peer=" + printable(session.name));
  }
  events_.replies.add();
  if (!session.batch) {
    if (writers_.empty()) writers_.push_back(std::make_unique<wire::ReplyWriter>());
    session.batch = std::move(writers_.back());
    writers_.pop_back();
    packed_.push_back(session.id);
  }
  if (session.batch->add(out)) {
    if (session.batch->size() >= limits::batch_bytes_target) send_batch(session);
    else send_part(session, std::max(part_, limits::batch_part_of(session.under_way)));
    return;
  }
  send_batch(session);
  const bool fits = session.batch->add(out);
  REKI_ASSERT(fits);
}

/// What is packed, if it is that many: the peer goes on with it while this side does so with the rest.
void RequestServer::send_part(Session& session, std::size_t least) {
  if (session.batch && session.batch->count() >= least) send_batch(session);
}

void RequestServer::send_batch(Session& session) {
  if (session.batch->empty()) return;
  using Sent = FrameSink::Sent;
  const Epoch epoch = view_ ? view_->epoch() : Epoch{};
  const Sent sent =
      session.lost ? Sent::gone : sink_.send(session.route, session.batch->finish(epoch, incarnation_));
  if (sent == Sent::ok) {
    events_.reply_frames.add();
  } else {
    if (sent == Sent::full) {
      events_.count(ServerEvent::reply_blocked, now_,
                    "peer=" + printable(session.name) + " replies=" + std::to_string(session.batch->count()));
    } else {
      events_.count(ServerEvent::reply_unroutable);  // every short-lived client may leave before its last reply
    }
    session.lost = sent == Sent::gone;
  }
  session.batch->clear();
}

void RequestServer::flush(Instant now) {
  now_ = now;
  for (const SessionId id : packed_) {
    Session* const session = sessions_.find(id);
    if (session == nullptr) continue;
    send_batch(*session);
    // A large batch's memory is not kept for the small ones to come.
    if (writers_.size() < writers_kept_max) writers_.push_back(std::move(session->batch));
    session->batch.reset();
    if (session->lost) sessions_.forget(*session);
  }
  packed_.clear();
  events_.sessions.set(sessions_.size());
}

}  // namespace reki
