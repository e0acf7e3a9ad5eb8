// Measures a network with UDP, to see what the switch costs: net_meter serve ADDRESS PORT
//                                                            net_meter ping ADDRESS PORT COUNT
//                                                            net_meter flood ADDRESS PORT SECONDS FRAMES_PER_SECOND
// `serve` answers pings, counts the flood's frames and tells the flood what came. All print one JSON document; `serve`
// prints none and runs until it is killed.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string_view>
#include <thread>
#include <vector>

#include "reki/net/clock.hpp"

namespace {

using reki::boot_time;
using reki::Duration;
using reki::Instant;
using namespace std::chrono_literals;

using Json = nlohmann::ordered_json;

void print(const Json& out) { std::puts(out.dump().c_str()); }

enum Kind : std::uint64_t { ping_kind = 1, flood_kind, count_kind };

struct Packet {
  std::uint64_t kind;
  std::uint64_t number;
  char filling[184];  // 200 bytes: a small request
};

sockaddr_in address_of(const char* host, const char* port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(static_cast<std::uint16_t>(std::atoi(port)));
  if (inet_pton(AF_INET, host, &out.sin_addr) != 1) std::exit(2);
  return out;
}

int bound_or_connected(const char* host, const char* port, int (*how)(int, const sockaddr*, socklen_t)) {
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  const sockaddr_in address = address_of(host, port);
  const timeval timeout{0, 300'000};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  const int large = 8 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &large, sizeof large);
  if (how(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    std::perror(host);
    std::exit(1);
  }
  return fd;
}

[[noreturn]] void serve(int fd) {
  std::uint64_t flooded = 0;
  for (;;) {
    Packet packet{};
    sockaddr_in from{};
    socklen_t size = sizeof from;
    if (recvfrom(fd, &packet, sizeof packet, 0, reinterpret_cast<sockaddr*>(&from), &size) < 0) continue;
    if (packet.kind == flood_kind) {
      ++flooded;
      continue;
    }
    if (packet.kind == count_kind) {
      // A question that is repeated because its answer was late gets the same answer.
      packet.number = flooded;
    }
    sendto(fd, &packet, sizeof packet, 0, reinterpret_cast<const sockaddr*>(&from), size);
  }
}

void ping(int fd, std::size_t count) {
  std::vector<Duration> took;
  std::size_t lost = 0;
  for (std::size_t i = 0; i < count; ++i) {
    Packet packet{ping_kind, i, {}};
    const Instant sent = boot_time();
    if (send(fd, &packet, sizeof packet, 0) < 0 || recv(fd, &packet, sizeof packet, 0) < 0) ++lost;
    else took.push_back(boot_time() - sent);
    std::this_thread::sleep_for(500us);
  }
  if (took.empty()) std::exit(1);
  std::ranges::sort(took);
  const auto us = [&](double quantile) {
    const auto at = static_cast<std::size_t>(quantile * static_cast<double>(took.size()));
    return std::round(static_cast<double>(took[std::min(at, took.size() - 1)].count()) / 100) / 10;
  };
  print({{"pings", count}, {"lost", lost}, {"min_us", us(0)}, {"p50_us", us(0.5)}, {"p90_us", us(0.9)},
         {"p99_us", us(0.99)}, {"max_us", us(1)}});
}

std::uint64_t received(int fd) {
  for (int i = 0; i < 50; ++i) {
    Packet packet{count_kind, 0, {}};
    if (send(fd, &packet, sizeof packet, 0) > 0 && recv(fd, &packet, sizeof packet, 0) > 0) return packet.number;
  }
  std::exit(1);
}

void flood(int fd, double seconds, double per_second) {
  const std::uint64_t before = received(fd);
  const Instant began = boot_time();
  std::uint64_t sent = 0;
  double elapsed = 0;
  while (elapsed < seconds) {
    Packet packet{flood_kind, sent, {}};
    const auto due = static_cast<std::uint64_t>(elapsed * per_second);
    if (sent >= due) std::this_thread::sleep_for(200us);
    for (; sent < due; ++sent) {
      if (send(fd, &packet, sizeof packet, 0) < 0) break;
    }
    elapsed = static_cast<double>((boot_time() - began).count()) / 1e9;
  }
  std::this_thread::sleep_for(200ms);
  const std::uint64_t came = received(fd) - before;
  print({{"sent", sent}, {"received", came}, {"seconds", elapsed},
         {"received_per_second", std::llround(static_cast<double>(came) / elapsed)}});
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view verb = argc > 3 ? argv[1] : "";
  if (verb == "serve") serve(bound_or_connected(argv[2], argv[3], &::bind));
  if (verb == "ping" && argc == 5) {
    ping(bound_or_connected(argv[2], argv[3], &::connect), std::strtoul(argv[4], nullptr, 10));
  } else if (verb == "flood" && argc == 6) {
    flood(bound_or_connected(argv[2], argv[3], &::connect), std::atof(argv[4]), std::atof(argv[5]));
  } else {
    return std::fprintf(stderr, "usage: see the top of net_meter.cpp\n"), 2;
  }
  return 0;
}
