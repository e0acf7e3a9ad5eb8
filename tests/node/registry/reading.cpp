// Look-ups take no lock: what they find beside starts, stops, crashes, slots that come and go, and the end.
#include <array>
#include <random>

#include "slot_registry.hpp"

using namespace test;

namespace {

/// Threads that do the same again and again until they are told to end.
class Readers {
 public:
  template <class Look>
  explicit Readers(Look look) {
    for (unsigned t = 0; t < 2; ++t) {
      threads_.emplace_back([this, look, t] {
        std::mt19937 random(t);
        while (!over_) {
          look(random);
          ++looks_;
        }
      });
    }
  }
  ~Readers() { end(); }
  void end() {
    over_ = true;
    for (auto& thread : threads_) thread.join();
    threads_.clear();
  }
  /// Returns when they have looked so often since.
  [[nodiscard]] bool look_on(std::uint64_t times) {
    const std::uint64_t enough = looks_ + times;
    return eventually([&] { return looks_ >= enough; });
  }

 private:
  std::atomic<bool> over_{false};
  std::atomic<std::uint64_t> looks_{0};
  std::vector<std::thread> threads_;
};

/// What the one who changes a key knows of it, for those who look at it meanwhile.
struct Known {
  /// Even: nothing happens to the key, and `fence` is that of its live actor, or 0. Odd: something does.
  std::atomic<std::uint64_t> version{0};
  std::atomic<std::uint64_t> fence{0};

  void change() { ++version; }
  void is(Fence now) {
    fence = now.value;
    ++version;
  }
};

constexpr std::size_t key_count = 6;

struct Keys {
  std::array<Known, key_count> known;
  std::atomic<int> wrong{0};
  std::atomic<std::uint64_t> checked{0};

  // Some of them stand in the submission, some do not.
  static std::string name(std::size_t i) { return std::string(i * 9, 'k') + std::to_string(i); }

  void look(Registry& registry, std::size_t i) {
    const auto before = known[i].version.load();
    const auto fence = known[i].fence.load();
    const auto ref = registry.lookup<Puppet>(name(i)).get();
    if (before % 2 != 0 || known[i].version.load() != before) return;
    ++checked;
    if (fence == 0 ? ref.has_value() : !ref || ref->fence().value != fence || ref->key() != name(i)) ++wrong;
  }
};

Fence found(Registry& registry, const std::string& key) {
  const auto ref = registry.lookup<Puppet>(key).get();
  return ref ? ref->fence() : Fence{};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(reading)

BOOST_AUTO_TEST_CASE(a_look_up_finds_the_start_that_is_live_and_none_when_none_is) {
  Stage stage;
  TypeOptions options;
  options.restart.max_restarts = 1000000;
  LocalRegistry registry{puppets(stage, options)};
  Keys keys;
  Readers readers([&](auto& random) { keys.look(registry, random() % key_count); });
  std::mt19937 random(1);
  for (int step = 0; step < 600; ++step) {
    const std::size_t i = random() % key_count;
    const auto key = Keys::name(i);
    Known& known = keys.known[i];
    const Fence fence{known.fence};
    known.change();
    if (fence.value == 0) {
      known.is(registry.start<Puppet>(key).get().value().fence());
    } else if (random() % 2 == 0) {
      BOOST_REQUIRE((registry.stop<Puppet>(key).get().value() == fence));
      known.is(Fence{});
    } else {
      (void)registry.call<Puppet>(key, Crash{}).get();
      BOOST_REQUIRE(eventually([&] { return found(registry, key) > fence; }));
      known.is(found(registry, key));
    }
    if (step % 20 == 0) BOOST_REQUIRE(readers.look_on(20));
  }
  BOOST_REQUIRE(eventually([&] { return keys.checked > 100; }));
  readers.end();
  BOOST_TEST(keys.wrong == 0);
}

BOOST_AUTO_TEST_CASE(what_comes_and_goes_while_others_look_is_never_destroyed_too_early) {
  Stage stage;
  LocalRegistry registry{puppets(stage)};
  // Few keys, so that they are often found in the moment in which they go; more beside them, so that tables grow.
  Readers readers([&](auto& random) { (void)registry.lookup<Puppet>("k" + std::to_string(random() % 4)).get(); });
  for (int round = 0; round < 150; ++round) {
    for (int i = 0; i < 4; ++i) (void)registry.lookup_or_start<Puppet>("k" + std::to_string(i)).get().value();
    for (int i = 0; i < 20; ++i) registry.lookup_or_start<Puppet>(std::to_string(round * 100 + i)).detach();
    for (int i = 0; i < 4; ++i) (void)registry.stop<Puppet>("k" + std::to_string(i)).get().value();
  }
  readers.end();
  BOOST_TEST(registry.count<Puppet>("k").get().value() == 0U);
}

BOOST_AUTO_TEST_CASE(look_ups_are_counted_whoever_makes_them) {
  Stage stage;
  LocalRegistry registry{puppets(stage)};
  (void)registry.lookup_or_start<Puppet>("k").get().value();
  const auto before = registry.stats().lookups;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 250; ++i) (void)registry.lookup<Puppet>("k").get().value();
    });
  }
  for (auto& thread : threads) thread.join();
  BOOST_TEST(registry.stats().lookups - before == 1000U);
}

