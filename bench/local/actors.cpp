#include "actors.hpp"

#include <algorithm>
#include <cstdlib>
#include <span>

namespace reki::bench {
namespace {

class ThingActor final : public Actor<Thing> {
 public:
  explicit ThingActor(Round* round) : round_(round) {}

  std::int64_t on(const Get&) { return count_; }
  void on(const Count&) {
    ++count_;
    if (round_ != nullptr) round_->handled(count_);
  }
  void on(const Ball& ball, Context& context) {
    if (ball.hits == 0) return round_->over();
    context.send<Thing>(context.key() == "ping" ? "pong" : "ping", Ball{ball.hits - 1});
  }

 private:
  Round* round_;
  long count_ = 0;
};

}  // namespace

Factories things(Round* round) {
  Factories out;
  // A round is sent at once: none of it may be refused.
  out.add<ThingActor>({.mailbox = 2 * Round::messages},
                      [round](const ArgsOf<Thing>&) { return std::make_unique<ThingActor>(round); });
  return out;
}

void start_all(Registry& registry, const std::vector<std::string>& keys) {
  constexpr std::size_t at_once = 4096;
  std::span<const std::string> rest(keys);
  while (!rest.empty()) {
    const auto some = rest.first(std::min(at_once, rest.size()));
    for (const auto& started : registry.lookup_or_start_many<Thing>(some).get()) {
      if (!started) std::abort();
    }
    rest = rest.subspan(some.size());
  }
}

}  // namespace reki::bench
