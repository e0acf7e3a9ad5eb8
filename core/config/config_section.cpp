#include "reki/core/config/config_section.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "reki/core/base/closest_match.hpp"
#include "reki/core/base/limits.hpp"

namespace reki::config_file {
namespace {

constexpr const char* duration_remedy = R"(write a number with us, ms, s, m or h, as in "500ms" or "10m")";

}  // namespace

std::string quoted(std::string_view s) {
  constexpr std::size_t shown_max = 80;
  return "'" + std::string(s.substr(0, shown_max)) + (s.size() > shown_max ? "...'" : "'");
}

std::string joined(Words words) {
  std::string out;
  for (const std::string_view w : words) out += (out.empty() ? "" : ", ") + std::string(w);
  return out;
}

std::string guess(std::string_view word, Words candidates) {
  const std::string_view meant = closest_match(word, candidates);
  return meant.empty() ? std::string{} : "did you mean " + quoted(meant) + "? ";
}

ConfigPlace place_of(toml::source_position at) { return {at.line, at.column}; }

Error Problems::error(std::string_view file) {
  std::ranges::stable_sort(found_, {}, [](const Problem& p) { return std::tuple(p.line, p.column); });
  std::string text;
  for (std::size_t i = 0; i < found_.size() && i < limits::config_problems_shown_max; ++i) {
    const Problem& p = found_[i];
    if (i > 0) text += '\n';
    text += std::string(file) + ':' + std::to_string(p.line) + ':' + std::to_string(p.column) + ": " + p.text;
  }
  if (found_.size() > limits::config_problems_shown_max) text += "\nand " + std::to_string(found_.size() - limits::config_problems_shown_max) + " more";
  return Error{ErrorCode::bad_config, std::move(text)};
}

const toml::node* Section::get(std::string_view key) {
  known_.push_back(key);
  return table_.get(key);
}

std::optional<std::string> Section::text(std::string_view key) {
  const toml::node* node = get(key);
  if (node == nullptr) return std::nullopt;
  if (const auto* s = node->as_string()) return s->get();
  wrong_type(*node, key, "a string; put it in quotes");
  return std::nullopt;
}

std::optional<std::string> Section::later_text(std::string_view key, Level since, Level level) {
  if (since <= level) return text(key);
  // Who asks on behalf of another reki, and has the key itself, can say more than that it is unknown.
  if (since > supported_levels.max || table_.get(key) == nullptr) return std::nullopt;
  problems_.add(*get(key), std::string(key) + " came with level " + std::to_string(since) + ", and a reki of level " + std::to_string(level) +
                               " refuses a file that has it; leave it out until all nodes run a reki of level " + std::to_string(since) +
                               " and 'reki upgrade finish' has been run");
  return std::nullopt;
}

std::optional<std::string> Section::required_text(std::string_view key, std::string_view example) {
  if (table_.get(key) == nullptr) missing(key, example);
  return text(key);
}

std::optional<std::int64_t> Section::number(std::string_view key, std::int64_t min, std::int64_t max) {
  const toml::node* node = get(key);
  if (node == nullptr) return std::nullopt;
  const auto* n = node->as_integer();
  if (n == nullptr) {
    wrong_type(*node, key, "a whole number");
  } else if (n->get() < min || n->get() > max) {
    problems_.add(*node, std::string(key) + " is " + std::to_string(n->get()) + "; write a number from " +
                             std::to_string(min) + " to " + std::to_string(max));
  } else {
    return n->get();
  }
  return std::nullopt;
}

std::optional<bool> Section::boolean(std::string_view key) {
  const toml::node* node = get(key);
  if (node == nullptr) return std::nullopt;
  if (const auto* b = node->as_boolean()) return b->get();
  wrong_type(*node, key, "true or false");
  return std::nullopt;
}

std::optional<Duration> Section::duration(std::string_view key, Duration min, Duration max) {
  const toml::node* node = get(key);
  if (node == nullptr) return std::nullopt;
  Result<Duration> d = fail(ErrorCode::invalid_argument);
  if (const auto* s = node->as_string()) {
    d = parse_duration(s->get());
    if (!d) problems_.add(*node, std::string(key) + ": " + d.error().text + "; " + duration_remedy);
  } else if (const auto* n = node->as_integer(); n != nullptr && n->get() == 0) {
    d = Duration{0};
  } else {
    wrong_type(*node, key, "a duration; " + std::string(duration_remedy));
  }
  if (!d) return std::nullopt;
  if (*d >= min && *d <= max) return *d;
  problems_.add(*node, std::string(key) + " is " + to_text(*d) + "; write a duration from " + to_text(min) + " to " +
                           to_text(max));
  return std::nullopt;
}

std::optional<std::size_t> Section::one_of(std::string_view key, Words words) {
  const std::optional<std::string> value = text(key);
  if (!value) return std::nullopt;
  const auto it = std::ranges::find(words, *value);
  if (it != words.end()) return static_cast<std::size_t>(it - words.begin());
  problems_.add(*table_.get(key), std::string(key) + " is " + quoted(*value) + "; " + guess(*value, words) +
                                      "use one of: " + joined(words));
  return std::nullopt;
}

std::optional<std::string> Section::required_name(std::string_view key, std::string_view example, std::size_t bytes_max) {
  std::optional<std::string> name = required_text(key, example);
  if (!name) return std::nullopt;
  const bool plain = name->find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
                     std::string::npos;
  const bool is_folder = *name == "." || *name == "..";
  if (!name->empty() && name->size() <= bytes_max && plain && !is_folder) return name;
  const std::string remedy = is_folder ? ", and is a part of paths; use another"
                                       : "; use 1 to " + std::to_string(bytes_max) + " letters, digits, '.', '_' or '-'";
  wrong(key, std::string(key) + " is " + quoted(*name) + remedy);
  return std::nullopt;
}

void Section::wrong(std::string_view key, std::string text) {
  const toml::node* node = table_.get(key);
  problems_.add(node == nullptr ? table_ : *node, std::move(text));
}

void Section::missing(std::string_view key, std::string_view example) {
  problems_.add(table_,
                name_ + " has no " + quoted(key) + "; add " + std::string(key) + " = " + std::string(example));
}

void Section::refuse_unknown() {
  for (auto&& [key, value] : table_) {
    if (std::ranges::find(known_, key.str()) != known_.end()) continue;
    problems_.add(key.source().begin, "unknown key " + quoted(key.str()) + " in " + name_ + "; " +
                                          guess(key.str(), known_) + "the keys are: " + joined(known_));
  }
}

void Section::wrong_type(const toml::node& node, std::string_view key, std::string_view wanted) {
  std::string type;
  switch (node.type()) {
    case toml::node_type::table:
      type = "a table";
      break;
    case toml::node_type::array:
      type = "an array";
      break;
    case toml::node_type::string:
      type = "a string";
      break;
    case toml::node_type::integer:
      type = "a whole number";
      break;
    case toml::node_type::floating_point:
      type = "a number with a fraction";
      break;
    case toml::node_type::boolean:
      type = "true or false";
      break;
    default:
      type = "a date or time";
      break;
  }
  problems_.add(node, std::string(key) + " is " + type + "; it must be " + std::string(wanted));
}

}  // namespace reki::config_file
