#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "reki/core/membership/messages.hpp"
#include "reki/core/view/view.hpp"

namespace reki {

/// Compares what a node's config says with what the cluster is, and with what the coordinator's config says, while the node
/// runs: people change both, and one without the other misleads whoever reads it, or keeps the node out when it is started
/// again.
///
/// Pure. Thread: the membership thread.
class ConfigCheck {
 public:
  /// What the config says.
  struct Said {
    std::vector<NodeId> voters{};  ///< Empty: it names none.
    Settings settings{};
    membership::ConfigSaid rest{};  ///< Fingerprint 0: there is none.
  };
  struct Line {
    std::string_view event;
    std::string text;
  };

  explicit ConfigCheck(Said said) : said_(std::move(said)) {}

  /// Of a view that was installed; `in`: it has this node. What is to be logged: each difference once, as long as it lasts.
  std::vector<Line> look(const View& view, bool in);
  /// What a member's config says, as it says itself. Once for each node and change; a node that was away and comes back the same
  /// is no change.
  std::vector<Line> compare(const NodeId& node, const membership::ConfigSaid& other);
  /// To be told to the coordinator now and then: nothing else depends on it, so a lost one is no harm. Null: not now.
  [[nodiscard]] const membership::ConfigSaid* due(const NodeId& coordinator, Term term, Instant now);
  [[nodiscard]] const membership::ConfigSaid& own() const { return said_.rest; }
  /// All that differs now, and what to do, for people; empty: nothing.
  [[nodiscard]] std::string warning() const;

 private:
  const Said said_;
  std::string voters_;
  std::string profile_;
  std::map<NodeId, std::string> others_;       ///< How the config of others in the view differs.
  std::map<NodeId, std::uint32_t> told_;       ///< The fingerprints that were logged last, also of nodes that are away.
  NodeId coordinator_;                         ///< Which was told last, in its term, and when to tell again.
  Term term_;
  Instant again_;
};

}  // namespace reki
