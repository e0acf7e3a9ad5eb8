#include "reki/node/membership/config_check.hpp"

#include <utility>

#include "reki/core/membership/profile_change.hpp"
#include "reki/core/membership/voter_change.hpp"

namespace reki {

std::vector<ConfigCheck::Line> ConfigCheck::look(const View& view, bool in) {
  std::vector<Line> out;
  const auto note = [&](std::string& before, std::string now, std::string_view event) {
    if (now == before) return;
    before = std::move(now);
    if (!before.empty()) out.push_back({event, before});
  };
  // A view in which the voters change has not got the new ones yet.
  if (view.old_voters().empty()) note(voters_, membership::differing_voters(said_.voters, view), "voters_differ");
  // Who is not let in is told so.
  if (in) note(profile_, membership::differing_profile(said_.settings, view), "profile_differs");
  return out;
}

std::string ConfigCheck::warning() const { return voters_ + (voters_.empty() || profile_.empty() ? "" : "; ") + profile_; }

}  // namespace reki
