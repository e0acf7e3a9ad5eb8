#include "reki/node/node_impl.hpp"

#include <algorithm>
#include <utility>

#include "reki/core/base/hash.hpp"
#include "reki/core/base/limits.hpp"
#include "reki/core/wire/bounds.hpp"
#include "reki/core/wire/codec.hpp"
#include "reki/core/wire/msgpack_writer.hpp"
#include "reki/net/clock.hpp"
#include "reki/net/etcd/etcd_client.hpp"
#include "reki/net/random_number.hpp"
#include "reki/net/scatter_gather.hpp"
#include "reki/node/actors/outputs.hpp"
#include "reki/node/disk/data_dir.hpp"
#include "reki/node/disk/voter_store.hpp"
#include "reki/node/membership/membership_thread.hpp"
#include "reki/node/plugins/plugin_host.hpp"
#include "reki/node/server/server.hpp"

namespace reki {
namespace {

HostedOptions hosted_options(const Config& config, const NodeId& id, Incarnation incarnation, const LogSink& log,
                               std::shared_ptr<const ClusterHooks> cluster_hooks) {
  HostedOptions out;
  out.workers = static_cast<int>(config.runtime.workers);
  out.blocking_threads_max = static_cast<int>(config.runtime.blocking_threads);
  out.hash_seed = view_of(config).hash_seed();
  out.node = id;
  out.incarnation = incarnation;
  out.cluster_hooks = std::move(cluster_hooks);
  if (!log) return out;
  out.log = [log](std::string_view event, std::string_view type, std::string_view key, std::string_view text) {
    std::string fields = "type=" + std::string(type) + " key=\"" + std::string(key) + "\" text=\"";
    log(LogLevel::warn, event, fields + std::string(text) + '"');
  };
  return out;
}

/// Null if the submission may not be sent; then `done` has been told.
std::unique_ptr<Forwarded> forwarded(Submission&& s, NodeId to, Completion done) {
  auto error = s.fault();
  auto out = std::make_unique<Forwarded>();
  out->deadline = boot_time() + s.timeout;
  if (!error) error = std::move(s).encode_into(*out);
  if (error) {
    done(Answer{std::move(*error)});
    return nullptr;
  }
  out->node = std::move(to);
  out->done = std::move(done);
  return out;
}

using wire::about_a_key;

Error in_child() { return Error{ErrorCode::unavailable, used_after_fork}; }

}  // namespace

Node::Impl::Impl(const Config& config, NodeId id, Factories factories, const NodeOptions& options)
    : id_(std::move(id)),
      cluster_(config.cluster),
      fixed_(options.fixed_view),
      stop_grace_(options.stop_grace),
      leave_timeout_(options.leave_timeout),
      workers_stuck_(options.workers_stuck),
      log_(options.log),
      started_(boot_time()),
      incarnation_(options.incarnation.value != 0 ? options.incarnation.value : random_number()),
      own_page_(options.page == nullptr ? std::make_unique<LeasePage>() : nullptr),
      page_(options.page == nullptr ? own_page_.get() : options.page),
      local_(std::move(factories), hosted_options(config, id_, incarnation(), options.log, fixed_ ? nullptr : cluster_hooks())) {
  local_.set_self_registry(*this);
  if (fixed_) view_ = std::make_shared<const View>(view_of(config));
}

std::shared_ptr<const ClusterHooks> Node::Impl::cluster_hooks() {
  auto out = std::make_shared<ClusterHooks>();
  out->page = page_;
  out->reroute = [this](std::string_view type, std::string_view key, EnvelopePtr request) {
    rerouted(type, key, std::move(request));
  };
  out->hand_over = [this](HandedOver state) { hand_over(std::move(state)); };
  out->slot_emptied = [this] { membership_thread_->look_again(); };
  return out;
}

Result<void> Node::Impl::start(const Config& config, const NodeConfig& self, const NodeOptions& options) {
  if (auto opened = open(self, options); !opened) return opened;
  if (options.fixed_view) {
    publish(view(), incarnation());
    server_->start();
    set_ready(true);
    return {};
  }
  if (auto joined = join(config, self, options); !joined) return joined;
  server_->start();
  membership_thread_->start();
  if (options.join_timeout > Duration{0} && !wait_until_ready(options.join_timeout)) {
    return fail(ErrorCode::unavailable, "node '" + id_.value + "' could not join: " + why_not_ready());
  }
  return {};
}

Result<void> Node::Impl::open(const NodeConfig& self, const NodeOptions& options) {
  const std::size_t files = raise_file_limit();
  const std::size_t room = files > 2 * limits::files_kept ? files - limits::files_kept : files / 2;
  Server::Options server;
  server.listen = self.listen;
  server.node = id_;
  server.cluster = cluster_;
  server.incarnation = incarnation();
  server.sessions_max = std::min(options.sessions_max, room);
  server.status = [this] { return status(); };
  if (!fixed_) server.heard_epoch = [this](NodeId from, Epoch epoch) { membership_thread_->heard_epoch(std::move(from), epoch); };
  server.why_no_view = [this] { return why_not_ready(); };
  server.goodbye_time = options.goodbye_time;
  server.log = options.log;
  auto bound = Server::bind(server, local_);
  if (!bound) return tl::make_unexpected(bound.error());
  server_ = std::move(*bound);
  address_ = server_->address();
  return {};
}

Node::Impl::~Impl() { stop(); }

bool Node::Impl::stop() {
  if (std::exchange(stopped_, true)) return stopped_in_time_;
  leaving_ = true;
  const bool was_in = ready_;
  set_ready(false);
  if (membership_thread_ && was_in && !membership_thread_->leave(leave_timeout_) && log_) {
    log_(LogLevel::info, "left_without_leave", "text=\"the cluster did not confirm that this node is out\"");
  }
  if (server_) server_->refuse_new();
  stopped_in_time_ = local_.close(stop_grace_);
  if (server_) server_->stop();
  if (membership_thread_) membership_thread_->stop();
  return stopped_in_time_;
}

void Node::Impl::set_view(std::shared_ptr<const View> view) {
  {
    const MutexLock lock(view_mutex_);
    if (view->epoch() <= view_->epoch()) return;
  }
  publish(std::move(view), incarnation());
}

Error Node::Impl::not_joined() const {
  return Error{ErrorCode::unavailable, "the node has not joined the cluster yet: " + why_not_ready()};
}

std::shared_ptr<const View> Node::Impl::view() const {
  const MutexLock lock(view_mutex_);
  return view_;
}

ServerStats Node::Impl::server_stats() const { return server_->stats(); }

Node::Impl::Place Node::Impl::place_of(const View& view, std::string_view type, std::string_view key) const {
  Place out;
  out.owner = view.owner(slot_of(hash_key(key, hash_type(type, view.hash_seed()))));
  if (out.owner == nullptr || out.owner->node_id != id_) return out;
  out.here = fixed_ || out.owner->incarnation == incarnation();
  // An earlier incarnation of this node: nobody serves the key until this one is let in.
  if (!out.here) out.owner = nullptr;
  return out;
}

Result<NodeId> Node::Impl::owner(std::string_view type, std::string_view key) const {
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

Result<Watch> Node::Impl::watch(WatchFilter filter, WatchCallback callback) {
  if (auto good = reki::check(filter); !good) return tl::make_unexpected(good.error());
  auto sink = std::make_shared<WatchSink>(std::move(callback));
  server_->watch(std::move(filter), sink);
  return Watch{std::move(sink)};
}

void Node::Impl::submit(Submission submission, Completion done) {
  if (Outputs::hold(*this, submission, done)) return;
  const auto now = view();
  if (!now) return done(Answer{not_joined()});
  if (about_a_key(submission.op)) {
    const Place place = place_of(*now, submission.type, submission.key);
    if (place.here) return local_.submit(std::move(submission), std::move(done));
    return forward(std::move(submission), {}, std::move(done));
  }
  if (auto error = submission.fault()) return done(Answer{std::move(*error)});
  if (submission.op == wire::Op::list || submission.op == wire::Op::count) return ask_all(std::move(submission), std::move(done));
  local_.submit(std::move(submission), std::move(done));
}

void Node::Impl::submit_many(std::vector<Posting> postings) {
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
    if (!about_a_key(s.op)) {
      submit(std::move(s), std::move(posting.done));
    } else if (place_of(*now, s.type, s.key).here) {
      here.push_back(std::move(posting));
    } else if (auto request = forwarded(std::move(s), {}, std::move(posting.done))) {
      away.push_back(std::move(request));
    }
  }
  // Those that take longer first.
  if (!away.empty()) server_->forward_all(std::move(away));
  if (!here.empty()) local_.submit_many(std::move(here));
}

Answer Node::Impl::exchange(Submission& submission) {
  if (about_a_key(submission.op)) {
    const auto now = view();
    if (now && place_of(*now, submission.type, submission.key).here) return local_.exchange(submission);
  }
  const Outputs::Blocking blocking;
  return Registry::exchange(submission);
}

Registry::Live Node::Impl::find_live(std::string_view type, std::string_view key) {
  const auto now = view();
  if (!now || !place_of(*now, type, key).here) return {};
  return local_.find_live(type, key);
}

void Node::Impl::forward(Submission&& submission, NodeId to, Completion done) {
  auto request = forwarded(std::move(submission), std::move(to), std::move(done));
  if (request) server_->forward(std::move(request));
}

void Node::Impl::ask(const NodeId& node, Submission&& submission, Completion done) {
  if (node == id_) return local_.submit(std::move(submission), std::move(done));
  forward(std::move(submission), node, std::move(done));
}

/// A list or count of all nodes, this one among them.
void Node::Impl::ask_all(Submission&& submission, Completion done) {
  auto query = ClusterQuery::make(submission.op, submission.args);
  if (!query) return done(Answer{std::move(query.error())});
  auto ask_one = [this](const NodeId& node, wire::RequestBody body, Instant until, Completion answered) {
    Submission part(std::move(body));
    part.timeout = std::max(until - boot_time(), Duration{1});  // what is over is told so there
    ask(node, std::move(part), std::move(answered));
  };
  const Instant deadline = boot_time() + submission.timeout;
  ScatterGather::start(std::move(*query), {std::move(ask_one), [this] { return view(); }}, std::move(submission), deadline,
                       std::move(done));
}

std::uint64_t Node::Impl::slots_here(const View* view) const {
  const bool in = view != nullptr && (fixed_ || view->find(id_, incarnation()) != nullptr);
  return in ? view->slots_of(view->index_of(id_.value)) : 0;
}

bool Node::Impl::votes(const View* view) const {
  return view != nullptr && store_number_ != 0 &&
         std::ranges::find(view->voters(), store_number_, &Voter::store) != view->voters().end();
}

Bytes Node::Impl::status() const {
  const RuntimeStats actors = local_.stats();
  const ServerStats server = server_->stats();
  const auto now = view();
  const auto uptime = milliseconds_of(boot_time() - started_);
  const std::pair<std::string_view, std::string_view> texts[]{
      {"node", id_.value}, {"cluster", cluster_}, {"address", address_}};
  const std::pair<std::string_view, std::uint64_t> numbers[]{{"incarnation", incarnation().value},
                                                             {"epoch", now ? now->epoch().value : 0},
                                                             {"nodes", now ? now->members().size() : 0},
                                                             {"slots", slots_here(now.get())},
                                                             {"votes", votes(now.get()) ? 1 : 0},
                                                             {"voters", now ? now->voters().size() : 0},
                                                             {"old_voters", now ? now->old_voters().size() : 0},
                                                             {"uptime_ms", static_cast<std::uint64_t>(uptime)},
                                                             {"actors", actors.actors},
                                                             {"lookups", actors.lookups},
                                                             {"starts", actors.starts},
                                                             {"start_failures", actors.start_failures},
                                                             {"messages", actors.messages},
                                                             {"crashes", actors.crashes},
                                                             {"restarts", actors.restarts},
                                                             {"stops", actors.stops},
                                                             {"passivations", actors.passivations},
                                                             {"expired", actors.expired},
                                                             {"overloaded", actors.overloaded},
                                                             {"sessions", server.sessions},
                                                             {"sessions_opened", server.sessions_opened},
                                                             {"frames", server.frames},
                                                             {"requests", server.requests},
                                                             {"replies", server.replies},
                                                             {"reply_frames", server.reply_frames}};
  Bytes out;
  MsgpackWriter writer(out);
  writer.write_map(static_cast<std::uint32_t>(std::size(texts) + std::size(numbers) + server_event_count));
  for (const auto& [name, text] : texts) {
    writer.write_str(name);
    writer.write_str(text);
  }
  const auto number = [&](std::string_view name, std::uint64_t value) {
    writer.write_str(name);
    writer.write_uint(value);
  };
  for (const auto& [name, value] : numbers) number(name, value);
  for (std::size_t i = 0; i < server_event_count; ++i) number(name_of(static_cast<ServerEvent>(i)), server.events[i]);
  return out;
}

// --- Node

Node::Node(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Node::~Node() {
  if (fork_mark_.is_in_child()) static_cast<void>(impl_.release());  // its threads and sockets are the parent's
}

Result<std::unique_ptr<Node>> Node::start(const Config& config, std::string_view id, Factories factories,
                                          const NodeOptions& given) {
  NodeOptions options = given;
  if (given.log) {
    options.log = [log = given.log](LogLevel level, std::string_view event, std::string_view fields) {
      detail::call_back(log, level, event, fields);  // it is the program's
    };
  }
  const auto self = node_of(config, id);
  if (!self) return tl::make_unexpected(self.error());
  if (auto able = etcd::usable(config); !able) return tl::make_unexpected(able.error());
  if (auto configured = configure_types(config, factories); !configured) return tl::make_unexpected(configured.error());
  auto impl = std::make_unique<Impl>(config, self->id, std::move(factories), options);
  if (auto started = impl->start(config, *self, options); !started) return tl::make_unexpected(started.error());
  return std::unique_ptr<Node>{new Node(std::move(impl))};
}

bool Node::stop() { return fork_mark_.is_in_child() || impl_->stop(); }
bool Node::ready() const { return impl_->ready(); }
bool Node::wait_until_ready(Duration timeout) { return impl_->wait_until_ready(timeout); }
std::string Node::why_not_ready() const { return impl_->why_not_ready(); }
void Node::set_view(std::shared_ptr<const View> view) { impl_->set_view(std::move(view)); }
std::shared_ptr<const View> Node::view() const { return impl_->view(); }
const NodeId& Node::id() const { return impl_->id(); }
Incarnation Node::incarnation() const { return impl_->incarnation(); }
const std::string& Node::address() const { return impl_->address(); }
RuntimeStats Node::actor_stats() const { return impl_->actor_stats(); }
ServerStats Node::server_stats() const { return impl_->server_stats(); }
void Node::submit(Submission submission, Completion done) {
  if (fork_mark_.is_in_child()) return done(Answer{in_child()});
  impl_->submit(std::move(submission), std::move(done));
}
void Node::submit_many(std::vector<Posting> postings) {
  if (!fork_mark_.is_in_child()) return impl_->submit_many(std::move(postings));
  for (auto& posting : postings) posting.done(Answer{in_child()});
}
Answer Node::exchange(Submission& submission) {
  return fork_mark_.is_in_child() ? Answer{in_child()} : impl_->exchange(submission);
}
Registry::Live Node::find_live(std::string_view type, std::string_view key) { return impl_->find_live(type, key); }
Result<NodeId> Node::owner(std::string_view type, std::string_view key) const { return impl_->owner(type, key); }
Result<Watch> Node::watch(WatchFilter filter, WatchCallback callback) {
  if (fork_mark_.is_in_child()) return tl::make_unexpected(in_child());
  return impl_->watch(std::move(filter), std::move(callback));
}

}  // namespace reki
