#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "reki/core/membership/messages.hpp"
#include "reki/core/membership/timing.hpp"

namespace reki::membership {

/// What a voter has on its disk.
struct VoterRecord {
  std::string cluster;
  std::uint64_t store = 0;  ///< The store's own number, drawn when it was made; never 0.
  Term promised;
  Term accepted;  ///< In which `view` was accepted; 0: at the cluster's making.
  ViewPtr view;   ///< Null: the store is empty and does not vote.
  Level level = first_level;  ///< Of the newest view that was chosen: in what form the record may be written.
  Lineage lineage{};          ///< Of the register that it is of, or that its node belongs to.
  std::uint64_t retired = 0;  ///< The store that was here when that lineage was heard of or begun; 0: none, or an empty one.

  /// The lineage was begun without the store that was here: the node stops for good, until people remove its directory.
  [[nodiscard]] bool is_over() const { return retired != 0 && view == nullptr; }
};

/// Decides what one voter promises and accepts: the acceptor of single-register Paxos (Lamport, "Paxos Made Simple";
/// Rystsov, "CASPaxos"), with heartbeats that tell a coordinator that it still is one.
///
/// Pure. Nothing that depends on a change of the record is said before `persisted` says that the change is on the disk;
/// a shell that cannot write must end the process. Thread: control.
class Acceptor {
 public:
  /// `levels`: that the node's program supports.
  Acceptor(const Timing& timing, NodeId self, VoterRecord durable, const LevelRange& levels = {})
      : timing_(timing), self_(std::move(self)), levels_(levels), record_(std::move(durable)) {}

  void on(const NodeId& from, const PreVote& m, Instant now, Outbox& out) const;
  void on(const NodeId& from, const Prepare& m, Instant now, Outbox& out);
  void on(const NodeId& from, const Accept& m, Instant now, Outbox& out);
  void on(const NodeId& from, const Heartbeat& m, Instant now, Outbox& out);
  void on(const NodeId& from, const InitProbe& m, Outbox& out) const;
  void on(const NodeId& from, const Init& m, Outbox& out);

  /// True once for each change of the record, which is then to be written; `version` names it.
  [[nodiscard]] bool take_write(std::uint64_t& version);
  /// The record of this version, or of a later one, is on the disk: what waited for it goes out.
  void persisted(std::uint64_t version, Outbox& out);

  /// Whether it has a record, and `chosen`, a view that was chosen, is as new and counts its store no more.
  [[nodiscard]] bool is_out(const View& chosen) const;
  /// The store says nothing any more, and an empty one of this number takes its place: as if its disk had been lost.
  void retire(std::uint64_t fresh);
  /// The same, since the register was rescued without it, as `lineage`. Of an empty one only the lineage is noted.
  void retire(std::uint64_t fresh, Lineage lineage);
  /// The store is retired, and the one of this number goes on in its place, alone: the register begins `lineage`.
  /// REQUIRES: `self()`, and a generation above that of the record's lineage.
  void rescue(std::uint64_t fresh, Lineage lineage);
  /// Names the last change of the record.
  [[nodiscard]] std::uint64_t version() const { return version_; }

  [[nodiscard]] const VoterRecord& record() const { return record_; }
  [[nodiscard]] bool empty() const { return record_.view == nullptr; }
  /// Itself, if the view of its record has this very store among its voters.
  [[nodiscard]] const Voter* self() const;
  /// When a coordinator was last heard; nothing: not by this process.
  [[nodiscard]] std::optional<Instant> heard() const { return heard_; }
  /// The coordinator is known to be gone: its heartbeats no longer keep others from trying.
  void forget_coordinator() { fresh_ = false; }
  /// A view of this level was chosen: from now on the record may be written so that earlier programs cannot read it.
  void raise(Level level);
  /// The cluster's profile has changed.
  void set_timing(const Timing& timing) { timing_ = timing; }

 private:
  void changed() { ++version_; }
  void forget();
  /// It has been of no cluster.
  [[nodiscard]] bool may_begin() const { return empty() && record_.cluster.empty(); }
  void reply(NodeId to, Body body, Outbox& out);

  Timing timing_;
  const NodeId self_;
  const LevelRange levels_;
  VoterRecord record_;
  std::optional<Instant> heard_;  ///< The latest heartbeat.
  /// The latest heartbeat or view that it acknowledged. A view too: a quorum of new voters may have acknowledged no
  /// heartbeat of before them, but some of them have accepted the view that made them voters.
  std::optional<Instant> acked_;
  bool fresh_ = false;  ///< `heard_` still speaks for its coordinator.
  std::optional<Instant> courted_;  ///< When it last promised: that candidate gets a little time.

  std::uint64_t version_ = 0;
  std::uint64_t taken_ = 0;
  std::uint64_t persisted_ = 0;
  struct Held {
    std::uint64_t version;
    Outbox::Item item;
  };
  std::vector<Held> held_;
};

}  // namespace reki::membership
