#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reki/core/activation/restart_policy.hpp"
#include "reki/core/activation/type_lease.hpp"
#include "reki/core/base/error.hpp"
#include "reki/core/base/ids.hpp"
#include "reki/core/base/levels.hpp"
#include "reki/core/base/limits.hpp"
#include "reki/core/base/time.hpp"
#include "reki/core/membership/timing.hpp"
#include "reki/core/view/stage.hpp"
#include "reki/core/view/view.hpp"

/// What one TOML file says about a cluster. Every node and client reads the same file; `configs/local.toml` is an
/// example.
///
/// Pure: text in, values out. Plain values, which any thread may read after they were made.
namespace reki {

/// Where something stands in the file, for messages; all 0 for what does not come from one.
///
/// All places compare equal: two configs that say the same are the same.
struct ConfigPlace {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  friend constexpr bool operator==(const ConfigPlace&, const ConfigPlace&) { return true; }
};

/// From a node's port for requests to that of its control plane: far enough that the ports of neighbours in a file differ,
/// and below the ports that Linux gives to clients.
inline constexpr int control_port_offset = 10000;

/// `[[node]]`
struct NodeConfig {
  NodeId id;                 ///< Letters, digits, '.', '_', '-'; at most 64. Once per file.
  std::string listen;        ///< "tcp://host:port" for requests; port > 0.
  std::string admin;         ///< "host:port" for HTTP, port 0 for any free one; empty: no admin server.
  std::uint32_t weight = 1;  ///< Relative share of the slots, 0 to 1 000 000; 0: serves no keys. Not 0 for all.
  std::string zone;          ///< Failure domain, at most 64 bytes; may be empty.
  /// Where the node keeps what must outlive it, a voter its register; relative to the file. "data/CLUSTER/ID" if absent, see
  /// parse_config.
  std::string data_dir;
  /// "tcp://host:port" for membership between nodes; if absent, `listen` with a port that is `control_port_offset` higher.
  std::string control{};
  /// What others connect to in place of `listen` and `control`, if not these: behind a mapped port, or where a node listens
  /// on all addresses of its machine. Empty: the same.
  std::string advertise{};
  std::string advertise_control{};
  ConfigPlace listen_place{};
  ConfigPlace control_place{};  ///< That of `listen` if it is absent.

  /// What others connect to.
  [[nodiscard]] const std::string& address() const { return advertise.empty() ? listen : advertise; }
  [[nodiscard]] const std::string& control_address() const { return advertise_control.empty() ? control : advertise_control; }

  friend bool operator==(const NodeConfig&, const NodeConfig&) = default;
};

/// `[types.NAME]`
struct TypeConfig {
  std::string name;                ///< At most 64 bytes.
  std::string plugin;              ///< Path of the .so as written; empty: the factory is linked into the node.
  RestartPolicy restart;           ///< Keys restart, max_restarts, restart_period, backoff_initial, backoff_max.
  Duration idle{0};                ///< Passivate an actor after this long without a message; 0: never.
  std::optional<std::size_t> cap;  ///< Live actors of the type per node, from 1; absent: no cap.
  std::size_t mailbox = limits::mailbox_messages_default;  ///< Messages that may wait for one actor, from 1.
  bool blocking = false;                                   ///< Handlers block: run them in the blocking pool.
  Duration stop_grace = limits::stop_grace_default;  ///< How long a stop waits for the running handler. More than 0.
  TypeLease lease = TypeLease::timed;
  ConfigPlace place{};                               ///< Of its table.
  ConfigPlace plugin_place{};                        ///< Of its plugin's path.
  std::vector<std::string> given{};  ///< The keys in the file, sorted: the others are as the type's author has them.

  friend bool operator==(const TypeConfig&, const TypeConfig&) = default;
};

/// `[runtime]`
struct RuntimeConfig {
  std::uint32_t workers = 0;            ///< Threads that run actors, at most 1024; 0: one per core.
  std::uint32_t blocking_threads = 256;  ///< Threads for types with `blocking = true` and slow starts, 1 to 1024.

