#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "reki/core/membership/init.hpp"
#include "reki/core/membership/membership.hpp"

namespace test {

/// A few nodes on virtual time, driven by commands: the machines of core/membership with a network, disks and actors of
/// which each takes a fixed time. Nothing is random but what the machines draw, and that from fixed seeds.
///
/// ```
/// nodes COUNT [voters=COUNT]     further processes; the first of them have empty stores
/// init NODE...                   makes the cluster, with the stores of these nodes
/// cluster COUNT [voters=COUNT]   the three above, until each node serves its slots
/// run TIME [with KIND...]        time passes ("700ms", "2s")
/// show                           each node, and whether each slot has one live owner
/// leave | crash | freeze | thaw NODE
/// guard NODE                     the guard of one that has crashed tells all others
/// restart NODE [empty]           empty: with another disk
/// cut NODE                       what is on its way from it or to it is lost, from now on
/// lose KIND FROM TO              messages of this kind are lost on this way
/// mend                           nothing is cut or lost any more
/// ```
/// What is printed: each event of a node at which it does something of interest, and below that what it does. Of
/// interest are changes of view, slots, coordinator and barrier, and messages of the kinds asked for with `with`;
/// "Write" asks for what is written to disks.
class Scenario {
 public:
  Scenario();
  /// What the command prints, in lines; for one that it does not know, what is wrong.
  std::string command(const std::string& line);

 private:
  using Words = std::span<const std::string>;
  struct Written {
    std::uint64_t version = 0;
    reki::membership::VoterRecord record;
  };
  struct SlotsStopped {
    reki::SlotSet slots;
    reki::Incarnation of;
  };
  using Letter = reki::membership::Message;
  struct Event {
    std::string node;
    std::uint32_t process = 0;  ///< For this process of the node. 0: for any.
    std::variant<Letter, Written, SlotsStopped> what;
  };
  struct Node {
    std::optional<reki::membership::Membership> machine;  ///< Nothing: no process runs.
    std::uint32_t process = 0;                            ///< Counts them.
    std::optional<reki::membership::VoterRecord> disk;
    reki::Instant written_at;  ///< When the disk has done all that it was asked for.
    reki::Instant wake_at;
    reki::Incarnation incarnation;  ///< The last one.
    std::uint32_t incarnations = 0;
    std::vector<Event> backlog;  ///< While it is frozen.
    bool frozen = false;
    bool cut = false;
    bool resigned = false;
    // As printed last.
    std::optional<reki::Term> leads;
    reki::Epoch chosen;
    reki::Epoch barrier;
  };

  // Commands.
  void nodes(Words words);
  void init(Words words);
  void cluster(Words words);
  void run(Words words);
  void show(Words words);
  void leave(Words words);
  void crash(Words words);
  void guard(Words words);
  void restart(Words words);
  void freeze(Words words);
  void thaw(Words words);
  void cut(Words words);
  void lose(Words words);
  void mend(Words words);

  void begin(const std::string& name, reki::Incarnation previous);
  void pass(reki::Duration time);
  void happen(Event event);
  void hear_init(const Letter& letter);
  void send_init();
  void wake(const std::string& name);
  /// Carries out what the node's machine has decided, and prints it if it is of interest.
  void effects(const std::string& name, const std::string& cause);
  void write(const std::string& name, std::string& printed);
  void act(const std::string& name, const reki::membership::AgentEvent& event, std::string& printed);
  void send(const std::string& name, std::string& printed);
  void changes_of_office(const std::string& name, std::string& printed);
  void end_if_gone(const std::string& name);
  void post(const std::string& from, const std::string& to, reki::membership::Body body, reki::Duration after);
  [[nodiscard]] bool is_lost(const std::string& from, const std::string& to, const std::string& kind) const;
  [[nodiscard]] std::string text_of(const Node& node) const;
  [[nodiscard]] std::string owners() const;
  [[nodiscard]] bool serves(const Node& node) const;
  [[nodiscard]] std::string brief(const reki::membership::Body& body) const;
  [[nodiscard]] std::string name_of(reki::Incarnation incarnation) const;
  [[nodiscard]] reki::membership::Clocks clocks() const { return {now_, now_}; }
  [[nodiscard]] std::string stamp() const;
  Node& node(Words words);

  reki::Instant now_;
  std::map<std::string, Node> nodes_;
  std::map<std::pair<reki::Instant, std::uint64_t>, Event> queue_;  ///< By time, then in the order of their making.
  std::uint64_t events_ = 0;
  std::set<std::string> losses_;  ///< "KIND FROM TO"
  std::map<reki::Incarnation, std::string> names_;
  std::optional<reki::membership::Initialization> init_;
  std::vector<std::string> init_voters_;
  bool init_writes_ = false;
  std::set<std::string> kinds_;  ///< That are of interest at present.
  std::string printed_;
};

}  // namespace test
