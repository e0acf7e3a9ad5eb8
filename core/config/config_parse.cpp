#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "reki/core/base/endpoint.hpp"
#include "reki/core/base/limits.hpp"
#include "reki/core/config/config.hpp"
#include "reki/core/config/config_section.hpp"

namespace reki {
namespace {

using namespace config_file;

/// Reads one file; holds what its parts need of each other.
class Reader {
 public:
  Reader(const toml::table& root, Problems& problems, std::string_view data_root, Level level)
      : root_(root), problems_(problems), data_root_(data_root), level_(level), top_(root, "the file", problems) {}

  Config read() {
    const toml::node* cluster = top_.get("cluster");
    const toml::node* nodes = top_.get("node");
    const toml::node* types = top_.get("types");
    const toml::node* runtime = top_.get("runtime");
    const toml::node* etcd = top_.get("etcd");
    top_.refuse_unknown();
    read_nodes(nodes);
    read_cluster(cluster);
    read_etcd_section(etcd, cluster);
    check_loopback();
    fill_in();
    read_types(types);
    read_runtime(runtime);
    return std::move(config_);
  }

 private:
  /// The table in `node`, with a problem if it is something else.
  const toml::table* table_at(const toml::node* node, std::string_view header) {
    if (node == nullptr) return nullptr;
    const toml::table* table = node->as_table();
    if (table == nullptr)
      problems_.add(*node, std::string(header) + " is not a table; write it as the line " + std::string(header));
    return table;
  }

  /// What follows from the rest of the file.
  void fill_in();
  void read_cluster(const toml::node* node);
  void read_etcd_section(const toml::node* node, const toml::node* cluster);
  void read_voters(const toml::node* node);
  void read_nodes(const toml::node* node);
  void read_node(const toml::table& table);
  void read_addresses(Section& s, NodeConfig& node);
  void read_control(Section& s, NodeConfig& node, const std::optional<Endpoint>& listen);
  std::optional<Endpoint> read_address(Section& s, std::string_view key, const std::string& text);
  /// What others connect to: `name` of the key that says so, for messages.
  /// False, with a problem, if they cannot.
  bool check_reachable(const toml::source_position& at, std::string_view name, const Endpoint& endpoint);
  void check_loopback();
  /// False, with a problem, if another socket has it.
  bool claim_address(const toml::source_position& at, std::string_view key, const Endpoint& endpoint);
  void read_types(const toml::node* node);
  void read_type(const toml::table& table, TypeConfig type);
  void read_restart(Section& s, RestartPolicy& policy);
  void read_runtime(const toml::node* node);

