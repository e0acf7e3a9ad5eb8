#pragma once

#include <string>

#include "reki/core/membership/etcd_register.hpp"
#include "reki/core/membership/member_agent.hpp"
#include "reki/core/membership/messages.hpp"

namespace reki::sim {

/// One line for people who follow a trace.
[[nodiscard]] std::string describe(const membership::Body& body);
[[nodiscard]] std::string describe(const membership::AgentEvent& event);
[[nodiscard]] std::string describe(const membership::EtcdTxn& txn);
[[nodiscard]] std::string describe(const membership::EtcdReply& reply);

/// About how many bytes it takes on the wire: a header, its numbers, its names, and a view's members and table.
[[nodiscard]] std::size_t bytes_of(const membership::Body& body);

}  // namespace reki::sim
