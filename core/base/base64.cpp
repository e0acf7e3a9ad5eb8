#include "reki/core/base/base64.hpp"

#include <absl/strings/escaping.h>

namespace reki {

std::string to_base64(BytesView bytes) { return absl::Base64Escape({bytes.data(), bytes.size()}); }

std::optional<Bytes> from_base64(std::string_view text) {
  Bytes out;
  if (!absl::Base64Unescape({text.data(), text.size()}, &out)) return std::nullopt;
  if (to_base64(out) != text) return std::nullopt;  // Abseil takes more than the standard's form
  return out;
}

}  // namespace reki
