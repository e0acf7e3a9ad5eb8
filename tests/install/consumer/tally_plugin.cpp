#include <reki/plugin.hpp>

#include "tally.hpp"

namespace {
class TallyActor : public reki::Actor<Tally> {
 public:
  std::int64_t on(const Add& m) { return value_ += m.by; }

 private:
  std::int64_t value_ = 0;
};
}  // namespace

const reki::Plugin reki_plugin =
    reki::plugin([](reki::Factories& factories) { factories.add<TallyActor>(); });
