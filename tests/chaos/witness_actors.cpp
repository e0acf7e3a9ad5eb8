#include "witness_actors.hpp"

#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <thread>

#include "reki/node/actors/actor.hpp"
#include "reki/node/plugins/plugin.hpp"
#include "witness.hpp"

namespace {

using namespace chaos;

// 96 bytes each, sparse: a process that handles 1000 messages a second fills it in more than an hour.
constexpr std::uint64_t witness_capacity = std::uint64_t{1} << 23;

/// The log of this process, in the folder that REKI_WITNESS_DIR names.
WitnessLog& witness() {
  static WitnessLog log = [] {
    const char* folder = std::getenv("REKI_WITNESS_DIR");
    if (folder == nullptr) throw std::runtime_error("REKI_WITNESS_DIR is not set");
    return WitnessLog(folder, witness_capacity);
  }();
  return log;
}

class WitnessActor : public reki::Actor<Witnessed> {
 public:
  reki::Result<void> on_start(reki::Context& context) override {
    witness().write(WitnessEvent::start_begin, began_, context.key(), context.fence().value, 0);
    witness().write(WitnessEvent::started, witness_now(), context.key(), context.fence().value, 0);
    return {};
  }
  void on_stop(reki::Context& context, reki::StopReason) override {
    witness().write(WitnessEvent::stop, witness_now(), context.key(), context.fence().value, 0);
  }

  Seen on(const Add& m, reki::Context& context) {
    const Handling handling(context);
    total_ += m.n;
    return seen(context);
  }
  Seen on(const Hold& m, reki::Context& context) {
    const Handling handling(context);
    std::this_thread::sleep_for(std::chrono::milliseconds(m.ms));
    return seen(context);
  }
  Seen on(const Spin& m, reki::Context& context) {
    const Handling handling(context);
    const std::int64_t end = witness_now() + m.ms * 1'000'000;
    while (witness_now() < end) {
    }
    return seen(context);
  }
  Seen on(const Emit& m, reki::Context& context) {
    const Handling handling(context);
    context.send<Witnessed>(m.to, Accept{std::string{context.key()}, context.fence().value, handling.message()});
    std::this_thread::sleep_for(std::chrono::milliseconds(m.hold_ms));
    return seen(context);
  }
  void on(const Accept& m, reki::Context& context) {
    const Handling handling(context);
    witness().write(WitnessEvent::output_accepted, witness_now(), m.from, m.fence, m.message);
  }

 private:
  /// One run of a handler, from its first line to its last.
  class Handling {
   public:
    explicit Handling(reki::Context& context) : context_(context), message_(witness().new_message()) {
      write(WitnessEvent::handler_begin);
    }
    Handling(const Handling&) = delete;
    Handling& operator=(const Handling&) = delete;
    ~Handling() { write(WitnessEvent::handler_end); }
    [[nodiscard]] std::uint64_t message() const { return message_; }

   private:
    void write(WitnessEvent event) const {
      witness().write(event, witness_now(), context_.key(), context_.fence().value, message_);
    }
    reki::Context& context_;
    std::uint64_t message_;
  };

  Seen seen(reki::Context& context) const { return {total_, context.fence().value, context.node().value}; }

  // The start begins here, before the fence is known to this object.
  const std::int64_t began_ = witness_now();
  std::int64_t total_ = 0;
};

}  // namespace

const reki::Plugin reki_plugin =
    reki::plugin([](reki::Factories& factories) { factories.add<WitnessActor>(); });
