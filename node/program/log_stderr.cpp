#include "reki/node/program/log_stderr.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <string>

namespace reki {
namespace {

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warn:
      return spdlog::level::warn;
    default:
      return spdlog::level::err;
  }
}

/// What peers and actors write must not make a second line, nor hide one.
std::string one_line(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = ' ';
  }
  return out;
}

}  // namespace

LogSink log_to_stderr(std::string_view level, std::string_view node) {
  // Not spdlog's registry, which is global.
  auto logger = std::make_shared<spdlog::logger>("reki", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_level(level == "error" ? spdlog::level::err : spdlog::level::from_str(std::string(level)));
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
  return [logger = std::move(logger), prefix = "node=" + std::string(node) + " event="](
             LogLevel at, std::string_view event, std::string_view fields) {
    logger->log(level_of(at), "{}{}{}{}", prefix, event, fields.empty() ? "" : " ", one_line(fields));
  };
}

}  // namespace reki
