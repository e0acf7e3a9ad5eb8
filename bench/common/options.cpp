#include "reki/bench/options.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>

namespace reki::bench {

void Options::bad_usage(const std::string& what) {
  std::fprintf(stderr, "error: %s\n", what.c_str());
  std::exit(2);
}

Options::Options(int argc, const char* const* argv, const std::vector<std::string_view>& keys,
                 const std::vector<std::string_view>& flags) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const auto name = word.starts_with("--") ? word.substr(2) : std::string_view{};
    if (std::ranges::find(flags, name) != flags.end()) {
      values_.emplace(name, "");
    } else if (std::ranges::find(keys, name) == keys.end()) {
      bad_usage("unknown option '" + std::string{word} + "'");
    } else if (++i == argc) {
      bad_usage("a value is missing behind " + std::string{word});
    } else {
      values_.insert_or_assign(std::string{name}, argv[i]);
    }
  }
}

std::string Options::text(std::string_view key, std::string_view otherwise) const {
  const auto found = values_.find(key);
  return found == values_.end() ? std::string{otherwise} : found->second;
}

std::string Options::choice(std::string_view key, const std::vector<std::string_view>& allowed) const {
  auto out = text(key, allowed.front());
  if (std::ranges::find(allowed, out) != allowed.end()) return out;
  std::string names;
  for (const auto name : allowed) names.append(" ").append(name);
  bad_usage("--" + std::string{key} + " is one of:" + names);
}

double Options::number(std::string_view key, double otherwise) const {
  const auto found = values_.find(key);
  if (found == values_.end()) return otherwise;
  double out = 0;
  const auto& value = found->second;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), out);
  if (error != std::errc{} || end != value.data() + value.size() || !(out >= 0)) {
    bad_usage("--" + std::string{key} + " is a number from 0 on, not '" + value + "'");
  }
  return out;
}

long Options::whole(std::string_view key, long otherwise) const {
  const double out = number(key, static_cast<double>(otherwise));
  if (out != static_cast<double>(static_cast<long>(out))) bad_usage("--" + std::string{key} + " is a whole number");
  return static_cast<long>(out);
}

}  // namespace reki::bench
