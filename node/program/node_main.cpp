#include "reki/node/program/node_main.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "reki/actor/user_code.hpp"
#include "reki/net/etcd/etcd_client.hpp"
#include "reki/node/disk/data_dir.hpp"
#include "reki/node/guard/guard.hpp"
#include "reki/node/guard/node_signals.hpp"
#include "reki/node/node.hpp"
#include "reki/node/plugins/plugin_host.hpp"
#include "reki/node/program/log_stderr.hpp"
#include "reki/node/support/exit_codes.hpp"

namespace reki {
namespace {

struct Arguments {
  std::string config;
  std::string node;
  std::string log_level = "info";
  bool check_only = false;
  bool guarded = true;
};

/// The exit code, if this is the end already.
std::optional<int> parse(int argc, char** argv, Arguments& out) {
  CLI::App app("A node of a reki cluster: serves the actors whose keys it owns.", "reki-node");
  app.add_option("--config", out.config, "The cluster's config file (TOML)")->required()->type_name("FILE");
  app.add_option("--node", out.node, "Which [[node]] of it to be")->required()->type_name("ID");
  app.add_flag("--check", out.check_only, "Only validate the config, the node's id, plugins and data directory");
  app.add_flag("!--no-guard", out.guarded, "Be one process, without a guard: for debuggers");
  app.add_option("--log-level", out.log_level, "How much to log to stderr")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? exit_ok : exit_usage;
  }
  return std::nullopt;
}

int exit_code_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::bad_config:
    case ErrorCode::bad_plugin:
    case ErrorCode::bad_data_dir:
    case ErrorCode::invalid_argument:
      return exit_usage;
    case ErrorCode::address_in_use:
    case ErrorCode::data_dir_unavailable:
      return exit_unavailable;
    default:
      return exit_failed;
  }
}

int report(const Error& error) {
  std::cerr << "reki-node: " << error.text << '\n';
  return exit_code_of(error.code);
}

/// Where nodes keep their data whose config does not say it: a service of systemd in its StateDirectory, since it may
/// be unable to write beside the config. There may be several, with colons between.
std::string data_root() {
  const char* const directories = std::getenv("STATE_DIRECTORY");
  if (directories == nullptr || *directories == '\0') return "data";
  const std::string all = directories;
  return all.substr(0, all.find(':'));
}

Result<Config> read_config(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file.is_open() || std::filesystem::is_directory(path)) {
    return fail(ErrorCode::bad_config, path + ": there is no file that can be read; correct --config");
  }
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return parse_config(text, path, data_root());
}

/// Says when the node is ready, and until then from time to time why it is not.
void announce(Node& node, const std::string& cluster, const LogSink& log, const std::stop_token& stop) {
  constexpr auto look = std::chrono::milliseconds(100);
  constexpr int looks_per_line = 100;
  for (int i = 1; !stop.stop_requested(); ++i) {
    if (node.wait_until_ready(look)) {
      return log(LogLevel::info, "ready",
                 "address=" + node.address() + " cluster=" + cluster +
                     " incarnation=" + std::to_string(node.incarnation().value) + " pid=" + std::to_string(getpid()));
    }
    if (i % looks_per_line == 20) log(LogLevel::warn, "joining", "text=\"" + node.why_not_ready() + '"');
  }
}

int serve(const Config& config, const Arguments& arguments, Factories factories, const LogSink& log, LeasePage* page,
          NodeSignals& signals) {
  NodeOptions options;
  options.log = log;
  options.page = page;
  options.join_timeout = Duration{0};  // others may come much later; announce() says what it waits for
  auto node = Node::start(config, arguments.node, std::move(factories), options);
  if (!node) {
    Error error = std::move(node.error());
    const NodeConfig* self = config.find_node(arguments.node);
    if (error.code == ErrorCode::address_in_use && self != nullptr) {
      error.text = config.file + ":" + std::to_string(self->listen_place.line) + ":" +
                   std::to_string(self->listen_place.column) + ": " + error.text;
    }
    return report(error);
  }
  std::jthread announcer([&](const std::stop_token& stop) { announce(**node, config.cluster, log, stop); });
  const int signal = signals.await_end(arguments.guarded ? getppid() : 0, log);
  announcer.request_stop();
  log(LogLevel::info, "stopping", "signal=" + name_of_signal(signal));
  const bool in_time = (*node)->stop();
  log(in_time ? LogLevel::info : LogLevel::warn, "stopped", in_time ? "" : "text=\"some handlers were still running\"");
  // Their threads may use the node until the process is gone.
  if (!in_time) std::_Exit(exit_ok);
  return exit_ok;
}

/// Whoever started it may have closed some. What is opened later would get their numbers, and the log could be written
/// into the register.
void open_standard_files() {
  int last = 0;
  while (last >= 0 && last <= STDERR_FILENO) last = ::open("/dev/null", O_RDWR);
  if (last > STDERR_FILENO) ::close(last);
}

/// In both processes: each ends with what this returns.
int run(const Config& config, const Arguments& arguments, Factories factories) {
  NodeSignals signals;
  const LogSink log = log_to_stderr(arguments.log_level, arguments.node);
  const MappedLeasePage page = arguments.guarded ? map_lease_page() : nullptr;
  const auto node = [&] { return serve(config, arguments, std::move(factories), log, page.get(), signals); };
  if (!arguments.guarded) return node();
  GuardOptions options;
  options.log = log;
  return run_guarded(*page, options, node);
}

}  // namespace

int node_main(int argc, char** argv, Factories factories) {
  try {
    open_standard_files();
    Arguments arguments;
    if (const auto end = parse(argc, argv, arguments)) return *end;
    const auto config = read_config(arguments.config);
    if (!config) return report(config.error());
    const auto self = node_of(*config, arguments.node);
    if (!self) return report(self.error());
    if (const auto able = etcd::usable(*config); !able) return report(able.error());
    if (const auto may = may_write_data_dir(data_dir_of(*config, *self)); !may) return report(may.error());
    if (!arguments.check_only) return run(*config, arguments, std::move(factories));
    if (auto configured = configure_types(*config, factories); !configured) return report(configured.error());
    std::cout << arguments.config << ": ok, node " << arguments.node << " of cluster " << config->cluster << '\n';
    return exit_ok;
  } catch (...) {
    std::cerr << "reki-node: " << text_of_current_exception() << '\n';
    return exit_failed;
  }
}

}  // namespace reki
