#include "reki/core/base/exception_text.hpp"

#include <exception>

namespace reki {

std::string text_of_current_exception() {
  try {
    throw;
  } catch (const std::exception& e) {
    const char* const text = e.what();
    return text != nullptr ? text : "an exception without a text";
  } catch (...) {
    return "an exception that is no std::exception";
  }
}

}  // namespace reki
