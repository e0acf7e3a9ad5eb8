#include "history.hpp"

#include <nlohmann/json.hpp>
#include <system_error>

namespace chaos {

using reki::ErrorCode;

bool is_without_effect(std::string_view op, ErrorCode code) {
  if (op != "call") return op == "lookup";
  switch (code) {
    case ErrorCode::not_running:
    case ErrorCode::start_failed:
    case ErrorCode::restarting:
    case ErrorCode::crash_loop:
    case ErrorCode::gone:
    case ErrorCode::overloaded:
    case ErrorCode::unavailable:
    case ErrorCode::shutting_down:
    case ErrorCode::wrong_node:
      return true;
    default:
      return false;
  }
}

void set_failed(HistoryEntry& entry, ErrorCode code, std::int64_t returned) {
  const bool over = is_without_effect(entry.op, code);
  entry.outcome = over ? "failed" : "unknown";
  entry.error = reki::name_of(code);
  entry.returned.reset();
  if (over) entry.returned = returned;
}

std::string to_json(const HistoryEntry& entry) {
  nlohmann::ordered_json out{{"client", entry.client}, {"request", entry.request}, {"key", entry.key},
                             {"op", entry.op},         {"invoked", entry.invoked}};
  out["returned"] = entry.returned ? nlohmann::ordered_json(*entry.returned) : nlohmann::ordered_json(nullptr);
  out["outcome"] = entry.outcome;
  out["fence"] = entry.fence;
  out["error"] = entry.error;
  if (entry.value) out["value"] = *entry.value;
  return out.dump();
}

std::string to_check_line(const HistoryEntry& entry) {
  const bool answered = entry.returned && entry.outcome != "failed";
  std::string_view call = entry.op;
  if (call == "call") call = answered ? "lookup" : "lookup_or_start";
  std::string_view answer = entry.outcome;
  if (answer == "found") answer = "running";
  // A call that has had no effect itself may have started its actor.
  if (answer == "failed") answer = call == "lookup" ? "failed_unexecuted" : "unknown";
  std::string out = "c" + std::to_string(entry.client) + " " + std::to_string(entry.request) + " ";
  out.append(call).append(" ").append(entry.key).append(" ").append(std::to_string(entry.invoked)).append(" ");
  out.append(answer == "unknown" ? "never" : std::to_string(*entry.returned)).append(" ").append(answer);
  if (answered && entry.fence != 0) {
    const reki::Fence fence{entry.fence};
    out += " " + std::to_string(fence.epoch().value) + ":" + std::to_string(fence.start().value);
  }
  return out;
}

LineWriter::LineWriter(const std::string& path) : file_(std::fopen(path.c_str(), "we")) {
  if (file_ == nullptr) throw std::system_error(errno, std::generic_category(), path);
}

LineWriter::~LineWriter() { std::fclose(file_); }

void LineWriter::add(std::string line) {
  line += '\n';
  const std::lock_guard lock(mutex_);
  if (std::fwrite(line.data(), 1, line.size(), file_) != line.size()) {
    throw std::system_error(errno, std::generic_category(), "writing the history");
  }
}

void LineWriter::flush() {
  const std::lock_guard lock(mutex_);
  if (std::fflush(file_) != 0) throw std::system_error(errno, std::generic_category(), "writing the history");
}

}  // namespace chaos
