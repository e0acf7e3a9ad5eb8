#pragma once

#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace chaos {

/// The NAME=VALUE words of a command line.
class Words {
 public:
  /// Throws std::invalid_argument for a word that is none, and for a name that is not in `known`.
  Words(char** begin, char** end, std::vector<std::string_view> known) {
    for (char** at = begin; at != end; ++at) {
      const std::string word = *at;
      const auto equals = word.find('=');
      bool is_known = false;
      for (const auto name : known) is_known = is_known || name == word.substr(0, equals);
      if (equals == word.npos || !is_known) throw std::invalid_argument("unknown option: " + word);
      values_[word.substr(0, equals)] = word.substr(equals + 1);
    }
  }

  [[nodiscard]] std::string text(const std::string& name, const std::string& otherwise = {}) const {
    const auto found = values_.find(name);
    return found == values_.end() ? otherwise : found->second;
  }
  [[nodiscard]] std::int64_t number(const std::string& name, std::int64_t otherwise) const {
    const auto found = values_.find(name);
    return found == values_.end() ? otherwise : std::stoll(found->second);
  }
  /// Of "a,b,c".
  [[nodiscard]] std::vector<std::string> list(const std::string& name) const {
    std::vector<std::string> out;
    const std::string all = text(name);
    for (std::size_t at = 0; at < all.size();) {
      const auto end = std::min(all.find(',', at), all.size());
      out.push_back(all.substr(at, end - at));
      at = end + 1;
    }
    return out;
  }

 private:
  std::map<std::string, std::string> values_;
};

}  // namespace chaos
