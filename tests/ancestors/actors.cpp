#include "actors.hpp"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "reki/plugin.hpp"

namespace ancestors {
namespace {

using namespace std::chrono_literals;

/// A file that is there as long as this object is; so whoever counts the files knows how many objects live, in all processes.
class Mark {
 public:
  explicit Mark(const std::string& folder) {
    static std::atomic<int> objects = 0;
    if (folder.empty()) return;
    path_ = folder + "/" + std::to_string(getpid()) + "." + std::to_string(++objects);
    if (!std::ofstream(path_)) throw std::runtime_error("cannot write " + path_);
  }
  Mark(const Mark&) = delete;
  Mark& operator=(const Mark&) = delete;
  ~Mark() {
    if (!path_.empty()) unlink(path_.c_str());
  }

 private:
  std::string path_;
};

template <class A>
class WorkerActor final : public reki::Actor<A> {
 public:
  explicit WorkerActor(const WorkerArgs& args) : args_(args), mark_(args.marks), sum_(args.initial) {
    if (args.fault == "throw") throw std::runtime_error("thrown as asked");
  }
  reki::Result<void> on_start(reki::Context& context) override {
    if (args_.fault == "refuse") return reki::fail(reki::ErrorCode::start_failed, "refused as asked");
    if (args_.fault == "crash") this->send_later(context, 0ms, Crash{});
    return {};
  }
  std::int64_t on(const Add& m) { return sum_ += m.by; }
  std::int64_t on(const Read&) { return sum_; }
  void on(const Crash&) { throw std::runtime_error("crashed as asked"); }
  void on(const Leave&, reki::Context& context) { context.stop_self(); }

 private:
  WorkerArgs args_;
  Mark mark_;
  std::int64_t sum_;
};

class DoorActor final : public reki::Actor<Door> {
 public:
  bool on(const Knock&) {
    ++knocks_;
    return open_;
  }
  std::int64_t on(const Knocks&) { return knocks_; }
  void on(const Open&) { open_ = true; }

 private:
  std::int64_t knocks_ = 0;
  bool open_ = false;
};

class SlowActor final : public reki::Actor<Slow> {
 public:
  explicit SlowActor(const SlowArgs& args) : args_(args) {}
  reki::Result<void> on_start(reki::Context& context) override {
    for (const auto end = std::chrono::steady_clock::now() + 60s; std::chrono::steady_clock::now() < end;) {
      const auto open = context.registry().call<Door>(args_.door, Knock{}).get();
      if (!open) return tl::make_unexpected(open.error());
      if (*open) return {};
      std::this_thread::sleep_for(1ms);
    }
    return reki::fail(reki::ErrorCode::deadline_exceeded, "nobody opened the door");
  }
  std::int64_t on(const Add& m) { return sum_ += m.by; }
  std::int64_t on(const Read&) { return sum_; }

 private:
  SlowArgs args_;
  std::int64_t sum_ = 0;
};

}  // namespace

void add_types(reki::Factories& factories) {
  const reki::RestartPolicy soon{.backoff_initial = 1ms};
  factories.add<WorkerActor<Worker>>({.restart = soon})
      .add<WorkerActor<Mortal>>({.restart = {.mode = reki::RestartMode::temporary}})
      .add<DoorActor>()
      .add<SlowActor>({.blocking = true});
}

}  // namespace ancestors

const reki::Plugin reki_plugin = reki::plugin([](reki::Factories& factories) { ancestors::add_types(factories); });
