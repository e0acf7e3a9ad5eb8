// Messages to live actors take no lock: none is lost, doubled or overtaken beside starts, stops, crashes and slots that go.
#include <array>
#include <random>

#include "slot_registry.hpp"

using namespace test;

namespace {

struct Numbered {
  static constexpr std::string_view name = "numbered";
  using Reply = std::int64_t;
  std::int64_t sender = 0;
  std::int64_t number = 0;
  static constexpr auto fields = reki::fields("sender", &Numbered::sender, "number", &Numbered::number);
};
struct Fall {
  static constexpr std::string_view name = "fall";
};
struct Go {
  static constexpr std::string_view name = "go";
};
struct Listener {
  static constexpr std::string_view type = "listener";
  using Messages = reki::Messages<Numbered, Fall, Go>;
};

constexpr std::size_t senders_max = 3;

/// What all starts of one key have heard, one after the other.
struct Heard {
  std::array<std::int64_t, senders_max> last{};
  std::int64_t count = 0;
  bool in_order = true;
};

class ListenerActor final : public Actor<Listener> {
 public:
  explicit ListenerActor(Heard& heard) : heard_(heard) {}
  std::int64_t on(const Numbered& message) {
    auto& last = heard_.last.at(static_cast<std::size_t>(message.sender));
    heard_.in_order = heard_.in_order && message.number > last;
    last = message.number;
    return ++heard_.count;
  }
  void on(const Fall&) { throw std::runtime_error("fell"); }
  void on(const Go&, Context& context) { context.stop_self(); }

 private:
  Heard& heard_;
};

Factories listeners(Heard& heard, TypeOptions options = {}) {
  options.restart.max_restarts = 1000000;
  Factories out;
  out.add<ListenerActor>(options, [&heard](const NoArgs&) { return std::make_unique<ListenerActor>(heard); });
  return out;
}

/// A thread that sends one message after the other, with some under way at a time, and counts what comes of them.
class Sender {
 public:
  Sender(Registry& registry, std::int64_t number) : registry_(registry), number_(number), thread_([this] { run(); }) {}
  ~Sender() { end(); }
  void end() {
    over_ = true;
    if (thread_.joinable()) thread_.join();
  }

  std::atomic<std::int64_t> sent{0};
  std::atomic<std::int64_t> answered{0};
  std::atomic<std::int64_t> handled{0};
  std::atomic<std::int64_t> failed{0};

 private:
  void run() {
    constexpr std::int64_t under_way_max = 50;
    while (!over_) {
      if (sent - answered >= under_way_max) {
        std::this_thread::yield();
        continue;
      }
      registry_.call<Listener>("k", Numbered{number_, ++sent}).then([this](const auto& reply) {
        if (reply) ++handled;
        else ++failed;
        ++answered;
      });
    }
  }

