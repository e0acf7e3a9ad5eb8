#include "two_processes.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "reki/bench/figures.hpp"

namespace reki::bench {

Placement placement(const Options& options) {
  const auto text = options.choice("pin", {"free", "same", "cross"});
  return text == "same" ? Placement::same : text == "cross" ? Placement::cross : Placement::free;
}

std::string name_of(Placement placement) {
  return placement == Placement::same ? "same" : placement == Placement::cross ? "cross" : "free";
}

ServerProcess::ServerProcess(Placement placement, const std::function<void(const Announce&)>& serve) {
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) std::abort();
  pid_ = fork();
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(ends[0]);
    if (placement != Placement::free) pin_to_core(placement == Placement::cross ? 1 : 0);
    try {
      serve([&](const std::string& where) {
        if (write(ends[1], where.data(), where.size()) < 0) std::_Exit(1);
        close(ends[1]);
      });
    } catch (const std::exception& e) {
      std::fprintf(stderr, "error: the server: %s\n", e.what());
    }
    std::_Exit(1);
  }
  close(ends[1]);
  std::array<char, 256> text{};
  ssize_t got = 0;
  while ((got = read(ends[0], text.data(), text.size())) > 0) where_.append(text.data(), static_cast<std::size_t>(got));
  close(ends[0]);
  if (placement != Placement::free) pin_to_core(0);
}

ServerProcess::~ServerProcess() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

}  // namespace reki::bench
