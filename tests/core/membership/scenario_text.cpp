#include "scenario_text.hpp"

#include <algorithm>
#include <vector>

namespace test {
namespace {

using Lines = std::vector<std::string>;

Lines lines_of(std::string_view text) {
  Lines out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

bool is_command(const std::string& line) { return !line.empty() && line[0] != '#'; }

struct Change {
  char kind;  ///< ' ' in both, '-' only in the first, '+' only in the second.
  std::string line;
  std::size_t place;  ///< In the first.
};

/// By the longest common subsequence.
std::vector<Change> changes(const Lines& a, const Lines& b) {
  std::vector<std::vector<std::size_t>> common(a.size() + 1, std::vector<std::size_t>(b.size() + 1, 0));
  for (std::size_t i = a.size(); i-- > 0;) {
    for (std::size_t j = b.size(); j-- > 0;) {
      common[i][j] = a[i] == b[j] ? common[i + 1][j + 1] + 1 : std::max(common[i + 1][j], common[i][j + 1]);
    }
  }
  std::vector<Change> out;
  for (std::size_t i = 0, j = 0; i < a.size() || j < b.size();) {
    if (i < a.size() && j < b.size() && a[i] == b[j]) {
      out.push_back({' ', a[i], i});
      ++i, ++j;
    } else if (j == b.size() || (i < a.size() && common[i + 1][j] >= common[i][j + 1])) {
      out.push_back({'-', a[i], i});
      ++i;
    } else {
      out.push_back({'+', b[j++], i});
    }
  }
  return out;
}

}  // namespace

std::string played(std::string_view text, const std::function<std::string(const std::string&)>& command) {
  const Lines lines = lines_of(text);
  std::string out;
  for (std::size_t i = 0; i < lines.size();) {
    if (!is_command(lines[i])) {
      out += lines[i++] + "\n";
      continue;
    }
    std::string printed;
    for (; i < lines.size() && !lines[i].empty() && lines[i] != "----"; ++i) {
      out += lines[i] + "\n";
      if (is_command(lines[i])) printed += command(lines[i]);
    }
    while (i < lines.size() && !lines[i].empty()) ++i;  // what it printed last time
    out += "----\n" + (printed.empty() ? "ok\n" : printed);
  }
  return out;
}

std::string diff(std::string_view was, std::string_view is) {
  constexpr std::size_t around = 4;
  const std::vector<Change> all = changes(lines_of(was), lines_of(is));
  std::string out;
  std::size_t shown = 0;  // up to here
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].kind == ' ') continue;
    const std::size_t from = std::max(shown, i - std::min(i, around));
    if (from > shown || out.empty()) out += "line " + std::to_string(all[from].place + 1) + ":\n";
    std::size_t end = from;
    for (; end <= i; ++end) out += std::string("  ") + all[end].kind + " " + all[end].line + "\n";
    // What follows belongs to it, as far as nothing else has changed there.
    for (; end < all.size() && end <= i + around && all[end].kind == ' '; ++end) out += "    " + all[end].line + "\n";
    shown = end;
  }
  return out;
}

}  // namespace test