  friend bool operator==(const RuntimeConfig&, const RuntimeConfig&) = default;
};

/// `[etcd]`, for the engine of that name.
struct EtcdConfig {
  std::vector<std::string> endpoints;  ///< "http://host:port" or "https://host:port", 1 to 16, of one etcd.
  std::string prefix = "reki";         ///< The cluster's keys are PREFIX/CLUSTER/coordinator and PREFIX/CLUSTER/view.
  // PEM files for https, as written; each may be empty.
  std::string ca;    ///< Who signs etcd's certificate; empty: the system's authorities.
  std::string cert;  ///< This side's certificate, and its key.
  std::string key;

  friend bool operator==(const EtcdConfig&, const EtcdConfig&) = default;
};

struct Config {
  std::string file;     ///< Where it was read from, for messages.
  std::string cluster;  ///< `[cluster] name`: letters, digits, '.', '_', '-'; at most 64.
  Profile profile = Profile::lan;
  EngineKind engine = EngineKind::embedded;
  std::optional<EtcdConfig> etcd;  ///< With that engine, and only then.
  /// 1, 3 or 5 of the nodes, who keep the register when the cluster is made. If absent the first three of the file, or
  /// the first one if there are fewer. None with etcd.
  std::vector<NodeId> voters;
  /// `voters` is what the file says. `reki init` goes by it, and nothing after: people change them with `reki voters`.
  bool names_voters = false;
  /// `[cluster] seeds`: "dns://name:port", all of whose addresses are control addresses of nodes, on that port. There a node
  /// asks for its cluster, beside the nodes of the file.
  std::vector<std::string> seeds;
  std::vector<NodeConfig> nodes;  ///< 1 to `limits::nodes_max`, as in the file.
  std::vector<TypeConfig> types;  ///< Sorted by name.
  RuntimeConfig runtime;
  /// `[cluster] label`, free text for people, at most 64 bytes. Stands in for a key that comes with `next_level`.
  std::string label{};

  /// Null if there is none. Lives as long as the config.
  [[nodiscard]] const NodeConfig* find_node(std::string_view id) const;
  [[nodiscard]] const TypeConfig* find_type(std::string_view name) const;
};

/// Reads and validates a configuration, as a reki does whose highest level is `level`: keys that came later are refused, by
/// name. Total: any text gives a config that keeps every relation above, or `bad_config`
/// with all mistakes that could be found, one a line, in the order of the file:
/// ```
/// FILE:LINE:COLUMN: what is wrong; what to do
/// ```
/// `file_name` is only for these messages. A `data_dir` that is absent is DATA_ROOT/CLUSTER/ID. `[cluster] security` may only
/// be "none" until there is another.
[[nodiscard]] Result<Config> parse_config(std::string_view text, std::string_view file_name,
                                          std::string_view data_root = "data", Level level = supported_levels.max);

/// The node of that id. Fails with `bad_config`; the text lists the ids there are.
[[nodiscard]] Result<NodeConfig> node_of(const Config& config, std::string_view id);

/// The fixed view of this config: all nodes up, epoch 1, incarnations unknown, the hash seed made of the cluster's name
/// (its XXH3 with seed 0). REQUIRES: `config` comes from `parse_config`.
[[nodiscard]] View view_of(const Config& config);

/// The profile's durations.
[[nodiscard]] membership::Timing timing_of(const Config& config);

/// What the nodes of a cluster with this config agree on.
[[nodiscard]] Settings settings_of(const Config& config);

/// Reads "500us", "500ms", "5s", "10m", "2h", or "0". Whole numbers only. Fails with `invalid_argument`.
[[nodiscard]] Result<Duration> parse_duration(std::string_view text);
/// The shortest such text for `d`; what is below a microsecond is dropped.
[[nodiscard]] std::string to_text(Duration d);

}  // namespace reki
