#include <iostream>
#include <reki/node.hpp>
#include <string>

// uses_etcd can|cannot: whether a node of this program can have its register in an etcd. (There is none; it says so.)
int main(int argc, char** argv) {
  const bool can = argc > 1 && std::string(argv[1]) == "can";
  const auto config = reki::parse_config(R"(
[cluster]
name = "consumer"
engine = "etcd"
[etcd]
endpoints = ["http://127.0.0.1:1"]
[[node]]
id = "n1"
listen = "tcp://127.0.0.1:0"
data_dir = "uses_etcd.data"
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
