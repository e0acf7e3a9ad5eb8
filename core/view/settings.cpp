#include "reki/core/view/settings.hpp"

#include <string_view>

namespace reki {
namespace {

using std::chrono::milliseconds;

constexpr Duration longest = std::chrono::minutes(1);

bool is_whole(Duration d) { return d % milliseconds(1) == Duration{0}; }

std::string_view name_of(EngineKind engine) { return engine == EngineKind::etcd ? "etcd" : "embedded"; }

std::string in_ms(Duration d) { return std::to_string(d / milliseconds(1)) + " ms"; }

/// As a person writes it in a config, with what it stands for.
std::string profile_of(const Settings& s) {
  const Settings lan;
  const bool is_lan = s.lease == lan.lease && s.wait == lan.wait;
  const bool is_cloud = s.lease == milliseconds(1500) && s.wait == milliseconds(2000);
  const std::string name = is_lan ? "lan" : is_cloud ? "cloud" : "of its own";
  return '"' + name + "\" (leases of " + in_ms(s.lease) + ", waited for " + in_ms(s.wait) + ')';
}

}  // namespace

bool is_sound(const Settings& s) {
  const bool bounds = s.lease >= milliseconds(1) && s.wait <= longest && is_whole(s.lease) && is_whole(s.wait);
  return bounds && 9 * s.wait > 11 * s.lease && s.engine <= EngineKind::etcd;
}

Result<void> check_agreement(const Settings& agreed, const Settings& own) {
  std::string differs;
  if (agreed.lease != own.lease || agreed.wait != own.wait) {
    differs = "profile: the cluster's is " + profile_of(agreed) + ", this node's config says " + profile_of(own);
  }
  if (agreed.engine != own.engine) {
    differs += differs.empty() ? "" : "; ";
    differs += "engine: the cluster's is \"" + std::string(name_of(agreed.engine)) + "\", this node's config says \"" +
               std::string(name_of(own.engine)) + '"';
  }
  if (differs.empty()) return {};
  return fail(ErrorCode::invalid_argument, differs + "; correct [cluster] in the node's config and start it again");
}

}  // namespace reki