  Registry& registry_;
  const std::int64_t number_;
  std::atomic<bool> over_{false};
  std::thread thread_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(delivering)

BOOST_AUTO_TEST_CASE(messages_beside_stops_and_starts_are_handled_once_each_and_in_their_order) {
  Heard heard;
  LocalRegistry registry{listeners(heard)};
  std::int64_t sent = 0;
  {
    Sender a(registry, 0);
    Sender b(registry, 1);
    for (int i = 0; i < 2000; ++i) {
      const auto so_far = a.answered.load();
      (void)registry.stop<Listener>("k").get();
      BOOST_REQUIRE(eventually([&] { return a.answered > so_far; }));
    }
    a.end();
    b.end();
    sent = a.sent + b.sent;
    BOOST_REQUIRE(eventually([&] { return a.answered + b.answered == sent; }));
    BOOST_TEST(a.failed + b.failed == 0);
  }
  BOOST_TEST(heard.count == sent);
  BOOST_TEST(heard.in_order);
}

BOOST_AUTO_TEST_CASE(messages_beside_actors_that_stop_themselves_are_handled_once_each) {
  Heard heard;
  LocalRegistry registry{listeners(heard)};
  std::atomic<bool> over = false;
  Sender a(registry, 0);
  Sender b(registry, 1);
  std::thread ender([&] {
    while (!over) {
      const auto so_far = a.answered.load();
      registry.send<Listener>("k", Go{}).detach();
      while (a.answered == so_far && !over) std::this_thread::yield();
    }
  });
  const bool enough = eventually([&] { return a.answered + b.answered > 20000; });
  over = true;
  ender.join();
  a.end();
  b.end();
  BOOST_TEST(enough);
  BOOST_REQUIRE(eventually([&] { return a.answered + b.answered == a.sent + b.sent; }));
  BOOST_TEST(a.failed + b.failed == 0);
  BOOST_TEST(heard.count == a.sent + b.sent);
}

BOOST_AUTO_TEST_CASE(messages_beside_crashes_are_answered_once_each_and_in_their_order) {
  Heard heard;
  LocalRegistry registry{listeners(heard)};
  {
    Sender a(registry, 0);
    Sender b(registry, 1);
    for (int i = 0; i < 300; ++i) {
      const auto so_far = a.answered.load();
      registry.send<Listener>("k", Fall{}).detach();
      BOOST_REQUIRE(eventually([&] { return a.answered > so_far; }));
    }
    a.end();
    b.end();
    BOOST_REQUIRE(eventually([&] { return a.answered + b.answered == a.sent + b.sent; }));
    BOOST_TEST(heard.count == a.handled + b.handled);
  }
  BOOST_TEST(heard.in_order);
  BOOST_TEST(heard.count > 0);
}

BOOST_AUTO_TEST_CASE(messages_to_actors_that_are_just_about_to_end_for_idleness_are_handled) {
  Heard heard;
  LocalRegistry registry{listeners(heard, {.idle = 1ms})};
  for (std::int64_t i = 1; i <= 50; ++i) {
    const auto ended = registry.stats().passivations;
    BOOST_REQUIRE(registry.call<Listener>("k", Numbered{0, i}).get().has_value());
    BOOST_REQUIRE(eventually([&] { return registry.stats().passivations > ended; }));  // counted before it is gone
  }
  BOOST_TEST(heard.count == 50);
  BOOST_TEST(heard.in_order);
}

BOOST_AUTO_TEST_CASE(what_senders_still_hold_of_an_actor_that_ends_is_never_destroyed_too_early) {
  // Many keys that come and go while others send to them; the address sanitizer sees what is read too late.
  Factories factories;
  std::atomic<std::int64_t> handled = 0;
  class Counting final : public Actor<Listener> {
   public:
    explicit Counting(std::atomic<std::int64_t>& handled) : handled_(handled) {}
    std::int64_t on(const Numbered&) { return ++handled_; }
    void on(const Fall&) {}
    void on(const Go&) {}

   private:
    std::atomic<std::int64_t>& handled_;
  };
  factories.add<Counting>({}, [&](const NoArgs&) { return std::make_unique<Counting>(handled); });
  LocalRegistry registry{std::move(factories)};
  std::atomic<bool> over = false;
  std::atomic<std::int64_t> sent = 0;
  std::atomic<std::int64_t> answered = 0;
  std::atomic<std::int64_t> failed = 0;
  std::vector<std::thread> senders;
  for (unsigned t = 0; t < 2; ++t) {
    senders.emplace_back([&, t] {
      std::mt19937 random(t);
      while (!over) {
        if (sent - answered > 200) {
          std::this_thread::yield();
          continue;
        }
        ++sent;
        registry.call<Listener>(std::to_string(random() % 8), Numbered{}).then([&](const auto& reply) {
          if (!reply) ++failed;
          ++answered;
        });
      }
    });
  }
  for (int i = 0; i < 8000; ++i) registry.stop<Listener>(std::to_string(i % 8)).detach();
  for (int i = 0; i < 2000; ++i) (void)registry.stop<Listener>(std::to_string(i % 8)).get();
  over = true;
  for (auto& sender : senders) sender.join();
  BOOST_TEST(eventually([&] { return answered == sent; }));
  BOOST_TEST(failed == 0);
  BOOST_TEST(handled == sent);
}

BOOST_FIXTURE_TEST_CASE(messages_to_a_slot_that_is_let_go_are_answered_once_each, SlotRegistry) {
  std::atomic<std::int64_t> sent = 0;
  std::atomic<std::int64_t> answered = 0;
  for (std::uint32_t round = 1; round <= 50; ++round) {
    gain(Epoch{round});
    std::atomic<bool> over = false;
    std::atomic<std::int64_t> served = 0;
    std::thread sender([&] {
      while (!over) {
        if (sent - answered > 100) {
          std::this_thread::yield();
          continue;
        }
        ++sent;
        registry.call<Puppet>("k", Add{}).then([&](const auto& reply) {
          if (reply) ++served;
          ++answered;
        });
      }
    });
    const bool begun = eventually([&] { return served > 100; });
    lose();
    const bool left = eventually([&] { return registry.is_empty(all); });
    over = true;
    sender.join();
    BOOST_REQUIRE(begun);
    BOOST_REQUIRE(left);
    BOOST_REQUIRE(eventually([&] { return answered == sent; }));
    BOOST_REQUIRE(stage.witness.live("k") == 0);
  }
  BOOST_TEST(stage.witness.most() == 1);
}

BOOST_AUTO_TEST_SUITE_END()
