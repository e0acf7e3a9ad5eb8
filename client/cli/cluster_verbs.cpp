#include <cstdio>
#include <fstream>
#include <iostream>
#include <sstream>

#include "reki/client/cli/verbs.hpp"
#include "reki/core/base/base64.hpp"
#include "reki/core/wire/codec.hpp"

namespace reki::cli {
namespace {

/// A key as JSON text: bytes that are not UTF-8 are shown replaced, as everywhere.
Result<wire::ListPage> list_page(Client& client, const CommandLine& line, BytesView cursor, std::uint32_t limit, Bytes& storage) {
  auto submission = about_key(wire::Op::list, line);
  submission.key = line.prefix;
  submission.args = wire::encode_list_args({cursor, limit});
  Answer answer = client.exchange(submission);
  if (!answer.ok()) return tl::make_unexpected(std::move(answer).error());
  storage = std::move(answer.payload);
  return wire::decode_list_page(storage);
}

std::string share_text(std::uint32_t slots) {
  char text[16];
  std::snprintf(text, sizeof text, "%.2f%%", 100.0 * slots / slot_count);
  return text;
}

/// An incarnation is a name of 64 bits: a string, however small.
Json json_of(const NodeStatus& status) {
  Json out = Json::object();
  for (const auto& [name, value] : status) std::visit([&, n = name](const auto& v) { out[n] = v; }, value);
  if (const auto id = out.find("incarnation"); id != out.end() && id->is_number()) *id = id->dump();
  return out;
}

Json json_of(const TypeDescription& type) {
  Json messages = Json::array();
  for (const auto& message : type.messages) {
    messages.push_back({{"message", message.name}, {"fields", to_string(message.fields)}, {"reply", to_string(message.reply)}});
  }
  return {{"type", type.type}, {"args", to_string(type.args)}, {"messages", messages}};
}

}  // namespace

Result<Report> list(Client& client, const CommandLine& line) {
  auto cursor = from_base64(line.cursor);
  if (!cursor) return fail(ErrorCode::invalid_argument, "--cursor: that is not base64");
  Report out;
  Json keys = Json::array();
  // A page of the cluster ends where a node's keys do; one for people is as long as they have asked for.
  do {
    Bytes storage;
    const auto limit = line.all ? line.limit : line.limit - static_cast<std::uint32_t>(keys.size());
    const auto page = list_page(client, line, *cursor, limit, storage);
    if (!page) return tl::make_unexpected(page.error());
    for (const auto key : page->keys) {
      keys.push_back(std::string{key});
      out.text += printable(key) + "\n";
    }
    *cursor = Bytes{page->cursor};
  } while (!cursor->empty() && (line.all || keys.size() < line.limit));
  out.json = {{"type", line.type}, {"keys", std::move(keys)}, {"cursor", to_base64(*cursor)}};
  if (!cursor->empty() && !line.json) {
    std::cerr << "There is more: --all lists everything, --cursor " << to_base64(*cursor) << " goes on from here.\n";
  }
  return out;
}

Result<Report> count(Client& client, const CommandLine& line) {
  auto submission = about_key(wire::Op::count, line);
  submission.key = line.prefix;
  Answer answer = client.exchange(submission);
  if (!answer.ok()) return tl::make_unexpected(std::move(answer).error());
  const auto count = wire::decode_count(answer.payload);
  if (!count) return tl::make_unexpected(count.error());
  return Report{{{"type", line.type}, {"count", *count}}, {}, std::to_string(*count) + "\n"};
}

Result<Report> nodes(Client& client, const CommandLine&) {
  const auto view = client.view();
  Report out;
  out.json = {{"cluster", view->cluster_id()}, {"epoch", view->epoch().value}, {"term", view->term().value},
              {"coordinator", view->coordinator().value}, {"nodes", Json::array()}};
  out.table = {{"NODE", "ADDRESS", "STATE", "WEIGHT", "SLOTS", "SHARE", "ZONE"}};
  for (std::size_t i = 0; i < view->members().size(); ++i) {
    const Member& m = view->members()[i];
    const auto slots = view->slots_of(static_cast<MemberIndex>(i));
    const std::string state{name_of(m.state)};
    out.json["nodes"].push_back({{"node", m.node_id.value}, {"address", m.addr}, {"state", state}, {"weight", m.weight},
                                 {"slots", slots}, {"zone", m.zone}});
    out.table.push_back({m.node_id.value, m.addr, state, std::to_string(m.weight), std::to_string(slots), share_text(slots), m.zone});
  }
  return out;
}

Result<Report> status(Client& client, const CommandLine& line) {
  std::vector<std::string> names;
  const auto view = client.view();
  for (const auto& member : view->members()) {
    if (line.node.empty() || member.node_id.value == line.node) names.push_back(member.node_id.value);
  }
  if (names.empty()) return fail(ErrorCode::invalid_argument, "there is no node '" + line.node + "'; 'reki nodes' lists them");
  Report out;
  out.json = {{"cluster", view->cluster_id()}, {"nodes", Json::object()}};
  out.table = {{"NODE", "NAME", "VALUE"}};
  std::optional<Error> failed;
  for (const auto& name : names) {
    const auto status = client.status(name, {.timeout = line.timeout}).get();
    if (!status) {  // the others are of interest all the more
      failed = Error{status.error().code, "node '" + name + "': " + status.error().text};
      out.json["nodes"][name] = {{"error", name_of(status.error().code)}};
      out.table.push_back({name, "error", std::string{name_of(status.error().code)}});
      continue;
    }
    out.json["nodes"][name] = json_of(*status);
    for (const auto& [key, value] : out.json["nodes"][name].items()) {
      out.table.push_back({name, key, value.is_string() ? value.get<std::string>() : value.dump()});
    }
  }
  if (failed && names.size() == 1) return tl::make_unexpected(*failed);
  if (failed) std::cerr << "reki: " << printable(failed->message()) << "\n";
  return out;
}

Result<Report> describe(Client& client, const CommandLine& line) {
  auto types = client.describe({}, {.timeout = line.timeout}).get();
  if (!types) return tl::make_unexpected(types.error());
  if (!line.type.empty()) {
    auto one = description_of(client, line.type, line.timeout);
    if (!one) return tl::make_unexpected(one.error());
    *types = {std::move(*one)};
  }
  Report out;
  out.json = Json::array();
  out.table = {{"TYPE", "MESSAGE", "FIELDS", "REPLY"}};
  for (const auto& type : *types) {
    out.json.push_back(json_of(type));
    out.table.push_back({type.type, "(start)", to_string(type.args), ""});
    for (const auto& m : type.messages) out.table.push_back({"", m.name, to_string(m.fields), to_string(m.reply)});
  }
  return out;
}

Result<Config> read_config(const std::string& file, Level level) {
  std::ifstream in(file, std::ios::binary);
  std::stringstream text;
  if (!in || !(text << in.rdbuf())) return fail(ErrorCode::bad_config, file + ": cannot be read; is the path right?");
  return parse_config(text.str(), file, "data", level);
}

Result<Report> config_check(const CommandLine& line) {
  const Level level = line.level.value_or(supported_levels.max);
  if (!supported_levels.has(level)) {
    return fail(ErrorCode::invalid_argument, "this reki supports " + text_of(supported_levels) + ", and cannot say what one of level " +
                                                 std::to_string(level) + " would take; ask one that supports it");
  }
  const auto config = read_config(line.file, level);
  if (!config) return tl::make_unexpected(config.error());
  Report out;
  out.json = {{"file", line.file}, {"level", level}, {"cluster", config->cluster}, {"nodes", config->nodes.size()}, {"types", config->types.size()}};
  out.text = line.file + " is fine: cluster '" + config->cluster + "', " + std::to_string(config->nodes.size()) + " nodes, " +
             std::to_string(config->types.size()) + " types.\n";
  return out;
}

}  // namespace reki::cli
