#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace reki::bench {

/// What stands on a benchmark program's command line: `--key value`, and flags that are named as such.
///
/// Ends the program with exit code 2 and a word on stderr where that is not what stands there.
class Options {
 public:
  /// `keys` and `flags` are all that there may be, without their dashes.
  Options(int argc, const char* const* argv, const std::vector<std::string_view>& keys,
          const std::vector<std::string_view>& flags = {});

  [[nodiscard]] bool has(std::string_view key) const { return values_.contains(key); }
  [[nodiscard]] std::string text(std::string_view key, std::string_view otherwise) const;
  /// One of `allowed`.
  [[nodiscard]] std::string choice(std::string_view key, const std::vector<std::string_view>& allowed) const;
  [[nodiscard]] double number(std::string_view key, double otherwise) const;  ///< >= 0
  [[nodiscard]] long whole(std::string_view key, long otherwise) const;       ///< >= 0

  /// Ends the program: exit code 2.
  [[noreturn]] static void bad_usage(const std::string& what);

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

}  // namespace reki::bench
