#include "counter.hpp"
#include "reki/plugin.hpp"

namespace {

class CounterActor : public reki::Actor<counter::Counter> {
 public:
  std::int64_t on(const counter::Increment& m) { return value_ += m.by; }
  std::int64_t on(const counter::Get&) { return value_; }

 private:
  std::int64_t value_ = 0;
};

}  // namespace

const reki::Plugin reki_plugin =
    reki::plugin([](reki::Factories& factories) { factories.add<CounterActor>(); });
