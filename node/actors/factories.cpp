#include "reki/node/actors/factories.hpp"

namespace reki {

Result<void> Factories::configure(std::string_view type, TypeOptions options) {
  const auto found = types_.find(type);
  if (found == types_.end()) {
    std::string text = "no factory of type '" + std::string{type} + "'; there are:";
    for (const auto& [name, unused] : types_) text += " " + name;
    return fail(ErrorCode::unknown_type, std::move(text));
  }
  if (auto valid = validate(options.restart); !valid) return valid;
  if (options.mailbox == 0) return fail(ErrorCode::invalid_argument, "a mailbox must hold at least one message");
  if (options.stop_grace <= Duration{0}) return fail(ErrorCode::invalid_argument, "stop_grace must be above 0");
  found->second.options = std::move(options);
  return {};
}

}  // namespace reki
