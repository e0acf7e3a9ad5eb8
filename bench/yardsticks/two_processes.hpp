#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "reki/bench/options.hpp"

namespace reki::bench {

/// Where two programs that talk to each other run: both on one core, on a core each, or wherever the kernel puts them.
enum class Placement { free, same, cross };
Placement placement(const Options& options);
std::string name_of(Placement placement);

/// A child process that serves what its parent measures. It ends with this object, and with its parent.
class ServerProcess {
 public:
  using Announce = std::function<void(const std::string& where)>;

  /// Runs `serve` in the child, which announces where it listens and then serves for ever. Call it before there is a
  /// thread. The caller runs where the placement says from then on, as the child does.
  ServerProcess(Placement placement, const std::function<void(const Announce& announce)>& serve);
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  /// What the child has announced.
  [[nodiscard]] const std::string& where() const { return where_; }

 private:
  pid_t pid_ = -1;
  std::string where_;
};

}  // namespace reki::bench
