#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "reki/core/base/bytes.hpp"
#include "reki/core/base/levels.hpp"

namespace reki {

/// The head of a register's file: the form of the file, and the reki that wrote it so.
///
/// Pure. Text, then zeros to the end of its block:
/// ```
/// reki register, version 2
/// written by reki 0.1.0 (level 1)
/// check 1234567890            XXH3_64bits of the lines before
/// ```
/// Form 1 had the first line alone. Later forms begin with such a head too, perhaps with more lines before the check:
/// so that an earlier reki can say that it is too old, and for what.
struct RegisterHead {
  std::uint32_t form = 0;
  std::string written_by;  ///< As `this_reki` says.
};

inline constexpr std::size_t register_head_bytes = 4096;
/// The form that a register has once the cluster has that level. That of `next_level` stands in for one to come: its records
/// say their level.
[[nodiscard]] constexpr std::uint32_t register_form_of(Level level) { return level < next_level ? 2 : 3; }

/// This reki, as a head names it: "reki 0.1.0 (level 1)", with the highest that it supports.
[[nodiscard]] std::string this_reki();
/// `register_head_bytes`. REQUIRES: `form` is 2 or more.
[[nodiscard]] Bytes encode(const RegisterHead& head);
/// Total; nothing if any byte of it is another.
[[nodiscard]] std::optional<RegisterHead> decode_register_head(BytesView block);

}  // namespace reki
