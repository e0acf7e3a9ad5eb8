#include "run.hpp"

#include <memory>
#include <optional>
#include <string>

#include "faults.hpp"
#include "world.hpp"

namespace reki::cluster {

using namespace std::chrono_literals;
using wire::Op;

namespace {

/// Until nothing is wrong, for so long at most.
void settle(World& world, Duration at_most) {
  const Instant until = world.now() + at_most;
  while (world.goes_on() && !world.trouble().empty() && world.now() < until) world.run_for(50ms);
  if (world.goes_on() && !world.trouble().empty()) world.oracle.break_rule(Rule::comes_back, world.trouble());
}

/// A client asks, again and again, until `end`.
void keep_asking(World& world, std::size_t client, Instant end) {
  if (world.now() >= end) return;
  world.client(client).ask_something();
  world.after(std::chrono::microseconds(500 + world.below(30'000)), [&world, client, end] { keep_asking(world, client, end); });
}

/// By number: clients, and programs in a node's process.
struct Lister {
  std::string name;
  Lists::Ask ask;
};
std::optional<Lister> lister(World& world, std::size_t number) {
  if (number < world.clients()) {
    return Lister{"client " + std::to_string(number), [&world, number](Submission submission, Completion done) {
                    world.client(number).ask_all(std::move(submission), std::move(done));
                  }};
  }
  const auto process = world.machine(static_cast<Endpoint>(number - world.clients())).process;
  if (!process) return std::nullopt;
  return Lister{process->host->name, [weak = std::weak_ptr(process)](Submission submission, Completion done) {
                  if (const auto again = weak.lock(); again && again->alive()) again->registry().submit(std::move(submission), std::move(done));
                }};
}

/// One of them lists or counts all keys, again and again, until `end`.
void keep_listing(World& world, Instant end) {
  if (world.now() >= end) return;
  if (auto by = lister(world, world.below(world.clients() + world.nodes()))) {
    world.below(2) == 0 ? world.lists.list(std::move(by->name), std::move(by->ask)) : world.lists.count(std::move(by->name), std::move(by->ask));
  }
  world.after(std::chrono::milliseconds(5 + world.below(100)), [&world, end] { keep_listing(world, end); });
}

void keep_striking(World& world, Faults& faults, Instant end) {
  if (world.now() >= end) return;
  faults.strike();
  world.after(std::chrono::milliseconds(60 + world.below(800)), [&world, &faults, end] { keep_striking(world, faults, end); });
}

void ask_all(World& world, Op op) {
  for (std::uint32_t key = 0; key < world.keys(); ++key) world.client(key % world.clients()).ask(op, key, {}, 2s);
  const Instant until = world.now() + 2s + 200ms;
  while (world.goes_on() && world.oracle.unanswered() != 0 && world.now() < until) world.run_for(10ms);
  world.run_for(50ms);
  if (world.goes_on() && world.oracle.unanswered() != 0) world.oracle.break_rule(Rule::one_answer, "a request has no answer long after its deadline");
}

/// All of them do, and none fails.
void list_everywhere(World& world) {
  const auto missing = std::make_shared<std::size_t>(2 * (world.clients() + world.nodes()));
  const auto ended = [missing](bool ok) { *missing -= ok ? 1 : 0; };
  for (std::size_t i = 0; i < world.clients() + world.nodes(); ++i) {
    auto by = lister(world, i);
    world.lists.list(by->name, by->ask, ended);
    world.lists.count(std::move(by->name), std::move(by->ask), ended);
  }
  const Instant until = world.now() + 2s;
  while (world.goes_on() && *missing != 0 && world.now() < until) world.run_for(10ms);
  if (world.goes_on() && *missing != 0) {
    world.oracle.break_rule(Rule::comes_back, "a list or count fails although nothing is wrong any more");
  }
}

void end(World& world) {
  const auto before = world.oracle.seen;
  ask_all(world, Op::call);
  const auto ok = static_cast<std::size_t>(ErrorCode::ok);
  if (world.goes_on() && world.oracle.seen.codes[ok] - before.codes[ok] != world.keys()) {
    world.oracle.break_rule(Rule::comes_back, "a key cannot be called although nothing is wrong any more");
  }
  list_everywhere(world);
  ask_all(world, Op::stop);
  list_everywhere(world);
  for (Endpoint node = 0; node < world.nodes() && world.goes_on(); ++node) {
    ClusterRegistry& registry = world.machine(node).process->registry();
    if (registry.stats().actors != 0) world.oracle.break_rule(Rule::nothing_left, "actors are left on " + world.machine(node).id.value);
    if (world.machine(node).process->plane().router().outstanding() != 0) world.oracle.break_rule(Rule::nothing_left, "requests are left");
  }
}

}  // namespace

Ending run(std::uint64_t seed, bool prints) {
  Ending out;
  World world({.seed = seed, .prints = prints});
  Faults faults(world, seed);
  out.faults = faults.describe();
  world.begin();
  settle(world, 10s);
  for (std::uint32_t key = 0; key < world.keys(); ++key) world.client(world.below(world.clients())).watch(key);
  const Instant load_ends = world.now() + 3s + std::chrono::milliseconds(world.below(3000));
  for (std::size_t client = 0; client < world.clients(); ++client) keep_asking(world, client, load_ends);
  keep_listing(world, load_ends);
  keep_striking(world, faults, Instant{load_ends.ns - 200'000'000});
  world.run_for(load_ends - world.now());
  faults.heal();
  const Instant answered_by = world.now() + 3s + 200ms;  // the longest time-out
  while (world.goes_on() && world.oracle.unanswered() != 0 && world.now() < answered_by) world.run_for(50ms);
  settle(world, 12s);
  if (world.goes_on()) end(world);
  out.violation = world.oracle.violation();
  out.at = world.now();
  out.steps = world.steps();
  out.trace = world.oracle.trace() ^ world.schedule.trace();
  out.seen = world.oracle.seen;
  return out;
}

}  // namespace reki::cluster
