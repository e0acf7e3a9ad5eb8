#pragma once

#include "messages.hpp"
#include "process.hpp"
#include "reki/node/actors/actor.hpp"

namespace reki::cluster {

/// The actor of the simulated cluster: does what its messages say, and tells the oracle of all that it sees.
class Subject final : public Actor<Cell> {
 public:
  Subject(World& world, Process& process, const Args& args);
  ~Subject() override;

  Result<void> on_start(Context& context) override;
  void on_stop(Context& context, StopReason reason) override;
  std::optional<Bytes> save() override;
  Result<void> restore(BytesView state) override;
  Done on(const Work& work, Context& context);

 private:
  /// It leaves when the function is over.
  void send(std::uint32_t key, std::uint32_t run, Context& context);
  /// Waits for the answer, if it may.
  void call(std::uint32_t key, std::uint32_t run, Context& context);
  /// A timer's message to itself.
  void remind(Duration after, std::uint32_t run, Context& context);

  World& world_;
  Process& process_;
  const Args args_;
  const std::uint32_t life_;
  Fence fence_{};
};

}  // namespace reki::cluster
