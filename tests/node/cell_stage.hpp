#pragma once

#include <functional>
#include <memory>
#include <string>

#include "reki/node/actors/actor_cell.hpp"
#include "still_executor.hpp"

namespace test {

/// What cells stand on without a registry: a host that only notes what it is told.
struct NotingHost final : reki::CellHost {
  explicit NotingHost(const reki::LeaseEnds* lease = nullptr)
      : CellHost(reki::NodeId{}, lease, std::make_unique<StillExecutor>(), {}) {}

  reki::Result<reki::StartPermit> permit_start(reki::ActorCell&) override { return reki::StartPermit::begin; }
  void started(reki::ActorCell& cell, bool) override {
    ++starts;
    cell.open_mailbox();
  }
  bool start_failed(reki::ActorCell&, const reki::Error& error) override {
    failure = error.text;
    return !goes_on();
  }
  bool crashed(reki::ActorCell&, reki::EnvelopePtr, const std::string& text) override {
    failure = text;
    return true;
  }
  bool stopped(reki::ActorCell&, reki::StopReason) override {
    ++stops;
    return true;
  }
  void close(reki::ActorCell&) override {}
  void readmit(reki::ActorCell&, reki::EnvelopePtr, reki::Instant) override { ++readmitted; }
  void hand_over(const reki::Activation&, reki::Bytes, reki::Bytes) override {}
  void log(std::string_view, const reki::Activation&, std::string_view) const override {}

  StillExecutor& still() { return static_cast<StillExecutor&>(*executor); }

  int starts = 0;
  int stops = 0;
  int readmitted = 0;
  std::string failure;
  std::function<bool()> goes_on = [] { return false; };  ///< The entry, after a failed start.
};

/// A cell of some type with its entry, on such a host.
struct CellStage {
  explicit CellStage(reki::CellHost& host, reki::ActorType of = {}) : actor_type(std::move(of)), type(host, actor_type) {}

  reki::ActorType actor_type;
  reki::CellType type;
  std::unique_ptr<reki::Activation, void (*)(reki::Activation*)> entry{reki::make_activation(1, reki::TypeIndex{0}, "k"),
                                                                      &reki::destroy_activation};
  std::unique_ptr<reki::ActorCell> cell = std::make_unique<reki::ActorCell>(*entry, type);
};

/// A message that says when it is gone.
inline reki::EnvelopePtr message(bool& gone) {
  reki::EnvelopePtr out{new reki::EncodedEnvelope("note", {})};
  out->op = reki::wire::Op::send;
  out->done = reki::Completion::of([&gone](reki::Answer&&) { gone = true; });
  return out;
}

}  // namespace test
