#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "../frame_peer.hpp"
#include "../test_nodes.hpp"
#include "reki/net/clock.hpp"
#include "reki/node/registry/hosted_registry.hpp"
#include "reki/node/server/request_server.hpp"

/// A RequestServer with a registry behind it and no socket: frames come and go by calls.
namespace test {

/// Keeps what is sent to each connection.
class KeepingSink final : public reki::FrameSink {
 public:
  Sent send(std::string_view route, reki::BytesView frame) override {
    if (says != Sent::ok) return says;
    kept[std::string{route}].emplace_back(frame);
    return Sent::ok;
  }
  std::optional<std::string> take(const std::string& route) {
    auto& frames = kept[route];
    if (frames.empty()) return std::nullopt;
    std::string out = std::move(frames.front());
    frames.pop_front();
    return out;
  }
  Sent says = Sent::ok;  ///< To the next ones.
  std::map<std::string, std::deque<std::string>> kept;
};

/// Serves as node n1 of the view of these nodes. Its time goes on only when a test says so.
struct OneServer {
  explicit OneServer(const std::vector<std::string>& ids = {"n1"}, reki::RequestServer::Options options = {})
      : view(std::make_shared<const reki::View>(view_of(config_of(ids)))),
        registry(factories(gate), registry_options(*view)),
        server(with_names(std::move(options)), registry, *answers, sink, events) {
    server.set_view(view, incarnation);
  }

  static reki::HostedOptions registry_options(const reki::View& view) {
    reki::HostedOptions out;
    out.node = reki::NodeId{"n1"};
    out.incarnation = incarnation;
    out.hash_seed = view.hash_seed();
    return out;
  }
  static reki::RequestServer::Options with_names(reki::RequestServer::Options options) {
    options.node = reki::NodeId{"n1"};
    options.cluster = "test";
    options.incarnation = incarnation;
    return options;
  }
  std::uint64_t count_of(reki::ServerEvent event) const { return events.read().of(event); }
  std::uint64_t starts() const { return registry.stats().starts; }
  /// What the data thread does in each round.
  void round() {
    server.take_answers(now);
    server.end_round(now);
  }
  std::string key_of(std::string_view owner) const {
    for (int i = 0;; ++i) {
      auto key = "k" + std::to_string(i);
      const auto slot = reki::slot_of(reki::hash_key(key, reki::hash_type("counter", view->hash_seed())));
      if (view->owner(slot)->node_id.value == owner) return key;
    }
  }
  /// From now on the next view, with these members alone.
  void next_view(const std::vector<std::string>& ids) {
    reki::ViewHead head = view->head();
    head.epoch = reki::Epoch{head.epoch.value + 1};
    std::vector<reki::Member> members(view->members().begin(), view->members().end());
    std::erase_if(members, [&](const reki::Member& m) { return std::ranges::find(ids, m.node_id.value) == ids.end(); });
    std::vector<reki::NodeId> before;
    for (const auto& m : view->members()) before.push_back(m.node_id);
    const auto table = reki::next_table(view->table(), before, reki::slot_members(members));
    view = std::make_shared<const reki::View>(reki::View::make(head, std::move(members), table).value());
    server.set_view(view, incarnation);
  }

  /// From now on the next view, of that level.
  void next_view_of(reki::Level level) {
    reki::ViewHead head = view->head();
    head.epoch = reki::Epoch{head.epoch.value + 1};
    head.level = level;
    std::vector<reki::Member> members(view->members().begin(), view->members().end());
    for (reki::Member& m : members) m.levels.max = level;
    view = std::make_shared<const reki::View>(reki::View::make(head, std::move(members), view->table()).value());
    server.set_view(view, incarnation);
  }

  static constexpr reki::Incarnation incarnation{77};
  reki::Instant now = reki::boot_time();
  std::shared_ptr<Gate> gate = std::make_shared<Gate>();
  std::shared_ptr<const reki::View> view;
  reki::AnswerQueue::Ptr answers = reki::AnswerQueue::create(std::make_shared<reki::Wakeup>());
  KeepingSink sink;
  reki::ServerEvents events{{}};
  reki::HostedRegistry registry;
  reki::RequestServer server;
};

/// One connection to it.
class DirectPeer final : public FramePeer {
 public:
  explicit DirectPeer(OneServer& to, std::string route = "peer") : to_(to), route_(std::move(route)) {}

  void send(std::string_view frame) override { to_.server.frame(route_, frame, to_.now); }
  std::optional<std::string> receive_within(std::chrono::milliseconds wait) override {
    const reki::Instant end = reki::boot_time() + wait;
    for (;;) {
      to_.round();
      if (auto frame = to_.sink.take(route_)) return frame;
      if (reki::boot_time() >= end) return std::nullopt;
      std::this_thread::yield();  // to the workers
    }
  }
  /// That nothing has been sent, and nothing is on its way.
  void must_be_quiet() {
    to_.round();
    BOOST_TEST(to_.answers->missing() == 0U);
    BOOST_TEST(!to_.sink.take(route_));
  }

 private:
  OneServer& to_;
  const std::string route_;
};

}  // namespace test
