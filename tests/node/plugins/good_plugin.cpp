#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>

#include "../../actor/example_actors.hpp"
#include "reki/node/plugins/plugin.hpp"

namespace {

class CounterActor : public reki::Actor<example::Counter> {
 public:
  std::int64_t on(const example::Increment& m) { return value_ += m.by; }
  std::int64_t on(const example::Get&) { return value_; }
  void on(const example::Reset&) { value_ = 0; }

 private:
  std::int64_t value_ = 0;
};

struct Tally : example::Counter {
  static constexpr std::string_view type = "tally";
};
class TallyActor : public reki::Actor<Tally> {
 public:
  std::int64_t on(const example::Increment& m) { return value_ += m.by; }
  std::int64_t on(const example::Get&) { return value_; }
  void on(const example::Reset&) { value_ = 0; }

 private:
  std::int64_t value_ = 0;
};

/// Makes the process that has it take long to exit, if it is told to.
struct SlowExit {
  SlowExit() = default;
  SlowExit(const SlowExit&) = delete;
  SlowExit& operator=(const SlowExit&) = delete;
  ~SlowExit() {
    if (const char* ms = std::getenv("REKI_TEST_EXIT_MS")) std::this_thread::sleep_for(std::chrono::milliseconds(std::stoi(ms)));
  }
} slow_exit;

}  // namespace

const reki::Plugin reki_plugin =
    reki::plugin([](reki::Factories& factories) {
      // With a name of its own: after extern "C", without braces, GCC 12 takes it for one that is elsewhere.
      reki::TypeOptions options;
      options.mailbox = 5000;
      factories.add<CounterActor>(options).add<TallyActor>();
    });
