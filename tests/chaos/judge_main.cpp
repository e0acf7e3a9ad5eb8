// Reads witness files and says whether a key ever had two actors that counted:
//
//     chaos_judge [--freezes FILE] [--late-outputs-break] FILE-OR-FOLDER...
//
// FILE of freezes has a JSON object a line: {"pid":.., "from":.., "to":..}, CLOCK_BOOTTIME in ns. Late outputs are
// those of a handler that was over before the newer start began: the network had them still. They are counted only,
// unless told otherwise.
//
// Prints one JSON document. Exit code 0: the promise is kept; 1: it is broken; 2: usage, or a file that cannot be read;
// 3: nothing can be said, since there is no evidence or some of it did not fit.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "judge.hpp"

namespace {

using namespace chaos;
using Json = nlohmann::ordered_json;

constexpr int exit_kept = 0;
constexpr int exit_broken = 1;
constexpr int exit_usage = 2;
constexpr int exit_no_evidence = 3;

struct Arguments {
  std::string freezes;
  bool late_outputs_break = false;
  std::vector<std::filesystem::path> files;
};

std::optional<Arguments> parse(int argc, char** argv) {
  Arguments out;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--late-outputs-break") {
      out.late_outputs_break = true;
    } else if (word == "--freezes" && i + 1 < argc) {
      out.freezes = argv[++i];
    } else if (word.starts_with("--")) {
      return std::nullopt;
    } else if (std::filesystem::is_directory(word)) {
      for (const auto& entry : std::filesystem::directory_iterator(word)) out.files.push_back(entry.path());
    } else {
      out.files.emplace_back(word);
    }
  }
  std::ranges::sort(out.files);
  return out;
}

std::vector<Freeze> read_freezes(const std::string& path) {
  std::vector<Freeze> out;
  if (path.empty()) return out;
  std::ifstream file(path);
  if (!file.is_open()) throw std::runtime_error(path + ": cannot be read");
  for (std::string line; std::getline(file, line);) {
    const auto freeze = Json::parse(line);
    out.push_back({freeze.at("pid"), freeze.at("from"), freeze.at("to")});
  }
  return out;
}

struct Evidence {
  std::vector<WitnessRecord> records;
  std::uint64_t torn = 0;
  std::uint64_t lost = 0;
};

Evidence read_all(const std::vector<std::filesystem::path>& files) {
  Evidence out;
  for (const auto& file : files) {
    auto contents = read_witness_file(file);
    if (!contents) throw std::runtime_error(contents.error().text);
    out.records.insert(out.records.end(), contents->records.begin(), contents->records.end());
    out.torn += contents->torn;
    out.lost += contents->lost;
  }
  return out;
}

Json to_json(const Example& example) {
  const WitnessRecord& record = example.record;
  return {{"kind", name_of(example.kind)}, {"key", example.key},
          {"event", name_of(record.event)}, {"at", record.at_ns},
          {"fence", record.fence},          {"message", record.message},
          {"pid", record.pid},              {"tid", record.tid},
          {"newer_fence", example.newer_fence}, {"newer_at", example.newer_at_ns}};
}

Json to_json(const Verdict& verdict, const Evidence& evidence, std::size_t files, bool kept) {
  Json out{{"kept", kept},
           {"files", files},
           {"records", verdict.records},
           {"torn", evidence.torn},
           {"lost", evidence.lost},
           {"keys", verdict.keys},
           {"starts", verdict.starts},
           {"take_overs", verdict.take_overs},
           {"handlers", verdict.handlers},
           {"outputs", verdict.outputs}};
  for (std::size_t i = 0; i < kinds; ++i) {
    const Kind kind{static_cast<std::uint8_t>(i)};
    out[std::string{name_of(kind)}] = verdict.count(kind);
  }
  out["examples"] = Json::array();
  for (const auto& example : verdict.examples) out["examples"].push_back(to_json(example));
  return out;
}

int run(const Arguments& arguments) {
  const auto freezes = read_freezes(arguments.freezes);
  const auto evidence = read_all(arguments.files);
  const auto verdict = judge(evidence.records, freezes);
  const bool kept =
      verdict.promise_is_kept() && !(arguments.late_outputs_break && verdict.count(Kind::late_output) > 0);
  std::cout << to_json(verdict, evidence, arguments.files.size(), kept).dump() << '\n';
  if (!kept) return exit_broken;
  if (verdict.handlers == 0 || verdict.starts == 0 || evidence.lost > 0) return exit_no_evidence;
  return exit_kept;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (const auto arguments = parse(argc, argv)) return run(*arguments);
    std::fprintf(stderr, "usage: chaos_judge [--freezes FILE] [--late-outputs-break] FILE-OR-FOLDER...\n");
  } catch (const std::exception& e) {
    std::fprintf(stderr, "chaos_judge: %s\n", e.what());
  }
  return exit_usage;
}
