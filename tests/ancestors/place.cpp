#include "place.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <random>
#include <stdexcept>

#include "reki/client.hpp"
#include "reki/local_registry.hpp"

namespace ancestors {
namespace {

class InProcess final : public Home {
 public:
  Registry& registry() override { return *registry_; }
  void end() override { BOOST_TEST(registry_->close(limits::stop_grace_default)); }
  void begin() override { registry_ = make(); }
  void lose(std::string_view, std::string_view) override {
    registry_.reset();
    registry_ = make();
  }

 private:
  static std::unique_ptr<LocalRegistry> make() {
    Factories factories;
    add_types(factories);
    return std::make_unique<LocalRegistry>(std::move(factories));
  }

  std::unique_ptr<LocalRegistry> registry_ = make();
};

std::string environment(const char* name) {
  const char* const value = std::getenv(name);
  if (value == nullptr) throw std::runtime_error(std::string{name} + " is not set: run.py sets it");
  return value;
}

/// A client. The nodes are run.py's, which does to them what it is told on a pair of pipes: a line each, and a byte when it is done.
class OnCluster final : public Home {
 public:
  Registry& registry() override { return *client_; }
  void end() override { ask("end\n"); }
  void begin() override { ask("begin\n"); }
  void lose(std::string_view type, std::string_view key) override {
    ask("kill " + registry().owner(type, key).value().value + "\n");
  }

 private:
  static std::unique_ptr<Client> connect() {
    auto client = Client::connect({.cluster = environment("REKI_ANCESTORS_CLUSTER"),
                                   .addresses = {environment("REKI_ANCESTORS_ADDRESS")},
                                   .connect_timeout = 20s});
    if (!client) throw std::runtime_error(client.error().message());
    return std::move(*client);
  }
  static void ask(const std::string& line) {
    static const int to = std::stoi(environment("REKI_ANCESTORS_ASK"));
    static const int from = std::stoi(environment("REKI_ANCESTORS_DONE"));
    BOOST_REQUIRE(write(to, line.data(), line.size()) == static_cast<ssize_t>(line.size()));
    char done = 0;
    BOOST_REQUIRE(read(from, &done, 1) == 1);
  }

  std::unique_ptr<Client> client_ = connect();
};

std::unique_ptr<Home> make_home() {
  if (std::getenv("REKI_ANCESTORS_CLUSTER") != nullptr) return std::make_unique<OnCluster>();
  return std::make_unique<InProcess>();
}

std::string name_of_this_run() {
  static const std::string name = std::to_string((std::uint64_t{std::random_device{}()} << 32U) | std::random_device{}());
  return name;
}

template <class A>
void stop_all(Registry& registry, const std::string& prefix) {
  std::vector<std::string> keys;
  (void)registry.for_each<A>([&](std::string_view key) { keys.emplace_back(key); }, prefix);
  (void)registry.stop_many<A>(keys).get();
}

}  // namespace

Place::Place()
    : prefix_(name_of_this_run() + "/" + boost::unit_test::framework::current_test_case().p_name.get() + "/"),
      home_(make_home()) {}

Place::~Place() {
  stop_all<Worker>(registry(), prefix_);
  stop_all<Mortal>(registry(), prefix_);
  stop_all<Slow>(registry(), prefix_);
  stop_all<Door>(registry(), prefix_);
}

std::vector<std::string> Place::keys(int count) const {
  std::vector<std::string> out;
  for (int i = 0; i < count; ++i) out.push_back(key(std::to_string(i)));
  return out;
}

Marks::Marks() {
  std::string pattern = (std::filesystem::temp_directory_path() / "reki-marks.XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make " + pattern);
  folder_ = pattern;
}

Marks::~Marks() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::size_t Marks::count() const {
  const std::filesystem::directory_iterator files(folder_);
  return static_cast<std::size_t>(std::distance(begin(files), end(files)));
}

}  // namespace ancestors
