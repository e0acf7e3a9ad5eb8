#include <chrono>

#include "echo.hpp"
#include "reki/plugin.hpp"

namespace {

class EchoActor : public reki::Actor<bench_echo::Echo> {
 public:
  std::uint64_t on(const bench_echo::Poke& m) { return m.value; }
  std::uint64_t on(const bench_echo::Work& m) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(m.micros);
    while (std::chrono::steady_clock::now() < end) {
    }
    return m.micros;
  }
};

}  // namespace

extern "C" const reki::Plugin reki_plugin =
    reki::plugin([](reki::Factories& factories) { factories.add<EchoActor>(); });
