#pragma once

#include <memory>

#include "reki/client/cli/command_line.hpp"
#include "reki/client/cli/output.hpp"
#include "reki/client/client.hpp"

/// One function per verb: asks, and gives what is to be printed.
namespace reki::cli {

Result<Report> start(Client& client, const CommandLine& line);
Result<Report> lookup(Client& client, const CommandLine& line);
Result<Report> stop(Client& client, const CommandLine& line);
/// `call` and `send`.
Result<Report> message(Client& client, const CommandLine& line);
Result<Report> owner(Client& client, const CommandLine& line);

Result<Report> list(Client& client, const CommandLine& line);
Result<Report> count(Client& client, const CommandLine& line);
Result<Report> nodes(Client& client, const CommandLine& line);
Result<Report> status(Client& client, const CommandLine& line);
Result<Report> describe(Client& client, const CommandLine& line);

/// `voters`, and `voters add`, `remove`, `replace` and `set`.
Result<Report> voters(Client& client, const CommandLine& line);
/// `profile`, and `profile set`, which says on stderr what it does.
Result<Report> profile(Client& client, const CommandLine& line);
/// `upgrade`, which shows the level and who supports which, and `upgrade finish`.
Result<Report> upgrade(Client& client, const CommandLine& line);

/// Prints event by event, until it has been enough; the report is empty.
Result<Report> watch(Client& client, const CommandLine& line);

Result<Report> bench(Client& client, const CommandLine& line);
Result<Report> config_check(const CommandLine& line);
Result<Report> init(const CommandLine& line);
/// `voters rescue`.
Result<Report> rescue(const CommandLine& line);

// What several of them need.

/// As `parse_config` does.
Result<Config> read_config(const std::string& file, Level level = supported_levels.max);
/// The type's description. `unknown_type`, with the closest name, if no node has it.
Result<TypeDescription> description_of(Client& client, const std::string& type, Duration timeout);
/// The message of that name, or `unknown_message` with the nearest one.
Result<MessageDescription> message_of(const TypeDescription& type, const std::string& name);
/// JSON text to msgpack; `what` begins the error's text.
Result<Bytes> pack_json(const std::string& text, const Schema& schema, const std::string& what);
/// A submission about the command line's key.
Submission about_key(wire::Op op, const CommandLine& line);

}  // namespace reki::cli
