#include "reki/node/guard/death_notice.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <future>
#include <optional>
#include <string>
#include <utility>
#include <vector>
#include <zmq.hpp>

using namespace reki;
using namespace std::chrono_literals;

namespace {

/// A ROUTER on a free port, as a node listens.
class Receiver {
 public:
  explicit Receiver(const std::string& address = "tcp://127.0.0.1:*") : socket_(context_, zmq::socket_type::router) {
    socket_.set(zmq::sockopt::linger, 0);
    socket_.bind(address);
  }
  std::string address() { return socket_.get(zmq::sockopt::last_endpoint); }

  /// The next frame, if one comes in time; it is answered if `answers`.
  std::optional<std::string> receive(std::chrono::milliseconds within, bool answers) {
    zmq::pollitem_t item{socket_.handle(), 0, ZMQ_POLLIN, 0};
    if (zmq::poll(&item, 1, within) == 0) return std::nullopt;
    zmq::message_t route;
    zmq::message_t frame;
    BOOST_REQUIRE(socket_.recv(route).has_value());
    BOOST_REQUIRE(socket_.recv(frame).has_value());
    BOOST_TEST(!frame.more());
    if (answers) {
      socket_.send(route, zmq::send_flags::sndmore);
      socket_.send(zmq::str_buffer("told"), zmq::send_flags::none);
    }
    return frame.to_string();
  }
  void forget() {
    while (receive(std::chrono::milliseconds(0), false)) {
    }
  }

 private:
  zmq::context_t context_{1};
  zmq::socket_t socket_;
};

/// A port that is taken, and where nobody speaks: connections are refused, or accepted by the kernel alone.
class Silence {
 public:
  explicit Silence(bool listens) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int yes = 1;  // so that a Receiver may take its place
    BOOST_REQUIRE(::setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    BOOST_REQUIRE(::bind(fd_, reinterpret_cast<const sockaddr*>(&at), size) == 0);
    BOOST_REQUIRE(::getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &size) == 0);
    if (listens) BOOST_REQUIRE(::listen(fd_, 8) == 0);
    address_ = "tcp://127.0.0.1:" + std::to_string(ntohs(at.sin_port));
  }
  ~Silence() { ::close(fd_); }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;

  const std::string& address() const { return address_; }

 private:
  const int fd_;
  std::string address_;
};

// Far more than anything takes, and less than a test may.
constexpr auto patience = 30s;
const std::string frame("any \0 bytes", 11);

std::future<Told> telling(std::vector<std::string> endpoints, Duration at_most) {
  return std::async(std::launch::async, [endpoints = std::move(endpoints), at_most] {
    return tell_death({endpoints, frame}, at_most);
  });
}

/// The shortest of up to 50 times, as soon as one is below `wanted`: a machine under load is not always slow.
template <class Run>
Duration best(Duration wanted, Run run) {
  Duration out = Duration::max();
  for (int i = 0; i < 50 && out >= wanted; ++i) out = std::min(out, run());
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(death_notice)

BOOST_AUTO_TEST_CASE(it_is_over_before_the_last_attempt_once_all_have_answered) {
  Receiver a;
  Receiver b;
  const Duration took = best(400ms, [&] {
    const auto begin = std::chrono::steady_clock::now();
    auto told = telling({a.address(), b.address()}, 1h);
    BOOST_TEST((a.receive(patience, true) == frame));
    BOOST_TEST((b.receive(patience, true) == frame));
    const Told result = told.get();
    const Duration out = std::chrono::steady_clock::now() - begin;
    BOOST_TEST(result.endpoints == 2U);
    a.forget();
    b.forget();
    return result.acknowledged == 2 ? out : Duration::max();
  });
  BOOST_TEST((took < 400ms));
}

BOOST_AUTO_TEST_CASE(who_does_not_answer_is_told_again_and_who_has_is_not) {
  Receiver deaf;
  Receiver good;
  int repeated = 1;
  for (int i = 0; i < 50 && repeated > 0; ++i) {  // under load an answer may come after the next attempt
    auto told = telling({deaf.address(), good.address()}, 1h);
    BOOST_TEST((good.receive(patience, true) == frame));
    for (int attempt = 1; attempt <= 4; ++attempt) BOOST_TEST((deaf.receive(patience, false) == frame));
    if (told.get().acknowledged != 1) continue;
    for (repeated = 0; good.receive(0ms, false);) ++repeated;
  }
  BOOST_TEST(repeated == 0);
}

BOOST_AUTO_TEST_CASE(who_cannot_be_reached_delays_nobody) {
  Receiver receiver;
  const Silence refuses(false);
  const Silence is_mute(true);
  std::vector<std::string> endpoints{refuses.address(), is_mute.address(), "tcp://name-of-nobody.invalid:7101"};
  endpoints.push_back(receiver.address());
  const Duration took = best(40ms, [&] {
    const auto begin = std::chrono::steady_clock::now();
    auto told = telling(endpoints, 5s);
    BOOST_TEST((receiver.receive(patience, true) == frame));
    const Duration out = std::chrono::steady_clock::now() - begin;
    const Told result = told.get();
    BOOST_TEST(result.endpoints == 4U);
    receiver.forget();
    // One has answered: that is enough, and no reason to try for 5 s.
    return result.acknowledged == 1 && std::chrono::steady_clock::now() - begin < 5s ? out : Duration::max();
  });
  BOOST_TEST((took < 40ms));
}

BOOST_AUTO_TEST_CASE(without_any_answer_it_is_over_once_all_has_been_taken) {
  Receiver receiver;
  auto told = telling({receiver.address()}, 1h);
  for (int i = 0; i < 4; ++i) BOOST_TEST((receiver.receive(patience, false) == frame));
  BOOST_TEST(!receiver.receive(200ms, false));
  const Told result = told.get();
  BOOST_TEST(result.endpoints == 1U);
  BOOST_TEST(result.acknowledged == 0U);
}

BOOST_AUTO_TEST_CASE(without_anybody_it_is_over_in_the_time_that_it_has) {
  const Silence refuses(false);
  const auto begin = std::chrono::steady_clock::now();
  BOOST_TEST(tell_death({{refuses.address()}, frame}, 700ms).acknowledged == 0U);
  BOOST_TEST((std::chrono::steady_clock::now() - begin >= 690ms));  // its clock is another one
  BOOST_TEST(tell_death({{refuses.address()}, frame}, 1ms).acknowledged == 0U);
}

BOOST_AUTO_TEST_CASE(who_starts_listening_in_time_is_told) {
  const Silence reserved(false);
  auto told = telling({reserved.address()}, patience);
  Receiver late(reserved.address());
  BOOST_TEST((late.receive(patience, true) == frame));
}

BOOST_AUTO_TEST_CASE(what_is_no_address_is_passed_over) {
  Receiver receiver;
  auto told = telling({"nonsense", "tcp://", receiver.address()}, 1h);
  BOOST_TEST((receiver.receive(patience, true) == frame));
  BOOST_TEST(told.get().endpoints == 1U);
  BOOST_TEST(tell_death({{"nonsense"}, frame}).endpoints == 0U);
  BOOST_TEST(tell_death({{}, frame}).endpoints == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
