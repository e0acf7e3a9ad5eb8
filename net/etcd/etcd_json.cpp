#include "reki/net/etcd/etcd_json.hpp"

#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

#include "reki/core/base/base64.hpp"

namespace reki::etcd {
namespace {

using Json = nlohmann::json;
using membership::EtcdReply;
using membership::EtcdTxn;

// --- requests

Json compare_revision(const std::string& key, std::int64_t revision) {
  return {{"target", "MOD"}, {"result", "EQUAL"}, {"key", to_base64(key)}, {"mod_revision", std::to_string(revision)}};
}

Json put(const std::string& key, BytesView value) {
  return {{"request_put", {{"key", to_base64(key)}, {"value", to_base64(value)}}}};
}

Json range(const std::string& key) { return {{"request_range", {{"key", to_base64(key)}}}}; }

// --- replies

tl::unexpected<Error> malformed(const std::string& what) {
  return fail(ErrorCode::malformed_frame, "etcd's answer " + what);
}

/// 64-bit numbers are strings there.
std::optional<std::int64_t> number_in(const Json& object, const char* name) {
  const auto it = object.find(name);
  if (it == object.end() || !it->is_string()) return std::nullopt;
  const auto& text = it->get_ref<const std::string&>();
  std::int64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  const bool whole = error == std::errc{} && end == text.data() + text.size() && out > 0;
  return whole ? std::optional(out) : std::nullopt;
}

struct Entry {
  Bytes value;
  std::int64_t revision = 0;
};

/// What the range of one key has found: an entry, or nothing.
Result<std::optional<Entry>> entry_in(const Json& responses, std::size_t place, const std::string& key) {
  if (place >= responses.size() || !responses[place].is_object()) return malformed("has too few responses");
  const auto range = responses[place].find("response_range");
  if (range == responses[place].end() || !range->is_object()) return malformed("has no range where one was asked for");
  const auto kvs = range->find("kvs");
  if (kvs == range->end()) return std::nullopt;
  if (!kvs->is_array() || kvs->size() != 1 || !(*kvs)[0].is_object()) return malformed("has not one entry for one key");
  const Json& kv = (*kvs)[0];
  const auto name = kv.find("key");
  if (name == kv.end() || *name != to_base64(key)) return malformed("is about another key than was asked for");
  const auto revision = number_in(kv, "mod_revision");
  const auto value = kv.find("value");
  if (!revision || (value != kv.end() && !value->is_string())) return malformed("has an entry without a revision or value");
  auto bytes = value == kv.end() ? Bytes{} : from_base64(value->get_ref<const std::string&>());
  if (!bytes) return malformed("has a value that is not base64");
  return Entry{std::move(*bytes), *revision};
}

Result<void> add_coordinator(EtcdReply& out, const Json& responses, const Keys& keys) {
  auto entry = entry_in(responses, 0, keys.coordinator);
  if (!entry) return tl::make_unexpected(std::move(entry.error()));
  if (!*entry) return {};
  if (!membership::parse_coordinator((*entry)->value)) {
    return malformed("has '" + (*entry)->value.substr(0, 64) + "' in " + keys.coordinator + ", which reki does not write");
  }
  out.coordinator = {std::move((*entry)->value), (*entry)->revision};
  return {};
}

Result<void> add_view(EtcdReply& out, const Json& responses, const Keys& keys) {
  auto entry = entry_in(responses, 1, keys.view);
  if (!entry) return tl::make_unexpected(std::move(entry.error()));
  if (!*entry) return {};
  auto view = decode_view((*entry)->value);
  if (!view || view->cluster_id() != keys.cluster) {
    return malformed("has in " + keys.view + " what is no view of this cluster");
  }
  out.view = {std::make_shared<const View>(std::move(*view)), (*entry)->revision};
  return {};
}

}  // namespace

Keys keys_of(std::string_view prefix, std::string_view cluster) {
  const std::string begin = std::string(prefix) + '/' + std::string(cluster);
  return {std::string(cluster), begin + "/coordinator", begin + "/view"};
}

std::string request_of(const EtcdTxn& txn, const Keys& keys) {
  Json compare = Json::array();
  if (txn.coordinator_is) {
    compare.push_back({{"target", "VALUE"}, {"result", "EQUAL"}, {"key", to_base64(keys.coordinator)},
                       {"value", to_base64(*txn.coordinator_is)}});
  }
  if (txn.coordinator_revision) compare.push_back(compare_revision(keys.coordinator, *txn.coordinator_revision));
  if (txn.view_revision) compare.push_back(compare_revision(keys.view, *txn.view_revision));
  Json then = Json::array();
  if (txn.coordinator) then.push_back(put(keys.coordinator, *txn.coordinator));
  if (txn.view) then.push_back(put(keys.view, encode(*txn.view)));
  if (txn.reads()) then.push_back(range(keys.coordinator));
  return Json{{"compare", compare}, {"success", then}, {"failure", {range(keys.coordinator), range(keys.view)}}}.dump();
}

Result<EtcdReply> reply_of(BytesView body, const EtcdTxn& txn, const Keys& keys) {
  const Json json = Json::parse(body, nullptr, false);
  if (!json.is_object()) return malformed("is no JSON object");
  const auto header = json.find("header");
  const auto revision = header != json.end() && header->is_object() ? number_in(*header, "revision") : std::nullopt;
  if (!revision) return malformed("has no revision");
  EtcdReply out;
  out.number = txn.number;
  out.revision = *revision;
  const auto succeeded = json.find("succeeded");
  const bool done = succeeded != json.end() && succeeded->is_boolean() && succeeded->get<bool>();
  out.outcome = done ? EtcdReply::Outcome::done : EtcdReply::Outcome::refused;
  if (done && !txn.reads()) return out;
  const auto responses = json.find("responses");
  if (responses == json.end() || !responses->is_array()) return malformed("has no responses");
  if (auto added = add_coordinator(out, *responses, keys); !added) return tl::make_unexpected(std::move(added.error()));
  if (done) return out;
  if (auto added = add_view(out, *responses, keys); !added) return tl::make_unexpected(std::move(added.error()));
  return out;
}

std::string refusal_of(long status, BytesView body) {
  constexpr std::size_t shown_max = 200;
  const Json json = Json::parse(body, nullptr, false);
  const auto error = json.is_object() ? json.find("error") : json.end();
  const bool said = json.is_object() && error != json.end() && error->is_string();
  return "HTTP " + std::to_string(status) + ": " +
         (said ? error->get<std::string>() : std::string(body)).substr(0, shown_max);
}

}  // namespace reki::etcd
