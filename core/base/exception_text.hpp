#pragma once

#include <string>

namespace reki {

/// The text of the exception that is being handled, whatever was thrown and whatever its what() says.
[[nodiscard]] std::string text_of_current_exception();

}  // namespace reki
