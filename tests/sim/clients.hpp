#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "world.hpp"

namespace reki::sim {

/// Callers outside of the cluster. Each has one call at a time, goes where its view says, follows redirects, tries
/// again, and ignores replies of incarnations that are gone and fences below the highest that it has seen for the key.
class Clients {
 public:
  Clients(World& world, std::size_t count, Time think);

  void begin();
  void on_packet(std::uint16_t client, Packet&& packet);
  void on_timer(std::uint16_t client, Time scheduled);
  /// From now on each asks for its share of the keys, one after the other, until each key has been found or started.
  void begin_survey();
  [[nodiscard]] bool survey_done() const;
  [[nodiscard]] std::string survey_text() const;

 private:
  struct Client {
    membership::ViewPtr view;
    bool calling = false;
    wire::Op op = wire::Op::lookup;
    std::uint8_t key = 0;
    std::uint8_t redirects = 0;
    std::uint32_t call = 0;
    Fence floor;
    Fence started;  ///< The newest start of its key when the call began.
    Time deadline = 0;
    Time wake = never;
    Time event_at = never;
    std::array<Fence, keys_max> highest{};
  };

  void wake_at(std::uint16_t client, Time at);
  void begin_call(std::uint16_t client);
  void end_call(std::uint16_t client, Time pause);
  void ask(std::uint16_t client);
  void learn(Client& c, const membership::ViewPtr& view);
  [[nodiscard]] bool believes(const Client& c, const Packet& reply) const;

  World& world_;
  const Time think_;
  std::vector<Client> clients_;
  bool survey_ = false;
  std::array<bool, keys_max> found_{};
};

}  // namespace reki::sim
