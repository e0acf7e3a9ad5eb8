#include "reki/node/plugins/plugin_host.hpp"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "reki/actor/user_code.hpp"
#include "reki/core/base/hash.hpp"
#include "reki/core/config/config_print.hpp"
#include "reki/node/plugins/plugin.hpp"
#include "reki/node/support/exit_codes.hpp"

namespace reki {
namespace {

/// What plugins of this build look like; its magic is what others are searched for.
constexpr Plugin own = plugin(nullptr);

/// A file, mapped to be read.
class MappedFile {
 public:
  explicit MappedFile(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
      error_ = errno;
      return;
    }
    struct stat info {};
    if (fstat(fd, &info) != 0) {
      error_ = errno;
    } else if (!S_ISREG(info.st_mode)) {
      error_ = EISDIR;
    } else if (info.st_size > 0) {
      size_ = static_cast<std::size_t>(info.st_size);
      data_ = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
      if (data_ == MAP_FAILED) error_ = errno;
    }
    ::close(fd);
  }
  ~MappedFile() {
    if (data_ != nullptr && data_ != MAP_FAILED) munmap(data_, size_);
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  [[nodiscard]] int error() const { return error_; }
  [[nodiscard]] std::string_view bytes() const {
    return error_ != 0 || data_ == nullptr ? std::string_view{}
                                           : std::string_view{static_cast<const char*>(data_), size_};
  }

 private:
  int error_ = 0;
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

bool is_shared_object(std::string_view file) {
  if (file.size() < sizeof(Elf64_Ehdr)) return false;
  Elf64_Ehdr head;
  std::memcpy(&head, file.data(), sizeof head);
  return std::memcmp(head.e_ident, ELFMAG, SELFMAG) == 0 && head.e_ident[EI_CLASS] == ELFCLASS64 &&
         head.e_type == ET_DYN;
}

/// That everything the loader will map is there: it believes the file, and dies of one that was cut off.
/// REQUIRES: is_shared_object().
bool is_whole(std::string_view file) {
  Elf64_Ehdr head;
  std::memcpy(&head, file.data(), sizeof head);
  if (head.e_phentsize != sizeof(Elf64_Phdr) || head.e_phoff > file.size()) return false;
  if (file.size() - head.e_phoff < head.e_phnum * sizeof(Elf64_Phdr)) return false;
  for (std::size_t i = 0; i < head.e_phnum; ++i) {
    Elf64_Phdr part;
    std::memcpy(&part, file.data() + head.e_phoff + i * sizeof part, sizeof part);
    if (part.p_offset > file.size() || file.size() - part.p_offset < part.p_filesz) return false;
  }
  return true;
}

/// The abi text in a plugin's file; nothing if it is none.
std::optional<std::string> abi_in(std::string_view file) {
  const auto at = file.find(std::string_view{own.magic, sizeof own.magic});
  if (at == std::string_view::npos || file.size() - at < sizeof own.magic + sizeof own.abi) return std::nullopt;
  const std::string_view abi = file.substr(at + sizeof own.magic, sizeof own.abi);
  return std::string(abi.substr(0, abi.find('\0')));
}

tl::unexpected<Error> bad(const std::string& path, const std::string& text) {
  return fail(ErrorCode::bad_plugin, "plugin '" + path + "' " + text);
}

Result<void> check_file(const std::string& path) {
  const MappedFile file(path);
  if (file.error() == ENOENT || file.error() == ENOTDIR) {
    return bad(path, "does not exist; build it, or correct the path (it is relative to the config file)");
  }
  if (file.error() == EISDIR) return bad(path, "is no file; write the path of the .so itself");
  if (file.error() != 0) return bad(path, std::string("cannot be read: ") + std::strerror(file.error()));
  if (!is_shared_object(file.bytes())) return bad(path, "is no shared object; build it with reki_plugin() in CMake");
  if (!is_whole(file.bytes())) return bad(path, "is damaged: a part of it is missing; build or copy it again");
  const auto abi = abi_in(file.bytes());
  if (!abi) {
    return bad(path, "is no plugin of reki: it has no symbol 'reki_plugin'; add const reki::Plugin reki_plugin = "
                     "reki::plugin(...), see reki/plugin.hpp");
  }
  if (*abi == own.abi) return {};
  return bad(path, "was built for [" + *abi + "], this program for [" + own.abi +
                       "]; build both with the same reki, compiler and sanitizers");
}

std::string joined_types(const Factories& factories) {
  std::string out;
  for (const auto& [name, type] : factories.types()) out += (out.empty() ? "" : ", ") + name;
  return out.empty() ? "none" : out;
}

/// "FILE:LINE:COLUMN: ", as parse_config has it.
std::string at(const Config& config, const ConfigPlace& place) {
  std::string out = config.file;
  if (place.line != 0) out += ":" + std::to_string(place.line) + ":" + std::to_string(place.column);
  return out.empty() ? out : out + ": ";
}

/// The plugin's path is relative to the config's file.
std::string path_of(const Config& config, const TypeConfig& type) {
  const std::filesystem::path base = std::filesystem::path(config.file).parent_path();
  return (base / type.plugin).lexically_normal().string();
}

Result<void> load_type(const Config& config, const TypeConfig& type, Factories& factories) {
  const std::string path = path_of(config, type);
  // dlopen looks for a name without a slash in the system's folders.
  const std::string file = path.find('/') == std::string::npos ? "./" + path : path;
  Factories of_plugin;
  if (auto loaded = load_plugin(file, of_plugin); !loaded) {
    return fail(loaded.error().code, at(config, type.plugin_place) + loaded.error().text);
  }
  if (!of_plugin.types().contains(type.name)) {
    return fail(ErrorCode::bad_plugin, at(config, type.plugin_place) + "plugin '" + file + "' has no type '" +
                                           type.name + "'; it has: " + joined_types(of_plugin));
  }
  // Others that it has come along, but none that the config takes from a plugin of its own: that one has it.
  for (const auto& [name, found] : of_plugin.types()) {
    const TypeConfig* named = config.find_type(name);
    if (name == type.name || named == nullptr || named->plugin.empty()) factories.add(found);
  }
  return {};
}

/// While it lives, a plugin is loaded. What its static initialisers throw cannot be caught: dlopen is C, and the runtime
/// ends the process. Then this says whose fault it was, and the exit code that another start would be of no use.
class Loading {
 public:
  explicit Loading(const std::string& path) : before_(std::set_terminate(&end)) { path_ = path.c_str(); }
  Loading(const Loading&) = delete;
  Loading& operator=(const Loading&) = delete;
  ~Loading() {
    std::set_terminate(before_);
    path_ = nullptr;
  }

 private:
  [[noreturn]] static void end() {
    const std::string why = std::current_exception() ? text_of_current_exception() : "they called std::terminate";
    std::fprintf(stderr, "reki-node: plugin '%s' threw from its static initialisers: %s\n", path_, why.c_str());
    _exit(exit_usage);
  }
  static inline const char* path_ = nullptr;
  const std::terminate_handler before_;
};

}  // namespace

Result<void> load_plugin(const std::string& path, Factories& factories) {
  if (auto checked = check_file(path); !checked) return checked;
  dlerror();
  void* handle = nullptr;
  {
    const Loading now(path);
    handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  }
  if (handle == nullptr) {
    const char* const why = dlerror();
    const std::string text = why != nullptr ? why : "unknown";
    const bool of_reki = text.find("4reki") != std::string::npos;  // a mangled name of the namespace
    return bad(path, "cannot be loaded: " + text +
                         (of_reki ? "; does the program export reki's symbols (reki_plugin_host() in CMake)?" : ""));
  }
  const auto* const found = static_cast<const Plugin*>(dlsym(handle, "reki_plugin"));
  if (found == nullptr || std::memcmp(found->magic, own.magic, sizeof own.magic) != 0 || found->add == nullptr) {
    dlclose(handle);
    return bad(path, "exports no 'reki_plugin'; include reki/plugin.hpp where it is made");
  }
  try {
    found->add(factories);
  } catch (...) {
    return bad(path, "threw while it added its types: " + text_of_current_exception());
  }
  return {};
}

std::vector<PluginFile> plugin_files(const Config& config) {
  std::vector<PluginFile> out;
  std::set<std::string> seen;
  for (const TypeConfig& type : config.types) {
    if (type.plugin.empty()) continue;
    const std::string path = path_of(config, type);
    if (!seen.insert(path).second) continue;
    const MappedFile file(path);
    out.push_back({std::filesystem::path(path).filename().string(), file.error() == 0 ? hash_key(file.bytes(), 0) : 0});
  }
  return out;
}

/// The author's options, with what the config gives in their place.
TypeOptions merged(TypeOptions out, const TypeConfig& config) {
  const auto take = [&](std::string_view key, auto& option, const auto& value) {
    if (std::ranges::binary_search(config.given, key)) option = value;
  };
  take("restart", out.restart.mode, config.restart.mode);
  take("max_restarts", out.restart.max_restarts, config.restart.max_restarts);
  take("restart_period", out.restart.period, config.restart.period);
  take("backoff_initial", out.restart.backoff_initial, config.restart.backoff_initial);
  take("backoff_max", out.restart.backoff_max, config.restart.backoff_max);
  take("idle", out.idle, config.idle);
  take("cap", out.cap, config.cap.value_or(0));
  take("mailbox", out.mailbox, config.mailbox);
  take("blocking", out.blocking, config.blocking);
  take("stop_grace", out.stop_grace, config.stop_grace);
  take("lease", out.lease, config.lease);
  return out;
}

Result<void> configure_types(const Config& config, Factories& factories) {
  // All plugins first: what one brings along would replace a type that has got its options already.
  for (const TypeConfig& type : config.types) {
    if (type.plugin.empty()) continue;
    if (auto loaded = load_type(config, type, factories); !loaded) return loaded;
  }
  for (const TypeConfig& type : config.types) {
    if (!factories.types().contains(type.name)) {
      return fail(ErrorCode::bad_config, at(config, type.place) + "there is no factory for type '" + type.name +
                                             "'; add plugin = \"PATH.so\", or link it into this program (it has: " +
                                             joined_types(factories) + ")");
    }
    if (auto set = factories.configure(type.name, merged(factories.types().find(type.name)->second.options, type)); !set) {
      return fail(ErrorCode::bad_config, at(config, type.place) + set.error().text);
    }
  }
  return {};
}

}  // namespace reki
