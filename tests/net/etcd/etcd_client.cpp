// Against servers that answer as no etcd does; a real one has its tests in tests/cluster.
#include "reki/net/etcd/etcd_client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <future>
#include <string>
#include <thread>

#include "reki/core/base/limits.hpp"
#include "reki/net/clock.hpp"

using namespace reki;
using namespace std::chrono_literals;
using Outcome = membership::EtcdReply::Outcome;

namespace {

const std::string good = R"({"header":{"revision":"2"},"succeeded":true,"responses":[{"response_put":{}}]})";

std::string http(const std::string& status, const std::string& body) {
  return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

/// Answers every request with the same bytes; with none: never.
class Server {
 public:
  explicit Server(std::string answer) : answer_(std::move(answer)), listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    BOOST_TEST_REQUIRE(bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    BOOST_TEST_REQUIRE(listen(listener_, 8) == 0);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    endpoint_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    thread_ = std::thread([this] { run(); });
  }
  ~Server() {
    stopping_ = true;
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }
  [[nodiscard]] const std::string& endpoint() const { return endpoint_; }
  [[nodiscard]] int connections() const { return connections_; }
  [[nodiscard]] int requests() const { return requests_; }

 private:
  void run() {
    while (!stopping_) {
      const int peer = accept(listener_, nullptr, nullptr);
      if (peer < 0) return;
      ++connections_;
      serve(peer);
      close(peer);
    }
  }
  void serve(int peer) {
    std::string got;
    char buffer[4096];
    pollfd look{peer, POLLIN, 0};
    while (!stopping_) {
      if (poll(&look, 1, 10) == 0) continue;
      const ssize_t bytes = read(peer, buffer, sizeof buffer);
      if (bytes <= 0) return;
      got.append(buffer, static_cast<std::size_t>(bytes));
      if (!got.ends_with("]}")) continue;  // as all requests do
      got.clear();
      ++requests_;
      for (std::size_t sent = 0; sent < answer_.size();) {
        const ssize_t out = send(peer, answer_.data() + sent, answer_.size() - sent, MSG_NOSIGNAL);
        if (out <= 0) return;
        sent += static_cast<std::size_t>(out);
      }
    }
  }

  const std::string answer_;
  const int listener_;
  std::string endpoint_;
  std::atomic<bool> stopping_ = false;
  std::atomic<int> connections_ = 0;
  std::atomic<int> requests_ = 0;
  std::thread thread_;
};

membership::EtcdTxn some_put() { return {.number = 7, .coordinator_is = "1 n1 2", .coordinator = "1 n1 2"}; }

etcd::Options at(std::vector<std::string> endpoints) { return {std::move(endpoints), etcd::keys_of("reki", "c"), "", "", ""}; }

std::string fault_of(const std::string& answer, ErrorCode code) {
  Server server(answer);
  etcd::Connection connection(at({server.endpoint()}));
  const auto reply = connection.ask(some_put(), 10s);
  BOOST_TEST_REQUIRE(!reply.has_value());
  BOOST_TEST((reply.error().code == code));
  const std::string begin = "etcd at " + server.endpoint() + ": ";
  BOOST_TEST(reply.error().text.starts_with(begin));
  return reply.error().text.substr(begin.size());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(etcd_client)

BOOST_AUTO_TEST_CASE(one_connection_serves_many_transactions) {
  Server server(http("200 OK", good));
  etcd::Connection connection(at({server.endpoint()}));
  for (int i = 0; i < 5; ++i) BOOST_TEST((connection.ask(some_put(), 10s).value().outcome == Outcome::done));
  BOOST_TEST(server.connections() == 1);
  BOOST_TEST(server.requests() == 5);
}

BOOST_AUTO_TEST_CASE(an_answer_that_is_too_long_is_refused_while_it_comes) {
  const std::string huge(limits::etcd_reply_bytes_max + 1, ' ');
  BOOST_TEST(fault_of(http("200 OK", huge), ErrorCode::malformed_frame) == "its answer is longer than 524288 bytes");
}

BOOST_AUTO_TEST_CASE(what_is_no_reply_is_told_with_the_endpoint) {
  BOOST_TEST(fault_of(http("200 OK", "hello"), ErrorCode::malformed_frame) == "etcd's answer is no JSON object");
  BOOST_TEST(fault_of(http("503 Service Unavailable", R"({"error":"etcdserver: no leader","code":14})"), ErrorCode::unknown_outcome) ==
             "HTTP 503: etcdserver: no leader");
  BOOST_TEST(!fault_of("SSH-2.0-OpenSSH\r\n", ErrorCode::unknown_outcome).empty());
}

BOOST_AUTO_TEST_CASE(a_server_that_says_nothing_costs_the_timeout) {
  Server server("");
  etcd::Connection connection(at({server.endpoint()}));
  const Instant begin = boot_time();
  const auto reply = connection.ask(some_put(), 200ms);
  BOOST_TEST_REQUIRE(!reply.has_value());
  BOOST_TEST((reply.error().code == ErrorCode::unknown_outcome));
  BOOST_TEST(((boot_time() - begin) >= 190ms));
}

BOOST_AUTO_TEST_CASE(after_a_failure_the_next_endpoint_has_its_turn) {
  std::string nobody;
  { nobody = Server("").endpoint(); }
  Server server(http("200 OK", good));
  etcd::Connection connection(at({nobody, server.endpoint()}));
  BOOST_TEST((connection.ask(some_put(), 10s).error().code == ErrorCode::unreachable));
  BOOST_TEST(connection.ask(some_put(), 10s).has_value());
  BOOST_TEST(connection.ask(some_put(), 10s).has_value());  // and stays
}

BOOST_AUTO_TEST_CASE(every_transaction_is_answered_on_the_client_s_thread) {
  Server server(http("200 OK", good));
  Server broken(http("500 Oh", ""));
  for (const auto* endpoint : {&server.endpoint(), &broken.endpoint()}) {
    std::promise<std::pair<membership::EtcdReply, std::string>> promise;
    etcd::Client client(at({*endpoint}), [&](membership::EtcdReply reply, std::string error) {
      promise.set_value({std::move(reply), std::move(error)});
    });
    client.ask(some_put(), 10s);
    const auto [reply, error] = promise.get_future().get();
    BOOST_TEST(reply.number == 7U);
    const bool good_one = endpoint == &server.endpoint();
    BOOST_TEST((reply.outcome == (good_one ? Outcome::done : Outcome::unknown)));
    BOOST_TEST(error.empty() == good_one);
  }
}

BOOST_AUTO_TEST_SUITE_END()
