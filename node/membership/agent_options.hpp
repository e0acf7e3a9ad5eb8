#pragma once

#include <cstdint>
#include <string>

#include "reki/core/config/config.hpp"
#include "reki/core/membership/member_agent.hpp"

namespace reki {

/// What a config says to the membership of one of its nodes. `address`: where that listens for requests, with the port that
/// it has got. `seed`: MemberAgent::Options::seed.
[[nodiscard]] membership::MemberAgent::Options agent_options(const Config& config, const NodeConfig& self,
                                                             const std::string& address, std::uint64_t seed);

}  // namespace reki
