#include "reki/core/config/config.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "reki/core/base/assert.hpp"
#include "reki/core/base/closest_match.hpp"
#include "reki/core/base/hash.hpp"

namespace reki {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t ns;
};
constexpr std::array units{Unit{"h", 3'600'000'000'000}, Unit{"m", 60'000'000'000}, Unit{"s", 1'000'000'000},
                           Unit{"ms", 1'000'000}, Unit{"us", 1'000}};

}  // namespace

const NodeConfig* Config::find_node(std::string_view id) const {
  const auto it = std::ranges::find(nodes, id, [](const NodeConfig& n) -> std::string_view { return n.id.value; });
  return it == nodes.end() ? nullptr : &*it;
}

const TypeConfig* Config::find_type(std::string_view name) const {
  const auto it = std::ranges::find(types, name, &TypeConfig::name);
  return it == types.end() ? nullptr : &*it;
}

Result<NodeConfig> node_of(const Config& config, std::string_view id) {
  if (const NodeConfig* node = config.find_node(id)) return *node;
  std::vector<std::string_view> ids;
  std::string list;
  for (const NodeConfig& n : config.nodes) {
    ids.push_back(n.id.value);
    list += (list.empty() ? "" : ", ") + n.id.value;
  }
  const std::string_view meant = closest_match(id, ids);
  std::string text = config.file + ": there is no [[node]] with id '" + std::string(id) + "'; ";
  if (!meant.empty()) text += "did you mean '" + std::string(meant) + "'? ";
  return fail(ErrorCode::bad_config, text + "use one of: " + list);
}

View view_of(const Config& config) {
  std::vector<Member> members;
  members.reserve(config.nodes.size());
  for (const NodeConfig& n : config.nodes) {
    members.push_back({n.id, Incarnation{}, n.address(), n.weight, n.zone, MemberState::up});
  }
  Result<View> view = fixed_view(config.cluster, hash_type(config.cluster, 0), std::move(members));
  REKI_ASSERT(view.has_value());
  return std::move(*view);
}

membership::Timing timing_of(const Config& config) {
  return config.profile == Profile::cloud ? membership::cloud() : membership::lan();
}

Settings settings_of(const Config& config) {
  return with_stage({.engine = config.engine}, stage_of(config.profile));
}

Result<Duration> parse_duration(std::string_view text) {
  const auto wrong = [&] {
    return fail(ErrorCode::invalid_argument, "'" + std::string(text.substr(0, 64)) + "' is not a duration");
  };
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [rest, ec] = std::from_chars(text.data(), end, number);
  if (ec != std::errc{} || number < 0) return wrong();
  const std::string_view unit(rest, static_cast<std::size_t>(end - rest));
  if (unit.empty() && number == 0) return Duration{0};
  const auto* found = std::ranges::find(units, unit, &Unit::name);
  if (found == units.end() || number > std::numeric_limits<std::int64_t>::max() / found->ns) return wrong();
  return Duration{number * found->ns};
}

std::string to_text(Duration d) {
  const std::int64_t us = d.count() / 1000;
  if (us == 0) return "0";
  for (const Unit& unit : units) {
    if (us * 1000 % unit.ns == 0) return std::to_string(us * 1000 / unit.ns) + std::string(unit.name);
  }
  return std::to_string(us) + "us";
}

}  // namespace reki
