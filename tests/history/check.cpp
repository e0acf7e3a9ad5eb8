#include "history/check.hpp"

#include <algorithm>

#include "history/fence_order.hpp"
#include "history/wgl.hpp"

namespace reki::history {

Verdict check(History& history, const CheckOptions& options) {
  FenceOrder fences{options.keep};
  Linearizability orders{{.faults = options.faults, .keep = options.keep}};
  Verdict out;
  history.for_each_key([&](std::span<const Operation> one_key) {
    ++out.keys;
    out.operations += one_key.size();
    out.answered += static_cast<std::uint64_t>(std::ranges::count_if(one_key, is_answered));
    (void)fences.check(one_key);
    (void)orders.check(one_key);
  });
  out.windows = orders.windows();
  out.windows_skipped = orders.skipped();
  out.fence_violations = fences.violations();
  out.contradictions = orders.contradictions();
  for (const Violation& v : fences.first()) out.violations.push_back(describe(history, v));
  for (const Contradiction& c : orders.first()) out.violations.push_back(describe(history, c));
  return out;
}

std::string to_text(const Verdict& v) {
  std::string out = std::to_string(v.operations) + " operations (" + std::to_string(v.answered) + " answered) on " +
                    std::to_string(v.keys) + " keys, " + std::to_string(v.windows) + " windows searched, " +
                    std::to_string(v.windows_skipped) + " skipped: " + std::to_string(v.fence_violations) +
                    " fence violations, " + std::to_string(v.contradictions) + " keys without an order\n";
  for (const std::string& violation : v.violations) out += "\n" + violation + "\n";
  return out;
}

}  // namespace reki::history
