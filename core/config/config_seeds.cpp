#include <algorithm>

#include "reki/core/base/endpoint.hpp"
#include "reki/core/base/limits.hpp"
#include "reki/core/config/config_section.hpp"

namespace reki::config_file {

static_assert(limits::seeds_max == 16, "as the text below says");

std::vector<std::string> read_seeds(const toml::node& node, Problems& problems) {
  std::vector<std::string> out;
  const toml::array* array = node.as_array();
  if (array == nullptr || array->empty() || array->size() > limits::seeds_max) {
    problems.add(node, R"(seeds is not an array of 1 to 16 names; write seeds = ["dns://NAME:PORT"], with the port of the nodes' control addresses)");
    return out;
  }
  for (const toml::node& each : *array) {
    const auto* text = each.as_string();
    const auto seed = text == nullptr ? Result<Endpoint>{} : parse_seed(text->get());
    if (text == nullptr) problems.add(each, R"(a seed is not a string; write "dns://NAME:PORT" in quotes)");
    else if (!seed) problems.add(each, "seeds: " + seed.error().text);
    else if (std::ranges::find(out, text->get()) != out.end()) problems.add(each, "seeds names " + quoted(text->get()) + " twice; name it once");
    else out.push_back(text->get());
  }
  return out;
}

}  // namespace reki::config_file
