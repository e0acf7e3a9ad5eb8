#include <chrono>
#include <deque>
#include <map>

#include "chat.hpp"
#include "reki/plugin.hpp"

namespace {

using namespace chat;
using Clock = std::chrono::steady_clock;

class InboxActor : public reki::Actor<Inbox> {
 public:
  void on(const Deliver& m) {
    if (lines_.size() == lines_max) lines_.pop_front();
    lines_.push_back(m.line);
  }
  std::vector<Line> on(const Fetch&) {
    std::vector<Line> out(lines_.begin(), lines_.end());
    lines_.clear();
    return out;
  }

 private:
  static constexpr std::size_t lines_max = 1000;  // of a user who never fetches, the oldest lines go
  std::deque<Line> lines_;
};

class RoomActor : public reki::Actor<Room> {
 public:
  explicit RoomActor(const RoomArgs& args) : presence_(args.presence_ms) {}

  reki::Result<void> on_start(reki::Context& context) override {
    if (presence_.count() <= 0) return reki::fail(reki::ErrorCode::refused, "presence_ms must be above 0");
    send_later(context, presence_ / 2, Sweep{});
    return {};
  }
  std::vector<std::string> on(const Join& m, reki::Context& context) {
    if (seen_.insert_or_assign(m.user, Clock::now()).second) tell_all(context, m.user, "joined");
    return names();
  }
  void on(const Leave& m, reki::Context& context) {
    if (seen_.erase(m.user) > 0) tell_all(context, m.user, "left");
  }
  reki::Result<std::int64_t> on(const Say& m, reki::Context& context) {
    const auto user = seen_.find(m.user);
    if (user == seen_.end()) return reki::fail(reki::ErrorCode::refused, m.user + " is not in this room: join first");
    user->second = Clock::now();
    tell_all(context, m.user, m.text);
    return static_cast<std::int64_t>(seen_.size());
  }
  std::vector<std::string> on(const Members&) { return names(); }
  void on(const Sweep&, reki::Context& context) {
    const auto gone = Clock::now() - presence_;
    for (auto it = seen_.begin(); it != seen_.end();) {
      if (it->second >= gone) {
        ++it;
        continue;
      }
      const auto user = it->first;
      it = seen_.erase(it);
      tell_all(context, user, "is gone");
    }
    send_later(context, presence_ / 2, Sweep{});
  }

 private:
  void tell_all(reki::Context& context, const std::string& from, const std::string& text) {
    for (const auto& [user, when] : seen_) {
      context.send<Inbox>(user, Deliver{{std::string{context.key()}, from, text}});
    }
  }
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& [user, when] : seen_) out.push_back(user);
    return out;
  }

  std::chrono::milliseconds presence_;
  std::map<std::string, Clock::time_point> seen_;
};

}  // namespace

const reki::Plugin reki_plugin = reki::plugin([](reki::Factories& factories) {
  factories.add<InboxActor>({.idle = std::chrono::hours(1)});
  factories.add<RoomActor>();
});
