#include "reki/node/membership/agent_options.hpp"

#include "reki/node/support/listen.hpp"

namespace reki {

membership::MemberAgent::Options agent_options(const Config& config, const NodeConfig& self, const std::string& address,
                                               std::uint64_t seed) {
  membership::MemberAgent::Options out;
  out.self.node_id = self.id;
  out.self.addr = self.advertise.empty() ? advertised(self.listen, address) : self.advertise;
  out.self.weight = self.weight;
  out.self.zone = self.zone;
  out.self.levels = supported_levels;
  out.timing = timing_of(config);
  out.settings = settings_of(config);
  for (const NodeConfig& node : config.nodes) out.seeds.push_back(node.id);
  for (const std::string& name : config.seeds) out.seeds.emplace_back(name);
  out.seed = seed;
  return out;
}

}  // namespace reki
