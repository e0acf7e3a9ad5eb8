// The fingerprint of what should be the same on all nodes: what goes in, and what does not.
#include "reki/core/config/config_print.hpp"

#include <boost/test/unit_test.hpp>
#include <vector>

using namespace reki;

namespace {

const std::vector<PluginFile> files{{"libcounter.so", 7}};

std::string config_of(const std::string& node, const std::string& type, const std::string& rest = "") {
  return "[cluster]\nname = \"test\"\n" + rest + "[[node]]\n" + node + "[types.counter]\n" + type;
}
const std::string node_a = "id = \"a\"\nlisten = \"tcp://127.0.0.1:7101\"\n";
const std::string counter = "plugin = \"libcounter.so\"\ncap = 10\n";

membership::ConfigSaid print(const std::string& text, std::span<const PluginFile> plugins = files) {
  const auto config = parse_config(text, "f");
  BOOST_TEST_REQUIRE(config.has_value(), (config ? "" : config.error().text));
  return print_of(*config, plugins);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(config_print)

BOOST_AUTO_TEST_CASE(what_each_node_has_for_itself_is_not_in_it) {
  const auto usual = print(config_of(node_a, counter));
  BOOST_TEST(usual.fingerprint != 0U);
  const std::string other = "id = \"b\"\nlisten = \"tcp://10.0.0.1:7109\"\nweight = 3\nzone = \"z\"\ndata_dir = \"/d\"\n";
  BOOST_TEST(print(config_of(other, counter)).fingerprint == usual.fingerprint);
  BOOST_TEST(print(config_of(other, counter, "profile = \"cloud\"\n")).fingerprint == usual.fingerprint);
  BOOST_TEST(print(config_of(node_a, counter) + "[runtime]\nworkers = 3\n").fingerprint == usual.fingerprint);
  BOOST_TEST(print(config_of(node_a, "plugin = \"/opt/elsewhere/libcounter.so\"\ncap = 10\n")).fingerprint == usual.fingerprint);
}

BOOST_AUTO_TEST_CASE(types_each_of_their_options_and_plugins_are_in_it) {
  const std::uint32_t usual = print(config_of(node_a, counter)).fingerprint;
  for (const char* more : {"cap = 11\n", "cap = 10\nmailbox = 9\n", "cap = 10\nidle = \"5s\"\n", "cap = 10\nblocking = true\n",
                           "cap = 10\nrestart = \"permanent\"\n", "cap = 10\nmax_restarts = 3\n", "cap = 10\nstop_grace = \"9s\"\n",
                           "cap = 10\n[types.other]\nplugin = \"libcounter.so\"\n"}) {
    BOOST_TEST(print(config_of(node_a, "plugin = \"libcounter.so\"\n" + std::string(more))).fingerprint != usual, more);
  }
  // Both say it, so that it is the value which counts.
  const auto with_lease = [](const char* lease) { return print(config_of(node_a, counter + "lease = \"" + lease + "\"\n")).fingerprint; };
  BOOST_TEST(with_lease("timed") != with_lease("confirmed"));
  BOOST_TEST(print(config_of(node_a, "plugin = \"libother.so\"\ncap = 10\n")).fingerprint != usual);
  BOOST_TEST(print(config_of(node_a, counter), std::vector<PluginFile>{{"libcounter.so", 8}}).fingerprint != usual);
  BOOST_TEST(print(config_of(node_a, counter), std::vector<PluginFile>{{"libother.so", 7}}).fingerprint != usual);
}

BOOST_AUTO_TEST_CASE(people_see_which_type_and_which_plugin_it_is) {
  const auto usual = print(config_of(node_a, counter + "[types.second]\nplugin = \"libcounter.so\"\n"));
  const auto other = print(config_of(node_a, counter + "[types.second]\nplugin = \"libcounter.so\"\ncap = 2\n"));
  BOOST_TEST(usual.types.starts_with("counter "));
  const auto second = usual.types.find(", second ");
  BOOST_TEST_REQUIRE(second != std::string::npos);
  BOOST_TEST(other.types.substr(0, second) == usual.types.substr(0, second));
  BOOST_TEST(other.types != usual.types);
  BOOST_TEST(other.plugins == usual.plugins);
  BOOST_TEST(usual.plugins.starts_with("libcounter.so "));
}

BOOST_AUTO_TEST_CASE(of_many_types_as_many_are_listed_as_there_is_room_and_the_others_count_all_the_same) {
  std::string many = counter;
  for (int i = 0; i < 200; ++i) many += "[types.t" + std::to_string(i) + "]\nplugin = \"libcounter.so\"\n";
  const auto usual = print(config_of(node_a, many));
  const auto other = print(config_of(node_a, many + "cap = 1\n"));  // of the last one
  BOOST_TEST(usual.types.size() < 1000U);
  BOOST_TEST((usual.types.find(" more: all ") != std::string::npos));
  BOOST_TEST(usual.types != other.types);
  BOOST_TEST(usual.fingerprint != other.fingerprint);
}

BOOST_AUTO_TEST_SUITE_END()
