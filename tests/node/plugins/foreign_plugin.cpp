#include <cstdlib>

#include "reki/node/plugins/plugin.hpp"

// A plugin as another compiler would have made it. None of its code may ever run, its constructors included.
namespace {

struct Trap {
  Trap() { std::abort(); }
};
const Trap trap;

consteval reki::Plugin foreign() {
  reki::Plugin out = reki::plugin(nullptr);
  constexpr std::string_view abi = "reki 1, abacus 3";
  for (char& c : out.abi) c = 0;
  for (std::size_t i = 0; i < abi.size(); ++i) out.abi[i] = abi[i];
  return out;
}

}  // namespace

extern "C" const reki::Plugin reki_plugin = foreign();
