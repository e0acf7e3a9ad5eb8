// Stands in for caf_bench.cpp where CAF is not installed.
#include "reki/bench/figures.hpp"

int main() { reki::bench::print_skipped("caf", "libcaf-dev is not installed"); }
