#include "reki/core/view/cluster_list.hpp"

#include <algorithm>

#include "reki/core/wire/msgpack_writer.hpp"

namespace reki {
namespace {

template <class Fits>
const Member* first_where(const View& view, Fits fits) {
  const auto members = view.members();  // sorted by id
  const auto found = std::find_if(members.begin(), members.end(), fits);
  return found == members.end() ? nullptr : &*found;
}

}  // namespace

Bytes encode(const ClusterCursor& cursor) {
  Bytes out;
  out.push_back(static_cast<char>(cursor.node.value.size()));
  out += cursor.node.value;
  out += cursor.inner;
  return out;
}

Result<ClusterCursor> decode_cluster_cursor(BytesView bytes) {
  if (bytes.empty()) return ClusterCursor{};
  const auto size = static_cast<std::size_t>(static_cast<unsigned char>(bytes[0]));
  if (size == 0 || size > limits::node_id_bytes_max || bytes.size() < 1 + size) {
    return fail(ErrorCode::invalid_argument, "the cursor is not one that a client has given out");
  }
  return ClusterCursor{NodeId{std::string{bytes.substr(1, size)}}, Bytes{bytes.substr(1 + size)}};
}

bool may_have_actors(const Member& member) { return member.state != MemberState::joining; }

const Member* node_from(const View& view, std::string_view id) {
  return first_where(view, [&](const Member& m) { return m.node_id.value >= id && may_have_actors(m); });
}

const Member* node_after(const View& view, std::string_view id) {
  return first_where(view, [&](const Member& m) { return m.node_id.value > id && may_have_actors(m); });
}

Bytes with_cursor(const wire::ListPage& page, BytesView cursor) {
  Bytes out;
  MsgpackWriter writer(out);
  writer.write_array(2);
  writer.write_array(static_cast<std::uint32_t>(page.keys.size()));
  for (const auto key : page.keys) writer.write_bin(key);
  writer.write_bin(cursor);
  return out;
}

}  // namespace reki
