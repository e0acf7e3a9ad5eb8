// A client of the counter: counter_client CLUSTER ADDRESS KEY
#include <cstdio>

#include "counter.hpp"
#include "reki/client.hpp"

int main(int argc, char** argv) {
  if (argc != 4) return std::fprintf(stderr, "usage: counter_client CLUSTER tcp://HOST:PORT KEY\n"), 2;
  auto client = reki::Client::connect({.cluster = argv[1], .addresses = {argv[2]}});
  if (!client) return std::fprintf(stderr, "%s\n", client.error().message().c_str()), 3;

  auto counter = (*client)->lookup_or_start<counter::Counter>(argv[3]).get();
  if (!counter) return std::fprintf(stderr, "%s\n", counter.error().message().c_str()), 1;
  const auto value = counter->call(counter::Increment{2}).get();
  if (!value) return std::fprintf(stderr, "%s\n", value.error().message().c_str()), 1;

  std::printf("%s %s on %s: value %lld\n", argv[3], counter->started() ? "started" : "found",
              counter->node().value.c_str(), static_cast<long long>(*value));
  return 0;
}
