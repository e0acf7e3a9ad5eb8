#include "switch_commands.hpp"

#include <algorithm>
#include <optional>
#include <span>
#include <sstream>

#include "reki/core/base/hash.hpp"

namespace chaos {
namespace {

using Words = std::span<const std::string>;

std::string error(const std::string& text) { return "error: " + text; }

/// The links that "A B" names.
reki::Result<std::vector<Link*>> links_between(LinkTable& links, const std::string& a, const std::string& b) {
  const auto& ports = links.ports();
  for (const auto& name : {a, b}) {
    if (name != "*" && std::ranges::find(ports, name) == ports.end()) {
      return reki::fail(reki::ErrorCode::invalid_argument, "there is no port '" + name + "'");
    }
  }
  if (a == b && a != "*") return reki::fail(reki::ErrorCode::invalid_argument, "a port has no link to itself");
  std::vector<Link*> out;
  for (std::size_t from = 0; from < ports.size(); ++from) {
    for (std::size_t to = 0; to < ports.size(); ++to) {
      if (from == to || (a != "*" && a != ports[from]) || (b != "*" && b != ports[to])) continue;
      out.push_back(&links.at(from, to));
    }
  }
  return out;
}

std::string set(LinkTable& links, Words words) {
  if (words.size() < 3) return error("set A B NAME=VALUE...");
  auto named = links_between(links, words[0], words[1]);
  if (!named) return error(named.error().text);
  // First on a copy: a line is done wholly or not at all.
  LinkSettings trial;
  for (const auto& word : words.subspan(2)) {
    if (auto done = apply_setting(trial, word); !done) return error(done.error().text);
  }
  for (Link* link : *named) {
    for (const auto& word : words.subspan(2)) (void)apply_setting(link->settings, word);
  }
  return "ok";
}

std::string for_both_ways(LinkTable& links, Words words, bool one_way, void (*change)(LinkSettings&)) {
  auto there = links_between(links, words[0], words[1]);
  if (!there) return error(there.error().text);
  for (Link* link : *there) change(link->settings);
  if (one_way) return "ok";
  auto back = links_between(links, words[1], words[0]);
  for (Link* link : *back) change(link->settings);
  return "ok";
}

std::string cut(LinkTable& links, Words words) {
  const bool one_way = words.size() == 3 && words[2] == "one-way";
  if (words.size() != 2 && !one_way) return error("cut A B [one-way]");
  return for_both_ways(links, words, one_way, [](LinkSettings& settings) { settings.cut = true; });
}

std::string heal(LinkTable& links, Words words) {
  static const std::string everywhere[] = {"*", "*"};
  if (words.empty()) words = everywhere;
  if (words.size() != 2) return error("heal [A B]");
  return for_both_ways(links, words, false, [](LinkSettings& settings) { settings = {}; });
}

std::string show(LinkTable& links, Words words) {
  if (!words.empty()) return error("show takes nothing");
  std::string out = "ok [";
  const auto& ports = links.ports();
  for (std::size_t from = 0; from < ports.size(); ++from) {
    for (std::size_t to = 0; to < ports.size(); ++to) {
      if (from == to) continue;
      const auto& counters = links.counters(from, to);
      if (out.back() == '}') out += ',';
      out += R"({"from":")" + ports[from] + R"(","to":")" + ports[to] + R"(","passed":)" +
             std::to_string(counters.passed) + ",\"dropped\":" + std::to_string(counters.dropped) +
             ",\"settings\":" + to_json(links.at(from, to).settings) + "}";
    }
  }
  return out + "]";
}

constexpr struct {
  std::string_view name;
  std::string (*run)(LinkTable&, Words);
} commands[] = {{"set", set}, {"cut", cut}, {"heal", heal}, {"show", show}};

}  // namespace

LinkTable::LinkTable(std::vector<std::string> ports, std::uint64_t seed)
    : ports_(std::move(ports)), counters_(ports_.size() * ports_.size()) {
  // By name and not by number: a link's dice are the same whatever other ports there are.
  for (const auto& from : ports_) {
    for (const auto& to : ports_) links_.emplace_back(reki::hash_key(to, reki::hash_type(from, seed)));
  }
}

std::string run_switch_command(LinkTable& links, std::string_view line) {
  std::istringstream in{std::string{line}};
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  if (words.empty()) return error("an empty line");
  for (const auto& command : commands) {
    if (command.name == words[0]) return command.run(links, Words{words}.subspan(1));
  }
  return error("there is no command '" + words[0] + "'");
}

}  // namespace chaos
