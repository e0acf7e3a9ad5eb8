#include <iostream>
#include <reki/client.hpp>

// Needs no node: an address that is none is refused before anything is sent.
int main() {
  const auto client = reki::Client::connect({.cluster = "demo", .addresses = {}});
  if (client || client.error().code != reki::ErrorCode::invalid_argument) return 1;
  std::cout << client.error().message() << '\n';
}
