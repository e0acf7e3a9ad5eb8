// A registry inside one process, without any network: start a counter, increment it twice, get 2, look it up again.
#include <cstdio>

#include "reki/local_registry.hpp"

// What callers see: plain structs.
struct Increment {
  static constexpr std::string_view name = "increment";
  using Reply = std::int64_t;
  std::int64_t by = 1;
  static constexpr auto fields = reki::fields("by", &Increment::by);
};
struct Get {
  static constexpr std::string_view name = "get";
  using Reply = std::int64_t;
};
struct Counter {
  static constexpr std::string_view type = "counter";
  using Messages = reki::Messages<Increment, Get>;
};

// What runs: one of these for each key, one message at a time.
class CounterActor : public reki::Actor<Counter> {
 public:
  std::int64_t on(const Increment& m) { return value_ += m.by; }
  std::int64_t on(const Get&) { return value_; }

 private:
  std::int64_t value_ = 0;
};

int main() {
  reki::Factories factories;
  factories.add<CounterActor>();
  reki::LocalRegistry registry{std::move(factories)};

  auto counter = registry.lookup_or_start<Counter>("user_123").get().value();
  counter.call(Increment{}).get().value();
  counter.call(Increment{}).get().value();
  const auto value = counter.call(Get{}).get().value();
  auto again = registry.lookup_or_start<Counter>("user_123").get().value();

  std::printf("value %lld, %s actor\n", static_cast<long long>(value),
              again.fence() == counter.fence() ? "the same" : "another");
  return value == 2 && again.fence() == counter.fence() ? 0 : 1;
}
