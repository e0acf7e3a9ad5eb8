#pragma once

#include <functional>
#include <string>

#include "reki/core/membership/etcd_register.hpp"
#include "reki/core/membership/member_agent.hpp"
#include "reki/core/membership/messages.hpp"

/// Messages and effects of the membership machines, a line each, for people who follow a trace or a scenario.
namespace test {

/// How an incarnation is written; its last five digits, if nobody knows better.
using IncarnationName = std::function<std::string(reki::Incarnation)>;
[[nodiscard]] std::string digits(reki::Incarnation incarnation);

[[nodiscard]] std::string describe(const reki::membership::ViewPtr& view, const IncarnationName& name = digits);
/// Its first word is the message's kind.
[[nodiscard]] std::string describe(const reki::membership::Body& body, const IncarnationName& name = digits);
[[nodiscard]] std::string describe(const reki::membership::AgentEvent& event, const IncarnationName& name = digits);
[[nodiscard]] std::string describe(const reki::membership::EtcdTxn& txn);
[[nodiscard]] std::string describe(const reki::membership::EtcdReply& reply);
/// A ballot: "ROUND.VOTER".
[[nodiscard]] std::string describe(reki::Term term);

}  // namespace test
