#include "protocol_page.hpp"

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <sstream>

using reki::Bytes;
using reki::BytesView;

namespace test {
namespace {

/// The lines of the page between the heading "## <number>. " and the next one of its rank.
std::vector<std::string> section(int number) {
  std::ifstream page{REKI_PROTOCOL_PAGE};
  BOOST_REQUIRE_MESSAGE(page, "cannot read " REKI_PROTOCOL_PAGE);
  std::vector<std::string> lines;
  bool inside = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("## ")) inside = line.starts_with("## " + std::to_string(number) + ". ");
    if (inside) lines.push_back(line);
  }
  BOOST_REQUIRE(!lines.empty());
  return lines;
}

}  // namespace

std::vector<std::vector<std::string>> table(int number) {
  std::vector<std::vector<std::string>> rows;
  for (const std::string& line : section(number)) {
    if (!line.starts_with("| ")) continue;
    std::vector<std::string> cells;
    std::istringstream in{line.substr(1)};
    for (std::string cell; std::getline(in, cell, '|');) {
      const auto first = cell.find_first_not_of(' ');
      cells.push_back(first == std::string::npos ? "" : cell.substr(first, cell.find_last_not_of(' ') - first + 1));
    }
    rows.push_back(cells);
  }
  BOOST_REQUIRE(rows.size() > 1);
  rows.erase(rows.begin());  // the heading; the rule begins with "|-"
  return rows;
}

std::map<std::string, Bytes> examples(int number) {
  std::map<std::string, Bytes> found;
  std::string title;
  bool hex = false;
  for (const std::string& line : section(number)) {
    if (line.starts_with("###")) title = line.substr(line.find(' ') + 1);
    if (line == "```hex") {
      hex = true;
      BOOST_REQUIRE_MESSAGE(!found.contains(title), "two examples under " << title);
      found[title];
      continue;
    }
    if (line == "```") hex = false;
    if (!hex) continue;
    std::istringstream in{line.substr(0, line.find(';'))};
    for (std::string byte; in >> byte;) {
      BOOST_REQUIRE_MESSAGE(byte.size() == 2, "not a byte under " << title << ": " << byte);
      found[title].push_back(static_cast<char>(std::stoi(byte, nullptr, 16)));
    }
  }
  return found;
}

std::string hex_of(BytesView bytes) {
  std::string out;
  for (const char c : bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    out += {digits[byte >> 4], digits[byte & 15], ' '};
  }
  return out;
}

}  // namespace test
