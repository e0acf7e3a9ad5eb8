#include "reki/client/cli/interruption.hpp"

#include <cerrno>
#include <csignal>

namespace reki::cli {
namespace {

volatile std::sig_atomic_t interrupted = 0;
void (*also)() = nullptr;

void interrupt(int) {
  const int kept = errno;
  interrupted = 1;
  if (also != nullptr) also();
  errno = kept;
}

}  // namespace

void catch_interruptions(void (*then)()) {
  also = then;
  struct sigaction action {};
  action.sa_handler = interrupt;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool is_interrupted() { return interrupted != 0; }

}  // namespace reki::cli
