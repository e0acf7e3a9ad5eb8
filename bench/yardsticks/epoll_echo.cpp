// What the kernel itself can do: messages of a fixed size over one TCP connection on loopback, epoll at both ends, and
// whatever is there is read, and written, with one call.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <vector>

#include "echo_figures.hpp"

namespace reki::bench {
namespace {

void check(bool ok) {
  if (!ok) throw std::runtime_error("a system call on a socket failed");
}

/// One end of the connection: bytes that came, bytes that are to go, and an epoll that waits for either.
class End {
 public:
  explicit End(int fd) : fd_(fd), epoll_(epoll_create1(0)), in_(1 << 18) {
    constexpr int yes = 1;
    check(epoll_ >= 0);
    check(setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) == 0);
    check(fcntl(fd_, F_SETFL, O_NONBLOCK) == 0);
    epoll_event event{EPOLLIN, {}};
    check(epoll_ctl(epoll_, EPOLL_CTL_ADD, fd_, &event) == 0);
  }
  ~End() {
    close(epoll_);
    close(fd_);
  }
  End(const End&) = delete;
  End& operator=(const End&) = delete;

  void send(const char* data, std::size_t size) {
    if (out_.empty()) {
      const auto sent = ::send(fd_, data, size, MSG_NOSIGNAL);
      check(sent >= 0 || errno == EAGAIN);
      if (sent > 0) data += sent, size -= static_cast<std::size_t>(sent);
    }
    if (size == 0) return;
    if (out_.empty()) wait_for(EPOLLIN | EPOLLOUT);
    out_.append(data, size);
  }
  /// Waits until something has come; it is at data(). 0: the other end is closed.
  std::size_t receive() {
    while (true) {
      epoll_event event{};
      if (epoll_wait(epoll_, &event, 1, -1) < 0) continue;
      if ((event.events & EPOLLOUT) != 0) flush();
      if ((event.events & (EPOLLIN | EPOLLHUP)) == 0) continue;
      const auto got = recv(fd_, in_.data(), in_.size(), 0);
      if (got < 0 && errno == EAGAIN) continue;
      return got > 0 ? static_cast<std::size_t>(got) : 0;
    }
  }
  [[nodiscard]] const char* data() const { return in_.data(); }

 private:
  void flush() {
    const auto sent = ::send(fd_, out_.data(), out_.size(), MSG_NOSIGNAL);
    check(sent >= 0 || errno == EAGAIN);
    if (sent > 0) out_.erase(0, static_cast<std::size_t>(sent));
    if (out_.empty()) wait_for(EPOLLIN);
  }
  void wait_for(std::uint32_t events) const {
    epoll_event event{events, {}};
    check(epoll_ctl(epoll_, EPOLL_CTL_MOD, fd_, &event) == 0);
  }

  const int fd_;
  const int epoll_;
  std::vector<char> in_;
  std::string out_;
};

sockaddr_in loopback(int port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(static_cast<std::uint16_t>(port));
  out.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return out;
}

void serve(const ServerProcess::Announce& announce) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  check(bind(listener, reinterpret_cast<sockaddr*>(&address), size) == 0);
  check(listen(listener, 1) == 0);
  check(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  announce(std::to_string(ntohs(address.sin_port)));
  const int fd = accept(listener, nullptr, nullptr);
  check(fd >= 0);
  End end(fd);
  while (const auto got = end.receive()) end.send(end.data(), got);
}

void measure(const EchoLoad& load, const std::string& where) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in address = loopback(std::stoi(where));
  check(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  End end(fd);
  const std::size_t bytes = load.message_bytes();
  const std::string request(bytes * static_cast<std::size_t>(load.outstanding), 'x');
  end.send(request.data(), request.size());
  EchoCount count(load);
  std::size_t came = 0;
  while (true) {
    const auto got = end.receive();
    check(got > 0);
    came += got;
    const std::size_t messages = came / bytes;
    came %= bytes;
    if (messages == 0) continue;
    if (!count.came_back(static_cast<long>(messages))) break;
    end.send(request.data(), messages * bytes);
  }
  count.print("epoll_echo");
}

void run(const Options& options) {
  const auto load = EchoLoad::from(options);
  const ServerProcess server(load.pin, serve);
  measure(load, server.where());
}

}  // namespace
}  // namespace reki::bench

int main(int argc, char** argv) { reki::bench::run({argc, argv, {"pin", "outstanding", "batch", "bytes", "seconds"}}); }
