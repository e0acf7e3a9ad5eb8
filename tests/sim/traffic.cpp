#include "traffic.hpp"

namespace reki::sim {

Traffic::Traffic(const std::vector<NodeId>& names, Epoch all_have)
    : all_have_(all_have), heard_(names.size()), sent_(names.size()) {
  for (const NodeId& name : names) writers_.emplace_back(membership::ControlSender{"cluster", name, "tcp://10.20.30.40:7102"});
}

void Traffic::heard(std::uint16_t node, std::uint16_t from, const membership::Body& body) {
  if (const auto epoch = membership::view_of_sender(body)) heard_[node][from] = *epoch;
}

std::size_t Traffic::send(std::uint16_t from, std::uint16_t to, const membership::Body& body) {
  const auto known = heard_[from].find(to);
  const Epoch has = known == heard_[from].end() ? all_have_ : known->second;
  const std::size_t bytes = writers_[from].write(body, has).size();
  ++sent_[from].letters;
  sent_[from].bytes += bytes;
  return bytes;
}

}  // namespace reki::sim
