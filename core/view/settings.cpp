#include "reki/core/view/settings.hpp"

#include <string_view>

#include "reki/core/view/stage.hpp"

namespace reki {
namespace {

using std::chrono::milliseconds;

constexpr Duration longest = std::chrono::minutes(1);

bool is_whole(Duration d) { return d % milliseconds(1) == Duration{0}; }

std::string_view name_of(EngineKind engine) { return engine == EngineKind::etcd ? "etcd" : "embedded"; }

}  // namespace

bool is_sound(const Settings& s) {
  const bool bounds = s.lease >= milliseconds(1) && s.wait <= longest && is_whole(s.lease) && is_whole(s.wait);
  return bounds && 9 * s.wait > 11 * s.lease && s.engine <= EngineKind::etcd;
}

Result<void> check_agreement(const Settings& agreed, const Settings& own) {
  std::string differs;
  const bool either = stage_of(agreed) == Stage::mix && (stage_of(own) == Stage::lan || stage_of(own) == Stage::cloud);
  if (!either && (agreed.lease != own.lease || agreed.wait != own.wait)) {
    differs = "profile: the cluster's is " + describe_stage(agreed) + ", this node's config says " + describe_stage(own);
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
