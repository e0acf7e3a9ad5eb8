#include "link.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "reki/core/base/hash.hpp"

namespace chaos {
namespace {

using reki::Duration;
using reki::ErrorCode;
using reki::Instant;

enum Draw : std::uint64_t { draw_loss, draw_duplicate, draw_reorder, draw_jitter, draws };

constexpr double delay_ms_max = 60'000;
constexpr double rate_mbit_max = 100'000;

struct Setting {
  std::string_view name;
  double max;
  void (*set)(LinkSettings&, double);
  double (*get)(const LinkSettings&);
};

Duration from_ms(double ms) { return Duration{std::llround(ms * 1e6)}; }
double to_ms(Duration d) { return static_cast<double>(d.count()) / 1e6; }

constexpr Setting known[] = {
    {"delay_ms", delay_ms_max, [](LinkSettings& s, double v) { s.delay = from_ms(v); },
     [](const LinkSettings& s) { return to_ms(s.delay); }},
    {"jitter_ms", delay_ms_max, [](LinkSettings& s, double v) { s.jitter = from_ms(v); },
     [](const LinkSettings& s) { return to_ms(s.jitter); }},
    {"loss", 1, [](LinkSettings& s, double v) { s.loss = v; }, [](const LinkSettings& s) { return s.loss; }},
    {"duplicate", 1, [](LinkSettings& s, double v) { s.duplicate = v; },
     [](const LinkSettings& s) { return s.duplicate; }},
    {"reorder", 1, [](LinkSettings& s, double v) { s.reorder = v; }, [](const LinkSettings& s) { return s.reorder; }},
    {"rate_mbit", rate_mbit_max, [](LinkSettings& s, double v) { s.rate_mbit = v; },
     [](const LinkSettings& s) { return s.rate_mbit; }},
};

}  // namespace

reki::Result<void> apply_setting(LinkSettings& settings, std::string_view word) {
  const auto equals = word.find('=');
  const std::string_view name = word.substr(0, equals);
  const auto* setting = std::ranges::find(known, name, &Setting::name);
  if (setting == std::end(known)) {
    return reki::fail(ErrorCode::invalid_argument, "there is no setting '" + std::string{name} + "'");
  }
  double value = 0;
  const std::string_view text = equals == std::string::npos ? std::string_view{} : word.substr(equals + 1);
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  // Written so that it refuses a NaN too.
  if (failed != std::errc{} || end != text.data() + text.size() || !(value >= 0 && value <= setting->max)) {
    return reki::fail(ErrorCode::invalid_argument, std::string{name} + " takes a number from 0 to " +
                                                       std::to_string(static_cast<long>(setting->max)) + ", not '" +
                                                       std::string{text} + "'");
  }
  setting->set(settings, value);
  return {};
}

std::string to_json(const LinkSettings& settings) {
  std::string out = settings.cut ? R"({"cut":true)" : R"({"cut":false)";
  char number[64];
  for (const Setting& setting : known) {
    std::snprintf(number, sizeof number, "%.6g", setting.get(settings));
    out += ",\"" + std::string{setting.name} + "\":" + number;
  }
  return out + "}";
}

double Link::draw(std::uint64_t what) const {
  const std::uint64_t bits = reki::mix64(seed_ ^ reki::mix64(frame_ * draws * 2 + what));
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

Instant Link::arrival(Instant now, std::size_t bytes, std::uint64_t copy) {
  Instant sent = now;
  if (settings.rate_mbit > 0) {
    sent = std::max(now, line_free_) + Duration{std::llround(static_cast<double>(bytes) * 8e3 / settings.rate_mbit)};
    line_free_ = sent;
  }
  if (settings.reorder > 0 && draw(draw_reorder + copy * draws) < settings.reorder) return sent;
  const auto jitter = static_cast<double>(settings.jitter.count()) * draw(draw_jitter + copy * draws);
  last_arrival_ = std::max(last_arrival_, sent + settings.delay + Duration{std::llround(jitter)});
  return last_arrival_;
}

Link::Fate Link::pass(Instant now, std::size_t bytes) {
  ++frame_;
  Fate fate;
  if (settings.cut || (settings.loss > 0 && draw(draw_loss) < settings.loss)) return fate;
  fate.copies = settings.duplicate > 0 && draw(draw_duplicate) < settings.duplicate ? 2 : 1;
  for (std::size_t copy = 0; copy < fate.copies; ++copy) fate.at[copy] = arrival(now, bytes, copy);
  return fate;
}

}  // namespace chaos
