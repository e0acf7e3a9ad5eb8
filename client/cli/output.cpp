#include "reki/client/cli/output.hpp"

#include <algorithm>
#include <iostream>

namespace reki::cli {
namespace {

bool looks_like_number(const std::string& cell) {
  return !cell.empty() && cell.find_first_not_of("0123456789.,-%") == std::string::npos;
}

/// Code points rather than bytes: near enough for a terminal.
std::size_t width(const std::string& cell) {
  return static_cast<std::size_t>(std::count_if(cell.begin(), cell.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

}  // namespace

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
    default:
      return exit_failed;
  }
}

std::string format_table(const std::vector<std::vector<std::string>>& rows) {
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
    std::cout << report.json.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
  } else {
    std::cout << format_table(report.table) << report.text;
  }
}

int print_error(const Error& error, bool as_json) {
  const std::string name{name_of(error.code)};
  const std::string remedy{remedy_of(error.code)};
  std::cerr << "reki: " << name << (error.text.empty() ? "" : ": ") << error.text << "\n";
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
