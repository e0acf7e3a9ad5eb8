#pragma once

#include <string_view>

#include "reki/node/actors/factories.hpp"

/// For whoever writes a plugin: a shared object with types of actors, which reki-node loads.
///
///     // counter_plugin.cpp, built by reki_plugin(counter SOURCES counter_plugin.cpp) in CMake
///     const reki::Plugin reki_plugin =
///         reki::plugin([](reki::Factories& factories) { factories.add<CounterActor>(); });
namespace reki {

namespace detail {

/// Counts the changes of what node/ and actor/ headers compile into a plugin.
inline constexpr unsigned plugin_abi_version = 6;

inline constexpr std::size_t plugin_magic_bytes = 16;
inline constexpr std::size_t plugin_abi_bytes = 112;

class AbiWriter {
 public:
  consteval explicit AbiWriter(char* out) : at_(out) {}
  consteval AbiWriter& text(std::string_view words) {
    for (const char c : words) *at_++ = c;
    return *this;
  }
  consteval AbiWriter& number(unsigned n) {
    if (n >= 10) number(n / 10);
    *at_++ = static_cast<char>('0' + n % 10);
    return *this;
  }

 private:
  char* at_;
};

/// Everything that makes two builds unable to share C++ objects.
consteval void write_abi(char* out) {
  AbiWriter abi(out);
  abi.text("reki ").number(plugin_abi_version);
#if defined(__clang__)
  abi.text(", clang ").number(__clang_major__);
#else
  abi.text(", gcc ").number(__GNUC__);
#endif
#if defined(_GLIBCXX_USE_CXX11_ABI)
  abi.text(", libstdc++ cxx11 ").number(_GLIBCXX_USE_CXX11_ABI);
#else
  abi.text(", another standard library");
#endif
#if defined(__SANITIZE_ADDRESS__)
  abi.text(", address sanitizer");
#endif
#if defined(__SANITIZE_THREAD__)
  abi.text(", thread sanitizer");
#endif
#if defined(_GLIBCXX_DEBUG)
  abi.text(", _GLIBCXX_DEBUG");
#endif
}

}  // namespace detail

/// What a plugin exports under the name `reki_plugin`.
///
/// A plain constant. The node finds `magic` in the file and compares `abi` before it loads it, so that nothing of a
/// plugin that was built otherwise ever runs. Magic and abi keep their place and size in all versions.
struct Plugin {
  char magic[detail::plugin_magic_bytes] = {};
  char abi[detail::plugin_abi_bytes] = {};  ///< Text, ended by a 0.
  void (*add)(Factories&) = nullptr;
};

/// `add` puts the plugin's types into the node's factories; a lambda without captures, or a function.
consteval Plugin plugin(void (*add)(Factories&)) {
  Plugin out;
  // Here and not a constant of the namespace, so that these bytes are nowhere but in plugins.
  constexpr unsigned char magic[detail::plugin_magic_bytes] = {0x7f, 'r', 'e', 'k', 'i',  '-',  'p',  'l',
                                                               'u',  'g', 'i', 'n', 0xb7, 0x1e, 0x90, 0x01};
  for (std::size_t i = 0; i < detail::plugin_magic_bytes; ++i) out.magic[i] = static_cast<char>(magic[i]);
  detail::write_abi(out.abi);
  out.add = add;
  return out;
}

}  // namespace reki

/// The one name that is looked for; visible also in a plugin that hides its symbols.
extern "C" __attribute__((visibility("default"))) const reki::Plugin reki_plugin;
