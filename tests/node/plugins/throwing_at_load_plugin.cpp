#include <stdexcept>

#include "reki/node/plugins/plugin.hpp"

namespace {

int number() { throw std::runtime_error("no number today"); }
const int made_at_load = number();

}  // namespace

const reki::Plugin reki_plugin = reki::plugin([](reki::Factories&) {});
