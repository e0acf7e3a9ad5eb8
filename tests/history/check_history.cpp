// check_history FILE...: were the answers of a recorded history right? Exit 0 yes, 1 no, 2 there is nothing to judge.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "history/check.hpp"
#include "history/history_file.hpp"

namespace {

using namespace reki::history;

constexpr int cannot_judge = 2;

int complain(const std::string& text) {
  (void)std::fprintf(stderr, "check_history: %s\n", text.c_str());
  return cannot_judge;
}

/// 0, or the exit code.
int read(History& history, const std::vector<std::string>& files, Faults faults) {
  for (const std::string& file : files) {
    const auto counts = read_file(history, file);
    if (!counts) return complain(counts.error().text);
    if (!counts->cut_off) continue;
    if (faults == Faults::none)
      return complain(file + ": the last line is cut off; without faults nothing may be missing");
    (void)std::fprintf(stderr, "check_history: %s: the last line is cut off and not read\n", file.c_str());
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "Checks what clients were answered about their keys: that no key had two live actors, as far as answers can "
      "tell."};
  std::vector<std::string> files;
  CheckOptions options;
  bool no_faults = false;
  app.add_option("FILE", files, "Histories, one of each client process, of one clock")->required();
  app.add_flag("--no-faults", no_faults,
               "Nothing crashed, moved or was passivated, and nothing is missing: allow no end or start by itself");
  app.add_option("--show", options.keep, "Violations to print, of each kind")->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : cannot_judge;
  }
  options.faults = no_faults ? Faults::none : Faults::allowed;

  History history;
  if (const int failed = read(history, files, options.faults); failed != 0) return failed;
  const Verdict verdict = check(history, options);
  (void)std::fputs(to_text(verdict).c_str(), stdout);
  if (verdict.answered == 0) return complain("no operation was answered, so that nothing was checked");
  return verdict.ok() ? 0 : 1;
}
