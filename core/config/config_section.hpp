#pragma once

#include <toml++/toml.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reki/core/config/config.hpp"

/// How a config file is read key by key, with a place and a remedy for each mistake. For `parse_config` and its parts.
namespace reki::config_file {

using Words = std::span<const std::string_view>;

/// In quotes, and cut if it is long.
[[nodiscard]] std::string quoted(std::string_view s);
[[nodiscard]] std::string joined(Words words);
/// "did you mean 'x'? " or nothing.
[[nodiscard]] std::string guess(std::string_view word, Words candidates);
[[nodiscard]] ConfigPlace place_of(toml::source_position at);

/// The mistakes found so far, each with its place.
class Problems {
 public:
  void add(toml::source_position at, std::string text) { found_.push_back({at.line, at.column, std::move(text)}); }
  void add(const toml::node& at, std::string text) { add(at.source().begin, std::move(text)); }
  [[nodiscard]] bool empty() const { return found_.empty(); }
  [[nodiscard]] Error error(std::string_view file);

 private:
  struct Problem {
    toml::source_index line;
    toml::source_index column;
    std::string text;
  };
  std::vector<Problem> found_;
};

/// One table of the file. Its keys are asked for by name and type; what was not asked for is unknown to reki.
class Section {
 public:
  Section(const toml::table& table, std::string name, Problems& problems)
      : table_(table), name_(std::move(name)), problems_(problems) {}

  /// The key's value, null when absent. Makes the key a known one.
  const toml::node* get(std::string_view key);

  // Nothing if the key is absent, or wrong: then there is a problem.
  std::optional<std::string> text(std::string_view key);
  std::optional<std::string> required_text(std::string_view key, std::string_view example);
  std::optional<std::int64_t> number(std::string_view key, std::int64_t min, std::int64_t max);
  /// A key that came with the level `since`: to who has a lower one it is unknown, as `level` says.
  std::optional<std::string> later_text(std::string_view key, Level since, Level level);
  std::optional<bool> boolean(std::string_view key);
  std::optional<Duration> duration(std::string_view key, Duration min, Duration max);
  /// The place in `words` of the key's value.
  std::optional<std::size_t> one_of(std::string_view key, Words words);
  /// An identifier: what can stand in a path, a URL, a command line and a metric's label as it is.
  std::optional<std::string> required_name(std::string_view key, std::string_view example, std::size_t bytes_max);

  void wrong(std::string_view key, std::string text);
  void missing(std::string_view key, std::string_view example);
  /// REQUIRES: the key is there.
  [[nodiscard]] toml::source_position place(std::string_view key) const { return table_.get(key)->source().begin; }
  /// Names the keys that were never asked for.
  void refuse_unknown();

 private:
  void wrong_type(const toml::node& node, std::string_view key, std::string_view wanted);

  const toml::table& table_;
  std::string name_;
  Problems& problems_;
  std::vector<std::string_view> known_;
};

/// `[cluster] seeds`.
[[nodiscard]] std::vector<std::string> read_seeds(const toml::node& node, Problems& problems);

/// `[etcd]`.
[[nodiscard]] EtcdConfig read_etcd(const toml::table& table, Problems& problems);

}  // namespace reki::config_file
