#pragma once

#include "reki/bench/options.hpp"

/// The groups of measurements: each prints its figures.
namespace reki::bench {

/// P1: look-ups of live actors, one thread. Beside it: `flat_map`.
void lookup(const Options& options);
/// P2: the same with one thread and with two, of which each makes a write of every hundredth.
void readers(const Options& options);
/// P3: starts of new keys by one thread, among few actors and among many.
void start(const Options& options);
/// P4: memory of actors that do nothing.
void memory(const Options& options);
/// P5: messages. Beside it: `caf_bench`.
void messages(const Options& options);
/// P11: whose key it is; the next table of a large cluster.
void owner(const Options& options);
/// P12: how even tables are, and what changes of them move.
void balance(const Options& options);
/// Our own parts, each beside the library's.
void parts(const Options& options);

}  // namespace reki::bench
