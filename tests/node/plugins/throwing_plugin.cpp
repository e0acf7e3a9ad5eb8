#include "reki/node/plugins/plugin.hpp"

extern "C" const reki::Plugin reki_plugin = reki::plugin([](reki::Factories&) { throw 7; });
