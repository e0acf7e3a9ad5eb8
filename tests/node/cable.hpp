#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace test {

/// A cable between a client and a node that a test can cut: takes TCP connections on a port of its own and passes their
/// bytes on.
class Cable {
 public:
  /// `address`: "tcp://127.0.0.1:PORT" of the node.
  explicit Cable(const std::string& address)
      : target_(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)))) {
    listener_ = checked(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in here = loopback(0);
    checked(bind(listener_, reinterpret_cast<sockaddr*>(&here), sizeof here));
    checked(listen(listener_, 16));
    socklen_t size = sizeof here;
    checked(getsockname(listener_, reinterpret_cast<sockaddr*>(&here), &size));
    address_ = "tcp://127.0.0.1:" + std::to_string(ntohs(here.sin_port));
    thread_ = std::thread([this] { run(); });
  }
  ~Cable() {
    over_ = true;
    thread_.join();
    hang_up();
    close(listener_);
  }
  Cable(const Cable&) = delete;
  Cable& operator=(const Cable&) = delete;

  const std::string& address() const { return address_; }
  /// Breaks all connections and takes none until mend(); they are broken when it returns.
  void cut() {
    cut_ = true;
    while (!broken_) std::this_thread::yield();
  }
  void mend() {
    broken_ = false;
    cut_ = false;
  }

 private:
  struct Pair {
    int here;
    int there;
  };

  static int checked(int result) {
    if (result < 0) throw std::system_error(errno, std::generic_category());
    return result;
  }
  static sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in out{};
    out.sin_family = AF_INET;
    out.sin_port = htons(port);
    out.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return out;
  }

  void run() {
    while (!over_) {
      if (cut_ && !broken_) {
        hang_up();
        broken_ = true;
      }
      std::vector<pollfd> items{{listener_, POLLIN, 0}};
      for (const Pair& pair : pairs_) {
        items.push_back({pair.here, POLLIN, 0});
        items.push_back({pair.there, POLLIN, 0});
      }
      poll(items.data(), items.size(), 5);
      if (items[0].revents != 0) take_one();
      for (std::size_t i = items.size(); i-- > 1;) {
        if (items[i].revents == 0) continue;
        const std::size_t at = (i - 1) / 2;
        const bool from_here = i % 2 == 1;
        if (at < pairs_.size() && !pass(from_here ? pairs_[at].here : pairs_[at].there,
                                        from_here ? pairs_[at].there : pairs_[at].here)) {
          close(pairs_[at].here);
          close(pairs_[at].there);
          pairs_.erase(pairs_.begin() + static_cast<std::ptrdiff_t>(at));
          break;  // the others' turn comes with the next poll
        }
      }
    }
  }
  void take_one() {
    const int here = accept(listener_, nullptr, nullptr);
    if (here < 0) return;
    const int there = cut_ ? -1 : socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in target = loopback(target_);
    if (there < 0 || connect(there, reinterpret_cast<sockaddr*>(&target), sizeof target) != 0) {
      close(here);
      if (there >= 0) close(there);
      return;
    }
    pairs_.push_back({here, there});
  }
  /// False if the connection is over.
  static bool pass(int from, int to) {
    std::array<char, 65536> bytes;
    const ssize_t got = recv(from, bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got <= 0) return got < 0 && errno == EAGAIN;
    for (ssize_t sent = 0; sent < got;) {
      const ssize_t n = send(to, bytes.data() + sent, static_cast<std::size_t>(got - sent), MSG_NOSIGNAL);
      if (n <= 0) return false;
      sent += n;
    }
    return true;
  }
  void hang_up() {
    for (const Pair& pair : pairs_) {
      close(pair.here);
      close(pair.there);
    }
    pairs_.clear();
  }

  const std::uint16_t target_;
  int listener_ = -1;
  std::string address_;
  std::vector<Pair> pairs_;  // of the thread
  std::atomic<bool> over_ = false;
  std::atomic<bool> cut_ = false;
  std::atomic<bool> broken_ = false;
  std::thread thread_;
};

}  // namespace test
