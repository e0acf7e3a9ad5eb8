#pragma once

#include "reki/node/actors/factories.hpp"

namespace reki {

/// All of reki-node but its factories, for a node binary of one's own:
///
///     int main(int argc, char** argv) {
///       reki::Factories factories;
///       factories.add<CounterActor>();
///       return reki::node_main(argc, argv, std::move(factories));
///     }
///
/// `--config FILE --node ID [--check] [--log-level LEVEL] [--no-guard]`. Logs to stderr. Runs until SIGTERM, SIGINT
/// or SIGQUIT, then stops cleanly; a second one ends it at once. Every other signal that would end or stop it is logged
/// and has no effect, unless you have set a handler for it before (node_signals.hpp). Returns the exit code
/// (exit_codes.hpp). Call it first thing: it forks (see guard.hpp), decides for the whole process which signals its
/// threads see, and what comes after it runs in guard and node.
int node_main(int argc, char** argv, Factories factories);

}  // namespace reki
