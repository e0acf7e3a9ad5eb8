// One process, one registry, no network: local_bench --what GROUP [--seconds S] [--keys N] [--many N]
#include <array>

#include "groups.hpp"

namespace {

struct Group {
  std::string_view name;
  void (*run)(const reki::bench::Options& options);
};
constexpr std::array groups{
    Group{"lookup", reki::bench::lookup},     Group{"readers", reki::bench::readers},
    Group{"start", reki::bench::start},       Group{"memory", reki::bench::memory},
    Group{"messages", reki::bench::messages}, Group{"owner", reki::bench::owner},
    Group{"balance", reki::bench::balance},   Group{"parts", reki::bench::parts},
};

}  // namespace

int main(int argc, char** argv) {
  const reki::bench::Options options(argc, argv, {"what", "seconds", "keys", "many"});
  const auto what = options.text("what", "");
  std::string names;
  for (const auto& group : groups) {
    if (group.name == what) {
      group.run(options);
      return 0;
    }
    names.append(" ").append(group.name);
  }
  reki::bench::Options::bad_usage("--what is one of:" + names);
}
