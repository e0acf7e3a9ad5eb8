#include "history/history.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <limits>
#include <tuple>

namespace reki::history {
namespace {

bool fits(Call call, Answer answer) {
  switch (answer) {
    case Answer::running:
      return call != Call::stop;
    case Answer::started:
      return call == Call::lookup_or_start;
    case Answer::not_running:
      return call != Call::lookup_or_start;
    case Answer::stopped:
      return call == Call::stop;
    case Answer::failed_unexecuted:
    case Answer::unknown:
      return true;
  }
  return false;
}

std::string seconds(Instant at) {
  if (at == Instant::never()) return "never";
  std::array<char, 40> text{};
  const int length =
      std::snprintf(text.data(), text.size(), "%lld.%09lld", static_cast<long long>(at.ns / 1'000'000'000),
                    static_cast<long long>(at.ns % 1'000'000'000));
  return {text.data(), static_cast<std::size_t>(length)};
}

tl::unexpected<Error> no(std::string text) { return fail(ErrorCode::invalid_argument, std::move(text)); }

}  // namespace

std::string_view name_of(Call call) {
  constexpr std::array names{"lookup_or_start", "lookup", "stop"};
  return names[static_cast<std::size_t>(call)];
}

std::string_view name_of(Answer answer) {
  constexpr std::array names{"running", "started", "not_running", "stopped", "failed_unexecuted", "unknown"};
  return names[static_cast<std::size_t>(answer)];
}

std::string to_text(Fence fence) {
  return std::to_string(fence.epoch().value) + ":" + std::to_string(fence.start().value);
}

std::uint32_t History::key(std::string_view name) {
  const auto found = key_numbers_.find(name);
  if (found != key_numbers_.end()) return found->second;
  const auto number = static_cast<std::uint32_t>(keys_.size());
  key_numbers_.emplace(keys_.emplace_back(name), number);
  return number;
}

std::uint32_t History::new_client(std::string_view name) {
  clients_.emplace_back(name);
  return static_cast<std::uint32_t>(clients_.size() - 1);
}

Result<std::uint16_t> History::new_file(std::string_view name) {
  if (files_.size() > std::numeric_limits<std::uint16_t>::max()) return no("more than 65535 files; join some of them");
  files_.emplace_back(name);
  return static_cast<std::uint16_t>(files_.size() - 1);
}

Result<void> History::add(Operation o) {
  const std::string call{name_of(o.call)};
  const std::string answer{name_of(o.answer)};
  if (o.key >= keys_.size() || o.client >= clients_.size() || o.file >= files_.size()) {
    return no("its key, client or file has no name; take the numbers from this history");
  }
  if (!fits(o.call, o.answer)) return no(call + " cannot be answered with " + answer + "; see history.hpp");
  if (is_live(o) && o.fence.value == 0) return no(answer + " needs a fence; record what the reply says");
  if (!is_live(o) && o.answer != Answer::stopped && o.fence.value != 0)
    return no(answer + " has no fence; leave it out");
  if (o.answer == Answer::unknown) o.returned = Instant::never();
  if (o.answer != Answer::unknown && o.returned == Instant::never()) {
    return no(answer + " needs the time of its return; without an answer it is unknown");
  }
  if (o.returned < o.invoked || o.invoked == Instant::never()) {
    return no("it returns before it is invoked; take both times from one clock");
  }
  operations_.push_back(o);
  sorted_ = false;
  return {};
}

std::span<const Operation> History::by_key() {
  if (!sorted_) {
    std::sort(operations_.begin(), operations_.end(), [](const Operation& a, const Operation& b) {
      return std::tie(a.key, a.invoked, a.returned, a.file, a.line) <
             std::tie(b.key, b.invoked, b.returned, b.file, b.line);
    });
    sorted_ = true;
  }
  return operations_;
}

std::string History::describe(const Operation& o) const {
  std::string out = clients_[o.client];
  if (o.request != 0) out += "#" + std::to_string(o.request);
  out.append(" ").append(name_of(o.call)).append("(").append(keys_[o.key]).append(") = ").append(name_of(o.answer));
  if (o.fence.value != 0) out += " " + to_text(o.fence);
  out += " from " + seconds(o.invoked) + " to " + seconds(o.returned) + " s";
  if (o.file != 0) out += " [" + files_[o.file] + ":" + std::to_string(o.line) + "]";
  return out;
}

void first_tries(std::span<const Operation> one_key, std::vector<Instant>& out) {
  out.clear();
  std::vector<std::uint32_t> tries;
  for (std::size_t i = 0; i < one_key.size(); ++i) {
    const Operation& o = one_key[i];
    out.push_back(o.invoked);
    const bool counts = o.request != 0 && o.call == Call::lookup_or_start && o.answer != Answer::failed_unexecuted;
    if (counts) tries.push_back(static_cast<std::uint32_t>(i));
  }
  const auto request = [&](std::uint32_t i) { return std::tie(one_key[i].client, one_key[i].request); };
  std::sort(tries.begin(), tries.end(), [&](auto a, auto b) {
    return request(a) != request(b) ? request(a) < request(b) : one_key[a].invoked < one_key[b].invoked;
  });
  for (std::size_t i = 1; i < tries.size(); ++i) {
    if (request(tries[i]) == request(tries[i - 1])) out[tries[i]] = out[tries[i - 1]];
  }
}

}  // namespace reki::history
