#pragma once

#include <functional>
#include <string>
#include <string_view>

/// Texts of commands and of what they print, as in cockroachdb/datadriven:
/// ```
/// # A comment.
///
/// cut n1
/// run 2s
/// ----
/// what both print, without empty lines
///
/// the next command
/// ```
/// So what a machine does can be read, and a change of it is read as a change of the text.
namespace test {

/// The text as it ought to be: each command is carried out, in order, and what it prints stands below it. Where a
/// command has nothing below it yet, not even the line "----", it gets both. A command that prints nothing prints "ok".
[[nodiscard]] std::string played(std::string_view text, const std::function<std::string(const std::string&)>& command);

/// What has to be changed in `was` to get `is`, line by line, with the lines around it and their numbers in `was`;
/// empty if they are equal.
[[nodiscard]] std::string diff(std::string_view was, std::string_view is);

}  // namespace test
