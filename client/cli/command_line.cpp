#include "reki/client/cli/command_line.hpp"

#include <CLI/CLI.hpp>
#include <array>
#include <iostream>

#include "reki/client/cli/output.hpp"
#include "reki/core/base/closest_match.hpp"
#include "reki/core/config/config.hpp"

// The only place that includes CLI11: it costs as much to compile as the rest of the command.
namespace reki::cli {
namespace {

CLI::App* verb(CLI::App& app, CommandLine& out, const std::string& name, const std::string& help) {
  CLI::App* sub = app.add_subcommand(name, help);
  sub->fallthrough();  // --json and the others may follow the verb
  sub->callback([&out, name] {
    if (out.verb.empty()) out.verb = name;  // unless a verb below it, which comes first, has said so
  });
  return sub;
}

void about_key(CLI::App* sub, CommandLine& out) {
  sub->add_option("TYPE", out.type, "type of actor, as 'reki describe' lists them")->required();
  sub->add_option("KEY", out.key, "1 to 1024 bytes")->required();
}

void with_args(CLI::App* sub, CommandLine& out) {
  sub->add_option("--args", out.args, "arguments for a start, as JSON: '{\"title\":\"x\"}'")->type_name("JSON");
}

void message(CLI::App* sub, CommandLine& out) {
  about_key(sub, out);
  sub->add_option("MESSAGE", out.message, "name of the message, as 'reki describe TYPE' lists them")->required();
  sub->add_option("JSON", out.payload, "its fields, as JSON: '{\"by\":2}'; those left out have their defaults");
  with_args(sub, out);
  sub->add_flag("--no-start", out.no_start, "answer not_running rather than start the actor");
}

void add_key_verbs(CLI::App& app, CommandLine& out) {
  auto* start = verb(app, out, "start", "find the actor of a key, or start it");
  about_key(start, out);
  with_args(start, out);
  start->add_flag("--new", out.only_new, "fail with already_started if it is running");
  about_key(verb(app, out, "lookup", "find the actor of a key; never starts it"), out);
  about_key(verb(app, out, "stop", "stop the actor of a key, once it has handled what it has got"), out);
  message(verb(app, out, "call", "send a message and print the reply; starts the actor if need be"), out);
  message(verb(app, out, "send", "put a message into the actor's mailbox; starts the actor if need be"), out);
  about_key(verb(app, out, "owner", "which node a key belongs to; asks nobody about the key"), out);
}

void add_cluster_verbs(CLI::App& app, CommandLine& out, std::string& watch_for) {
  auto* list = verb(app, out, "list", "keys that have an actor");
  list->add_option("TYPE", out.type)->required();
  list->add_option("--prefix", out.prefix, "only keys that begin so");
  list->add_option("--limit", out.limit, "keys per page")->check(CLI::Range(std::size_t{1}, limits::list_page_max));
  list->add_option("--cursor", out.cursor, "go on from the cursor of the page before");
  list->add_flag("--all", out.all, "all pages");
  auto* count = verb(app, out, "count", "how many keys have an actor");
  count->add_option("TYPE", out.type)->required();
  count->add_option("--prefix", out.prefix, "only keys that begin so");
  verb(app, out, "nodes", "the nodes of the cluster and their share of the keys");
  verb(app, out, "status", "what each node says of itself")->add_option("NODE", out.node, "only this one");
  auto* watch = verb(app, out, "watch", "tell what happens to a key, a type or the nodes, as it happens; ends with Ctrl-C");
  watch->add_option("--type,TYPE", out.type, "all its keys, on all nodes");
  watch->add_option("--key,KEY", out.key, "this one only");
  watch->add_flag("--nodes", out.nodes, "the nodes of the cluster instead");
  watch->add_option("--for", watch_for, "end after this time, as in 30s, 5m")->type_name("TIME");
  watch->add_option("--count", out.count, "end after so many events; those that say how it is now count")
      ->check(CLI::PositiveNumber);
  verb(app, out, "describe", "the types, their messages and fields")->add_option("TYPE", out.type, "only this one");
}

void add_voter_verbs(CLI::App& app, CommandLine& out) {
  auto* voters = verb(app, out, "voters", "the nodes that keep the cluster's register, and how many more may be lost; or others in their place");
  const auto change = [&](const std::string& name, const std::string& help) {
    auto* sub = voters->add_subcommand(name, help);
    sub->fallthrough();
    sub->callback([&out, name] { out.verb = "voters " + name; });
    return sub->add_option("NODE", out.ids, "ids of nodes")->required();
  };
  change("add", "make these nodes voters too; there may be 1, 3 or 5");
  change("remove", "let these vote no more");
  change("replace", "the first votes no more, the second does in its place")->expected(2);
  change("set", "these, and no others");
  auto* rescue = voters->add_subcommand("rescue", "most voters are lost FOR GOOD: go on from one that is left, and give up what it has not seen. "
                                                  "Without --confirm it changes nothing, and says what that means");
  rescue->fallthrough();
  rescue->callback([&out] { out.verb = "voters rescue"; });
  rescue->add_option("--lost", out.lost, "a voter's store that is lost for good, one for each")->type_name("NODE/STORE")->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  rescue->add_option("--confirm", out.confirm, "the words that the verb asks for")->type_name("TEXT");
}

void add_profile_verbs(CLI::App& app, CommandLine& out) {
  auto* profile = verb(app, out, "profile", "how long leases are, and for how long a lost node is waited for; or the other of the two in its place");
  auto* set = profile->add_subcommand("set", "change it while the cluster runs");
  set->fallthrough();
  set->add_option("PROFILE", out.profile, "lan or cloud")->required()->check(CLI::IsMember({"lan", "cloud"}));
  set->callback([&out] { out.verb = "profile set"; });
}

void add_upgrade_verbs(CLI::App& app, CommandLine& out) {
  auto* upgrade = verb(app, out, "upgrade", "the cluster's level, and which levels its nodes support; or the end of an upgrade");
  auto* finish = upgrade->add_subcommand("finish", "raise the level to the highest, once all nodes support it; there is no way back from it");
  finish->fallthrough();
  finish->callback([&out] { out.verb = "upgrade finish"; });
}

void add_other_verbs(CLI::App& app, CommandLine& out) {
  auto* bench = verb(app, out, "bench", "measure look-ups, starts and calls on this cluster");
  bench->add_option("--type", out.type, "type to start; needed if the nodes have more than one");
  bench->add_option("--message", out.message, "message to call; the first that the type has, if not given");
  bench->add_option("--payload", out.payload, "its fields, as JSON")->type_name("JSON");
  with_args(bench, out);
  bench->add_option("--seconds", out.seconds, "per measurement")->check(CLI::Range(0.05, 3600.0));
  bench->add_option("--keys", out.keys, "keys to look up and call")->check(CLI::Range(1, 1000000));
  auto* init = verb(app, out, "init", "make the cluster, once: its voters have to run, with empty registers");
  init->add_flag("--if-needed", out.if_needed, "do nothing if it has been made already");
  auto* config = app.add_subcommand("config", "about configuration files");
  config->fallthrough();
  config->require_subcommand(1);
  auto* check = config->add_subcommand("check", "say whether a file can be used, or everything that is wrong with it");
  check->fallthrough();
  check->add_option("FILE", out.file)->required();
  check->add_option("--for", out.level, "whether a reki of this level would take it, as 'reki upgrade' shows levels")->type_name("LEVEL");
  check->callback([&out] { out.verb = "config check"; });
}

/// "Did you mean ...?" for a verb that does not exist.
void suggest_verb(const CLI::App& app, const std::vector<std::string>& words) {
  std::vector<std::string> names;
  for (const auto* sub : app.get_subcommands([](const CLI::App*) { return true; })) names.push_back(sub->get_name());
  const std::vector<std::string_view> views(names.begin(), names.end());
  for (const auto& word : words) {
    if (std::find(names.begin(), names.end(), word) != names.end()) return;
    const auto meant = closest_match(word, views);
    if (word.empty() || word[0] == '-' || meant.empty()) continue;
    std::cerr << "Did you mean 'reki " << meant << "'?\n";
    return;
  }
}

int explain(const CLI::App& app, const CLI::ParseError& error, int argc, char** argv) {
  const int code = app.exit(error, std::cout, std::cerr);
  if (code == 0) return exit_ok;  // help
  suggest_verb(app, {argv + 1, argv + argc});
  return exit_usage;
}

}  // namespace

namespace {

/// Takes the times that are given; what is wrong with one, if something is.
std::optional<std::string> times(const std::string& timeout, const std::string& watch_for, CommandLine& out) {
  const auto take = [](const char* name, const std::string& text, Duration max, const char* bounds,
                       Duration& into) -> std::optional<std::string> {
    if (text.empty()) return std::nullopt;
    const auto parsed = parse_duration(text);
    if (!parsed) return std::string{name} + ": " + parsed.error().text;
    if (*parsed <= Duration{0} || *parsed > max) return std::string{name} + ": must be more than 0" + bounds;
    into = *parsed;
    return std::nullopt;
  };
  if (auto wrong = take("--timeout", timeout, limits::timeout_max, " and at most 1h", out.timeout)) return wrong;
  return take("--for", watch_for, std::chrono::hours(24 * 365), " and at most a year", out.watch_for);
}

int usage(const std::string& wrong) {
  std::cerr << wrong << "\n";
  return exit_usage;
}

}  // namespace

std::variant<CommandLine, int> parse_command_line(int argc, char** argv) {
  CommandLine out;
  std::string timeout;
  std::string watch_for;
  CLI::App app{"Talks to a reki cluster: one actor per key, on one of the nodes.", "reki"};
  app.require_subcommand(1);
  app.footer("Exit codes: 0 ok, 1 failed, 2 usage or configuration, 3 unreachable or deadline, 4 not found,\n"
             "5 not served now (no quorum, no lease, moving), 6 refused.\n"
             "In JSON a field of type bin is base64, and an integer beyond 2^53 a string of its digits, which is taken too.");
  app.add_option("--config", out.config, "the cluster's TOML file")->envname("REKI_CONFIG")->type_name("FILE");
  app.add_option("--connect", out.connect, "address of a node instead of a config; more than one may be given")
      ->envname("REKI_CONNECT")->type_name("tcp://HOST:PORT")->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_option("--cluster", out.cluster, "refuse to talk to another cluster than this, with --connect")->envname("REKI_CLUSTER")->type_name("NAME");
  app.add_flag("--json", out.json, "one JSON document on stdout");
  app.add_option("--timeout", timeout, "for each call, as in 500ms, 5s, 2m (default 5s)")->type_name("TIME");
  add_key_verbs(app, out);
  add_cluster_verbs(app, out, watch_for);
  add_voter_verbs(app, out);
  add_profile_verbs(app, out);
  add_upgrade_verbs(app, out);
  add_other_verbs(app, out);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return explain(app, e, argc, argv);
  }
  if (auto wrong = times(timeout, watch_for, out)) return usage(*wrong);
  if (out.verb == "watch" && out.nodes == !out.type.empty()) {
    return usage("watch what? Give a type and perhaps a key, or --nodes");
  }
  return out;
}

}  // namespace reki::cli
