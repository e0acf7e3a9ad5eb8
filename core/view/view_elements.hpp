#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "reki/core/view/view.hpp"
#include "reki/core/wire/codec_elements.hpp"
#include "reki/core/wire/msgpack_reader.hpp"
#include "reki/core/wire/msgpack_writer.hpp"

/// The parts of a view as msgpack (docs/protocol.md, section 3), for views, deltas and the control plane. Pure.
namespace reki {

void write_member(MsgpackWriter& out, const Member& member);
void write_levels(MsgpackWriter& out, const LevelRange& levels);
void write_settings(MsgpackWriter& out, const Settings& settings);
/// How many elements the voters, settings and level are that stand at a view's end; and those.
[[nodiscard]] std::uint32_t tail_elements(const ViewHead& head);
void write_tail(MsgpackWriter& out, const ViewHead& head);

/// False, and the cursor is anywhere, if what comes next is no member. Whether it can be in a view is not checked.
[[nodiscard]] bool read_member(MsgpackReader& in, Member& out);
/// As read_member. Appends to `out`.
[[nodiscard]] bool read_members(MsgpackReader& in, std::uint32_t count, std::vector<Member>& out);
/// As read_member. Whether they are sound is not checked.
[[nodiscard]] bool read_levels(BytesView value, LevelRange& out);
[[nodiscard]] bool read_settings(MsgpackReader& in, Settings& out);
/// Voters, old voters, settings and level, each of which may be left out. A fault goes into `elements`.
void read_tail(wire::Elements& elements, MsgpackReader& in, ViewHead& head);

}  // namespace reki
