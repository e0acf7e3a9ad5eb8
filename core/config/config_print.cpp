#include "reki/core/config/config_print.hpp"

#include <array>
#include <bit>
#include <cstdio>

#include "reki/core/base/hash.hpp"

namespace reki {
namespace {

constexpr std::size_t listed_bytes_max = 700;

std::string hex(std::uint64_t hash) {
  std::array<char, 9> out{};
  std::snprintf(out.data(), out.size(), "%08x", static_cast<unsigned>(hash & 0xffffffff));
  return out.data();
}

std::uint64_t hash_of(const std::string& text) { return hash_key(text, 0); }

/// All that a type's table says, but for where it stands and where its plugin's file is. A member that is added has to be named
/// here, or this does not compile.
std::string text_of(const TypeConfig& type) {
  const auto& [name, plugin, restart, idle, cap, mailbox, blocking, stop_grace, lease, place, plugin_place, given] = type;
  const auto& [mode, max_restarts, period, backoff_initial, backoff_max, factor] = restart;
  std::string out = name;
  const auto add = [&](std::uint64_t number) { out += ' ' + std::to_string(number); };
  const auto time = [&](Duration d) { add(static_cast<std::uint64_t>(d.count())); };
  add(static_cast<std::uint64_t>(mode));
  add(max_restarts);
  time(period);
  time(backoff_initial);
  time(backoff_max);
  add(std::bit_cast<std::uint64_t>(factor));
  time(idle);
  add(cap.value_or(0));
  add(mailbox);
  add(blocking ? 1 : 0);
  time(stop_grace);
  add(static_cast<std::uint64_t>(lease));
  for (const std::string& key : given) out += ' ' + key;
  return out + ' ' + plugin.substr(plugin.rfind('/') + 1);
}

/// Adds one to the list, or its hash to that of those that have no room there.
class List {
 public:
  void add(const std::string& name, std::uint64_t hash) {
    whole_ = mix64(whole_ ^ hash);
    if (text_.size() + name.size() > listed_bytes_max) ++more_;
    else text_ += (text_.empty() ? "" : ", ") + name + ' ' + hex(hash);
  }
  [[nodiscard]] std::uint64_t whole() const { return whole_; }
  [[nodiscard]] std::string text() const {
    return more_ == 0 ? text_ : text_ + ", and " + std::to_string(more_) + " more: all " + hex(whole_);
  }

 private:
  std::uint64_t whole_ = 0;
  std::size_t more_ = 0;
  std::string text_;
};

}  // namespace

membership::ConfigSaid print_of(const Config& config, std::span<const PluginFile> plugins) {
  List types;
  List files;
  for (const TypeConfig& t : config.types) types.add(t.name, hash_of(text_of(t)));
  for (const PluginFile& p : plugins) files.add(p.name, hash_of(p.name) ^ p.content);
  const auto whole = static_cast<std::uint32_t>(mix64(types.whole() ^ mix64(files.whole() + 1)));
  return {{}, whole == 0 ? 1 : whole, types.text(), files.text()};
}

}  // namespace reki
