#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "reki/client/cli/json_codec.hpp"
#include "reki/core/base/error.hpp"

/// What the command prints: results on stdout, for people or as one JSON document; errors on stderr.
namespace reki::cli {

inline constexpr int exit_ok = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;        ///< Or the configuration.
inline constexpr int exit_unreachable = 3;  ///< Nobody has answered in time.
inline constexpr int exit_not_found = 4;    ///< The answer is that there is none.
inline constexpr int exit_unavailable = 5;  ///< The node serves nothing now: no quorum, no lease, the key is moving.
inline constexpr int exit_refused = 6;      ///< The node or the actor says no; nothing was done.

int exit_code_of(ErrorCode code);

/// A result in both forms; the table's first row is its head. No table: `text` alone. An empty one has been printed
/// already.
struct Report {  // NOLINT(bugprone-exception-escape): that of Json, which says noexcept
  Json json;
  std::vector<std::vector<std::string>> table;
  std::string text;
};

/// Keys and the texts of errors may hold any bytes: what a terminal would take for a command, and what is no UTF-8, as
/// `\n`, `\t`, `\r`, `\xNN` or `\u00NN`. For people alone: two texts may look the same.
std::string printable(std::string_view text);

/// Columns as wide as their widest cell, two blanks between them; numbers are flush right. Cells are made printable.
std::string format_table(const std::vector<std::vector<std::string>>& cells);

void print(const Report& report, bool as_json);
/// The error's remedy; empty where it tells what to do about an actor, and the verb is about the cluster: then the text does so.
std::string_view remedy_of(ErrorCode code, std::string_view verb);
/// Code, text and remedy on stderr, and with `as_json` as a document on stdout too. Returns the exit code.
int print_error(const Error& error, std::string_view verb, bool as_json);

/// JSON on one line, with bytes that are not UTF-8 replaced.
std::string one_line(const Json& json);

/// Integers beyond 2^53, which most readers of JSON round, become strings.
Json for_any_reader(Json json);

/// Before all else: where stdin, stdout or stderr is closed no socket may take its number. Writing to such a stdout fails.
void secure_standard_files();
/// At the end, with the exit code so far: if something could not be written to stdout says so, and it is `exit_failed`.
int finish(int code);

}  // namespace reki::cli
