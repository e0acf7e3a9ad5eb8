#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "reki/client/cli/control_connections.hpp"
#include "reki/core/base/error.hpp"
#include "reki/core/membership/control_codec.hpp"
#include "reki/net/random_number.hpp"

namespace reki::cli {

/// Where the coordinator may be: with a voter; with etcd anywhere, and others know where.
inline std::vector<std::string> whom_to_ask(const View& view) {
  constexpr std::size_t others = 7;
  std::vector<std::string> out;
  const auto add = [&](const std::string& control) {
    if (!control.empty() && std::ranges::find(out, control) == out.end()) out.push_back(control);
  };
  if (const Member* const coordinator = view.find(view.coordinator())) add(coordinator->control);
  for (const auto voters : {view.voters(), view.old_voters()}) {
    for (const Voter& v : voters) add(v.control);
  }
  for (const Member& m : view.members()) {
    if (view.voters().empty() && out.size() <= others) add(m.control);
  }
  return out;
}

/// What a person wants of the cluster's coordinator: said again until it is done or refused.
///
/// `addresses`: of control planes, where the coordinator is or may be; who knows better is believed. `wish(last)` gives what to
/// say, after that answer or after none (null). Returns the last answer at the end of `timeout`; nothing: there was none.
template <class Reply, class Wish>
std::optional<Reply> ask_coordinator(const View& view, const std::string& verb, std::vector<std::string> addresses, Duration timeout,
                                     Wish wish) {
  constexpr auto again_after = std::chrono::milliseconds(100);
  constexpr std::size_t addresses_max = 16;
  membership::ControlWriter writer({view.cluster_id(), NodeId{verb + "/" + std::to_string(random_number())}, {}});
  std::optional<ControlConnections> connections;
  std::optional<Reply> last;
  // Whoever is asked answers at the same level.
  const Level level = std::clamp(view.level(), supported_levels.min, supported_levels.max);
  Lineage newest;
  const auto is_over = [&] { return last && (last->state == Reply::State::done || last->state == Reply::State::refused); };
  const Instant end = boot_time() + timeout;
  for (Instant now = boot_time(); now < end && !is_over(); now = boot_time()) {
    if (!connections) connections.emplace(addresses);
    const Bytes frame{writer.write(wish(last ? &*last : nullptr), {}, level)};
    for (std::size_t i = 0; i < addresses.size(); ++i) connections->send(i, frame);
    std::string elsewhere;
    connections->receive(std::min(end, now + again_after), [&](std::size_t, BytesView bytes) {
      const auto answer = membership::decode_control(bytes, view.cluster_id(), nullptr, supported_levels);
      if (!answer || !answer->body) return true;
      newest = std::max(newest, answer->lineage);  // of a register that was rescued: what is said next is meant for that
      writer.set_lineage(newest);
      if (const auto* reply = std::get_if<Reply>(&*answer->body)) last = *reply;
      const auto* const hint = std::get_if<membership::Hint>(&*answer->body);
      const bool is_new = hint != nullptr && !hint->control.empty() && std::ranges::find(addresses, hint->control) == addresses.end();
      if (is_new && addresses.size() < addresses_max) elsewhere = hint->control;
      return !is_over() && elsewhere.empty();
    });
    if (elsewhere.empty()) continue;
    addresses.push_back(std::move(elsewhere));
    connections.reset();
  }
  return last;
}

/// Why the wish is not fulfilled; `ok` if it is. `later` is the verb that tells what has become of a change.
template <class Reply>
Result<void> outcome_of(const std::optional<Reply>& last, Duration timeout, const std::string& later) {
  const std::string after = " within " + std::to_string(milliseconds_of(timeout)) + " ms";
  if (!last) {
    return fail(ErrorCode::unreachable, "no coordinator has answered" + after + "; do its voters run, can their control "
                                        "addresses be reached from here, and are all nodes of a reki that has this verb?");
  }
  switch (last->state) {
    case Reply::State::done: return {};
    case Reply::State::refused: return fail(ErrorCode::invalid_argument, last->why);
    case Reply::State::not_yet: return fail(ErrorCode::unavailable, last->why + "; that has not changed" + after);
    case Reply::State::under_way: break;
  }
  return fail(ErrorCode::unknown_outcome, "the change has begun and is not done" + after + "; '" + later + "' tells what has become of it");
}

}  // namespace reki::cli
