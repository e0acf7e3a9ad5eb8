// Ten requests of one customer against a limit of 5: rate_limiter_client CLUSTER ADDRESS CUSTOMER
#include <cstdio>

#include "rate_limiter.hpp"
#include "reki/client.hpp"

using namespace rate_limiter;

int main(int argc, char** argv) {
  if (argc != 4) return std::fprintf(stderr, "usage: rate_limiter_client CLUSTER tcp://HOST:PORT CUSTOMER\n"), 2;
  auto client = reki::Client::connect({.cluster = argv[1], .addresses = {argv[2]}});
  if (!client) return std::fprintf(stderr, "%s\n", client.error().message().c_str()), 3;

  int granted = 0;
  for (int i = 0; i < 10; ++i) {
    // Starts the customer's bucket if need be and takes a token, in one trip. A token comes back every 1000 s.
    auto verdict = (*client)->call<RateLimiter>(argv[3], Take{1}, Limit{.per_second = 0.001, .burst = 5}).get();
    if (!verdict) return std::fprintf(stderr, "%s\n", verdict.error().message().c_str()), 1;
    granted += verdict->granted ? 1 : 0;
    std::printf("request %d: %s, %.2f tokens left\n", i + 1, verdict->granted ? "granted" : "refused", verdict->tokens);
  }
  std::printf("%d of 10 granted\n", granted);
  return granted == 5 ? 0 : 1;
}
