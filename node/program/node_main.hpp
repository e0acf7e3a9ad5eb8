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
/// `--config FILE --node ID [--check] [--log-level LEVEL] [--no-guard]`. Logs to stderr. Runs until SIGTERM or SIGINT,
/// then stops cleanly; a second signal ends it at once. Returns the exit code: 0 ok, 2 usage or config, 3 cannot listen,
/// 4 the guard has killed the node, since its lease was over; 128 + N: signal N has.
/// Call it first thing: it forks (see guard.hpp), decides for the whole process which signals its threads see, and what
/// comes after it runs in guard and node.
int node_main(int argc, char** argv, Factories factories);

}  // namespace reki
