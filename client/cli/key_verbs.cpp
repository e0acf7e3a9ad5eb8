#include "reki/client/cli/verbs.hpp"
#include "reki/core/base/closest_match.hpp"
#include "reki/core/base/hash.hpp"

namespace reki::cli {
namespace {

/// The arguments of a start, as described by the type; without any, the type's defaults.
Result<Bytes> start_args(Client& client, const CommandLine& line) {
  if (!line.args) return Bytes{};
  const auto type = description_of(client, line.type, line.timeout);
  if (!type) return tl::make_unexpected(type.error());
  return pack_json(*line.args, type->args, "--args");
}

Report report_of(const CommandLine& line, const Answer& answer, const std::string& state) {
  const std::string node = answer.node ? answer.node->value : "";
  Report out;
  out.json = {{"type", line.type},
              {"key", line.key},
              {"state", state},
              {"node", node},
              {"start_number", answer.fence.start().value},
              {"fence", answer.fence.value}};
  out.table = {{"KEY", "STATE", "NODE", "START", "FENCE"},
               {line.key, state, node, std::to_string(answer.fence.start().value), std::to_string(answer.fence.value)}};
  return out;
}

/// With the start that is there, if the actor was not to be.
Error error_of(Answer answer) {
  if (answer.code == ErrorCode::already_started && answer.fence.value != 0) {
    answer.text += answer.text.empty() ? "" : "; ";
    answer.text += "it runs with fence " + std::to_string(answer.fence.value);
    if (answer.node) answer.text += " on node " + answer.node->value;
  }
  return std::move(answer).error();
}

Result<Report> ask(Client& client, const CommandLine& line, Submission submission, const char* state) {
  Answer answer = client.exchange(submission);
  if (!answer.ok()) return tl::make_unexpected(error_of(std::move(answer)));
  return report_of(line, answer, state != nullptr ? state : answer.started ? "started" : "found");
}

}  // namespace

Submission about_key(wire::Op op, const CommandLine& line) {
  Submission out;
  out.op = op;
  out.type = line.type;
  out.key = line.key;
  out.timeout = line.timeout;
  return out;
}

Result<Bytes> pack_json(const std::string& text, const Schema& schema, const std::string& what) {
  const auto json = parse_json(text);
  auto bytes = json ? to_msgpack(*json, schema) : tl::make_unexpected(json.error());
  if (!bytes) return fail(bytes.error().code, what + ": " + bytes.error().text);
  return bytes;
}

Result<TypeDescription> description_of(Client& client, const std::string& type, Duration timeout) {
  auto types = client.describe({}, {.timeout = timeout}).get();
  if (!types) return tl::make_unexpected(types.error());
  std::vector<std::string_view> names;
  for (auto& one : *types) {
    if (one.type == type) return std::move(one);
    names.emplace_back(one.type);
  }
  std::string text = "the nodes have no type '" + type + "'";
  const auto meant = closest_match(type, names);
  if (!meant.empty()) text += "; did you mean '" + std::string{meant} + "'?";
  return fail(ErrorCode::unknown_type, text);
}

Result<MessageDescription> message_of(const TypeDescription& type, const std::string& name) {
  std::vector<std::string_view> names;
  std::string all;
  for (const auto& message : type.messages) {
    if (message.name == name) return message;
    names.emplace_back(message.name);
    all += (all.empty() ? "" : ", ") + message.name;
  }
  const auto meant = closest_match(name, names);
  std::string text = "type '" + type.type + "' has no message '" + name + "'";
  text += meant.empty() ? "; it has " + (all.empty() ? "none" : all) : "; did you mean '" + std::string{meant} + "'?";
  return fail(ErrorCode::unknown_message, text);
}

Result<Report> start(Client& client, const CommandLine& line) {
  auto args = start_args(client, line);
  if (!args) return tl::make_unexpected(args.error());
  auto submission = about_key(line.only_new ? wire::Op::start : wire::Op::lookup_or_start, line);
  submission.args = std::move(*args);
  return ask(client, line, std::move(submission), nullptr);
}

Result<Report> lookup(Client& client, const CommandLine& line) {
  return ask(client, line, about_key(wire::Op::lookup, line), "found");
}

Result<Report> stop(Client& client, const CommandLine& line) {
  return ask(client, line, about_key(wire::Op::stop, line), "stopped");
}

Result<Report> message(Client& client, const CommandLine& line) {
  const auto type = description_of(client, line.type, line.timeout);
  if (!type) return tl::make_unexpected(type.error());
  const auto described = message_of(*type, line.message);
  if (!described) return tl::make_unexpected(described.error());
  const auto payload = pack_json(line.payload, described->fields, line.message);
  if (!payload) return tl::make_unexpected(payload.error());

  const bool is_call = line.verb == "call";
  auto submission = about_key(is_call ? wire::Op::call : wire::Op::send, line);
  submission.message = EnvelopePtr{new EncodedEnvelope(line.message, *payload)};
  if (!line.no_start) {
    auto args = line.args ? pack_json(*line.args, type->args, "--args") : Bytes{};
    if (!args) return tl::make_unexpected(args.error());
    submission.args = std::move(*args);
  }
  Answer answer = client.exchange(submission);
  if (!answer.ok()) return tl::make_unexpected(std::move(answer).error());
  Report out = report_of(line, answer, answer.started ? "started" : "found");
  if (is_call) {
    auto reply = to_json(answer.payload, described->reply);
    if (!reply) return tl::make_unexpected(reply.error());
    out.json["reply"] = *reply;
    out.table.clear();  // a call is about its reply
    out.text = (reply->is_null() ? std::string{"ok"} : printable(one_line(*reply))) + "\n";
  }
  return out;
}

Result<Report> owner(Client& client, const CommandLine& line) {
  const auto owner = client.owner(line.type, line.key);
  if (!owner) return tl::make_unexpected(owner.error());
  const auto view = client.view();
  const auto slot = slot_of(hash_key(line.key, hash_type(line.type, view->hash_seed())));
  const std::string address = view->find(*owner) != nullptr ? view->find(*owner)->addr : "";
  Report out;
  out.json = {{"type", line.type}, {"key", line.key},     {"slot", slot.value},
              {"node", owner->value}, {"address", address}, {"epoch", view->epoch().value}};
  out.table = {{"KEY", "NODE", "ADDRESS", "SLOT", "EPOCH"},
               {line.key, owner->value, address, std::to_string(slot.value), std::to_string(view->epoch().value)}};
  return out;
}

}  // namespace reki::cli
