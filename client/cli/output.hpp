#pragma once

#include <string>
#include <vector>

#include "reki/client/cli/json_codec.hpp"
#include "reki/core/base/error.hpp"

/// What the command prints: results on stdout, for people or as one JSON document; errors on stderr.
namespace reki::cli {

inline constexpr int exit_ok = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;
inline constexpr int exit_unreachable = 3;

int exit_code_of(ErrorCode code);

/// A result in both forms; the table's first row is its head. No table: `text` alone. An empty one has been printed
/// already.
struct Report {  // NOLINT(bugprone-exception-escape): that of Json, which says noexcept
  Json json;
  std::vector<std::vector<std::string>> table;
  std::string text;
};

/// Columns as wide as their widest cell, two blanks between them; numbers are flush right.
std::string format_table(const std::vector<std::vector<std::string>>& rows);

void print(const Report& report, bool as_json);
/// Code, text and remedy on stderr, and with `as_json` as a document on stdout too. Returns the exit code.
int print_error(const Error& error, bool as_json);

/// JSON on one line, with bytes that are not UTF-8 replaced.
std::string one_line(const Json& json);

}  // namespace reki::cli