BOOST_AUTO_TEST_CASE(a_look_up_counts_as_use_where_use_matters) {
  Stage stage;
  LocalRegistry registry{puppets(stage, {.cap = 2})};
  const auto first = registry.lookup_or_start<Puppet>("first").get().value().fence();
  (void)registry.lookup_or_start<Puppet>("second").get().value();
  // Time goes on in ticks.
  const auto later = std::chrono::steady_clock::now() + 50ms;
  BOOST_REQUIRE(eventually([&] { return found(registry, "first") == first && std::chrono::steady_clock::now() > later; }));
  (void)registry.lookup_or_start<Puppet>("third").get().value();
  BOOST_REQUIRE(eventually([&] { return registry.stats().passivations == 1; }));
  BOOST_TEST(eventually([&] { return found(registry, "second").value == 0; }));
  BOOST_TEST((found(registry, "first") == first));
}

BOOST_AUTO_TEST_CASE(look_ups_go_on_while_the_registry_closes_and_end_with_an_error) {
  Stage stage;
  LocalRegistry registry{puppets(stage)};
  for (int i = 0; i < 200; ++i) (void)registry.lookup_or_start<Puppet>(std::to_string(i)).get().value();
  std::atomic<int> strange{0};
  Readers readers([&](auto& random) {
    const auto ref = registry.lookup<Puppet>(std::to_string(random() % 200)).get();
    if (!ref && ref.error().code != ErrorCode::shutting_down && ref.error().code != ErrorCode::not_running) ++strange;
  });
  BOOST_REQUIRE(readers.look_on(100));
  BOOST_TEST(registry.close(20s));
  BOOST_REQUIRE(readers.look_on(100));
  readers.end();
  BOOST_TEST(strange == 0);
  BOOST_TEST((registry.lookup<Puppet>("1").get().error().code == ErrorCode::shutting_down));
}

BOOST_AUTO_TEST_CASE(without_its_slot_or_a_lease_nothing_is_found) {
  SlotRegistry slots;
  slots.gain(Epoch{1});
  const auto code = [&] {
    const auto ref = slots.registry.lookup<Puppet>("k").get();
    return ref ? ErrorCode::ok : ref.error().code;
  };
  const auto ref = slots.registry.lookup_or_start<Puppet>("k").get().value();
  BOOST_TEST((code() == ErrorCode::ok && ref.node() == NodeId{"n1"}));
  BOOST_TEST((slots.registry.lookup<Puppet>("k").get().value().node() == NodeId{"n1"}));
  slots.page.set_lease_end(Instant{1});
  BOOST_TEST((code() == ErrorCode::unavailable));
  slots.page.set_lease_end(Instant::never());
  BOOST_TEST((code() == ErrorCode::ok));
  slots.lose();
  BOOST_TEST((code() == ErrorCode::wrong_node));
}

BOOST_AUTO_TEST_CASE(after_a_slot_was_let_go_no_look_up_finds_its_actors) {
  SlotRegistry slots;
  std::atomic<std::uint64_t> lost{0};  // the last epoch whose actors were all let go
  std::atomic<int> late{0};
  Readers readers([&](auto& random) {
    const auto gone = lost.load();
    const auto ref = slots.registry.lookup<Puppet>(std::to_string(random() % 4)).get();
    if (ref && ref->fence().epoch().value <= gone) ++late;
  });
  for (std::uint32_t epoch = 1; epoch <= 40; ++epoch) {
    slots.gain(Epoch{epoch});
    for (int i = 0; i < 4; ++i) (void)slots.registry.lookup_or_start<Puppet>(std::to_string(i)).get().value();
    BOOST_REQUIRE(readers.look_on(20));
    slots.lose();
    lost = epoch;
    BOOST_REQUIRE(eventually([&] { return slots.registry.is_empty(slots.all); }));
  }
  readers.end();
  BOOST_TEST(late == 0);
}

BOOST_AUTO_TEST_CASE(look_ups_go_on_while_a_registry_starts_over) {
  SlotRegistry slots;
  std::atomic<std::uint64_t> lost{0};
  std::atomic<int> late{0};
  Readers readers([&](auto& random) {
    const auto gone = lost.load();
    const auto ref = slots.registry.lookup<Puppet>(std::to_string(random() % 4)).get();
    if (ref && ref->fence().epoch().value <= gone) ++late;
  });
  for (std::uint32_t epoch = 1; epoch <= 10; ++epoch) {
    slots.gain(Epoch{epoch});
    for (int i = 0; i < 4; ++i) (void)slots.registry.lookup_or_start<Puppet>(std::to_string(i)).get().value();
    BOOST_REQUIRE(readers.look_on(50));
    slots.registry.start_over(Incarnation{epoch + 1});
    lost = epoch;
  }
  readers.end();
  BOOST_TEST(late == 0);
}

BOOST_AUTO_TEST_SUITE_END()
