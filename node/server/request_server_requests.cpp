// What a RequestServer does with the requests of a frame, and with the answers to them.
#include <algorithm>
#include <utility>

#include "reki/node/registry/shards/reply_sink.hpp"
#include "reki/node/server/printable.hpp"
#include "reki/node/server/request_server.hpp"

namespace reki {
namespace {

/// Requests that the registry gets at a time.
constexpr std::size_t gathered_max = 64;

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

}  // namespace

/// One session's requests while the registry serves them.
class RequestServer::Serving final : public ReplySink {
 public:
  Serving(RequestServer& server, Session& session) : server_(server), session_(session) {}

  void reply(const wire::Request& request, const wire::Reply& reply) override {
    if (wire::wants_no_reply(request)) return;
    if (is_about_request(reply.code)) server_.bad_request(session_, reply.code, reply.text);
    server_.batches_.add(session_, reply, server_.now_);
  }
  Completion expect(const wire::Request& request) override {
    if (wire::wants_no_reply(request)) return {};
    server_.sessions_.began(session_);
    return server_.answers_.expect(session_.id, request.id);
  }

 private:
  RequestServer& server_;
  Session& session_;
};

/// Fails with what is wrong with the frame; what came before that is served.
Result<void> RequestServer::read_requests(Session& session, wire::RequestReader& reader) {
  const bool known = is_known(session, reader.header().epoch);
  for (wire::Request request;;) {
    const auto next = reader.next(request);
    if (!next) return tl::make_unexpected(next.error());
    if (*next == wire::Next::end) return {};
    events_.requests.add();
    if (*next == wire::Next::no_id) {
      bad_request(session, reader.bad().code, reader.bad().text);
    } else if (*next == wire::Next::bad) {
      bad_request(session, reader.bad().code, reader.bad().text);
      refuse(session, request, wire::reply_of(request.id, reader.bad()));
    } else if (known) {
      serve(session, request);
    } else {
      events_.count(ServerEvent::unknown_sender);
      const Error why{ErrorCode::unavailable, "node '" + options_.node.value + "' does not know this incarnation of the sender"};
      refuse(session, request, wire::reply_of(request.id, why));
    }
  }
}

/// One that has come with a newer view waits for that.
bool RequestServer::is_known(const Session& session, Epoch epoch) {
  if (!view_) return true;
  if (epoch > view_.epoch() && options_.heard_epoch) options_.heard_epoch(NodeId{session.name}, epoch);
  return view_.admits(session);
}

void RequestServer::bad_request(const Session& session, ErrorCode code, std::string_view text) {
  std::string fields = "peer=" + printable(session.name) + " code=" + std::string(name_of(code)) + " text=\"";
  events_.count(ServerEvent::bad_request, now_, fields.append(text) += '"');
}

void RequestServer::refuse(Session& session, const wire::Request& request, const wire::Reply& why) {
  if (!wire::wants_no_reply(request)) batches_.add(session, why, now_);
}

Error RequestServer::closing_error() const { return Error{ErrorCode::shutting_down, "node '" + options_.node.value + "'"}; }

void RequestServer::serve(Session& session, const wire::Request& request) {
  const bool watches = request.op == wire::Op::watch;
  if (closing_ && !watches) return refuse(session, request, wire::reply_of(request.id, closing_error()));
  if (!view_) {
    const std::string reason = options_.why_no_view ? ": " + options_.why_no_view() : std::string{};
    const Error why{ErrorCode::unavailable, "node '" + options_.node.value + "' serves nothing yet" + reason};
    return refuse(session, request, wire::reply_of(request.id, why));
  }
  if (wire::level_of(request.op) > view_.get()->level()) [[unlikely]] {
    const Error why = wire::needs_level(request.op, view_.get()->level());
    bad_request(session, why.code, why.text);
    return refuse(session, request, wire::reply_of(request.id, why));
  }
  if (wire::about_a_key(request.op)) {
    if (const auto elsewhere = redirect(request)) {
      events_.count(ServerEvent::wrong_node);
      return refuse(session, request, *elsewhere);
    }
  }
  if (overloaded_ && wire::is_message(request.op)) {
    events_.count(ServerEvent::backlogged);
    const Error why{ErrorCode::overloaded, "node '" + options_.node.value + "' has more messages than it can handle in time"};
    return refuse(session, request, wire::reply_of(request.id, why));
  }
  if (is_for_registry(request.op) || request.op == wire::Op::next) {
    gathered_.push_back(request);
    if (request.op == wire::Op::next) gathered_.back().op = wire::Op::lookup;
    if (gathered_.size() == gathered_max) serve_gathered(session);
    return;
  }
  serve_gathered(session);
  serve_itself(session, request);
}

/// What is no question to the registry as a caller has it.
void RequestServer::serve_itself(Session& session, const wire::Request& request) {
  Outcome out;
  switch (request.op) {
    case wire::Op::watch:
      return watch(session, request);
    case wire::Op::view:
      if (const auto view = view_.answer_to(request.args)) return batches_.add(session, {.id = request.id, .payload = *view}, now_);
      else return batches_.add(session, wire::reply_of(request.id, view.error()), now_);
    case wire::Op::status:
      if (options_.status) out.payload = options_.status();
      return batches_.add(session, wire::reply_of(request.id, out), now_);
    case wire::Op::hand_over: {
      auto kept = registry_.arrive({std::string{request.type}, std::string{request.key},
                                    Bytes{request.args.value_or(BytesView{})}, Bytes{request.payload}});
      return batches_.add(session, kept ? wire::reply_of(request.id, out) : wire::reply_of(request.id, kept.error()), now_);
    }
    default:
      return;
  }
}

/// Hands to the registry what was gathered for it: together, and before anything else that came later.
void RequestServer::serve_gathered(Session& session) {
  if (gathered_.empty()) return;
  Serving serving{*this, session};
  registry_.serve(gathered_, session.incarnation, serving);
  gathered_.clear();
}

std::optional<wire::Reply> RequestServer::redirect(const wire::Request& request) {
  using Where = ServedView::Place::Where;
  const auto place = view_.place_of(request.type, request.key);
  if (place.where == Where::here) return std::nullopt;
  wire::Reply out;
  out.id = request.id;
  out.code = ErrorCode::unavailable;
  switch (place.where) {
    case Where::elsewhere:
      out.code = ErrorCode::wrong_node;
      out.owner = place.owner;
      break;
    case Where::not_joined:
      out.text = "the node has not joined again yet";
      break;
    default:
      out.text = "no node owns the key's slot";
  }
  return out;
}

// ---- watchers

/// Of keys and types by the registry, of the nodes by the views that come here.
void RequestServer::watch(Session& session, const wire::Request& request) {
  if (request.type.empty()) return watch_nodes(session, request);
  using Where = ServedView::Place::Where;
  std::optional<HostedRegistry::OtherOwner> other;
  if (!request.key.empty()) {
    const auto place = view_.place_of(request.type, request.key);
    if (place.where == Where::not_joined) return batches_.add(session, *redirect(request), now_);
    if (place.where != Where::here) other = {NodeId{std::string{place.owner}}, view_.epoch()};
  }
  sessions_.began(session);
  registry_.serve_watch(request, std::move(other), answers_.expect(session.id, request.id));
}

void RequestServer::watch_nodes(Session& session, const wire::Request& request) {
  if (closing_) return batches_.add(session, wire::reply_of(request.id, closing_error()), now_);
  if (const auto answer = node_watchers_.ask(session.id, request, now_)) {
    return batches_.add(session, wire::reply_of(request.id, *answer), now_);
  }
  sessions_.began(session);
}

// ---- answers

/// Looks at the workers only while much is under way, so that it costs nothing else, and a busy machine alone refuses nobody.
void RequestServer::look_at_backlog() {
  constexpr Duration step_max = limits::backlog_time_max / 10;
  overloaded_ = answers_.missing() > limits::backlog_requests && registry_.backlog(now_, step_max) >= limits::backlog_time_max;
}

void RequestServer::answered_all(std::vector<SessionAnswer>& answers) {
  for (const SessionAnswer& answer : answers) answered(answer);
  answers.clear();
}

void RequestServer::answered(const SessionAnswer& item) {
  Session* const session = sessions_.find(item.session);
  if (session == nullptr) return events_.count(ServerEvent::reply_late);
  sessions_.ended(*session, now_);
  if (is_about_request(item.answer.code)) bad_request(*session, item.answer.code, item.answer.text);
  batches_.add(*session, wire::reply_of(item.request, item.answer), now_);
}

}  // namespace reki
