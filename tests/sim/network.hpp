#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "clock.hpp"
#include "reki/core/base/random.hpp"

namespace reki::sim {

/// What a network does to what is sent over it while nothing is wrong.
struct Weather {
  Time delay_min = 50 * microsecond;
  Time delay_spread = 200 * microsecond;
  std::uint32_t late_permille = 2;  ///< So many take up to `late_max` longer: a retransmission, a full buffer.
  Time late_max = 20 * millisecond;
  std::int64_t bytes_per_second = 0;  ///< That an endpoint can send; 0: any number.
};

/// What is wrong on the way from one endpoint to another. Faults add to it and take away again, so they may overlap.
struct Link {
  std::uint16_t cuts = 0;   ///< > 0: nothing arrives.
  std::uint16_t holds = 0;  ///< > 0: nothing arrives before `held_until`, as on a connection that recovers.
  std::uint16_t loss = 0;   ///< Per mille.
  std::uint16_t twice = 0;  ///< Per mille.
  Time extra = 0;           ///< Up to so much later, each differently.
  Time held_until = 0;
};

/// Decides when copies of a message arrive: none, one or two, in any order. Endpoints are nodes and then clients.
class Network {
 public:
  Network(std::size_t endpoints, const Weather& weather, std::uint64_t seed)
      : endpoints_(endpoints), weather_(weather), random_(seed), links_(endpoints <= 64 ? endpoints * endpoints : 0) {}

  /// When the sender's line has taken so many bytes more.
  Time sent_at(std::uint16_t from, std::size_t bytes, Time now) {
    if (weather_.bytes_per_second == 0) return now;
    if (busy_until_.empty()) busy_until_.resize(endpoints_);
    const auto takes = static_cast<Time>(bytes) * 1000 / (weather_.bytes_per_second / 1'000'000);
    return busy_until_[from] = std::max(busy_until_[from], now) + takes;
  }
  struct Fate {
    int copies = 0;
    std::array<Time, 2> at{};
  };
  Fate fate(std::uint16_t from, std::uint16_t to, Time now) {
    if (links_.empty()) return {1, {now + delay(), 0}};
    const Link& link = links_[from * endpoints_ + to];
    if (link.cuts > 0) return {};
    Fate out{1, {arrival(link, now), 0}};
    if ((link.loss | link.twice) == 0) return out;
    if (random_.below(1000) < link.loss) return {};
    if (random_.below(1000) < link.twice) out = {2, {out.at[0], arrival(link, now)}};
    return out;
  }
  [[nodiscard]] bool has_links() const { return !links_.empty(); }
  [[nodiscard]] Link& link(std::size_t from, std::size_t to) { return links_[from * endpoints_ + to]; }
  [[nodiscard]] std::size_t endpoints() const { return endpoints_; }
  void heal() { links_.assign(links_.size(), Link{}); }

 private:
  Time delay() {
    const std::uint64_t dice = random_.next();
    const auto part = static_cast<Time>(dice >> 40);  // 24 bits
    Time out = weather_.delay_min + (weather_.delay_spread * part >> 24);
    const auto late = static_cast<std::uint32_t>(dice % 1024);
    if (late < weather_.late_permille) out += below(weather_.late_max);
    return out;
  }
  Time arrival(const Link& link, Time now) {
    Time at = now + delay();
    if (link.extra > 0) at += below(link.extra);
    if (link.holds > 0 && at < link.held_until) at = link.held_until + delay();
    return at;
  }
  Time below(Time bound) { return static_cast<Time>(random_.below(static_cast<std::uint64_t>(bound))); }

  std::size_t endpoints_;
  Weather weather_;
  SplitMix random_;
  std::vector<Time> busy_until_;
  std::vector<Link> links_;  ///< From x to. Empty for very many endpoints: then nothing is ever wrong.
};

}  // namespace reki::sim
