#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "reki/core/view/view.hpp"

namespace reki {

/// Compares what a node's config says of the cluster with what the cluster is, while the node runs: people change both,
/// and one without the other misleads whoever reads it, or keeps the node out when it is started again.
///
/// Pure. Thread: the membership thread.
class ConfigCheck {
 public:
  /// What the config says.
  struct Said {
    std::vector<NodeId> voters{};  ///< Empty: it names none.
    Settings settings{};
  };
  struct Line {
    std::string_view event;
    std::string text;
  };

  explicit ConfigCheck(Said said) : said_(std::move(said)) {}

  /// Of a view that was installed; `in`: it has this node. What is to be logged: each difference once, as long as it lasts.
  std::vector<Line> look(const View& view, bool in);
  /// All that differs now, and what to do, for people; empty: nothing.
  [[nodiscard]] std::string warning() const;

 private:
  const Said said_;
  std::string voters_;
  std::string profile_;
};

}  // namespace reki
