// What a client sees of a node or a cluster that runs already. One measurement a process:
//
//   remote_bench --cluster NAME --connect tcp://HOST:PORT[,...] --what lookup|call|start|loaded|overload|timeline
//     --how get|then|many   one caller that blocks; callbacks; `lookup_or_start_many` of 64 (default: get)
//     --outstanding N       of `then` and `many`: so many under way at any time (default 1)
//     --seconds S           how long (default 1)
//     --keys N              so many actors, which run before it begins (default 10000)
//     --rate N              of `loaded` and `overload`: requests a second (0: half, or twice, what a closed loop gets first)
//     --work-us N           of `overload`: how long a handler takes (default 10)
//     --pin same|cross|free a part of the figures' names, as the echo programs have it; unless it is `free` this process
//                           keeps to core 0, and the node is on the same core or on another one by who started it
//
// Look-ups are lookup_or_start of running actors. Latencies are the caller's, from before the call to after it.
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <random>

#include "echo.hpp"
#include "loops.hpp"
#include "reki/bench/options.hpp"
#include "reki/client.hpp"
#include "reki/net/random_number.hpp"

using namespace reki;
using namespace reki::bench;
using bench_echo::Echo;

namespace {

constexpr std::size_t many = 64;
constexpr Duration answer_within = std::chrono::seconds(1);  // of an overloaded node's callers
constexpr Duration late_by = std::chrono::milliseconds(20);  // what a busy machine may add to a deadline

struct Arguments {
  Arguments(int argc, char** argv)
      : options(argc, argv, {"cluster", "connect", "what", "how", "outstanding", "seconds", "keys", "rate", "work-us", "pin"}),
        what(options.choice("what", {"lookup", "call", "start", "loaded", "overload", "timeline"})),
        how(options.choice("how", {"get", "then", "many"})),
        pin(options.choice("pin", {"free", "same", "cross"})),
        outstanding(static_cast<std::size_t>(std::max(1L, options.whole("outstanding", 1)))),
        length(static_cast<std::int64_t>(options.number("seconds", 1) * 1e9)),
        keys(static_cast<std::size_t>(std::max(1L, options.whole("keys", 10000)))),
        rate(options.number("rate", 0)),
        work{static_cast<std::uint64_t>(options.whole("work-us", 10))} {}

  const Options options;
  const std::string what;
  const std::string how;
  const std::string pin;
  const std::size_t outstanding;
  const Duration length;
  const std::size_t keys;
  const double rate;
  const bench_echo::Work work;
};

[[noreturn]] void give_up(const std::string& what, const Error& why) {
  std::fprintf(stderr, "error: %s: %s\n", what.c_str(), why.message().c_str());
  std::exit(1);
}

template <class T>
ErrorCode code_of(const Result<T>& result) {
  return result ? ErrorCode::ok : result.error().code;
}
template <class T>
ErrorCode code_of(const std::vector<Result<T>>& results) {
  for (const auto& result : results) {
    if (!result) return result.error().code;
  }
  return ErrorCode::ok;
}

/// Random keys of 16 bytes, no two processes' alike.
class Keys {
 public:
  Keys() : random_(random_number()) {}
  std::string next() {
    char text[17];
    std::snprintf(text, sizeof text, "%016" PRIx64, random_());
    return text;
  }
  std::vector<std::string> next(std::size_t count) {
    std::vector<std::string> out(count);
    for (auto& key : out) key = next();
    return out;
  }

 private:
  std::mt19937_64 random_;
};

std::unique_ptr<Client> connect(const Arguments& arguments) {
  ClientOptions options;
  options.cluster = arguments.options.text("cluster", "");
  const std::string list = arguments.options.text("connect", "");
  for (std::size_t at = 0; at < list.size();) {
    const auto end = std::min(list.find(',', at), list.size());
    options.addresses.push_back(list.substr(at, end - at));
    at = end + 1;
  }
  auto client = Client::connect(std::move(options));
  if (!client) give_up("there is no cluster", client.error());
  return std::move(*client);
}

/// Actors that run, and a way to take one of them after the other, from one thread per caller.
class Actors {
 public:
  Actors(Client& client, std::size_t count, std::size_t callers) : keys_(Keys{}.next(count)), places_(callers) {
    constexpr std::size_t at_once = 4096;
    for (std::size_t from = 0; from < keys_.size(); from += at_once) {
      const auto part = std::span<const std::string>(keys_).subspan(from, std::min(at_once, keys_.size() - from));
      for (const auto& ref : client.lookup_or_start_many<Echo>(part).get()) {
        if (!ref) give_up("an actor cannot be started", ref.error());
      }
    }
    for (std::size_t caller = 0; caller < callers; ++caller) places_[caller] = caller * keys_.size() / callers;
  }
  const std::string& next(std::size_t caller) {
    std::size_t& place = places_[caller];
    if (++place >= keys_.size()) place = 0;
    return keys_[place];
  }
  std::span<const std::string> next_many(std::size_t caller) {
    std::size_t& place = places_[caller];
    place += many;
    if (place + many > keys_.size()) place = 0;
    return std::span<const std::string>(keys_).subspan(place, std::min(many, keys_.size()));
  }

