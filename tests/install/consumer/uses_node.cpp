#include <iostream>
#include <reki/local_registry.hpp>
#include <reki/node.hpp>

#include "tally.hpp"

// Loads the plugin that its argument names, and uses what is in it: reki's code must be here once, and exported.
int main(int argc, char** argv) {
  reki::Factories factories;
  const auto loaded = reki::load_plugin(argc > 1 ? argv[1] : "", factories);
  if (!loaded) {
    std::cerr << loaded.error().message() << '\n';
    return 1;
  }
  reki::LocalRegistry registry{std::move(factories)};
  const auto value = registry.call<Tally>("k", Add{2}).get();
  std::cout << "tally " << value.value_or(-1) << '\n';
  return value.value_or(-1) == 2 ? 0 : 1;
}
