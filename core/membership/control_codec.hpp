#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "reki/core/base/bytes.hpp"
#include "reki/core/base/error.hpp"
#include "reki/core/base/limits.hpp"
#include "reki/core/membership/messages.hpp"
#include "reki/core/view/view_history.hpp"

/// Between the messages of the control plane and frames as bytes, by docs/protocol.md, section 9.
///
/// Pure; no thread safety.
namespace reki::membership {

/// Names one kind of message on the wire; never used again for another.
enum class ControlKind : std::uint8_t {
  renew = 1,
  grant = 2,
  news = 3,
  join = 4,
  stopped = 5,
  stopped_ack = 6,
  view_fetch = 7,
  view_push = 8,
  view_delta = 9,  ///< A `ViewPush` in fewer bytes, for one who has an earlier view.
  hint = 10,
  refused = 11,
  config_said = 12,
  pre_vote = 16,
  pre_vote_reply = 17,
  prepare = 18,
  promise = 19,
  accept = 20,
  accepted = 21,
  heartbeat = 22,
  heartbeat_ack = 23,
  nack = 24,
  resign = 25,
  init_probe = 28,
  init_state = 29,
  init = 30,
  set_voters = 31,
  set_voters_reply = 32,
  set_profile = 33,
  set_profile_reply = 34,
  set_level = 40,
  set_level_reply = 41,
  lineage_ask = 42,
  lineage_is = 43,
  rescue_probe = 44,
  rescue_state = 45,
  rescue = 46,
};
/// As which kind it is written if nothing is known of the receiver.
[[nodiscard]] ControlKind kind_of(const Body& body);

struct NamedControlKind {
  ControlKind kind;
  std::string_view name;
};
/// All of them; those of the alternatives of `Body` first, in their order.
[[nodiscard]] std::span<const NamedControlKind> control_kinds();

/// Who sends. A node's name is its id; what has a '/' in its name is no node (the guard "guard/n1", a command
/// "init/2f41"), has no control address, and gets its answers over the connection on which it asks.
struct ControlSender {
  std::string cluster;
  NodeId name;          ///< At most `limits::control_name_bytes_max` bytes, not empty.
  std::string control;  ///< Where it listens: "tcp://host:port"; empty: nowhere.
};

struct ControlFrame {
  ControlSender sender;
  Level level = first_level;  ///< At which it was written: the sender reads what is written at that.
  Lineage lineage;
  /// For the machines. Nothing: a delta that the receiver's view is no base for.
  std::optional<Body> body;
  /// To be sent to the sender instead, if such a delta is of a newer view: which view to send.
  std::optional<ViewFetch> answer;
};

/// Total: any bytes give a frame or an error, and allocate no more than a few times their size:
/// - `too_large` above `limits::control_frame_bytes_max`
/// - `version_mismatch`: of a level that is not among `own`, which the text names; `unsupported`: a kind of a later one
/// - `wrong_cluster`: of another cluster than `cluster`. An empty `cluster` is right for all, and an `InitProbe`
/// without
///   a cluster is right for everybody: so that `reki init` can find out whom it talks to.
/// - else `malformed_frame`. What is in the body keeps the bounds that the machines rely on: a member of a `Join` could
///   be in a view, has an incarnation and a control address; a view is one that `View::make` takes, of this cluster.
/// Elements that a later level appends are ignored. A delta on `have`, the newest view of the receiver (or null),
/// comes as the `ViewPush` of the view that it makes.
[[nodiscard]] Result<ControlFrame> decode_control(BytesView frame, std::string_view cluster,
                                                  const View* have = nullptr, const LevelRange& own = {});

struct Joiner {
  ControlSender sender;
  Level level = first_level;  ///< Of its frame.
};
/// Who asks to be let in, and where it is, by a frame of any cluster and level; nothing: the frame does not ask.
[[nodiscard]] std::optional<Joiner> who_joins(BytesView frame);

/// The epoch of the view that the sender of this message has; nothing: the message does not say. What `ControlWriter`
/// needs to know of a receiver.
[[nodiscard]] std::optional<Epoch> view_of_sender(const Body& body);

/// Makes frames of one sender, in one reused buffer.
class ControlWriter {
 public:
  /// REQUIRES: the bounds of `ControlSender`.
  explicit ControlWriter(const ControlSender& sender);
  /// Of the frames from now on.
  void set_lineage(Lineage lineage) { lineage_ = lineage; }
  /// A view that this node has installed: so that it can tell others the difference to the next.
  void remember(const ViewPtr& view);
  /// The frame, until the next call. A view is encoded once for all messages in a row that carry it.
  ///
  /// `receiver_has`, if known, is the epoch of the receiver's view as it last told (`view_of_sender`); it may be wrong
  /// by now: the newest view goes to it as a delta, if that is smaller, and who cannot use that asks again. REQUIRES:
  /// views are there.
  ///
  /// `level`: of the view of the sender, or another that the receiver reads. Elements that came with a later one are left out.
  [[nodiscard]] BytesView write(const Body& body, Epoch receiver_has = {}, Level level = first_level);

 private:
  void begin(ControlKind kind, Level level);
  /// Of a body with so many elements.
  void begin_body(std::uint32_t elements, Level level);
  void end_body(Level level);
  [[nodiscard]] BytesView finish();
  [[nodiscard]] BytesView encoded(const ViewPtr& view);

  Lineage lineage_;
  Bytes frame_;
  Bytes sender_;  ///< What all frames have after their level, as msgpack.
  ViewHistory history_;
  ViewPtr view_;      ///< The last one that was not the newest of the history: a proposal.
  Bytes view_bytes_;  ///< Of `view_`.
};

}  // namespace reki::membership
