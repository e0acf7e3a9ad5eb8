#include "history/history_file.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <functional>
#include <map>
#include <optional>

namespace reki::history {
namespace {

constexpr std::string_view first_line = "reki-history 1";
/// A key of 1 KiB with each byte escaped takes 3 KiB.
constexpr std::size_t line_bytes_max = std::size_t{16} * 1024;
constexpr std::size_t chunk_bytes = std::size_t{1024} * 1024;

tl::unexpected<Error> mistake(std::string text) { return fail(ErrorCode::invalid_argument, std::move(text)); }
std::string quoted(std::string_view text) { return "'" + std::string{text} + "'"; }

bool is_plain(unsigned char c) { return c > 0x20 && c < 0x7f && c != '%' && c != '#'; }

void append_name(std::string& out, std::string_view name) {
  constexpr std::string_view digits = "0123456789abcdef";
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_plain(byte)) {
      out += c;
    } else {
      out.append({'%', digits[byte >> 4], digits[byte & 15]});
    }
  }
}

template <class Number>
std::optional<Number> number_of(std::string_view text, int base = 10) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// The bytes that a field stands for; `scratch` holds them if any was escaped.
Result<std::string_view> name_in(std::string_view field, std::string& scratch) {
  if (field.empty()) return mistake("a name is missing; one blank between two fields, and no name is empty");
  if (field.find('%') == std::string_view::npos) return field;
  scratch.clear();
  for (std::size_t i = 0; i < field.size(); ++i) {
    if (field[i] != '%') {
      scratch += field[i];
      continue;
    }
    const auto byte = i + 2 < field.size() ? number_of<unsigned>(field.substr(i + 1, 2), 16) : std::nullopt;
    if (!byte) return mistake(quoted(field) + " has a '%' without two hexadecimal digits; write '%' itself as %25");
    scratch += static_cast<char>(*byte);
    i += 2;
  }
  return std::string_view{scratch};
}

template <class Enum, std::size_t count>
Result<Enum> choice_in(std::string_view field, std::string_view what, const std::array<Enum, count>& choices) {
  for (const Enum choice : choices) {
    if (name_of(choice) == field) return choice;
  }
  std::string all;
  for (const Enum choice : choices) all.append(all.empty() ? "" : ", ").append(name_of(choice));
  return mistake(quoted(field) + " is no " + std::string{what} + "; one of " + all);
}

Result<Instant> time_in(std::string_view field, std::string_view what) {
  if (field == "never" && what == "return") return Instant::never();
  const auto ns = number_of<std::int64_t>(field);
  if (ns && *ns >= 0 && *ns < Instant::never().ns) return Instant{*ns};
  return mistake(quoted(field) + " is no time of " + std::string{what} + "; nanoseconds" +
                 (what == "return" ? ", or never" : ""));
}

Result<std::uint64_t> request_in(std::string_view field) {
  if (field == "-") return 0;
  const auto request = number_of<std::uint64_t>(field);
  if (request && *request != 0) return *request;
  return mistake(quoted(field) + " is no request; a number from 1 on, or '-' for a request that has one try");
}

Result<Fence> fence_in(std::string_view field) {
  const std::size_t colon = field.find(':');
  if (colon != std::string_view::npos) {
    const auto epoch = number_of<std::uint32_t>(field.substr(0, colon));
    const auto start = number_of<std::uint32_t>(field.substr(colon + 1));
    if (epoch && start && *start != 0) return Fence::make(Epoch{*epoch}, StartNumber{*start});
  }
  return mistake(quoted(field) + " is no fence; epoch:start, the start from 1 on");
}

/// Takes fields off the front of a line.
class Fields {
 public:
  explicit Fields(std::string_view line) : rest_(line) {}
  /// An empty one when there is none left, as for two blanks in a row: neither is ever valid.
  std::string_view next() {
    const std::size_t blank = rest_.find(' ');
    const std::string_view field = rest_.substr(0, blank);
    any_left_ = blank != std::string_view::npos;
    rest_ = any_left_ ? rest_.substr(blank + 1) : std::string_view{};
    return field;
  }
  [[nodiscard]] bool any_left() const { return any_left_; }

 private:
  std::string_view rest_;
  bool any_left_ = true;
};

class Reader {
 public:
  Reader(History& history, const std::string& name) : history_(history), name_(name) {}

  Result<void> begin() {
    auto file = history_.new_file(name_);
    if (!file) return tl::make_unexpected(file.error());
    file_ = *file;
    return {};
  }
  /// Reads the lines of `text` that have an end, and returns how many bytes they are.
  Result<std::size_t> lines(std::string_view text) {
    std::size_t done = 0;
    for (;;) {
      const std::size_t end = text.find('\n', done);
      const bool over = end == std::string_view::npos;
      if ((over ? text.size() : end) - done > line_bytes_max) {
        ++line_;
        return here(Error{ErrorCode::invalid_argument, "the line is longer than 16 KiB; is this a history file?"});
      }
      if (over) return done;
      ++line_;
      if (auto read = line(text.substr(done, end - done)); !read) return here(read.error());
      done = end + 1;
    }
  }
  /// What is after the last line's end is `rest`.
  Result<ReadCounts> end(std::string_view rest) {
    if (line_ == 0) {
      line_ = 1;
      return here(Error{ErrorCode::invalid_argument, "the file has no line; its first is " + quoted(first_line)});
    }
    counts_.cut_off = !rest.empty();
    return counts_;
  }

 private:
  tl::unexpected<Error> here(const Error& error) const {
    return fail(error.code, name_ + ":" + std::to_string(line_) + ": " + error.text);
  }

