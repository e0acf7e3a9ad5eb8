#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "messages.hpp"
#include "oracle.hpp"
#include "reki/actor/task.hpp"
#include "reki/node/actors/actor.hpp"

namespace reki::contract {

class World;

/// Does what messages and arguments say, and tells the oracle of all that it sees.
class Script {
 public:
  /// Throws if the arguments say so.
  Script(World& world, const Args& args);
  ~Script();
  Script(const Script&) = delete;
  Script& operator=(const Script&) = delete;

  Result<void> on_start(Context& context);
  void on_stop(Context& context, StopReason reason);
  std::optional<Bytes> save();
  Result<void> restore(BytesView state);
  Result<Done> work(const Work& work, Context& context);
  void tick(const Tick& tick, Context& context);

 private:
  /// It is to happen, and does.
  [[nodiscard]] bool does_now(Plan plan) const;
  void act(std::uint32_t does, const Work& work, std::uint32_t run, Context& context);
  void send(wire::Op op, std::uint32_t to, std::uint32_t does, std::uint32_t run, Context& context);
  /// One more request of this start, which is sent now.
  Ask& issue(wire::Op op, std::uint32_t to, std::uint32_t does, std::uint32_t run);
  // They block, if the type may.
  void ask(std::uint32_t to, std::uint32_t does, std::uint32_t run, Context& context);
  void get(std::uint32_t to, std::uint32_t run, Context& context);
  template <class A>
  Task<> look_up_and_call(Registry& registry, std::uint32_t to, std::uint32_t does, std::uint32_t run);
  void blocked(Instant since, ErrorCode code);
  void set_timer(std::uint32_t after_us, std::uint32_t does, Context& context);
  void cancel_timer(Context& context);

  World& world_;
  const Args args_;
  std::uint32_t life_;
  Fence fence_{};
  std::vector<std::pair<TimerId, std::uint32_t>> timers_;
};

template <class I>
class Subject final : public Actor<I> {
 public:
  Subject(World& world, const Args& args) : script_(world, args) {}

  Result<void> on_start(Context& context) override { return script_.on_start(context); }
  void on_stop(Context& context, StopReason reason) override { script_.on_stop(context, reason); }
  std::optional<Bytes> save() override { return script_.save(); }
  Result<void> restore(BytesView state) override { return script_.restore(state); }
  Result<Done> on(const Work& work, Context& context) { return script_.work(work, context); }
  void on(const Tick& tick, Context& context) { script_.tick(tick, context); }

 private:
  Script script_;
};

}  // namespace reki::contract
