// The C++ Actor Framework, as its manual has it used: actors without a registry in one process, and requests to an
// actor of another process. What local_bench measures of reki in the same way: the same rounds, the same counting.
#include <atomic>
#include <caf/all.hpp>
#include <caf/io/all.hpp>
#include <thread>
#include <vector>

#include "echo_figures.hpp"
#include "reki/bench/rounds.hpp"

namespace reki::bench {
namespace {

using Number = std::int64_t;

struct Config : caf::actor_system_config {
  Config() { load<caf::io::middleman>(); }
};

caf::behavior nothing(caf::event_based_actor*) {
  return {[](Number) {}};
}

caf::behavior counter(caf::event_based_actor*, Round* round) {
  return {[round, count = 0L](Number) mutable { round->handled(++count); }};
}

caf::behavior echo(caf::event_based_actor*) {
  return {[](Number n) { return n; }};
}

/// Sends a ball back until it has been hit often enough.
caf::behavior player(caf::event_based_actor* self, Round* round) {
  return {[self, round](Number hits) {
            if (hits == 0) return round->over();
            self->send(caf::actor_cast<caf::actor>(self->current_sender()), hits - 1);
          },
          [self](const caf::actor& other, Number hits) { self->send(other, hits); }};
}

void spawn(caf::actor_system& system, double seconds) {
  constexpr int at_once = 20000;
  std::vector<caf::actor> actors;
  const Stopwatch watch;
  do {
    for (int i = 0; i < at_once; ++i) actors.push_back(system.spawn(nothing));
  } while (watch.seconds() < seconds && actors.size() < 1000000);
  print({"caf.spawn", static_cast<double>(actors.size()) / watch.seconds(), "1/s"});
  for (auto& actor : actors) caf::anon_send_exit(actor, caf::exit_reason::kill);
}

void memory(caf::actor_system& system) {
  constexpr int count = 200000;
  std::vector<caf::actor> actors;
  actors.reserve(count);
  const long before = resident_bytes();
  for (int i = 0; i < count; ++i) actors.push_back(system.spawn(nothing));
  caf::scoped_actor self{system};
  auto last = system.spawn(echo);
  self->request(last, caf::infinite, Number{1}).receive([](Number) {}, [](const caf::error&) {});
  print({"caf.memory", static_cast<double>(resident_bytes() - before) / count, "B"});
  for (auto& actor : actors) caf::anon_send_exit(actor, caf::exit_reason::kill);
}

void messages(caf::actor_system& system, long actors, double seconds) {
  Round round(actors);
  std::vector<caf::actor> to;
  for (long i = 0; i < actors; ++i) to.push_back(system.spawn(counter, &round));
  const double rate = round.rate(seconds, [&](std::size_t actor) { caf::anon_send(to[actor], Number{1}); });
  print({actors == 1 ? "caf.one_to_one" : "caf.one_to_many", rate, "1/s"});
  for (auto& actor : to) caf::anon_send_exit(actor, caf::exit_reason::kill);
}

void ping_pong(caf::actor_system& system, double seconds) {
  Round round(1);
  auto one = system.spawn(player, &round);
  auto other = system.spawn(player, &round);
  const double ns = round.ns_per_hit(seconds, [&](long hits) { caf::anon_send(one, other, Number{hits}); });
  print({"caf.ping_pong", 2 * ns, "ns"});
  for (auto& actor : {one, other}) caf::anon_send_exit(actor, caf::exit_reason::kill);
}

void call(caf::actor_system& system, double seconds) {
  caf::scoped_actor self{system};
  auto actor = system.spawn(echo);
  Latencies latencies;
  const Stopwatch watch;
  while (watch.seconds() < seconds) {
    const Stopwatch one;
    self->request(actor, caf::infinite, Number{1}).receive([](Number) {}, [](const caf::error&) {});
    latencies.add(one.elapsed());
  }
  print({"caf.call.p50", static_cast<double>(latencies.percentile(0.5).count()), "ns"});
  caf::anon_send_exit(actor, caf::exit_reason::kill);
}

/// Keeps its requests under way, each followed by the next once it is answered.
caf::behavior requester(caf::event_based_actor* self, const caf::actor& to, EchoCount* count, std::atomic<bool>* over) {
  return {[=](Number) {
    self->request(to, caf::infinite, Number{1}).then([=](Number) {
      if (over->load(std::memory_order_relaxed)) return;
      if (count->came_back(1))
        self->send(self, Number{1});
      else
        over->store(true);
    });
  }};
}

void remote(const EchoLoad& load) {
  const ServerProcess server(load.pin, [](const ServerProcess::Announce& announce) {
    Config config;
    caf::actor_system system{config};
    const auto port = system.middleman().publish(system.spawn(echo), 0, "127.0.0.1");
    if (!port) throw std::runtime_error("cannot publish");
    announce(std::to_string(*port));
    while (true) pause();
  });
  Config config;
  caf::actor_system system{config};
  auto to = system.middleman().remote_actor("127.0.0.1", static_cast<std::uint16_t>(std::stoi(server.where())));
  if (!to) throw std::runtime_error("cannot connect");
  EchoCount count(load);
  std::atomic<bool> over = false;
  auto actor = system.spawn(requester, *to, &count, &over);
  for (long i = 0; i < load.outstanding; ++i) caf::anon_send(actor, Number{1});
  while (!over.load()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  count.print("caf.remote");
  caf::anon_send_exit(actor, caf::exit_reason::kill);
}

void run(const Options& options) {
  const auto what =
      options.choice("what", {"spawn", "memory", "one_to_one", "one_to_many", "ping_pong", "call", "remote"});
  const auto load = EchoLoad::from(options);
  if (what == "remote") return remote(load);
  Config config;
  caf::actor_system system{config};
  if (what == "spawn") spawn(system, load.seconds);
  if (what == "memory") memory(system);
  if (what == "one_to_one") messages(system, 1, load.seconds);
  if (what == "one_to_many") messages(system, 10000, load.seconds);
  if (what == "ping_pong") ping_pong(system, load.seconds);
  if (what == "call") call(system, load.seconds);
}

}  // namespace
}  // namespace reki::bench

int main(int argc, char** argv) { reki::bench::run({argc, argv, {"what", "pin", "outstanding", "seconds"}}); }
