#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "reki/core/base/limits.hpp"

namespace reki {

/// Looks host names up on threads of its own, so that no thread that others wait for does: a name server that is silent
/// holds a look-up up for some twenty seconds.
///
/// Owned by one thread, which polls `fd`. A look-up that is under way when it is destroyed ends without effect.
class NameResolver {
 public:
  struct Found {
    std::string host;
    std::vector<std::string> numbers;  ///< IPv4 and IPv6 addresses, the best first; none: the look-up has failed.
    std::string thrown{};              ///< What the look-up has thrown, which is no answer either; empty: nothing.
  };
  /// May block, and throw; called on any thread.
  using Lookup = std::function<std::vector<std::string>(const std::string& host)>;

  /// By default as the machine does: its hosts file, DNS, what nsswitch.conf names.
  /// `lookups_max`: names that are looked up at once; further ones wait.
  explicit NameResolver(Lookup lookup = by_system, int lookups_max = limits::name_lookups_max);
  ~NameResolver();
  NameResolver(const NameResolver&) = delete;
  NameResolver& operator=(const NameResolver&) = delete;

  /// Nothing, if that host is being looked up already.
  void ask(const std::string& host);
  /// Nobody wants it any more: it is not looked up, unless that has begun.
  void cancel(const std::string& host);
  /// What has been found since the last call.
  [[nodiscard]] std::vector<Found> take();
  /// Readable once there is something to take.
  [[nodiscard]] int fd() const;

  [[nodiscard]] static std::vector<std::string> by_system(const std::string& host);

 private:
  struct Shared;
  [[nodiscard]] static Found look_up(const Lookup& lookup, std::string host);
  static void work(const std::shared_ptr<Shared>& shared);

  const std::shared_ptr<Shared> shared_;
};

}  // namespace reki