  const toml::table& root_;
  Problems& problems_;
  const std::string data_root_;
  const Level level_;
  Section top_;
  Config config_;
  std::map<std::string, toml::source_index> node_lines_;  ///< By id, where it was first given.
  std::map<std::pair<std::string, std::uint16_t>, toml::source_index> address_lines_;  ///< By host and port.
  struct Reachable {
    toml::source_position at;
    std::string name;
    Endpoint endpoint;
  };
  std::vector<Reachable> reachable_;
};

std::string with_port(const std::string& address, std::uint16_t port) {
  return address.substr(0, address.rfind(':') + 1) + std::to_string(port);
}

constexpr std::array<std::string_view, 2> profile_names{"lan", "cloud"};
constexpr std::array<std::string_view, 2> engine_names{"embedded", "etcd"};
constexpr std::array<std::string_view, 1> security_names{"none"};
constexpr std::array<std::string_view, 3> mode_names{"permanent", "transient", "temporary"};
constexpr std::array<std::string_view, 2> lease_names{"timed", "confirmed"};

void Reader::read_cluster(const toml::node* node) {
  if (node == nullptr) {
    problems_.add(root_, "there is no [cluster]; add [cluster] with name = \"NAME\"");
    return;
  }
  const toml::table* table = table_at(node, "[cluster]");
  if (table == nullptr) return;
  Section s(*table, "[cluster]", problems_);
  if (auto name = s.required_name("name", R"("my-cluster")", limits::cluster_id_bytes_max)) config_.cluster = *name;
  if (const auto i = s.one_of("profile", profile_names)) config_.profile = static_cast<Profile>(*i);
  if (const auto i = s.one_of("engine", engine_names)) config_.engine = static_cast<EngineKind>(*i);
  const toml::node* const voters = s.get("voters");
  if (config_.engine == EngineKind::embedded) read_voters(voters);
  else if (voters != nullptr) s.wrong("voters", "voters are for the engine \"embedded\"; with etcd leave them out");
  if (const toml::node* seeds = s.get("seeds")) config_.seeds = read_seeds(*seeds, problems_);
  // Saying "curve" and sending in the clear would be worse than refusing it.
  static_cast<void>(s.one_of("security", security_names));
  config_.label = s.later_text("label", next_level, level_).value_or("");
  s.refuse_unknown();
}

void Reader::read_etcd_section(const toml::node* node, const toml::node* cluster) {
  const toml::table* table = table_at(node, "[etcd]");
  if (table != nullptr) config_.etcd = read_etcd(*table, problems_);
  const bool wanted = config_.engine == EngineKind::etcd;
  if (wanted && node == nullptr) {
    problems_.add(*(*cluster->as_table())["engine"].node(), "engine is 'etcd', but there is no [etcd]; add [etcd] with "
                                                            "endpoints = [\"http://HOST:2379\"]");
  } else if (!wanted && table != nullptr) {
    problems_.add(*table, "there is an [etcd], but the engine is the embedded one; add engine = \"etcd\" to [cluster], or leave "
                          "[etcd] out");
  }
}

void Reader::fill_in() {
  const std::size_t voters = config_.nodes.size() < 3 ? 1 : 3;
  if (config_.voters.empty() && config_.engine == EngineKind::embedded) {
    for (std::size_t i = 0; i < std::min(voters, config_.nodes.size()); ++i) config_.voters.push_back(config_.nodes[i].id);
  }
  for (NodeConfig& node : config_.nodes) {
    if (node.data_dir.empty()) node.data_dir = data_root_ + "/" + config_.cluster + "/" + node.id.value;
  }
}

void Reader::read_voters(const toml::node* node) {
  if (node == nullptr) return;
  config_.names_voters = true;
  const toml::array* array = node->as_array();
  if (array == nullptr) {
    problems_.add(*node, R"(voters is not an array; write voters = ["ID", ...] with the ids of 1, 3 or 5 nodes)");
    return;
  }
  std::vector<std::string_view> ids;
  for (const NodeConfig& n : config_.nodes) ids.push_back(n.id.value);
  for (const toml::node& each : *array) {
    const auto* id = each.as_string();
    if (id == nullptr) {
      problems_.add(each, "a voter is not a string; write the id of a [[node]] in quotes");
    } else if (!node_lines_.contains(id->get())) {
      problems_.add(each, "voters names " + quoted(id->get()) + ", which is no [[node]]; " + guess(id->get(), ids) +
                              "the ids are: " + joined(ids));
    } else if (std::ranges::find(config_.voters, NodeId{id->get()}) != config_.voters.end()) {
      problems_.add(each, "voters names " + quoted(id->get()) + " twice; name it once");
    } else {
      config_.voters.emplace_back(id->get());
    }
  }
  if (array->size() > 5 || array->size() % 2 == 0) {
    problems_.add(*node, "there are " + std::to_string(array->size()) +
                             " voters; name 1, 3 or 5 (an even number survives no more failures than one fewer)");
  }
}

void Reader::read_nodes(const toml::node* node) {
  if (node == nullptr) {
    problems_.add(root_, R"(there is no [[node]]; add one with id = "n1" and listen = "tcp://HOST:PORT")");
    return;
  }
  const toml::array* array = node->as_array();
  if (array == nullptr || array->empty()) {
    problems_.add(*node, "node is not a list of tables; write each node under a line [[node]], in two brackets");
    return;
  }
  bool has_weight = false;
  for (const toml::node& each : *array) {
    if (const toml::table* table = table_at(&each, "[[node]]")) {
      read_node(*table);
      const auto* weight = table->get_as<std::int64_t>("weight");
      has_weight = has_weight || weight == nullptr || weight->get() != 0;
    }
  }
  if (array->size() > limits::nodes_max) {
    problems_.add((*array)[limits::nodes_max], "there are " + std::to_string(array->size()) + " nodes; list at most " +
                                                   std::to_string(limits::nodes_max));
  }
  if (!has_weight && (*array)[0].is_table()) {
    const toml::node* first = (*array)[0].as_table()->get("weight");
    if (first != nullptr)
      problems_.add(*first, "the weight of every node is 0, so none would serve a key; give one a weight of 1 or more");
  }
}

void Reader::read_node(const toml::table& table) {
  Section s(table, "[[node]]", problems_);
  NodeConfig node;
  if (auto id = s.required_name("id", R"("n1")", limits::node_id_bytes_max)) {
    const toml::source_position at = s.place("id");
    const auto [first, fresh] = node_lines_.emplace(*id, at.line);
    if (!fresh) {
      problems_.add(at, "the node id " + quoted(*id) + " is taken by the node of line " +
                            std::to_string(first->second) + "; give each node an id of its own");
    }
    node.id = NodeId{std::move(*id)};
  }
  read_addresses(s, node);
  node.weight = static_cast<std::uint32_t>(s.number("weight", 0, limits::node_weight_max).value_or(1));
  node.zone = s.text("zone").value_or("");
  if (node.zone.size() > limits::node_id_bytes_max) s.wrong("zone", "zone is longer than 64 bytes; shorten it");
  if (const std::size_t bytes = node.id.value.size() + node.address().size() + node.zone.size();
      bytes > limits::member_names_bytes_max) {
    problems_.add(table, "id, listen and zone of this [[node]] have together " + std::to_string(bytes) +
                             " bytes; shorten them to at most " + std::to_string(limits::member_names_bytes_max));
  }
  node.data_dir = s.text("data_dir").value_or("");
  s.refuse_unknown();
  config_.nodes.push_back(std::move(node));
}

void Reader::read_addresses(Section& s, NodeConfig& node) {
  std::optional<Endpoint> listen;
  if (auto text = s.required_text("listen", R"("tcp://127.0.0.1:7101")")) {
    listen = read_address(s, "listen", *text);
    node.listen = std::move(*text);
    node.listen_place = place_of(s.place("listen"));
  }
  if (auto text = s.text("advertise")) {
    const auto told = read_address(s, "advertise", *text);
    if (!told || !check_reachable(s.place("advertise"), "advertise", *told)) listen.reset();  // what follows from it is not right either
    node.advertise = std::move(*text);
  } else if (listen && !check_reachable(s.place("listen"), "listen", *listen)) {
    listen.reset();
  }
  read_control(s, node, listen);
  if (auto admin = s.text("admin")) {
    const Result<Endpoint> endpoint = parse_host_port(*admin);
    if (!endpoint) {
      s.wrong("admin", "admin: " + endpoint.error().text);
    } else if (endpoint->port != 0) {
      claim_address(s.place("admin"), "admin", *endpoint);
    }
    node.admin = std::move(*admin);
  }
}

/// Nothing, with a problem, if it is none.
std::optional<Endpoint> Reader::read_address(Section& s, std::string_view key, const std::string& text) {
  Result<Endpoint> endpoint = parse_endpoint(text);
  const std::string name(key);
  if (!endpoint) {
    s.wrong(key, name + ": " + endpoint.error().text);
  } else if (endpoint->port == 0) {
    s.wrong(key, name + " has port 0, to which nobody can connect; choose one from 1 to 65535");
  } else {
    return std::move(*endpoint);
  }
  return {};
}

bool Reader::check_reachable(const toml::source_position& at, std::string_view name, const Endpoint& endpoint) {
  if (is_wildcard(endpoint)) {
    const std::string key = name.starts_with("control") ? "advertise_control" : "advertise";
    problems_.add(at, std::string(name) + " is on " + quoted(endpoint.host) + ", to which others cannot connect; write an address of this "
                             "machine that they reach, or add it as " + key + " = \"tcp://HOST:PORT\"");
    return false;
  }
  if (!claim_address(at, name, endpoint)) return false;
  reachable_.push_back({at, std::string(name), endpoint});
  return true;
}

/// Loopback means another machine to each reader, which is well as long as all of them are on one.
void Reader::check_loopback() {
  const auto is_elsewhere = [](const Reachable& r) { return is_number(r.endpoint) && !is_loopback(r.endpoint); };
  const auto elsewhere = std::ranges::find_if(reachable_, is_elsewhere);
  if (elsewhere == reachable_.end()) return;
  for (const Reachable& each : reachable_) {
    if (!is_loopback(each.endpoint)) continue;
    problems_.add(each.at, each.name + " is on " + quoted(each.endpoint.host) + ", which the machine of line " +
                               std::to_string(elsewhere->at.line) + " (" + elsewhere->endpoint.host +
                               ") cannot reach; write an address that all machines reach");
  }
}

/// The control plane's address: what is not said follows from `listen` and `advertise`.
void Reader::read_control(Section& s, NodeConfig& node, const std::optional<Endpoint>& listen) {
  std::optional<Endpoint> control;
  std::string name = "control";
  std::string key = name;
  if (auto text = s.text("control")) {
    control = read_address(s, "control", *text);
    node.control = std::move(*text);
    node.control_place = place_of(s.place("control"));
  } else {
    key = "listen";
    name = "listen's port + 10000, for the control plane,";
    node.control_place = node.listen_place;
    if (listen && listen->port + control_port_offset > 65535) {
      s.wrong("listen", "listen's port leaves no room for the control plane's, which is 10000 above it; choose one up "
                        "to 55535, or add control = \"tcp://HOST:PORT\"");
    } else if (listen) {
      control = Endpoint{listen->host, static_cast<std::uint16_t>(listen->port + control_port_offset)};
      node.control = with_port(node.listen, control->port);
    }
  }
  if (auto text = s.text("advertise_control")) {
    if (const auto told = read_address(s, "advertise_control", *text)) check_reachable(s.place("advertise_control"), "advertise_control", *told);
    node.advertise_control = std::move(*text);
  } else if (control && !node.advertise.empty() && (key == "listen" || is_wildcard(*control))) {
    node.advertise_control = with_port(node.advertise, control->port);
    const auto told = parse_endpoint(node.advertise_control);
    if (told) check_reachable(s.place("advertise"), "advertise's host, with the control plane's port,", *told);
  } else if (control) {
    check_reachable(s.place(key), name, *control);
  }
}

bool Reader::claim_address(const toml::source_position& at, std::string_view key, const Endpoint& endpoint) {
  const auto [first, fresh] = address_lines_.emplace(std::pair(endpoint.host, endpoint.port), at.line);
  if (fresh) return true;
  problems_.add(at, std::string(key) + " is the address of line " + std::to_string(first->second) +
                        " too; give each its own port");
  return false;
}

void Reader::read_types(const toml::node* node) {
  const toml::table* table = table_at(node, "[types.NAME]");
  if (table == nullptr) return;
  for (auto&& [key, value] : *table) {
    const std::string name(key.str());
    if (name.empty() || name.size() > limits::type_bytes_max) {
      problems_.add(key.source().begin,
                    "the type name " + quoted(name) + " is empty or longer than 64 bytes; choose another");
    }
    const toml::table* type = table_at(&value, "[types.NAME]");
    if (type == nullptr) continue;
    TypeConfig fresh;
    fresh.name = name;
    fresh.place = place_of(key.source().begin);
    read_type(*type, std::move(fresh));
  }
  std::ranges::sort(config_.types, {}, &TypeConfig::name);
}

void Reader::read_type(const toml::table& table, TypeConfig type) {
  Section s(table, "[types." + type.name + "]", problems_);
  for (const auto& [key, value] : table) type.given.emplace_back(key.str());
  std::ranges::sort(type.given);
  if (auto plugin = s.text("plugin")) {
    if (plugin->empty()) s.wrong("plugin", "plugin is empty; write the path of the .so, or leave the key out");
    type.plugin = std::move(*plugin);
    type.plugin_place = place_of(s.place("plugin"));
  }
  read_restart(s, type.restart);
  type.idle = s.duration("idle", Duration{0}, limits::idle_max).value_or(type.idle);
  if (const auto cap = s.number("cap", 1, limits::type_cap_max)) type.cap = static_cast<std::size_t>(*cap);
  if (const auto n = s.number("mailbox", 1, limits::mailbox_messages_max)) type.mailbox = static_cast<std::size_t>(*n);
  type.blocking = s.boolean("blocking").value_or(type.blocking);
  type.stop_grace =
      s.duration("stop_grace", limits::stop_grace_min, limits::stop_grace_max).value_or(type.stop_grace);
  if (const auto i = s.one_of("lease", lease_names)) type.lease = static_cast<TypeLease>(*i);
  s.refuse_unknown();
  config_.types.push_back(std::move(type));
}

void Reader::read_restart(Section& s, RestartPolicy& policy) {
  if (const auto i = s.one_of("restart", mode_names)) policy.mode = *restart_mode_of(mode_names[*i]);
  if (const auto n = s.number("max_restarts", 0, limits::restarts_max))
    policy.max_restarts = static_cast<std::uint32_t>(*n);
  policy.period = s.duration("restart_period", limits::restart_wait_min, limits::restart_wait_max).value_or(policy.period);
  const auto initial = s.duration("backoff_initial", limits::restart_wait_min, limits::restart_wait_max);
  const auto most = s.duration("backoff_max", limits::restart_wait_min, limits::restart_wait_max);
  policy.backoff_initial = initial.value_or(policy.backoff_initial);
  policy.backoff_max = most.value_or(policy.backoff_max);
  if (policy.backoff_max >= policy.backoff_initial) return;
  s.wrong(most ? "backoff_max" : "backoff_initial",
          "backoff_max (" + to_text(policy.backoff_max) + (most ? "" : " if not given") +
              ") is less than backoff_initial (" + to_text(policy.backoff_initial) + (initial ? "" : " if not given") +
              "); make it at least as long");
}

void Reader::read_runtime(const toml::node* node) {
  const toml::table* table = table_at(node, "[runtime]");
  if (table == nullptr) return;
  Section s(*table, "[runtime]", problems_);
  RuntimeConfig& r = config_.runtime;
  if (const auto n = s.number("workers", 0, limits::worker_threads_max)) r.workers = static_cast<std::uint32_t>(*n);
  if (const auto n = s.number("blocking_threads", 1, limits::worker_threads_max)) r.blocking_threads = static_cast<std::uint32_t>(*n);
  s.refuse_unknown();
}

}  // namespace

Result<Config> parse_config(std::string_view text, std::string_view file_name, std::string_view data_root, Level level) {
  Problems problems;
  try {
    const toml::table root = toml::parse(text);
    Config config = Reader(root, problems, data_root, level).read();
    config.file = file_name;
    if (problems.empty()) return config;
  } catch (const toml::parse_error& e) {
    problems.add(e.source().begin, "not TOML: " + std::string(e.description()) +
                                       "; correct the line (texts stand in quotes; see https://toml.io)");
  }
  return tl::make_unexpected(problems.error(file_name));
}

}  // namespace reki
