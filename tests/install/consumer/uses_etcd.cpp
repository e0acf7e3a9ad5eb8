#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <iostream>
#include <reki/node.hpp>
#include <string>

// Addresses of the loopback that were free a moment ago.
std::array<std::string, 2> free_addresses() {
  std::array<int, 2> sockets;
  std::array<std::string, 2> out;
  for (std::size_t i = 0; i < out.size(); ++i) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    sockets[i] = socket(AF_INET, SOCK_STREAM, 0);
    auto* const address = reinterpret_cast<sockaddr*>(&at);
    if (bind(sockets[i], address, size) == 0 && getsockname(sockets[i], address, &size) == 0) {
      out[i] = "tcp://127.0.0.1:" + std::to_string(ntohs(at.sin_port));
    }
  }
  for (const int s : sockets) close(s);
  return out;
}

// uses_etcd can|cannot: whether a node of this program can have its register in an etcd. (There is none; it says so.)
int main(int argc, char** argv) {
  const bool can = argc > 1 && std::string(argv[1]) == "can";
  const auto [listen, control] = free_addresses();
  const auto config = reki::parse_config(R"(
[cluster]
name = "consumer"
engine = "etcd"
[etcd]
endpoints = ["http://127.0.0.1:1"]
[[node]]
id = "n1"
data_dir = "uses_etcd.data"
listen = ")" + listen + R"("
control = ")" + control + R"("
)",
                                         argv[0]);
  if (!config) {
    std::cerr << config.error().message() << '\n';
    return 1;
  }
  reki::NodeOptions options;
  options.join_timeout = std::chrono::milliseconds(200);
  const auto node = reki::Node::start(*config, "n1", {}, options);
  if (node) return 1;
  std::cout << node.error().message() << '\n';
  return node.error().code == (can ? reki::ErrorCode::unavailable : reki::ErrorCode::bad_config) ? 0 : 1;
}
