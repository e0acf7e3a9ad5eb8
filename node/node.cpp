#include "reki/node/node_impl.hpp"

#include <algorithm>
#include <utility>

#include "reki/core/base/limits.hpp"
#include "reki/core/wire/codec.hpp"
#include "reki/core/wire/msgpack_writer.hpp"
#include "reki/net/clock.hpp"
#include "reki/net/etcd/etcd_client.hpp"
#include "reki/net/random_number.hpp"
#include "reki/node/disk/data_dir.hpp"
#include "reki/node/disk/voter_store.hpp"
#include "reki/node/membership/membership_thread.hpp"
#include "reki/node/plugins/plugin_host.hpp"
#include "reki/node/server/server.hpp"

namespace reki {
namespace {

HostedOptions hosted_options(const Config& config, const LogSink& log) {
  HostedOptions out;
  out.workers = static_cast<int>(config.runtime.workers);
  out.blocking_threads_max = static_cast<int>(config.runtime.blocking_threads);
  out.hash_seed = view_of(config).hash_seed();
  if (!log) return out;
  out.log = [log](std::string_view event, std::string_view type, std::string_view key, std::string_view text) {
    std::string fields = "type=" + std::string(type) + " key=\"" + std::string(key) + "\" text=\"";
    log(LogLevel::warn, event, fields + std::string(text) + '"');
  };
  return out;
}

ClusterRegistry::Options registry_options(const Config& config, const NodeId& id, const NodeOptions& options, LeasePage* page) {
  ClusterRegistry::Options out;
  out.id = id;
  out.incarnation = Incarnation{options.incarnation.value != 0 ? options.incarnation.value : random_number()};
  if (options.fixed_view) out.fixed_view = std::make_shared<const View>(view_of(config));
  out.workers_stuck = options.workers_stuck;
  out.hosted = hosted_options(config, options.log);
  out.page = page;
  out.log = options.log;
  return out;
}

}  // namespace

Node::Impl::Impl(const Config& config, NodeId id, Factories factories, const NodeOptions& options)
    : id_(std::move(id)),
      cluster_(config.cluster),
      fixed_(options.fixed_view),
      stop_grace_(options.stop_grace),
      leave_timeout_(options.leave_timeout),
      log_(options.log),
      started_(boot_time()),
      own_page_(options.page == nullptr ? std::make_unique<LeasePage>() : nullptr),
      page_(options.page == nullptr ? own_page_.get() : options.page),
      registry_(std::move(factories), registry_options(config, id_, options, page_), ports()) {}

ClusterRegistry::Ports Node::Impl::ports() {
  ClusterRegistry::Ports out;
  out.look_again = [this] { membership_thread_->look_again(); };
  out.keep_incarnation = [this](Incarnation incarnation) { return data_dir_->set_incarnation(incarnation); };
  out.why_not_ready = [this] { return why_not_ready(); };
  out.want_granted = [this](std::uint64_t renewal) { membership_thread_->want_granted(renewal); };
  return out;
}

Result<void> Node::Impl::start(const Config& config, const NodeConfig& self, const NodeOptions& options) {
  if (auto opened = open(self, options); !opened) return opened;
  if (options.fixed_view) {
    registry_.open();
    server_->start();
    return {};
  }
  if (auto joined = join(config, self, options); !joined) return joined;
  server_->start();
  membership_thread_->start();
  if (options.join_timeout > Duration{0} && !registry_.wait_until_ready(options.join_timeout)) {
    return fail(ErrorCode::unavailable, "node '" + id_.value + "' could not join: " + why_not_ready());
  }
  return {};
}

Result<void> Node::Impl::open(const NodeConfig& self, const NodeOptions& options) {
  const std::size_t files = raise_file_limit();
  const std::size_t room = files > 2 * limits::files_kept ? files - limits::files_kept : files / 2;
  Server::Options server;
  server.listen = self.listen;
  server.plane.node = id_;
  server.plane.cluster = cluster_;
  server.plane.incarnation = registry_.incarnation();
  server.plane.sessions_max = std::min(options.sessions_max, room);
  server.plane.status = [this] { return status(); };
  if (!fixed_) {
    server.plane.heard_epoch = [this](NodeId from, Epoch epoch) { membership_thread_->heard_epoch(std::move(from), epoch); };
  }
  server.plane.why_no_view = [this] { return why_not_ready(); };
  server.forwarded_time = options.stop_grace;  // queues move with their actors, and are worked off elsewhere
  server.goodbye_time = options.goodbye_time;
  server.log = options.log;
  auto bound = Server::bind(server, registry_.local());
  if (!bound) return tl::make_unexpected(bound.error());
  server_ = std::move(*bound);
  registry_.attach(server_->plane());
  address_ = server_->address();
  return {};
}

Node::Impl::~Impl() { stop(); }

bool Node::Impl::stop() {
  if (std::exchange(stopped_, true)) return stopped_in_time_;
  const bool was_in = registry_.begin_leaving();
  if (membership_thread_ && was_in && !membership_thread_->leave(leave_timeout_) && log_) {
    log_(LogLevel::info, "left_without_leave", "text=\"the cluster did not confirm that this node is out\"");
  }
  if (server_) server_->refuse_new();
  stopped_in_time_ = registry_.local().close(stop_grace_);
  if (server_) server_->stop();
  if (membership_thread_) membership_thread_->stop();
  return stopped_in_time_;
}

ServerStats Node::Impl::server_stats() const { return server_->stats(); }

std::uint64_t Node::Impl::slots_here(const View* view) const {
  const bool in = view != nullptr && (fixed_ || view->find(id_, registry_.incarnation()) != nullptr);
  return in ? view->slots_of(view->index_of(id_.value)) : 0;
}

bool Node::Impl::votes(const View* view, std::uint64_t store) {
  return view != nullptr && std::ranges::find(view->voters(), store, &Voter::store) != view->voters().end();
}

Bytes Node::Impl::status() const {
  const RuntimeStats actors = registry_.stats();
  const ServerStats server = server_->stats();
  const auto now = registry_.view();
  const ControlStatus control = membership_thread_ ? membership_thread_->status() : ControlStatus{};
  const auto uptime = milliseconds_of(boot_time() - started_);
  std::vector<std::pair<std::string_view, std::string_view>> texts{
      {"node", id_.value}, {"cluster", cluster_}, {"address", address_}};
  if (!config_print_.types.empty()) texts.emplace_back("config_types", config_print_.types);
  if (!config_print_.plugins.empty()) texts.emplace_back("config_plugins", config_print_.plugins);
  if (!control.config_warning.empty()) texts.emplace_back("config_warning", control.config_warning);
  const std::pair<std::string_view, std::uint64_t> numbers[]{{"incarnation", registry_.incarnation().value},
                                                             {"epoch", now ? now->epoch().value : 0},
                                                             {"nodes", now ? now->members().size() : 0},
                                                             {"slots", slots_here(now.get())},
                                                             {"votes", votes(now.get(), control.store) ? 1 : 0},
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
bool Node::ready() const { return !fork_mark_.is_in_child() && impl_->registry().ready(); }
bool Node::wait_until_ready(Duration timeout) {
  return !fork_mark_.is_in_child() && impl_->registry().wait_until_ready(timeout);
}
std::string Node::why_not_ready() const { return fork_mark_.is_in_child() ? used_after_fork : impl_->why_not_ready(); }
void Node::set_view(std::shared_ptr<const View> view) { impl_->registry().set_view(std::move(view)); }
std::shared_ptr<const View> Node::view() const { return impl_->registry().view(); }
const NodeId& Node::id() const { return impl_->id(); }
Incarnation Node::incarnation() const { return impl_->registry().incarnation(); }
const std::string& Node::address() const { return impl_->address(); }
RuntimeStats Node::actor_stats() const { return impl_->registry().stats(); }
ServerStats Node::server_stats() const { return impl_->server_stats(); }
void Node::submit(Submission submission, Completion done) {
  impl_->registry().submit(std::move(submission), std::move(done));
}
void Node::submit_many(std::vector<Posting> postings) {
  impl_->registry().submit_many(std::move(postings));
}
Answer Node::exchange(Submission& submission) { return impl_->registry().exchange(submission); }
Registry::Live Node::find_live(std::string_view type, std::string_view key) { return impl_->registry().find_live(type, key); }
Result<NodeId> Node::owner(std::string_view type, std::string_view key) const { return impl_->registry().owner(type, key); }
Result<Watch> Node::watch(WatchFilter filter, WatchCallback callback) {
  return impl_->registry().watch(std::move(filter), std::move(callback));
}

}  // namespace reki
