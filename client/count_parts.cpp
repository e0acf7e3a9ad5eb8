#include "reki/client/count_parts.hpp"

#include "reki/core/view/cluster_list.hpp"
#include "reki/core/wire/codec.hpp"

namespace reki {

std::vector<std::unique_ptr<Pending>> count_parts(const Pending& like, const View& view, Completion done) {
  auto gathering = std::make_shared<CountGathering>();
  gathering->done = std::move(done);
  std::vector<std::unique_ptr<Pending>> parts;
  for (const Member& member : view.members()) {
    if (!may_have_actors(member)) continue;
    auto part = std::make_unique<Pending>(static_cast<const wire::RequestBody&>(like));
    part->deadline = like.deadline;
    part->node = member.node_id;
    part->then = Pending::Then::count;
    part->gathering = gathering;
    parts.push_back(std::move(part));
  }
  gathering->missing = parts.size();
  if (parts.empty()) {
    Answer none;
    none.payload = wire::encode_count(0);
    gathering->done(std::move(none));
  }
  return parts;
}

}  // namespace reki
