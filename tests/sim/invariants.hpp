#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "clock.hpp"
#include "reki/core/membership/acceptor.hpp"
#include "reki/core/membership/member_agent.hpp"

/// What must hold at every instant, whatever goes wrong: I1 to I14 of the membership protocol.
///
/// The checker sees what no node can: true time, all nodes at once, what is on whose disk. It is told of each step and
/// looks only at what that step has changed. The first violation is kept; the rest is of no interest.
namespace reki::sim {

struct Violation {
  std::string invariant;  ///< "I8"
  Time at = 0;
  std::string text;
};

/// The most keys that a simulation uses.
inline constexpr std::size_t keys_max = 32;

/// What a process shows of itself after a step. Pointers live through the call.
struct Observed {
  std::uint16_t node = 0;
  Incarnation incarnation;
  Epoch installed;
  Epoch cleared;
  Term term;
  Term promised;  ///< In the memory of its voter, if it has one.
  Instant lease_end;
  const membership::ViewPtr* view = nullptr;  ///< The newest that it knows; null in there: none.
  const SlotSet* held = nullptr;
  const SlotSet* stopping = nullptr;  ///< Lost, but their actors have not all stopped yet.
  bool slots_changed = false;         ///< One of the two may have.
  std::uint64_t store = 0;            ///< Whose promise `promised` is.
  Lineage lineage{};
};

/// What is true of the other nodes while one takes a step.
class Truth {
 public:
  virtual ~Truth() = default;
  /// The node's process exists, frozen or not, and its lease is not over by its own clock.
  [[nodiscard]] virtual bool gate_open(std::uint16_t node) const = 0;
  /// When the node's clock showed this.
  [[nodiscard]] virtual Time when_was(std::uint16_t node, Instant boot) const = 0;
};

class Invariants {
 public:
  /// `names` by node, in ascending order.
  Invariants(std::vector<NodeId> names, const Truth& truth);

  [[nodiscard]] const std::optional<Violation>& violation() const { return violation_; }
  /// For what is no invariant of the protocol, such as progress.
  void fail(std::string invariant, std::string text);
  /// Looks away from all but these ("I8,I12"): what comes of a bug that another invariant would have found first?
  void watch_only(std::string names) { watched_ = std::move(names); }
  void set_now(Time now) { now_ = now; }

  // The register

  /// Epoch 1, which is in the stores of its voters from the beginning.
  void begin(const membership::ViewPtr& first);
  /// A store's record is on its disk.
  void recorded(const membership::VoterRecord& record);

  /// The key of the view in etcd has this one now, and that of the coordinator says this term.
  void put_in_etcd(const membership::ViewPtr& view, Term term);
  /// etcd has found the term current, just now.
  void confirmed_by_etcd(Term term);

  // Processes

  /// A process starts with what its store has, if it has one.
  void process_begins(std::uint16_t node, const membership::VoterRecord* record);
  void process_ends(std::uint16_t node);
  void stepped(const Observed& o);
  /// A message leaves the node. The step that has made it was seen before.
  void sent(std::uint16_t node, const membership::Body& body);
  /// Before anything runs in what was gained; `stepped` follows.
  void gained(const Observed& o, const membership::Gained& gained);
  /// The lease was extended by what had left the coordinator at `left`.
  void extended(std::uint16_t node, Term term, Instant from, Time left);

  // Actors

  /// A start gets its fence.
  void start_begins(std::uint16_t node, std::uint8_t key, Fence fence);
  /// A function of the actor begins to run on the node.
  void handler_begins(std::uint16_t node, std::uint8_t key, SlotId slot);
  void actor_lives(std::uint16_t node, std::uint8_t key, SlotId slot);
  void actor_gone(std::uint16_t node, std::uint8_t key);
  void output_leaves(std::uint16_t node, std::uint8_t key);
  /// A node or client that knows `view` lets a reply or message of this incarnation of a node take effect.
  void accepted(const View& view, std::uint16_t sender, Incarnation incarnation);

  // Clients

  /// A call for the key begins: no answer to it may have a lower fence than this.
  [[nodiscard]] Fence call_begins(std::uint8_t key) const { return acknowledged_[key]; }
  void call_ends(std::uint8_t key, Fence floor, Fence answer);
  /// I13, which counts on no clock: of keys whose lease is confirmed.
  [[nodiscard]] Fence newest_start(std::uint8_t key) const { return started_[key]; }
  void confirmed_call_ends(std::uint8_t key, Fence started, Fence answer);
  /// The same for a message of an actor, which left after a newer start of its key had begun.
  void superseded_accepted(std::uint16_t node, const View& view, std::uint16_t sender);

  // For the simulator's own questions.

  [[nodiscard]] const membership::ViewPtr& latest() const { return latest_; }
  /// The last that was begun. What is of earlier ones is not looked at any more, but for leases, slots, actors and fences.
  [[nodiscard]] Lineage lineage() const { return lineage_; }
  /// In which slots the member of the latest view may be.
  [[nodiscard]] bool owns_exactly(std::uint16_t node, const SlotSet& held);
  [[nodiscard]] std::uint32_t elections() const { return static_cast<std::uint32_t>(terms_.size()); }

