#include "reki/actor/user_code.hpp"

#include <cxxabi.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>

namespace reki {
namespace {

std::atomic<std::uint64_t> failed{0};

void log_to_stderr(std::string_view callback, std::string_view text) {
  std::fprintf(stderr, "reki: a callback has thrown: \"%.*s\", in %.*s\n", static_cast<int>(text.size()), text.data(),
               static_cast<int>(callback.size()), callback.data());
}

std::atomic<FailedCallbackLog> failed_log{&log_to_stderr};

std::string name_of(const std::type_info& type) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> name(abi::__cxa_demangle(type.name(), nullptr, nullptr, &status), &std::free);
  return name ? name.get() : type.name();
}

}  // namespace

void set_failed_callback_log(FailedCallbackLog log) { failed_log = log != nullptr ? log : &log_to_stderr; }

std::uint64_t failed_callbacks() { return failed; }

void detail::report_failed_callback(const std::type_info& callback) noexcept {
  failed.fetch_add(1, std::memory_order_relaxed);
  try {
    failed_log.load()(name_of(callback), text_of_current_exception());
  } catch (...) {
    // No memory for the text. It has been counted.
  }
}

}  // namespace reki
