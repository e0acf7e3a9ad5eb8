#include "reki/client/cli/output.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <iostream>

#include "reki/core/base/assert.hpp"

namespace reki::cli {
namespace {

bool looks_like_number(const std::string& cell) {
  return !cell.empty() && cell.find_first_not_of("0123456789.,-%") == std::string::npos;
}

/// Code points rather than bytes: near enough for a terminal.
std::size_t width(const std::string& cell) {
  return static_cast<std::size_t>(std::count_if(cell.begin(), cell.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

unsigned char byte(std::string_view text, std::size_t i) { return static_cast<unsigned char>(text[i]); }

/// Bytes of the character of UTF-8 that begins there; 0: none does (Unicode 15, table 3-7).
std::size_t utf8_bytes(std::string_view text, std::size_t at) {
  const unsigned char first = byte(text, at);
  const std::size_t size = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (size < 2) return size;
  if (at + size > text.size()) return 0;
  const auto is_within = [&](std::size_t i, unsigned low, unsigned high) { return byte(text, i) >= low && byte(text, i) <= high; };
  // The second byte rules out what is written too long, surrogates, and what is beyond U+10FFFF.
  const unsigned low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  const unsigned high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  if (!is_within(at + 1, low, high)) return 0;
  for (std::size_t i = at + 2; i < at + size; ++i) {
    if (!is_within(i, 0x80, 0xbf)) return 0;
  }
  return size;
}

std::string escaped(const char* prefix, unsigned char value) {
  constexpr std::string_view digits = "0123456789abcdef";
  return std::string(prefix) + digits[value >> 4] + digits[value & 15];
}

std::string printable_byte(unsigned char c) {
  if (c == '\n') return "\\n";
  if (c == '\t') return "\\t";
  if (c == '\r') return "\\r";
  return escaped("\\x", c);
}

/// An error's lines, of which the second and those after it are indented, so that none looks like a line of the command's.
std::string printable_lines(std::string_view text) {
  std::string out;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t end = std::min(text.find('\n', from), text.size());
    const std::string line = printable(text.substr(from, end - from));
    if (from > 0) out += line.starts_with("  ") ? "\n" : "\n  ";
    out += line;
    from = end + 1;
  }
  return out;
}

constexpr std::uint64_t exact_max = std::uint64_t{1} << 53;

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = utf8_bytes(text, at);
    const unsigned char first = byte(text, at);
    const bool is_c1 = size == 2 && first == 0xc2 && byte(text, at + 1) < 0xa0;
    if (size == 0 || first < 0x20) {
      out += printable_byte(first);
    } else if (is_c1 || first == 0x7f) {
      out += escaped("\\u00", byte(text, at + size - 1));  // as JSON has it
    } else {
      out += text.substr(at, size);
    }
    at += std::max<std::size_t>(size, 1);
  }
  return out;
}

Json for_any_reader(Json json) {
  if (json.is_structured()) {
    for (auto& element : json) element = for_any_reader(std::move(element));
    return json;
  }
  const bool is_wide = json.is_number_unsigned()  ? json.get<std::uint64_t>() > exact_max
                       : json.is_number_integer() ? json.get<std::int64_t>() < -static_cast<std::int64_t>(exact_max)
                                                  : false;
  return is_wide ? Json(json.dump()) : json;
}

void secure_standard_files() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) >= 0) continue;
    // The lowest number that is free. Nothing can be written to a stdout that is open for reading.
    const int opened = ::open("/dev/null", (fd == STDERR_FILENO ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
    REKI_ASSERT(opened == fd || opened < 0);
  }
}

int finish(int code) {
  errno = 0;
  if (std::cout.flush()) return code;
  const int number = errno;
  std::cerr << "reki: cannot write to stdout" << (number != 0 ? std::string(": ") + std::strerror(number) : "") << "\n";
  return code == exit_ok ? exit_failed : code;
}

int exit_code_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::ok:
      return exit_ok;
    case ErrorCode::invalid_argument:
    case ErrorCode::bad_config:
    case ErrorCode::wrong_cluster:
      return exit_usage;
    case ErrorCode::unreachable:
    case ErrorCode::deadline_exceeded:
    case ErrorCode::unknown_outcome:
      return exit_unreachable;
    case ErrorCode::not_running:
    case ErrorCode::gone:
    case ErrorCode::unknown_type:
    case ErrorCode::unknown_message:
      return exit_not_found;
    case ErrorCode::unavailable:
      return exit_unavailable;
    case ErrorCode::refused:
    case ErrorCode::already_started:
    case ErrorCode::start_failed:
    case ErrorCode::restarting:
    case ErrorCode::crash_loop:
    case ErrorCode::overloaded:
    case ErrorCode::shutting_down:
      return exit_refused;
    default:
      return exit_failed;
  }
}

std::string format_table(const std::vector<std::vector<std::string>>& cells) {
  auto rows = cells;
  for (auto& row : rows) std::ranges::transform(row, row.begin(), printable);
  std::vector<std::size_t> widths;
  std::vector<bool> numbers;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    widths.resize(std::max(widths.size(), rows[r].size()), 0);
    numbers.resize(widths.size(), true);
    for (std::size_t c = 0; c < rows[r].size(); ++c) {
      widths[c] = std::max(widths[c], width(rows[r][c]));
      if (r > 0 && !rows[r][c].empty() && !looks_like_number(rows[r][c])) numbers[c] = false;
    }
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) {
      const std::string blanks(widths[c] - width(row[c]), ' ');
      line += (c == 0 ? "" : "  ") + (numbers[c] ? blanks + row[c] : row[c] + blanks);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

std::string one_line(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

void print(const Report& report, bool as_json) {
  if (report.json.is_null() && report.table.empty() && report.text.empty()) return;
  if (as_json) {
    std::cout << for_any_reader(report.json).dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
  } else {
    std::cout << format_table(report.table) << report.text;
  }
}

std::string_view remedy_of(ErrorCode code, std::string_view verb) {
  constexpr std::string_view about_the_cluster[] = {"init", "nodes", "status", "voters", "profile", "upgrade"};
  constexpr ErrorCode about_actors[] = {ErrorCode::already_started, ErrorCode::unknown_outcome, ErrorCode::unavailable,
                                        ErrorCode::invalid_argument};
  const bool is_of_cluster = std::ranges::any_of(about_the_cluster, [&](std::string_view one) { return verb.starts_with(one); });
  const bool is_of_actors = std::ranges::find(about_actors, code) != std::end(about_actors);
  return is_of_cluster && is_of_actors ? std::string_view{} : reki::remedy_of(code);
}

int print_error(const Error& error, std::string_view verb, bool as_json) {
  const std::string name{name_of(error.code)};
  const std::string remedy{remedy_of(error.code, verb)};
  std::cerr << "reki: " << name << (error.text.empty() ? "" : ": ") << printable_lines(error.text) << "\n";
  if (error.retry_after > Duration{0}) std::cerr << "  Try again in " << milliseconds_of(error.retry_after) << " ms.\n";
  if (!remedy.empty()) std::cerr << "  " << remedy << "\n";
  if (as_json) {
    Json json{{"error", {{"code", static_cast<int>(error.code)}, {"name", name}, {"text", error.text}, {"remedy", remedy}}}};
    if (error.retry_after > Duration{0}) json["error"]["retry_after_ms"] = milliseconds_of(error.retry_after);
    print({json, {}, {}}, true);
  }
  return exit_code_of(error.code);
}

}  // namespace reki::cli
