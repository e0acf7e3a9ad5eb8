#include "actors.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <stdexcept>
#include <thread>

#include "reki/node/actors/actor.hpp"
#include "reki/node/plugins/plugin.hpp"

namespace {

using namespace cluster_test;

/// Appends what happens to one object to the file that REKI_WITNESS names, a line in one write, so that the lines of
/// all nodes stay whole and the tests can tell how many actors a key had at any moment:
///
///     BOOTTIME_NS PID EVENT TYPE KEY FENCE OBJECT
///
/// `made` as the factory begins (KEY and FENCE are "-"), `born` in on_start, `died` in the destructor; `noted` in a handler, with
/// the call's number for OBJECT.
class Witness {
 public:
  explicit Witness(std::string_view type) : type_(type), object_(++objects()) { write("made"); }
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;
  ~Witness() { write("died"); }

  void born(const reki::Context& context) {
    key_ = context.key();
    fence_ = std::to_string(context.fence().value);
    write("born");
  }
  void noted(std::uint64_t number) const { write("noted", number); }

 private:
  static std::atomic<std::uint64_t>& objects() {
    static std::atomic<std::uint64_t> count{0};
    return count;
  }
  static int file() {
    static const int fd = [] {
      const char* path = std::getenv("REKI_WITNESS");
      return path == nullptr ? -1 : open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    }();
    return fd;
  }
  void write(std::string_view event) const { write(event, object_); }
  void write(std::string_view event, std::uint64_t number) const {
    timespec now{};
    clock_gettime(CLOCK_BOOTTIME, &now);
    const std::string line = std::to_string(now.tv_sec * 1'000'000'000 + now.tv_nsec) + ' ' + std::to_string(getpid()) +
                             ' ' + std::string{event} + ' ' + std::string{type_} + ' ' + key_ + ' ' + fence_ + ' ' +
                             std::to_string(number) + '\n';
    if (file() >= 0 && ::write(file(), line.data(), line.size()) != static_cast<ssize_t>(line.size())) std::abort();
  }

  std::string_view type_;
  std::uint64_t object_;
  std::string key_ = "-";
  std::string fence_ = "-";
};

class NeighbourActor : public reki::Actor<Neighbour> {
 public:
  std::int64_t on(const Ping&) { return ++pings_; }

 private:
  std::int64_t pings_ = 0;
};

class SlowActor : public reki::Actor<Slow> {
 public:
  explicit SlowActor(const SlowArgs& args) { std::this_thread::sleep_for(std::chrono::milliseconds(args.ms)); }
  reki::Result<void> on_start(reki::Context& context) override {
    witness_.born(context);
    return {};
  }
  std::int64_t on(const Ping&) { return ++pings_; }

 private:
  Witness witness_{Slow::type};
  std::int64_t pings_ = 0;
};

class CrasherActor : public reki::Actor<Crasher> {
 public:
  reki::Result<void> on_start(reki::Context& context) override {
    witness_.born(context);
    return {};
  }
  std::int64_t on(const Ping&) { return ++pings_; }
  std::int64_t on(const Crash&) { throw std::runtime_error("crashed as asked"); }

 private:
  Witness witness_{Crasher::type};
  std::int64_t pings_ = 0;
};

class BlobActor : public reki::Actor<Blob> {
 public:
  reki::Result<reki::Bytes> on(const Fetch& m) {
    if (m.bytes < 0) return reki::fail(reki::ErrorCode::refused, "bytes must not be negative");
    return reki::Bytes(static_cast<std::size_t>(m.bytes), 'x');
  }
  std::int64_t on(const Put& m) { return static_cast<std::int64_t>(m.bytes.size()); }
  void on(const Nap& m) { std::this_thread::sleep_for(std::chrono::milliseconds(m.ms)); }
  std::int64_t on(const Ping&) { return ++pings_; }
  void on(const AskNext& m, reki::Context& context) {
    reki::Submission asks;
    asks.op = reki::wire::Op::next;
    asks.type = Neighbour::type;
    asks.key = m.key;
    *next_ = -1;
    context.registry().submit(std::move(asks), reki::Completion::of([next = next_](reki::Answer&& answer) {
      *next = static_cast<std::int64_t>(answer.code);
    }));
  }
  std::int64_t on(const NextCode&) { return *next_; }

 private:
  std::int64_t pings_ = 0;
  std::shared_ptr<std::atomic<std::int64_t>> next_ = std::make_shared<std::atomic<std::int64_t>>(-1);
};

class ScribeActor : public reki::Actor<Scribe> {
 public:
  reki::Result<void> on_start(reki::Context& context) override {
    witness_.born(context);
    return {};
  }
  std::int64_t on(const Note& m) {
    std::this_thread::sleep_for(std::chrono::milliseconds(m.ms));
    witness_.noted(static_cast<std::uint64_t>(m.number));
    return m.number;
  }

 private:
  Witness witness_{Scribe::type};
};

}  // namespace

const reki::Plugin reki_plugin = reki::plugin([](reki::Factories& factories) {
  factories.add<NeighbourActor>().add<SlowActor>().add<CrasherActor>().add<BlobActor>().add<ScribeActor>();
});