  Result<void> line(std::string_view text) {
    if (line_ == 1 && text != first_line) {
      return mistake("this is no history file; its first line is " + quoted(first_line));
    }
    if (line_ == 1 || text.starts_with('#')) return {};
    Operation o;
    if (auto read = operation(Fields{text}, o); !read) return read;
    o.file = file_;
    o.line = line_;
    auto added = history_.add(o);
    if (added) ++counts_.operations;
    return added;
  }

  Result<void> operation(Fields fields, Operation& o) {
    constexpr std::array calls{Call::lookup_or_start, Call::lookup, Call::stop};
    constexpr std::array answers{Answer::running, Answer::started,           Answer::not_running,
                                 Answer::stopped, Answer::failed_unexecuted, Answer::unknown};
    return name_in(fields.next(), scratch_)
        .map([&](std::string_view name) { o.client = client(name); })
        .and_then([&] { return request_in(fields.next()); })
        .map([&](std::uint64_t request) { o.request = request; })
        .and_then([&] { return choice_in(fields.next(), "call", calls); })
        .map([&](Call call) { o.call = call; })
        .and_then([&] { return name_in(fields.next(), scratch_); })
        .map([&](std::string_view name) { o.key = history_.key(name); })
        .and_then([&] { return time_in(fields.next(), "invocation"); })
        .map([&](Instant at) { o.invoked = at; })
        .and_then([&] { return time_in(fields.next(), "return"); })
        .map([&](Instant at) { o.returned = at; })
        .and_then([&] { return choice_in(fields.next(), "answer", answers); })
        .map([&](Answer answer) { o.answer = answer; })
        .and_then([&] { return last_field(fields, o); });
  }

  static Result<void> last_field(Fields& fields, Operation& o) {
    if (!fields.any_left()) return {};
    const auto fence = fence_in(fields.next());
    if (!fence) return tl::make_unexpected(fence.error());
    o.fence = *fence;
    if (fields.any_left()) return mistake("there is more after the fence; an operation a line");
    return {};
  }

  std::uint32_t client(std::string_view name) {
    const auto found = clients_.find(name);
    if (found != clients_.end()) return found->second;
    return clients_.emplace(name, history_.new_client(name)).first->second;
  }

  History& history_;
  const std::string& name_;
  std::uint16_t file_ = 0;
  std::uint32_t line_ = 0;
  std::map<std::string, std::uint32_t, std::less<>> clients_;
  std::string scratch_;
  ReadCounts counts_;
};

}  // namespace

void append_line(std::string& out, const Record& record) {
  append_name(out, record.client);
  out += ' ';
  out += record.request == 0 ? "-" : std::to_string(record.request);
  out.append(" ").append(name_of(record.call)).append(" ");
  append_name(out, record.key);
  out.append(" ").append(std::to_string(record.invoked.ns)).append(" ");
  const bool never = record.answer == Answer::unknown || record.returned == Instant::never();
  out += never ? "never" : std::to_string(record.returned.ns);
  out.append(" ").append(name_of(record.answer));
  if (record.fence.value != 0) out.append(" ").append(to_text(record.fence));
  out += '\n';
}

Result<Writer> Writer::create(const std::string& path) {
  std::FILE* const file = std::fopen(path.c_str(), "we");
  if (file == nullptr) return mistake(path + ": cannot be written: " + std::strerror(errno));
  Writer writer{file};
  writer.line_.append(first_line).append("\n");
  writer.failed_ = std::fputs(writer.line_.c_str(), file) < 0;
  // At once, so that a process that is killed before its first operation leaves a history file too.
  if (auto flushed = writer.flush(); !flushed) return tl::make_unexpected(flushed.error());
  return writer;
}

void Writer::write(const Record& record) {
  line_.clear();
  append_line(line_, record);
  failed_ = std::fwrite(line_.data(), 1, line_.size(), file_.get()) != line_.size() || failed_;
}

Result<void> Writer::flush() {
  failed_ = std::fflush(file_.get()) != 0 || failed_;
  if (failed_) return fail(ErrorCode::internal, "the history could not be written; is the disk full?");
  return {};
}

Result<ReadCounts> read_text(History& history, std::string_view text, const std::string& name) {
  Reader reader{history, name};
  if (auto begun = reader.begin(); !begun) return tl::make_unexpected(begun.error());
  const auto read = reader.lines(text);
  if (!read) return tl::make_unexpected(read.error());
  return reader.end(text.substr(*read));
}

Result<ReadCounts> read_file(History& history, const std::string& path) {
  const auto close = [](std::FILE* file) { (void)std::fclose(file); };
  const std::unique_ptr<std::FILE, decltype(close)> file{std::fopen(path.c_str(), "re"), close};
  if (!file) return mistake(path + ": cannot be read: " + std::strerror(errno));
  Reader reader{history, path};
  if (auto begun = reader.begin(); !begun) return tl::make_unexpected(begun.error());
  std::string buffer;
  for (;;) {
    const std::size_t kept = buffer.size();
    buffer.resize(kept + chunk_bytes);
    const std::size_t got = std::fread(buffer.data() + kept, 1, chunk_bytes, file.get());
    buffer.resize(kept + got);
    if (std::ferror(file.get()) != 0) return mistake(path + ": cannot be read: " + std::strerror(errno));
    if (got == 0) return reader.end(buffer);
    const auto read = reader.lines(buffer);
    if (!read) return tl::make_unexpected(read.error());
    buffer.erase(0, *read);
  }
}

}  // namespace reki::history
