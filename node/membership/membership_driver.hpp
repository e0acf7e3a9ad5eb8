#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "reki/core/membership/control_codec.hpp"
#include "reki/core/membership/membership.hpp"
#include "reki/core/membership/stopped_clock.hpp"
#include "reki/node/guard/lease_page.hpp"
#include "reki/node/membership/config_check.hpp"
#include "reki/node/membership/control_links.hpp"
#include "reki/node/membership/membership_observer.hpp"
#include "reki/node/support/log.hpp"

namespace reki {

/// What a node knows of its own membership, for people.
struct ControlStatus {
  membership::MemberAgent::Phase phase = membership::MemberAgent::Phase::joining;
  NodeId coordinator;
  Term term;
  Epoch installed;
  Instant lease_end;
  bool is_coordinator = false;
  bool votes = false;
  std::uint64_t store = 0;     ///< Number of its own register's store; 0: it has none.
  std::string config_warning;  ///< What the config says and is not so, for people; empty: nothing.
  std::string not_let_in;  ///< Why, for people; empty: nobody has said so, or it is in.
  std::uint64_t frames = 0;
  std::uint64_t bad_frames = 0;
  std::uint64_t dropped = 0;
};

/// Carries out what the membership machine of a node decides: reads frames for it, tells the node of slots, views and
/// leases, waits until what is lost is empty, and keeps the lease page.
///
/// Without a thread, a socket or a file: it is driven, and what it does goes through its ports. So the membership thread
/// and a simulation run the same code:
///
///     driver.begin();
///     for (;;) {
///       wait until driver.next_wake(), a frame or a task;
///       driver.read(route, frame)...; driver.take(task)...;
///       driver.turn();
///     }
///     driver.end();
///
/// More members than a class should have: the machine with what it goes by, and what is known of those who send frames; a
/// frame is read with all of it.
///
/// Thread: the membership thread.
class MembershipDriver {
 public:
  /// What it is told beside frames.
  struct HeardEpoch {  ///< A frame on the data plane said so.
    NodeId from;
    Epoch epoch;
  };
  struct Leave {};
  struct WantGranted {  ///< Something is held until this renewal is granted.
    std::uint64_t renewal = 0;
  };
  struct Written {  ///< The record is on the disk.
    std::uint64_t version = 0;
  };
  struct EtcdAnswered {
    membership::EtcdReply reply;
    std::string error;  ///< For people; empty: none.
  };
  using Task = std::variant<HeardEpoch, Leave, WantGranted, Written, EtcdAnswered>;

  struct Options {
    std::string cluster;
    membership::Membership::Options machine;
    std::vector<NodeId> voters{};  ///< That the config names; empty: it names none.
    membership::ConfigSaid config{};  ///< What else it says that should be the same on all nodes.
    LeasePage* page = nullptr;  ///< Shared with the guard and the workers.
    LogSink log;
  };
  /// All must outlive the driver. None may call it.
  struct Ports {
    ControlLinks& links;
    MembershipObserver& node;
    std::function<membership::Clocks()> clocks;  ///< Of this moment. It is asked before each step of the machine.
    std::function<void(membership::Membership::Write)> write;  ///< `Written` has to follow, once it is on the disk.
    std::function<void(membership::EtcdTxn, Duration timeout)> ask_etcd;  ///< `EtcdAnswered` has to follow.
    std::function<std::int64_t()> wall_ns{};  ///< wall_clock_ns, which tells of a boot clock that has stood still; null: none.
    std::function<std::uint64_t()> random{};   ///< random_number; null: renewals are told apart by their numbers alone.
    /// Ends the process for good, so that nothing of the node runs any more: its register goes on without it. For people: `why`.
    std::function<void(const std::string& why)> end{};
  };

  MembershipDriver(Options options, Ports ports);

  void begin();
  /// A frame of the connection `route`.
  void read(const std::string& route, BytesView frame);
  void take(Task& task);
  /// After what has come was told, and at `next_wake` at the latest.
  void turn();
  /// When `turn` next has something to do, by the boot clock.
  [[nodiscard]] Instant next_wake() const;
  /// Before the end: lets another become coordinator if this node is it.
  void end();

  /// Without what the links have dropped.
  [[nodiscard]] ControlStatus status() const;

 private:
  /// Slots that are being given up.
  struct Leaving {
    SlotSet slots;
    Incarnation of;
    Instant revoke_at;
    Instant done_at;  ///< After a revocation: what had passed its last look at the gate has left by then.
  };

  /// Whose frame is being read, if what is to be answered cannot go where that node is known to be.
  struct Stranger {
    NodeId name;
    std::string control;
    Epoch has;  ///< The view that it says it has.
    Level level = first_level;  ///< At which it speaks.
  };
  /// What others have told of themselves.
  struct Heard {
    Epoch has;  ///< Their view: deltas to it are small.
    Level level = first_level;
  };
  /// Of who cannot be connected to.
  struct Route {
    std::string connection;
    Level level = first_level;
  };

  void took(const EtcdAnswered& answered);
  void took(const Written& written);
  void begin_lineage();
  void effects();
  void note_granted();
  void apply(const membership::AgentEvent& event);
  void fenced(const membership::Fenced& event);
  void extended(const membership::LeaseExtended& event);
  void cut(const membership::LeaseCut& event);
  void end_lease();
  void read_of_lineage(membership::ControlFrame&& frame);
  void read_of_others(BytesView bytes, const Error& why);
  void refuse(const NodeId& from, const std::string& fault);
  void not_let_in(const std::string& why);
  void took(const NodeId& from, const membership::ConfigSaid& said);
  void say_config();
  void log(const std::vector<ConfigCheck::Line>& lines) const;
  void send(const membership::Outbox::Item& item);
  [[nodiscard]] const LevelRange& own_levels() const { return options_.machine.agent.self.levels; }
  [[nodiscard]] Level level_for(const NodeId& to) const;
  [[nodiscard]] bool is_due(const std::string& line);
  void finish_leaving();
  void part();
  void write_notice();
  void note_quiet();
  void watch_progress();
  membership::Clocks clocks();
  void log(LogLevel level, std::string_view event, const std::string& fields) const;

  // What it was made with.
  const Options options_;
  const NodeId self_;
  const Ports ports_;

  // The machine, and what it goes by.
  membership::Membership machine_;
  membership::Clocks now_;
  Instant lease_end_;
  std::int64_t lease_end_wall_ = LeaseEnds::not_by_wall_clock;
  membership::StoppedClock stopped_;
  std::vector<Leaving> leaving_;
  bool again_ = false;  ///< `turn` has more to do.
  bool parted_ = false;
  bool stuck_ = false;
  bool drops_ = false;  ///< Functions of an incarnation that was dropped still run.
  bool etcd_answers_ = true;
  std::string not_let_in_;
  ConfigCheck config_check_;
  std::map<std::string, Instant> refusals_logged_;  ///< When, by what they are about.

  // Frames.
  membership::ControlWriter frames_out_;
  std::map<NodeId, Heard> heard_;
  std::map<NodeId, Route> routes_;
  std::optional<Level> spoken_;  ///< At which it was last spoken to.
  std::optional<Stranger> stranger_;
  Epoch learned_;  ///< Where all members of that view are is known.
  std::uint64_t frames_ = 0;
  std::uint64_t bad_frames_ = 0;
  std::vector<membership::Outbox::Item> messages_;
};

}  // namespace reki
