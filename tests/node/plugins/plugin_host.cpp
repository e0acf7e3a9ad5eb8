#include "reki/node/plugins/plugin_host.hpp"

#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>

#include "reki/core/config/config_print.hpp"
#include "reki/node/plugins/plugin.hpp"
#include "test_nodes.hpp"

using namespace reki;
using namespace std::chrono_literals;

namespace {

const std::string plugins = REKI_TEST_PLUGINS;

/// A file that is gone with the test.
class TempFile {
 public:
  explicit TempFile(const std::string& content)
      : path_(std::filesystem::temp_directory_path() / ("reki-plugin-test." + std::to_string(getpid()) + ".so")) {
    std::ofstream(path_, std::ios::binary) << content;
  }
  ~TempFile() { std::filesystem::remove(path_); }
  TempFile(const TempFile&) = delete;
  TempFile& operator=(const TempFile&) = delete;
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

/// The text of the refusal.
std::string refusal(const std::string& path) {
  Factories factories;
  const auto loaded = load_plugin(path, factories);
  if (loaded) {
    BOOST_ERROR("loaded " << path);
    return {};
  }
  BOOST_TEST((loaded.error().code == ErrorCode::bad_plugin));
  BOOST_TEST(loaded.error().text.find(path) != std::string::npos);
  BOOST_TEST(factories.types().empty());
  BOOST_TEST_MESSAGE(loaded.error().text);
  return loaded.error().text;
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

/// A config in the folder of the test plugins with `type` in it; the table is line 6.
Result<Config> config_with(const std::string& type) {
  return parse_config("[cluster]\nname = \"test\"\n[[node]]\nid = \"n1\"\nlisten = \"tcp://127.0.0.1:7101\"\n" + type,
                      plugins + "/cluster.toml");
}

Error mistake(const std::string& type, Factories factories = {}) {
  const auto config = config_with(type);
  BOOST_REQUIRE_MESSAGE(config.has_value(), test::why(config));
  const auto done = configure_types(*config, factories);
  BOOST_REQUIRE(!done.has_value());
  BOOST_TEST_MESSAGE(done.error().text);
  return done.error();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(plugin_host)

BOOST_AUTO_TEST_CASE(a_good_plugin_brings_its_types) {
  Factories factories;
  const auto loaded = load_plugin(plugins + "/good_plugin.so", factories);
  BOOST_REQUIRE_MESSAGE(loaded.has_value(), test::why(loaded));
  BOOST_REQUIRE(factories.types().contains("counter"));
  LocalRegistry registry{std::move(factories)};
  BOOST_TEST(registry.call<example::Counter>("k", example::Increment{3}).get().value() == 3);
}

BOOST_AUTO_TEST_CASE(a_missing_file_is_said_to_be_missing) {
  BOOST_TEST(has(refusal(plugins + "/nowhere.so"), "does not exist"));
  BOOST_TEST(has(refusal(plugins + "/good_plugin.so/x.so"), "does not exist"));
}

BOOST_AUTO_TEST_CASE(a_folder_or_a_file_of_anything_is_no_shared_object) {
  BOOST_TEST(has(refusal(plugins), "no file"));
  const TempFile empty("");
  BOOST_TEST(has(refusal(empty.path()), "no shared object"));
  const TempFile text("#!/bin/sh\nexit 1\n" + std::string(500, 'x'));
  BOOST_TEST(has(refusal(text.path()), "no shared object"));
  const TempFile cut(
      std::string("\x7f"
                  "ELF",
                  4));
  BOOST_TEST(has(refusal(cut.path()), "no shared object"));
}

BOOST_AUTO_TEST_CASE(a_damaged_plugin_is_refused) {
  std::ifstream good(plugins + "/good_plugin.so", std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(good), {}};
  // Behind its text of the ABI, so that nothing but the length is wrong; what a linker puts there is still to come.
  const auto abi = bytes.find("reki " + std::to_string(detail::plugin_abi_version) + ", ");
  BOOST_REQUIRE(abi != std::string::npos);
  for (const std::size_t size : {std::size_t{4096}, abi + 200}) {
    const TempFile part(bytes.substr(0, size));
    BOOST_TEST(has(refusal(part.path()), "damaged"));
  }
}

BOOST_AUTO_TEST_CASE(a_shared_object_without_the_symbol_is_no_plugin) {
  BOOST_TEST(has(refusal(plugins + "/not_a_plugin.so"), "reki_plugin"));
}

BOOST_AUTO_TEST_CASE(one_that_throws_anything_at_all_is_refused) {
  BOOST_TEST(has(refusal(plugins + "/throwing_plugin.so"), "threw while it added its types"));
}

BOOST_AUTO_TEST_CASE(another_abi_is_refused_with_both_and_none_of_its_code_runs) {
  const auto text = refusal(plugins + "/foreign_plugin.so");
  BOOST_TEST(has(text, "[reki 1, abacus 3]"));
  BOOST_TEST(has(text, "[reki " + std::to_string(detail::plugin_abi_version) + ", gcc"));
}

BOOST_AUTO_TEST_CASE(paths_are_relative_to_the_config_and_options_are_set) {
  const auto config =
      config_with("[types.counter]\nplugin = \"good_plugin.so\"\nidle = \"3s\"\ncap = 7\nmailbox = 9\n");
  BOOST_REQUIRE_MESSAGE(config.has_value(), test::why(config));
  Factories factories;
  const auto done = configure_types(*config, factories);
  BOOST_REQUIRE_MESSAGE(done.has_value(), test::why(done));
  const TypeOptions& options = factories.types().at("counter").options;
  BOOST_TEST((options.idle == 3s));
  BOOST_TEST(options.cap == 7U);
  BOOST_TEST(options.mailbox == 9U);
}

BOOST_AUTO_TEST_CASE(each_option_of_the_config_is_taken) {
  const auto config = config_with("[types.counter]\nrestart = \"temporary\"\nmax_restarts = 7\nrestart_period = \"8s\"\n"
                                  "backoff_initial = \"9ms\"\nbackoff_max = \"10s\"\nidle = \"11s\"\ncap = 12\nmailbox = 13\n"
                                  "blocking = true\nstop_grace = \"14s\"\nlease = \"confirmed\"\n");
  BOOST_REQUIRE_MESSAGE(config.has_value(), test::why(config));
  Factories factories = test::factories();
  BOOST_REQUIRE(configure_types(*config, factories).has_value());
  const TypeOptions& options = factories.types().at("counter").options;
  BOOST_TEST((options.restart.mode == RestartMode::temporary));
  BOOST_TEST(options.restart.max_restarts == 7U);
  BOOST_TEST((options.restart.period == 8s && options.restart.backoff_initial == 9ms && options.restart.backoff_max == 10s));
  BOOST_TEST((options.idle == 11s && options.stop_grace == 14s));
  BOOST_TEST((options.cap == 12U && options.mailbox == 13U && options.blocking));
  BOOST_TEST((options.lease == TypeLease::confirmed));
}

BOOST_AUTO_TEST_CASE(each_type_of_one_plugin_keeps_its_own_options) {
  const auto config = config_with("[types.counter]\nplugin = \"good_plugin.so\"\ncap = 7\n"
                                  "[types.tally]\nplugin = \"good_plugin.so\"\ncap = 8\n");
  Factories factories;
  const auto done = configure_types(*config, factories);
  BOOST_REQUIRE_MESSAGE(done.has_value(), test::why(done));
  BOOST_TEST(factories.types().at("counter").options.cap == 7U);
  BOOST_TEST(factories.types().at("tally").options.cap == 8U);
}

BOOST_AUTO_TEST_CASE(what_a_plugin_brings_along_is_configured_too) {
  const auto config = config_with("[types.counter]\ncap = 7\n[types.tally]\nplugin = \"good_plugin.so\"\n");
  Factories factories;
  const auto done = configure_types(*config, factories);
  BOOST_REQUIRE_MESSAGE(done.has_value(), test::why(done));
  BOOST_TEST(factories.types().at("counter").options.cap == 7U);
}

BOOST_AUTO_TEST_CASE(a_linked_in_factory_is_configured_too) {
  const auto config = config_with("[types.counter]\nidle = \"3s\"\n");
  Factories factories = test::factories();
  BOOST_REQUIRE(configure_types(*config, factories).has_value());
  BOOST_TEST((factories.types().at("counter").options.idle == 3s));
}

BOOST_AUTO_TEST_CASE(what_the_config_does_not_say_stays_as_the_author_of_the_type_has_it) {
  const auto config = config_with("[types.counter]\ncap = 7\nmax_restarts = 3\n");
  Factories factories;
  factories.add<test::CounterActor>({.restart = {.mode = RestartMode::permanent}, .idle = 10min, .cap = 5});
  const auto done = configure_types(*config, factories);
  BOOST_REQUIRE_MESSAGE(done.has_value(), test::why(done));
  const TypeOptions& options = factories.types().at("counter").options;
  BOOST_TEST((options.idle == 10min));
  BOOST_TEST(options.cap == 7U);
  BOOST_TEST((options.restart.mode == RestartMode::permanent));
  BOOST_TEST(options.restart.max_restarts == 3U);
}

BOOST_AUTO_TEST_CASE(mistakes_have_their_place_in_the_file) {
  const std::string file = plugins + "/cluster.toml:";
  const auto missing = mistake("[types.counter]\n  plugin = \"nowhere.so\"\n");
  BOOST_TEST((missing.code == ErrorCode::bad_plugin));
  BOOST_TEST(missing.text.starts_with(file + "7:12: "));
  const auto nobody = mistake("[types.counter]\n", {});
  BOOST_TEST((nobody.code == ErrorCode::bad_config));
  BOOST_TEST(nobody.text.starts_with(file + "6:"));
  const auto other = mistake("[types.rocket]\nplugin = \"good_plugin.so\"\n");
  BOOST_TEST(other.text.starts_with(file + "7:10: "));
  BOOST_TEST(has(other.text, "it has: counter, tally"));
}

BOOST_AUTO_TEST_CASE(a_plugins_file_is_known_by_its_name_and_content_and_not_by_its_folder) {
  const auto files = [](const std::string& content) {
    const TempFile file(content);
    const std::string table = "plugin = \"" + file.path() + "\"\n";
    return plugin_files(*config_with("[types.a]\n" + table + "[types.b]\n" + table));
  };
  const auto first = files("one");
  BOOST_TEST_REQUIRE(first.size() == 1U);
  BOOST_TEST(first[0].name == "reki-plugin-test." + std::to_string(getpid()) + ".so");
  BOOST_TEST(first[0].content != 0U);
  BOOST_TEST((files("one") == first));
  BOOST_TEST(files("two")[0].content != first[0].content);
  BOOST_TEST(plugin_files(*config_with("[types.a]\nplugin = \"not_there.so\"\n"))[0].content == 0U);
  BOOST_TEST(plugin_files(*config_with("[types.a]\n")).empty());
}

BOOST_AUTO_TEST_SUITE_END()
