// Preloaded into a process: names are those of the file REKI_HOSTS, "NAME NUMBER" a line. While the file REKI_DEAD_NAMES is
// there, nobody answers: a look-up takes ten seconds, as a resolver's tries do, and fails.
#include <dlfcn.h>
#include <netdb.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string>

namespace {

using Lookup = int (*)(const char*, const char*, const addrinfo*, addrinfo**);

std::string number_of(const std::string& name) {
  const char* const path = std::getenv("REKI_HOSTS");
  std::ifstream hosts(path == nullptr ? "" : path);
  for (std::string each, number; hosts >> each >> number;) {
    if (each == name) return number;
  }
  return {};
}

bool is_dead() {
  const char* const sign = std::getenv("REKI_DEAD_NAMES");
  return sign != nullptr && access(sign, F_OK) == 0;
}

}  // namespace

extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* hints, addrinfo** out) {
  static const auto system = reinterpret_cast<Lookup>(dlsym(RTLD_NEXT, "getaddrinfo"));  // NOLINT: what dlsym is for
  const std::string number = name == nullptr ? "" : number_of(name);
  if (number.empty()) return system(name, service, hints, out);
  constexpr timespec a_moment{0, 50'000'000};
  for (int tries = 0; is_dead(); ++tries) {
    if (tries == 200) return EAI_AGAIN;
    nanosleep(&a_moment, nullptr);
  }
  return system(number.c_str(), service, hints, out);
}
