#pragma once

#include <cstdint>
#include <string_view>
#include <typeinfo>
#include <utility>

#include "reki/core/base/exception_text.hpp"

/// Where users' code is called, what it throws ends: an actor's functions in its cell (a crash), and all else here.
namespace reki {

/// Told of each callback of this process that has thrown: its type's name, in which the function stands that made it, and the
/// exception's text. Any thread; must not throw. In place of a line on stderr.
using FailedCallbackLog = void (*)(std::string_view callback, std::string_view text);
void set_failed_callback_log(FailedCallbackLog log);
/// How many have thrown since the process began.
[[nodiscard]] std::uint64_t failed_callbacks();

namespace detail {

/// In a catch block.
void report_failed_callback(const std::type_info& callback) noexcept;

/// Calls a user's callback: of an operation, a watch, a coroutine that goes on. What it throws is counted and logged, and
/// harms nobody else: whoever calls it has other callers to serve.
template <class Callback, class... Args>
void call_back(Callback& callback, Args&&... args) noexcept {
  try {
    callback(std::forward<Args>(args)...);
  } catch (...) {
    report_failed_callback(typeid(Callback));
  }
}

}  // namespace detail
}  // namespace reki
