#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reki/core/base/random.hpp"
#include "reki/core/membership/member_agent.hpp"
#include "reki/core/membership/register.hpp"

namespace reki::membership {

/// What the key "coordinator" in etcd says, as text: "TERM NODE PROCESS", or "TERM" alone when nobody is.
struct EtcdCoordinator {
  Term term;
  NodeId node;                ///< Empty: nobody.
  std::uint64_t process = 0;  ///< Drawn by each process, so that two with one node's id are not taken for each other.

  friend bool operator==(const EtcdCoordinator&, const EtcdCoordinator&) = default;
};
[[nodiscard]] std::string text_of(const EtcdCoordinator& coordinator);
/// Nothing if it is no such text.
[[nodiscard]] std::optional<EtcdCoordinator> parse_coordinator(std::string_view text);

/// One etcd transaction over a cluster's two keys, "coordinator" and "view": if all that is demanded is so, what is to be
/// put is put, in one step. A revision is that of etcd in which a key was put last; 0: the key is not there.
///
/// One that puts nothing reads: the coordinator's key if what is demanded is so, else both.
struct EtcdTxn {
  std::uint64_t number = 0;  ///< For its reply.
  // Demanded.
  std::optional<std::string> coordinator_is{};
  std::optional<std::int64_t> coordinator_revision{};
  std::optional<std::int64_t> view_revision{};
  // Put.
  std::optional<std::string> coordinator{};
  ViewPtr view{};

  [[nodiscard]] bool reads() const { return !coordinator && view == nullptr; }
};

struct EtcdReply {
  enum class Outcome : std::uint8_t {
    done,     ///< What was demanded was so; if it reads, the coordinator's key is here.
    refused,  ///< It was not; both keys are here, as far as they exist.
    unknown,  ///< No answer in time, or none of use. It may have taken effect, or may do so later.
  };
  struct Coordinator {
    std::string text;
    std::int64_t revision = 0;
  };
  struct Current {
    ViewPtr view;
    std::int64_t revision = 0;
  };
  std::uint64_t number = 0;
  Outcome outcome = Outcome::unknown;
  std::int64_t revision = 0;  ///< Of etcd; of `done` puts, that which the keys have now.
  std::optional<Coordinator> coordinator;
  std::optional<Current> view;
};

/// The register in etcd: decides when this node tries to become coordinator, and chooses views once it is.
///
/// Pure. At most one transaction is outstanding; the shell answers each, a time-out with `unknown`. Thread: control.
///
/// Safety rests on comparisons alone, never on an etcd lease, a watch or a read (a read may be stale):
///   - Each confirmation writes the coordinator's key, on the condition that it names this process. It holds for what
///     began before its request was sent.
///   - A claim takes both keys over in one step, and demands the revisions that it has seen. So the write that made the
///     coordinator's revision was the last confirmation of all predecessors, and it took effect before this node saw it:
///     `Elected::since_grants`.
///   - A view is put on the condition that its predecessor is there and the key names this process.
///
/// A live coordinator writes every `renew`. Who finds the key unchanged for `heartbeat_fresh`, by two looks, claims it; who
/// knows that the coordinator is gone needs one. Several that claim at once do no harm: one gets it, and the others are told.
///
/// More members than a class should have: all are the state of one machine, and an event looks at most of them.
class EtcdRegister final : public Register {
 public:
  EtcdRegister(const Timing& timing, NodeId self, std::uint64_t seed);

  /// Call it whenever `next_wake` has come, and after the agent has heard something.
  void tick(const MemberAgent& agent, Instant now);
  /// Makes the next transaction if there is need of one. Call it last: it covers the rounds that have begun.
  void flush(Instant now);
  [[nodiscard]] Instant next_wake() const;
  /// To be carried out; once each.
  [[nodiscard]] std::optional<EtcdTxn> take_txn() { return std::exchange(txn_, std::nullopt); }
  void on(const EtcdReply& m, Instant now);
  /// A view that an answer has shown, newer than the ones before; null: none since the last call.
  [[nodiscard]] ViewPtr take_found() { return std::exchange(found_, nullptr); }

  /// The coordinator of that term, and all before, are known to be gone: try at once, members of a lower place first.
  void hurry(Term gone, const MemberAgent& agent, Instant now);
  /// Stops being coordinator, if it is one.
  void resign(Instant now, Outbox& out);

  /// The cluster's profile has changed.
  void set_timing(const Timing& timing) { timing_ = timing; }

  void propose(ViewPtr next) override;
  std::uint64_t confirm() override { return ++round_; }

  [[nodiscard]] bool leading() const { return leading_; }
  /// In which it leads or has led last.
  [[nodiscard]] Term term() const { return claimed_.term; }
  /// Since the last call, in order.
  std::vector<RegisterEvent> take_events() { return std::exchange(events_, {}); }

 private:
  enum class Kind : std::uint8_t { read, claim, confirm, propose };
  struct Asked {
    std::uint64_t number = 0;
    Kind kind = Kind::read;
    Instant at;
    std::uint64_t round = 0;  ///< The newest that had begun.
  };

  void ask(Kind kind, EtcdTxn txn, Instant now);
  void ask_confirm(Instant now);
  void ask_propose(Instant now);
  void ask_claim(Instant now);
  void on_claim(const EtcdReply& m, Instant now);
  void on_confirm(const EtcdReply& m, const Asked& asked, Instant now);
  void on_propose(const EtcdReply& m, const Asked& asked, Instant now);
  void learn(const EtcdReply& m, Instant now);
  void consider(const EtcdReply& m, const Asked& asked, Instant now);
  void wrote(const EtcdReply& m, Instant now);
  void confirmed(const Asked& asked, Instant now);
  void chosen(std::int64_t revision);
  void no_answer(Instant now);
  void step_down(Instant now);
  [[nodiscard]] Duration random_part(Duration whole) {
    return Duration{static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(whole.count())))};
  }

  Timing timing_;
  const NodeId self_;
  SplitMix random_;

  EtcdCoordinator claimed_;  ///< This process's, of the term that it has claimed last.
  std::uint64_t number_ = 0;
  std::optional<EtcdTxn> txn_;
  std::optional<Asked> asked_;
  std::vector<RegisterEvent> events_;

  // What is known of the keys.
  std::optional<EtcdCoordinator> seen_;
  std::int64_t seen_revision_ = 0;
  Instant seen_at_;  ///< When this revision was seen first: it was written before.
  ViewPtr view_;
  std::int64_t view_revision_ = 0;
  ViewPtr found_;

  // While another is coordinator.
  std::optional<Instant> begun_;
  Duration patience_;
  Instant look_at_;
  Term known_gone_;  ///< The coordinators of this term and of those before are.
  bool claims_ = false;

  // While this node is.
  bool leading_ = false;
  ViewPtr pending_;  ///< Proposed, or claimed with.
  std::uint64_t round_ = 0;
  std::uint64_t confirmed_ = 0;
  Instant confirmed_at_;
  Instant confirm_sent_at_;
  Instant again_at_;  ///< Not before, after no answer.
};

}  // namespace reki::membership
