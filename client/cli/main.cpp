#include <array>
#include <string_view>

#include "reki/client/cli/verbs.hpp"

namespace reki::cli {
namespace {

struct Verb {
  std::string_view name;
  Result<Report> (*run)(Client&, const CommandLine&);
};
constexpr std::array verbs{Verb{"start", start}, Verb{"lookup", lookup}, Verb{"stop", stop},         Verb{"call", message},
                           Verb{"send", message}, Verb{"owner", owner},  Verb{"list", list},         Verb{"count", count},
                           Verb{"nodes", nodes}, Verb{"status", status}, Verb{"describe", describe}, Verb{"bench", bench},
                           Verb{"watch", watch}, Verb{"voters", voters}, Verb{"profile", profile},
                           Verb{"upgrade", upgrade}};

Result<ClientOptions> whom_to_ask(const CommandLine& line) {
  ClientOptions out;
  if (!line.connect.empty()) {
    out.addresses = line.connect;
  } else if (line.config.empty()) {
    return fail(ErrorCode::invalid_argument,
                "which cluster? Give --config FILE (or set REKI_CONFIG), or --connect tcp://HOST:PORT");
  }
  if (!line.config.empty()) {
    const auto config = read_config(line.config);
    if (!config) return tl::make_unexpected(config.error());
    if (out.addresses.empty()) out = ClientOptions::of(*config);
    out.cluster = config->cluster;
  }
  if (!line.cluster.empty()) out.cluster = line.cluster;
  out.name = "reki " + line.verb;
  out.connect_timeout = line.timeout;
  return out;
}

Result<Report> run(const CommandLine& line) {
  if (line.verb == "config check") return config_check(line);
  if (line.verb == "init") return init(line);
  if (line.verb == "voters rescue") return rescue(line);
  auto options = whom_to_ask(line);
  if (!options) return tl::make_unexpected(options.error());
  const auto client = Client::connect(std::move(*options));
  if (!client) return tl::make_unexpected(client.error());
  const std::string_view word = std::string_view{line.verb}.substr(0, line.verb.find(' '));  // of "voters set"
  for (const auto& verb : verbs) {
    if (verb.name == word) return verb.run(**client, line);
  }
  return fail(ErrorCode::internal, "verb '" + line.verb + "' is parsed but not there");
}

}  // namespace
}  // namespace reki::cli

int main(int argc, char** argv) {
  reki::cli::secure_standard_files();
  const auto parsed = reki::cli::parse_command_line(argc, argv);
  if (const int* code = std::get_if<int>(&parsed)) return reki::cli::finish(*code);
  const auto& line = *std::get_if<reki::cli::CommandLine>(&parsed);
  const auto report = reki::cli::run(line);
  if (!report) return reki::cli::finish(reki::cli::print_error(report.error(), line.verb, line.json));
  reki::cli::print(*report, line.json);
  return reki::cli::finish(reki::cli::exit_ok);
}
