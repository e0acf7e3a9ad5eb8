#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <random>
#include <thread>

#include "reki/core/membership/timing.hpp"
#include "reki/node/disk/data_dir.hpp"
#include "reki/node/disk/voter_store.hpp"
#include "test_nodes.hpp"

/// Nodes in this process that form a cluster by themselves, with their registers on disk.
namespace test {

/// Ports of the loopback that were free a moment ago. All are held until all are known, so that they differ. Of those that
/// Linux does not give to who connects: a node that comes back to its port finds it.
inline std::vector<int> free_ports(std::size_t count) {
  static std::mt19937 random{std::random_device{}()};
  std::vector<int> sockets;
  std::vector<int> out;
  while (out.size() < count) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    BOOST_REQUIRE(fd >= 0);
    const auto port = std::uniform_int_distribution(10240, 32767)(random);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    at.sin_port = htons(static_cast<std::uint16_t>(port));
    if (bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0) out.push_back(port);
    sockets.push_back(fd);
  }
  for (const int fd : sockets) close(fd);
  return out;
}

struct Write {
  static constexpr std::string_view name = "write";
  using Reply = std::string;
  std::string text;
  static constexpr auto fields = reki::fields("text", &Write::text);
};
/// Keeps what was written, and takes it along when its key moves.
struct Diary {
  static constexpr std::string_view type = "diary";
  using Messages = reki::Messages<Write>;
};
class DiaryActor : public reki::Actor<Diary> {
 public:
  std::string on(const Write& m) { return text_ += m.text; }
  std::optional<reki::Bytes> save() override { return text_; }
  reki::Result<void> restore(reki::BytesView state) override {
    text_ = state;
    return {};
  }

 private:
  std::string text_;
};

/// Its handler lasts until the gate opens, which nobody was told beforehand: it is on the workers that all share.
struct Stubborn {
  static constexpr std::string_view type = "stubborn";
  using Messages = reki::Messages<Pass>;
};
class StubbornActor : public reki::Actor<Stubborn> {
 public:
  explicit StubbornActor(std::shared_ptr<Gate> gate) : gate_(std::move(gate)) {}
  std::int64_t on(const Pass&) {
    gate_->pass();
    return 1;
  }

 private:
  std::shared_ptr<Gate> gate_;
};

/// A directory of its own, gone at the end.
class Directory {
 public:
  Directory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "reki-test-XXXXXX").string();
    BOOST_REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// A cluster of `count` nodes n1, n2, ..., the first three of which vote; its register is made, nobody has started.
class Members {
  Directory directory_;  // outlives the nodes, whose registers are in it

 public:
  explicit Members(int count) {
    std::vector<std::string> ids;
    for (int i = 1; i <= count; ++i) ids.push_back("n" + std::to_string(i));
    config = config_of(ids);
    const auto ports = free_ports(ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i) {
      config.nodes[i].control = "tcp://127.0.0.1:" + std::to_string(ports[i]);
      config.nodes[i].data_dir = (directory_.path() / ids[i]).string();
      if (i < 3) config.voters.push_back(config.nodes[i].id);
    }
    make_register();
  }

  reki::Node& start(const std::string& id, reki::NodeOptions options = {}) {
    auto made = factories(gate);
    made.add<DiaryActor>();
    made.add<StubbornActor>({}, [gate = gate](const reki::NoArgs&) { return std::make_unique<StubbornActor>(gate); });
    auto node = reki::Node::start(config, id, std::move(made), options);
    BOOST_REQUIRE_MESSAGE(node.has_value(), why(node));
    nodes.push_back(std::move(*node));
    return *nodes.back();
  }
  /// At once, since none can join before a majority of the voters is there.
  void start_all(const std::vector<std::string>& ids) {
    for (const auto& id : ids) start(id, {.join_timeout = std::chrono::seconds(0)});
    await_all();
  }
  /// Until all that have been started are ready, and each has a view in which all are up. A node can be ready in a view
  /// before that one, whose keys then move away from it.
  void await_all() const {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    for (const auto& node : nodes) {
      const bool ready = node->wait_until_ready(end - std::chrono::steady_clock::now());
      BOOST_REQUIRE_MESSAGE(ready, node->why_not_ready());
    }
    for (const auto& node : nodes) {
      while (!has_all_up(*node)) {
        const bool in_time = std::chrono::steady_clock::now() < end;
        BOOST_REQUIRE_MESSAGE(in_time, node->id().value << " has no view in which all are up");
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
    }
  }
  std::string key_of(std::string_view owner, std::string_view type = "counter") const {
    const auto view = nodes.front()->view();
    for (int i = 0;; ++i) {
      auto key = "k" + std::to_string(i);
      const auto slot = reki::slot_of(reki::hash_key(key, reki::hash_type(type, view->hash_seed())));
      const auto* const at = view->owner(slot);
      if (at != nullptr && at->node_id.value == owner) return key;
    }
  }

  reki::Config config;
  std::shared_ptr<Gate> gate = std::make_shared<Gate>();
  std::vector<std::unique_ptr<reki::Node>> nodes;

 private:
  bool has_all_up(const reki::Node& node) const {
    const auto view = node.view();
    return view != nullptr && std::ranges::all_of(nodes, [&](const auto& each) {
             const auto* const member = view->find(each->id(), each->incarnation());
             return member != nullptr && member->state == reki::MemberState::up;
           });
  }
  void make_register() const {
    reki::ViewHead head;
    head.cluster_id = config.cluster;
    head.epoch = reki::Epoch{1};
    head.hash_seed = reki::view_of(config).hash_seed();
    head.settings = reki::settings_of(config);
    std::vector<reki::DataDir> dirs;
    std::vector<reki::VoterStore> stores;
    for (std::size_t i = 0; i < config.voters.size(); ++i) {
      const auto& node = config.nodes[i];
      auto dir = reki::DataDir::open(node.data_dir, config.cluster, node.id);
      BOOST_REQUIRE_MESSAGE(dir.has_value(), why(dir));
      auto store = reki::VoterStore::open(*dir, i + 1);
      BOOST_REQUIRE_MESSAGE(store.has_value(), why(store));
      head.voters.push_back({static_cast<std::uint16_t>(i + 1), store->record().store, node.id, node.control});
      dirs.push_back(std::move(*dir));
      stores.push_back(std::move(*store));
    }
    auto view = reki::View::make(head, {}, {});
    BOOST_REQUIRE_MESSAGE(view.has_value(), why(view));
    const auto first = std::make_shared<const reki::View>(std::move(*view));
    for (auto& store : stores) {
      auto record = store.record();
      record.cluster = config.cluster;
      record.view = first;
      BOOST_REQUIRE(store.write(record).has_value());
    }
  }
};

}  // namespace test