 private:
  struct Process {
    bool runs = false;
    Incarnation incarnation;
    Epoch installed;
    Epoch cleared;
    Term term;
    Term promised;
    std::uint64_t store = 0;
    Lineage lineage;
    struct Past {
      Term term;
      Time until = 0;
    };
    std::array<Past, 16> promises{};  ///< The last before it.
    std::size_t promises_next = 0;
    Instant lease_end;
    membership::ViewPtr view;
    SlotSet held;
    SlotSet live;  ///< held and stopping.
    std::array<std::int32_t, keys_max> actors{};  ///< Slot of the key's actor; -1: none.
    struct Renewal {
      Incarnation incarnation;
      std::uint64_t seq = 0;
      Time at = 0;
    };
    std::array<Renewal, 64> renewals{};
    std::uint32_t steps = 0;
  };
  struct Proposal {
    membership::ViewPtr view;
    Term ballot;
    std::vector<std::uint64_t> stores;
    bool chosen = false;
  };
  struct Store {
    std::uint64_t store = 0;
    Term said;  ///< The highest promise that has left its node.
    struct Ack {
      Term term;
      Time at = 0;
    };
    std::array<Ack, 16> acks{};  ///< The latest of each of the last few terms.
  };
  struct TermRecord {
    Term term;
    Time since = 0;
  };
  struct Owned {
    membership::ViewPtr view;
    std::vector<SlotSet> sets;  ///< In the order of its members.
  };

  // One for each invariant. They return at the first look when all is well.
  [[nodiscard]] bool one_view_per_epoch(const Proposal& p);
  [[nodiscard]] bool may_be_what_was_taken_over(const Proposal& p, const membership::ViewPtr& known) const;
  void made_from_its_predecessor(const Proposal& p);
  void only_chosen_views_are_known(const View& view);
  void terms_never_decrease(Term before, Term now, std::string_view whose);
  void leases_trace_to_a_grant(std::uint16_t node, Term term, Instant from, Time left);
  void grants_are_confirmed(std::uint16_t node, const membership::Grant& grant);
  void dropped_members_have_no_lease(const View& before, const View& now);
  void no_lease_outside_the_view(std::uint16_t node);
  void held_is_owned(std::uint16_t node);
  void cleared_is_installed_and_stopped(std::uint16_t node);
  void gains_follow_the_barrier(std::uint16_t node, Epoch epoch);
  void one_live_node_per_slot(std::uint16_t node);
  void one_live_actor_per_key(std::uint16_t node, std::uint8_t key);
  void incarnations_never_return(const View& before, const View& now);

  void begin_lineage(const membership::VoterRecord& record);
  [[nodiscard]] membership::ViewPtr& of_epoch(Epoch epoch) { return history_[epoch.value - base_ - 1]; }
  void chosen(Proposal& p);
  void become_latest(const membership::ViewPtr& view);
  void note_acknowledgement(std::uint64_t store, Term term);
  void slots_changed(std::uint16_t node);
  [[nodiscard]] const Proposal* predecessor_of(const Proposal& p) const;
  [[nodiscard]] const membership::ViewPtr* at_epoch(Epoch epoch) const;
  [[nodiscard]] Time superseded_at(Term term) const;
  [[nodiscard]] const SlotSet* owned(const membership::ViewPtr& view, std::uint16_t node);
  Store& store(std::uint64_t number);

  const std::vector<NodeId> names_;
  const Truth& truth_;
  Time now_ = 0;
  std::optional<Violation> violation_;
  std::string watched_;  ///< Empty: all.

  std::vector<Process> processes_;
  std::vector<std::uint8_t> overlaps_;  ///< Two nodes' live slots do.
  std::vector<Store> stores_;
  std::vector<Proposal> proposals_;
  Lineage lineage_;
  std::uint32_t base_ = 0;  ///< The epoch before the lineage's first.
  std::vector<membership::ViewPtr> history_;  ///< By epoch from that on; null: none was chosen, or it is long ago.
  membership::ViewPtr latest_;
  std::vector<TermRecord> terms_;
  std::array<Owned, 4> owned_;
  std::size_t owned_next_ = 0;
  absl::flat_hash_set<std::uint64_t> gone_;     ///< Incarnations that were in a view and are in none any more.
  absl::flat_hash_set<std::uint64_t> stopped_;  ///< Incarnations of which Stopped was said.
  absl::flat_hash_map<std::uint64_t, Epoch> cleared_;  ///< By incarnation, the dead too.
  std::array<Fence, keys_max> started_{};       ///< The highest fence of each key.
  std::array<Fence, keys_max> acknowledged_{};
};

/// "n7" is 7: how the simulator names its nodes.
[[nodiscard]] inline std::uint16_t index_of(const NodeId& id) {
  std::uint16_t out = 0;
  for (const char c : std::string_view(id.value).substr(1)) out = static_cast<std::uint16_t>(out * 10 + (c - '0'));
  return out;
}

}  // namespace reki::sim
