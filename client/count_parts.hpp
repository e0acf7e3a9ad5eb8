#pragma once

#include <memory>
#include <vector>

#include "reki/client/pending.hpp"
#include "reki/core/view/view.hpp"

namespace reki {

/// The requests whose answers together are that of `count`: one for each node of the view that may have actors.
/// `like` says what is counted and until when. `done` is called at once, with 0, if there is no such node.
std::vector<std::unique_ptr<Pending>> count_parts(const Pending& like, const View& view, Completion done);

}  // namespace reki
