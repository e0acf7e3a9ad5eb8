#include "reki/core/view/stage.hpp"

#include "reki/core/base/assert.hpp"

namespace reki {
namespace {

using std::chrono::milliseconds;

struct Pair {
  Duration lease;
  Duration wait;
  friend bool operator==(const Pair&, const Pair&) = default;
};
constexpr Pair lan{milliseconds(650), milliseconds(850)};
constexpr Pair mix{milliseconds(650), milliseconds(2000)};
constexpr Pair cloud{milliseconds(1500), milliseconds(2000)};

std::string in_ms(Duration d) { return std::to_string(d / milliseconds(1)) + " ms"; }

std::string_view name_of(Stage stage) {
  switch (stage) {
    case Stage::lan: return "\"lan\"";
    case Stage::mix: return "on its way from \"cloud\" to \"lan\"";
    case Stage::cloud: return "\"cloud\"";
    case Stage::other: break;
  }
  return "one of its own";
}

}  // namespace

std::string_view name_of(Profile profile) { return profile == Profile::cloud ? "cloud" : "lan"; }

Stage stage_of(const Settings& s) {
  const Pair has{s.lease, s.wait};
  return has == lan ? Stage::lan : has == mix ? Stage::mix : has == cloud ? Stage::cloud : Stage::other;
}

Stage stage_of(Profile profile) { return profile == Profile::cloud ? Stage::cloud : Stage::lan; }

Settings with_stage(Settings settings, Stage stage) {
  REKI_ASSERT(stage != Stage::other);
  const Pair& pair = stage == Stage::lan ? lan : stage == Stage::mix ? mix : cloud;
  settings.lease = pair.lease;
  settings.wait = pair.wait;
  return settings;
}

std::string describe_stage(const Settings& s) {
  return std::string(name_of(stage_of(s))) + " (leases of " + in_ms(s.lease) + ", waited for " + in_ms(s.wait) + ')';
}

Duration lateness_of(const Settings& s) {
  const Duration wait = stage_of(s) == Stage::mix ? lan.wait : s.wait;
  return (wait - s.lease) / 2;
}

}  // namespace reki
