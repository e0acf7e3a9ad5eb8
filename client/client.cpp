#include "reki/client/client.hpp"

#include <algorithm>

#include "reki/actor/msgpack_cxx.hpp"
#include "reki/client/client_io.hpp"
#include "reki/core/base/endpoint.hpp"
#include "reki/core/base/fork.hpp"
#include "reki/core/base/hash.hpp"
#include "reki/core/base/limits.hpp"
#include "reki/core/wire/bounds.hpp"
#include "reki/net/clock.hpp"

namespace reki {
namespace {

std::optional<Error> check(const ClientOptions& options) {
  const auto bad = [](std::string text) { return Error{ErrorCode::invalid_argument, std::move(text)}; };
  if (options.cluster.size() > limits::cluster_id_bytes_max) return bad("the cluster's name is longer than 64 bytes");
  if (options.name.size() > limits::node_id_bytes_max) return bad("the client's name is longer than 64 bytes");
  if (options.addresses.empty()) return bad("a client needs the address of at least one node, as tcp://HOST:PORT");
  if (options.connect_timeout <= Duration{0}) return bad("the time to connect is not more than 0");
  return std::nullopt;
}

Result<NodeStatus> decode_status(BytesView payload) {
  NodeStatus out;
  try {
    const auto handle = msgpack::unpack(payload.data(), payload.size(), nullptr, nullptr, detail::unpack_limits());
    for (const auto& [name, value] : handle->as<std::map<std::string, msgpack::object>>()) {
      if (value.type == msgpack::type::POSITIVE_INTEGER) {
        out[name] = value.via.u64;
      } else if (value.type == msgpack::type::STR) {
        out[name] = value.as<std::string>();
      } else {
        out[name] = value.as<double>();
      }
    }
  } catch (const std::exception& e) {
    return fail(ErrorCode::malformed_message, std::string{"the node's status cannot be read: "} + e.what());
  }
  return out;
}

Result<NodeStatus> finish_status(Registry&, Submission&&, Answer&& answer) {
  if (!answer.ok()) return tl::make_unexpected(std::move(answer).error());
  return decode_status(answer.payload);
}

/// For a client in an actor; null if none run in this process.
const detail::OutputHooks* output_hooks() { return detail::output_hooks.load(std::memory_order_acquire); }

}  // namespace

ClientOptions ClientOptions::of(const Config& config) {
  ClientOptions out;
  out.cluster = config.cluster;
  for (const auto& node : config.nodes) out.addresses.push_back(node.address());
  return out;
}

/// Turns submissions into requests, on the caller's thread.
class Client::Impl {
 public:
  explicit Impl(ClientIo::Options options) : io(std::move(options)) {}
  static Error in_child() { return Error{ErrorCode::unavailable, used_after_fork}; }

  /// Calls `post(request)` for what is to be sent; what is wrong with the submission is answered at once.
  template <class Post>
  void prepare(Submission&& submission, Completion&& done, Instant now, Post post) {
    const auto refuse = [&](Error why) { done(Answer{std::move(why)}); };
    if (fork_mark.is_in_child()) return refuse(in_child());
    auto request = std::make_unique<Pending>();
    request->deadline = now + submission.timeout;
    if (auto error = std::move(submission).encode_into(*request)) return refuse(std::move(*error));
    if (request->op == wire::Op::status) request->node.value = std::exchange(request->key, {});
    if (request->op == wire::Op::list || request->op == wire::Op::count) {
      auto query = ClusterQuery::make(request->op, request->args);
      if (!query) return refuse(std::move(query.error()));
      request->query = std::make_unique<ClusterQuery>(std::move(*query));
      request->then = Pending::Then::ask_all;
    }
    request->done = std::move(done);
    post(std::move(request));
  }

