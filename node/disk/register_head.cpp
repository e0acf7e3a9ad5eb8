#include "reki/node/disk/register_head.hpp"

#include <charconv>

#include "reki/core/base/assert.hpp"
#include "reki/core/base/hash.hpp"

namespace reki {
namespace {

constexpr std::string_view title = "reki register, version ";
constexpr std::string_view writer = "\nwritten by ";

std::string check_line(BytesView lines) { return "check " + std::to_string(hash_type(lines, 0)) + "\n"; }

/// Up to the zeros that fill the block; empty: something follows them.
BytesView text_of(BytesView block) {
  const auto end = block.find('\0');
  if (block.size() != register_head_bytes || end == BytesView::npos) return {};
  return block.find_first_not_of('\0', end) == BytesView::npos ? block.substr(0, end) : BytesView{};
}

}  // namespace

std::string this_reki() { return "reki " REKI_VERSION " (level " + std::to_string(supported_levels.max) + ")"; }

Bytes encode(const RegisterHead& head) {
  REKI_ASSERT(head.form >= 2);
  Bytes out = std::string(title) + std::to_string(head.form) + std::string(writer) + head.written_by + "\n";
  out += check_line(out);
  REKI_ASSERT(out.size() < register_head_bytes);
  out.resize(register_head_bytes, '\0');
  return out;
}

std::optional<RegisterHead> decode_register_head(BytesView block) {
  const BytesView text = text_of(block);
  if (!text.starts_with(title)) return std::nullopt;
  RegisterHead out;
  const char* const number = text.data() + title.size();
  const auto [end, fault] = std::from_chars(number, text.data() + text.size(), out.form);
  if (fault != std::errc{} || end == text.data() + text.size() || *end != '\n') return std::nullopt;
  if (out.form == 1 && end + 1 == text.data() + text.size()) return out;
  const auto check_at = text.rfind("check ");
  if (out.form < 2 || check_at == BytesView::npos) return std::nullopt;
  if (text.substr(check_at) != check_line(text.substr(0, check_at))) return std::nullopt;
  if (const auto at = text.find(writer); at != BytesView::npos) {
    const BytesView rest = text.substr(at + writer.size());
    out.written_by = rest.substr(0, rest.find('\n'));
  }
  return out;
}

}  // namespace reki
