#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "reki/core/base/bytes.hpp"

/// What docs/protocol.md says, for the tests that replay it.
namespace test {

/// The cells of the tables in section `number`, without headings (bold or not) and rules.
std::vector<std::vector<std::string>> table(int number);

/// The bytes of the ```hex blocks of a section under the title that they stand under.
std::map<std::string, reki::Bytes> examples(int number);

std::string hex_of(reki::BytesView bytes);

}  // namespace test
