#include "reki/core/base/error.hpp"

#include <algorithm>
#include <array>

namespace reki {
namespace {

struct Row {
  ErrorCode code;
  std::string_view name;
  std::string_view remedy;
};

using enum ErrorCode;
constexpr std::array rows{
    Row{ok, "ok", "nothing to do"},
    Row{not_running, "not_running", "start it, or use lookup_or_start"},
    Row{already_started, "already_started", "use lookup to get the running actor"},
    Row{start_failed, "start_failed", "read the text: it is the factory's own"},
    Row{actor_crashed, "actor_crashed", "read the text: it is the handler's own; the message may have had effects"},
    Row{restarting, "restarting", "wait for the time given, or let the call wait"},
    Row{crash_loop, "crash_loop", "mend the actor: it crashed more often than its restart intensity allows"},
    Row{gone, "gone", "look the key up again: this start of the actor is over"},
    Row{refused, "refused", "read the text: the actor's own answer"},
    Row{unknown_type, "unknown_type", "check the type's name, and that the node's config lists its plugin"},
    Row{unknown_message, "unknown_message", "check the message's name: `reki describe TYPE` lists them"},
    Row{malformed_message, "malformed_message", "check the fields: `reki describe TYPE` lists them"},
    Row{too_large, "too_large", "send less: core/base/limits.hpp has the bounds"},
    Row{invalid_argument, "invalid_argument", "correct the argument named in the text"},
    Row{unsupported, "unsupported", "upgrade the node, or use an older client"},
    Row{would_block, "would_block", "set `blocking = true` for the type, or use the callback form"},
    Row{overloaded, "overloaded", "send less, or try again later"},
    Row{deadline_exceeded, "deadline_exceeded", "try again, with a longer time-out if it is slow by nature"},
    Row{unknown_outcome, "unknown_outcome", "ask the actor whether the message took effect before sending it again"},
    Row{unreachable, "unreachable", "check that the node runs and that its address is right"},
    Row{unavailable, "unavailable", "try again: the key will be served here or elsewhere shortly"},
    Row{shutting_down, "shutting_down", "try again: another node will serve the key"},
    Row{wrong_node, "wrong_node", "fetch the view and send to the owner"},
    Row{malformed_frame, "malformed_frame", "check the client against docs/protocol.md"},
    Row{wrong_cluster, "wrong_cluster", "check the address and the cluster's name in the config"},
    Row{version_mismatch, "version_mismatch", "upgrade the older side"},
    Row{hello_required, "hello_required", "send HELLO first"},
    Row{wrong_incarnation, "wrong_incarnation", "fetch the view: the node has been restarted"},
    Row{bad_config, "bad_config", "correct the configuration at the place named"},
    Row{address_in_use, "address_in_use", "end the process that has the address, or choose another"},
    Row{bad_plugin, "bad_plugin", "rebuild the plugin against this version of reki, and check its path"},
    Row{bad_data_dir, "bad_data_dir", "do what the text says about the data directory, then start the node again"},
    Row{data_dir_unavailable, "data_dir_unavailable", "see to the process or the disk that the text names, and start the node again"},
    Row{internal, "internal", "please report it: this is a bug of reki"},
};

const Row* find(ErrorCode code) {
  const auto* row = std::ranges::find(rows, code, &Row::code);
  return row == rows.end() ? nullptr : row;
}

}  // namespace

std::string_view name_of(ErrorCode code) {
  const Row* row = find(code);
  return row != nullptr ? row->name : "unknown";
}

std::string_view remedy_of(ErrorCode code) {
  const Row* row = find(code);
  return row != nullptr ? row->remedy : "upgrade this client: the node's answer is of a later version";
}

bool is_known(std::uint16_t number) { return find(ErrorCode{number}) != nullptr; }

std::string Error::message() const {
  std::string out{name_of(code)};
  out += ": ";
  out += text.empty() ? std::string{remedy_of(code)} : text;
  if (retry_after > Duration{0}) {
    const auto ms = std::max<std::int64_t>(1, milliseconds_of(retry_after));
    out += " (try again in " + std::to_string(ms) + " ms)";
  }
  return out;
}

}  // namespace reki