  const ForkMark fork_mark;
  ClientIo io;
};

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::~Client() {
  if (impl_->fork_mark.is_in_child()) {
    static_cast<void>(impl_.release());  // its threads and sockets are the parent's
    return;
  }
  if (const auto* actors = output_hooks()) actors->release_to(*this);
}

Result<std::unique_ptr<Client>> Client::connect(ClientOptions options) {
  if (auto error = check(options)) return tl::make_unexpected(std::move(*error));
  for (const auto& address : options.addresses) {
    if (auto endpoint = parse_endpoint(address); !endpoint) return tl::make_unexpected(endpoint.error());
  }
  try {
    auto impl = std::make_unique<Impl>(ClientIo::Options{std::move(options.cluster), std::move(options.addresses),
                                                         std::move(options.name), boot_time() + options.connect_timeout});
    if (auto connected = impl->io.wait_connected(); !connected) return tl::make_unexpected(connected.error());
    return std::unique_ptr<Client>{new Client(std::move(impl))};
  } catch (const std::exception& e) {
    return fail(ErrorCode::internal, std::string{"the client cannot be set up: "} + e.what());
  }
}

void Client::submit(Submission submission, Completion done) {
  if (const auto* actors = output_hooks(); actors != nullptr && actors->hold(*this, submission, done)) return;
  impl_->prepare(std::move(submission), std::move(done), boot_time(),
                 [this](std::unique_ptr<Pending> request) { impl_->io.post(std::move(request)); });
}

void Client::submit_many(std::vector<Posting> postings) {
  if (const auto* actors = output_hooks()) {
    std::erase_if(postings, [&](Posting& posting) { return actors->hold(*this, posting.submission, posting.done); });
  }
  std::vector<std::unique_ptr<Pending>> requests;
  requests.reserve(postings.size());
  const Instant now = boot_time();
  for (auto& posting : postings) {
    impl_->prepare(std::move(posting.submission), std::move(posting.done), now,
                   [&](std::unique_ptr<Pending> request) { requests.push_back(std::move(request)); });
  }
  if (!requests.empty()) impl_->io.post_all(std::move(requests));
}

Answer Client::exchange(Submission& submission) {
  if (detail::on_worker_thread) return Answer{Error{ErrorCode::would_block}};
  if (const auto* actors = output_hooks()) actors->release_before_blocking();
  Submission sent = submission.with_message();
  const bool is_message = sent.message != nullptr;
  const bool is_one = sent.op != wire::Op::count;  // that is many requests, which the thread gathers
  const Instant now = boot_time();
  const Instant give_up = now + sent.timeout + limits::answer_grace;
  const auto promise = std::make_shared<AnswerPromise>();
  impl_->prepare(std::move(sent), AnswerPromise::completion(promise), now,
                 [&](std::unique_ptr<Pending> request) {
                   if (is_one) impl_->io.post_and_drive(std::move(request), *promise);
                   else impl_->io.post(std::move(request));
                 });
  if (promise->has_arrived() || promise->wait(std::max(Duration{0}, give_up - boot_time()))) return promise->take();
  return Answer{Error{is_message ? ErrorCode::unknown_outcome : ErrorCode::deadline_exceeded}};
}

Result<NodeId> Client::owner(std::string_view type, std::string_view key) const {
  wire::Request request;
  request.type = type;
  request.key = key;
  if (auto error = wire::check(request)) return tl::make_unexpected(std::move(*error));
  if (impl_->fork_mark.is_in_child()) return tl::make_unexpected(Impl::in_child());
  const auto view = impl_->io.view();
  const Member* member = view->owner(slot_of(hash_key(key, hash_type(type, view->hash_seed()))));
  if (member == nullptr) return fail(ErrorCode::unavailable, "no node owns the key's slot");
  return member->node_id;
}

Result<Watch> Client::watch(WatchFilter filter, WatchCallback callback) {
  if (auto good = reki::check(filter); !good) return tl::make_unexpected(good.error());
  if (impl_->fork_mark.is_in_child()) return tl::make_unexpected(Impl::in_child());
  auto beginning = std::make_unique<Pending>(wire::RequestBody{.op = wire::Op::watch, .type = filter.type, .key = filter.key});
  beginning->then = Pending::Then::watch;
  beginning->sink = std::make_shared<WatchSink>(std::move(callback));
  Watch out{beginning->sink};
  impl_->io.post(std::move(beginning));
  return out;
}

std::shared_ptr<const View> Client::view() const { return impl_->io.view(); }

Operation<NodeStatus> Client::status(std::string_view node, CallOptions options) {
  Submission submission(wire::Op::status, {}, node);  // it has no key, and a submission has no other place to say whom to ask
  submission.timeout = options.timeout;
  return {*this, std::move(submission), &finish_status};
}

}  // namespace reki
