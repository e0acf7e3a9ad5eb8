#include "history.hpp"

#include <nlohmann/json.hpp>
#include <system_error>

namespace chaos {

using reki::ErrorCode;

bool is_without_effect(ErrorCode code) {
  switch (code) {
    case ErrorCode::not_running:
    case ErrorCode::already_started:
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
      // Also deadline_exceeded and unreachable: a start or a stop that has begun goes on.
      return false;
  }
}

void set_failed(HistoryEntry& entry, ErrorCode code, std::int64_t returned) {
  const bool over = is_without_effect(code);
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

HistoryWriter::HistoryWriter(const std::string& path) : file_(std::fopen(path.c_str(), "we")) {
  if (file_ == nullptr) throw std::system_error(errno, std::generic_category(), path);
}

HistoryWriter::~HistoryWriter() { std::fclose(file_); }

void HistoryWriter::add(const HistoryEntry& entry) {
  const std::string line = to_json(entry) + "\n";
  const std::lock_guard lock(mutex_);
  if (std::fwrite(line.data(), 1, line.size(), file_) != line.size()) {
    throw std::system_error(errno, std::generic_category(), "writing the history");
  }
}

void HistoryWriter::flush() {
  const std::lock_guard lock(mutex_);
  if (std::fflush(file_) != 0) throw std::system_error(errno, std::generic_category(), "writing the history");
}

}  // namespace chaos