 private:
  const std::vector<std::string> keys_;  // in no order that means anything
  std::vector<std::size_t> places_;
};

double nanos(Duration d) { return static_cast<double>(d.count()); }

void print_latencies(const std::string& name, const Latencies& latencies) {
  print({name + ".p50", nanos(latencies.percentile(0.5)), "ns"});
  print({name + ".p90", nanos(latencies.percentile(0.9)), "ns"});
  print({name + ".p99", nanos(latencies.percentile(0.99)), "ns"});
  print({name + ".p999", nanos(latencies.percentile(0.999)), "ns"});
  print({name + ".max", nanos(latencies.max()), "ns"});
}

/// `each` is how many keys one answer is about. Where something is refused there is no figure to be had.
void print_closed(const std::string& name, const Tally& tally, std::size_t each = 1) {
  for (const auto& [code, count] : tally.refused) give_up(name, Error{code, std::to_string(count) + " requests were refused"});
  print({name + ".rate", tally.rate() * static_cast<double>(each), "1/s"});
  print_latencies(name, tally.latencies);
}

/// "remote.lookup.same.get", "remote.lookup.free.16.many"
std::string name_of(const Arguments& a) {
  return "remote." + a.what + "." + a.pin + "." + (a.how == "get" ? "" : std::to_string(a.outstanding) + ".") + a.how;
}

/// ClosedLoop of what `ask(caller)` begins, which is to be run with a callback.
template <class Ask>
Tally closed_loop(const Arguments& a, Ask ask) {
  const auto begin = [&](std::size_t caller, auto done) {
    ask(caller).then([done](const auto& result) mutable { done(code_of(result)); });
  };
  return ClosedLoop(begin, a.outstanding, a.length).run();
}

void lookup(const Arguments& a, Client& client) {
  Actors actors(client, a.keys, a.outstanding);
  if (a.how == "get") {
    print_closed(name_of(a), one_at_a_time([&] { return code_of(client.lookup_or_start<Echo>(actors.next(0)).get()); }, a.length));
  } else if (a.how == "then") {
    print_closed(name_of(a), closed_loop(a, [&](auto caller) { return client.lookup_or_start<Echo>(actors.next(caller)); }));
  } else {
    const auto ask = [&](auto caller) { return client.lookup_or_start_many<Echo>(actors.next_many(caller)); };
    print_closed(name_of(a), closed_loop(a, ask), std::min(many, a.keys));
  }
}

void call(const Arguments& a, Client& client) {
  if (a.how == "many") Options::bad_usage("there is no call to many at once");
  Actors actors(client, a.keys, a.outstanding);
  const auto ask = [&](std::size_t caller) { return client.call<Echo>(actors.next(caller), bench_echo::Poke{1}); };
  if (a.how == "get") print_closed(name_of(a), one_at_a_time([&] { return code_of(ask(0).get()); }, a.length));
  else print_closed(name_of(a), closed_loop(a, ask));
}

/// New keys, so that memory bounds how long: 500 bytes each at the node.
void start(const Arguments& a, Client& client) {
  constexpr std::uint64_t starts_max = 4'000'000;
  Keys keys;
  std::uint64_t started = 0;
  const auto fresh = [&] {
    if ((started += many) > starts_max) give_up("start", Error{ErrorCode::invalid_argument, "too many: choose less --seconds"});
    return keys.next(many);
  };
  if (a.how == "many") {
    // The keys come from the answering thread, but for the first ones: they are made before it begins.
    std::vector<std::vector<std::string>> first(a.outstanding);
    for (auto& part : first) part = fresh();
    const auto ask = [&](std::size_t caller) {
      auto part = std::exchange(first[caller], {});
      return client.lookup_or_start_many<Echo>(part.empty() ? fresh() : part);
    };
    print_closed(name_of(a), closed_loop(a, ask), many);
  } else {
    print_closed(name_of(a), one_at_a_time([&] { return code_of(client.start<Echo>(keys.next()).get()); }, a.length));
  }
}

/// One caller's look-ups while others ask for half of what can be had, through a connection of their own.
void loaded(const Arguments& a, Client& client) {
  Actors actors(client, a.keys, a.outstanding + 1);
  const auto others = connect(a);
  auto rate = a.rate;
  if (rate == 0) {
    const auto ask = [&](auto caller) { return others->lookup_or_start<Echo>(actors.next(caller)); };
    rate = closed_loop(a, ask).rate() / 2;
  }
  const auto load = [&](auto done) {
    others->lookup_or_start<Echo>(actors.next(0)).then([done](const auto& ref) mutable { done(code_of(ref)); });
  };
  Tally asked;
  OpenLoop loop(load, rate, a.length);
  std::thread caller([&] {
    const auto ask = [&] { return code_of(client.lookup_or_start<Echo>(actors.next(a.outstanding)).get()); };
    asked = one_at_a_time(ask, a.length);
  });
  const auto given = loop.run([](auto, auto) {});
  caller.join();
  print_closed("remote.loaded", asked);
  print({"remote.loaded.offered", given.rate(), "1/s"});
}

/// More calls than the node can serve. Refusals are what is wanted here.
void overload(const Arguments& a, Client& client) {
  Actors actors(client, a.keys, std::max<std::size_t>(a.outstanding, 1));
  const CallOptions options{.timeout = answer_within};
  auto rate = a.rate;
  if (rate == 0) {
    const auto peak = closed_loop(a, [&](auto caller) { return client.call<Echo>(actors.next(caller), a.work); });
    print_closed("remote.overload.peak", peak);
    rate = 2 * peak.rate();
  }
  const auto ask = [&](auto done) {
    client.call<Echo>(actors.next(0), a.work, {}, options).then([done](const auto& result) mutable { done(code_of(result)); });
  };
  OpenLoop loop(ask, rate, a.length);
  loop.watch_deadline(answer_within + late_by);
  std::uint64_t offered = 0;
  const auto tally = loop.run([&](std::uint64_t asked, Duration) { offered = asked; });
  print({"remote.overload.offered", static_cast<double>(offered) / tally.seconds, "1/s"});
  print({"remote.overload.rate", tally.rate(), "1/s"});
  print_latencies("remote.overload", tally.latencies);
  std::uint64_t otherwise = 0;
  std::uint64_t refused = 0;
  for (const auto& [code, count] : tally.refused) {
    refused += count;
    if (code == ErrorCode::overloaded) continue;
    otherwise += count;
    std::fprintf(stderr, "%" PRIu64 " calls: %s\n", count, std::string{name_of(code)}.c_str());
  }
  print({"remote.overload.refused", static_cast<double>(refused) / tally.seconds, "1/s"});
  print({"remote.overload.refused_at_most", nanos(loop.refused_at_most()), "ns"});
  print({"remote.overload.not_overloaded", static_cast<double>(otherwise), "calls"});
  print({"remote.overload.late", static_cast<double>(loop.late()), "calls"});
}

/// Answers in each 10 ms, while somebody else does harm to the cluster. The first figure is there when it begins.
void timeline(const Arguments& a, Client& client) {
  constexpr Duration step = std::chrono::milliseconds(10);
  Actors actors(client, a.keys, a.outstanding);
  std::vector<double> steps(static_cast<std::size_t>(a.length / step) + 1);
  print({"remote.timeline.keys", static_cast<double>(a.keys), "keys"});
  const Stopwatch all;
  const auto begin = [&](std::size_t caller, auto done) {
    client.lookup_or_start<Echo>(actors.next(caller)).then([&, done](const auto& ref) mutable {
      const auto place = static_cast<std::size_t>(all.elapsed() / step);
      if (ref && place < steps.size()) ++steps[place];
      done(code_of(ref));
    });
  };
  const auto tally = ClosedLoop(begin, a.outstanding, a.length).run();
  for (const auto& [code, count] : tally.refused) std::fprintf(stderr, "%" PRIu64 ": %s\n", count, std::string{name_of(code)}.c_str());
  for (std::size_t i = 0; i + 1 < steps.size(); ++i) print({"remote.timeline." + std::to_string(10 * i), steps[i] * 100, "1/s"});
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments(argc, argv);
  if (arguments.pin != "free") pin_to_core(0);
  const auto client = connect(arguments);
  const std::map<std::string, void (*)(const Arguments&, Client&)> measurements = {
      {"lookup", lookup}, {"call", call}, {"start", start}, {"loaded", loaded}, {"overload", overload}, {"timeline", timeline}};
  measurements.at(arguments.what)(arguments, *client);
  return 0;
}
