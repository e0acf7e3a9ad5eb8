#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reki/core/base/bytes.hpp"
#include "reki/core/base/error.hpp"
#include "reki/core/base/ids.hpp"
#include "reki/core/base/levels.hpp"
#include "reki/core/view/settings.hpp"
#include "reki/core/view/slot_table.hpp"

namespace reki {

enum class MemberState : std::uint8_t {
  joining = 0,  ///< Known, owns nothing yet.
  up = 1,       ///< May own slots.
  leaving = 2,  ///< Hands its slots over, owns nothing any more.
};
[[nodiscard]] std::string_view name_of(MemberState state);

/// A node as the cluster's view knows it.
struct Member {
  NodeId node_id;
  Incarnation incarnation;   ///< 0: not known (a view made from a config, before the node was met).
  std::string addr;          ///< Where it listens for requests: "tcp://host:port".
  std::uint32_t weight = 1;  ///< Relative share of the slots; 0: owns nothing.
  std::string zone;          ///< Failure domain, for people and later placement; may be empty.
  MemberState state = MemberState::up;
  std::string control{};  ///< Where it listens for the control plane; empty for a view made from a config.
  LevelRange levels{};    ///< That its program supports.

  friend bool operator==(const Member&, const Member&) = default;
};

/// Whether it can be in a view. Fails with `invalid_argument`:
///   - id of 1 to 64 bytes, zone of at most 64, addresses "tcp://host:port" (`control` may be empty), a known state
///   - these four texts together at most `limits::member_names_bytes_max`
///   - levels as `is_sound` says
[[nodiscard]] Result<void> validate(const Member& member);

/// A node that keeps a part of the embedded register: `number` and `store` name one store on one disk. A node that has
/// lost its disk comes back as another voter, since what the lost one has promised must never be broken.
struct Voter {
  std::uint16_t number = 0;  ///< Never used twice in a cluster: ballots carry it.
  std::uint64_t store = 0;   ///< Drawn when the store was made, never 0.
  NodeId node;
  std::string control;  ///< Where it is asked.

  friend bool operator==(const Voter&, const Voter&) = default;
};

/// What a view says beside its members and table.
struct ViewHead {
  std::string cluster_id;
  Epoch epoch;                  ///< From 1.
  Term term;                    ///< Of the coordinator that made the view; 0 for a view made from a config.
  NodeId coordinator;           ///< Empty for a view made from a config.
  std::uint64_t hash_seed = 0;  ///< Seed of `hash_type`, the same as long as the cluster exists.
  std::vector<Voter> voters{};  ///< Of the embedded register, by number; empty with another engine.
  /// Of the view before, while a change of voters is under way: then every quorum is a majority of both.
  std::vector<Voter> old_voters{};
  Settings settings{};
  Level level = first_level;  ///< What all that its members say and write is of, at most.

  friend bool operator==(const ViewHead&, const ViewHead&) = default;
};

/// Who is in the cluster and who owns what, as agreed under one epoch.
///
/// Immutable after making, so any thread may read it; 32 KiB and its members, so share it by pointer.
class View {
 public:
  /// Checks every relation below, and fails with `invalid_argument`.
  ///   - cluster id: 1 to 64 bytes; epoch > 0; each member as `validate` says
  ///   - at most `limits::nodes_max` members, and one at least unless there are voters or a term; sorted by node id
  ///     bytewise, each id once
  ///   - at most `limits::voters_max` voters of each kind, by number, each number, node and store once, and no store on
  ///     two nodes; old ones only beside new ones
  ///   - settings as `is_sound` says; voters only with the embedded engine
  ///   - a level from 1, which each member supports
  ///   - each slot's owner is a member that is up with weight > 0; `nobody` only if there is no such member
  [[nodiscard]] static Result<View> make(ViewHead head, std::vector<Member> members, const SlotTable& table);

  [[nodiscard]] const ViewHead& head() const { return head_; }
  [[nodiscard]] const std::string& cluster_id() const { return head_.cluster_id; }
  [[nodiscard]] Epoch epoch() const { return head_.epoch; }
  [[nodiscard]] Term term() const { return head_.term; }
  [[nodiscard]] const NodeId& coordinator() const { return head_.coordinator; }
  [[nodiscard]] std::uint64_t hash_seed() const { return head_.hash_seed; }
  [[nodiscard]] std::span<const Voter> voters() const { return head_.voters; }
  [[nodiscard]] std::span<const Voter> old_voters() const { return head_.old_voters; }
  [[nodiscard]] const Settings& settings() const { return head_.settings; }
  [[nodiscard]] Level level() const { return head_.level; }
  [[nodiscard]] std::span<const Member> members() const { return members_; }
  [[nodiscard]] const SlotTable& table() const { return table_; }

  /// The slot's owner; null if nobody owns it or it is no slot. Lives as long as the view.
  [[nodiscard]] const Member* owner(SlotId slot) const {
    const MemberIndex index = table_.owner(slot);
    return index == nobody ? nullptr : &members_[index];
  }
  /// Null if there is no such member. Lives as long as the view.
  [[nodiscard]] const Member* find(std::string_view node_id) const;
  [[nodiscard]] const Member* find(const NodeId& node_id) const { return find(node_id.value); }
  /// Null if this incarnation of the node is no member.
  [[nodiscard]] const Member* find(const NodeId& node_id, Incarnation incarnation) const;
  /// The member's place in `members()`, which is what the table holds; `nobody` if there is no such member.
  [[nodiscard]] MemberIndex index_of(std::string_view node_id) const;
  /// How many slots the member at `index` owns. Counts through the table.
  [[nodiscard]] std::uint32_t slots_of(MemberIndex index) const;

  friend bool operator==(const View&, const View&) = default;

 private:
  View(ViewHead head, std::vector<Member> members, const SlotTable& table);

  ViewHead head_;
  std::vector<Member> members_;
  SlotTable table_;
};

/// What `next_table` needs of members, in their order.
[[nodiscard]] std::vector<SlotMember> slot_members(std::span<const Member> members);

/// Epoch 1 of a cluster that does not change: the members in any order, the table made from nothing.
/// Fails as `View::make` does.
[[nodiscard]] Result<View> fixed_view(std::string cluster_id, std::uint64_t hash_seed, std::vector<Member> members);

/// The view as msgpack (docs/protocol.md, section 3):
/// ```
/// [epoch, term, cluster id, hash seed, coordinator, [member, …], table, [voter, …], [old voter, …], settings,
///  level]
/// member = [node id, incarnation, addr, weight, zone, state, control, levels]
/// table  = bin of 16384 big-endian 16-bit member indices, 0xffff for nobody
/// voter  = [number, store, node id, control]
/// settings = [lease in ms, wait in ms, engine]
/// levels = [lowest, highest]
/// ```
/// What stands at the end and is empty is left out: level 1, and levels 1 to 1; a member's control; settings that are those of
/// profile `lan` with voters; without voters, both lists if there is nothing behind them.
/// The table is plain rather than run-length coded: neighbouring slots rarely share an owner, and any language reads
/// it.
[[nodiscard]] Bytes encode(const View& view);

/// Total: any bytes give a view that `View::make` has accepted, or `malformed_frame`; never throws, and allocates no
/// more than a few times the size of `bytes`. Elements beyond those it knows are ignored, in views and members; bytes
/// after the view are not.
[[nodiscard]] Result<View> decode_view(BytesView bytes);

}  // namespace reki
