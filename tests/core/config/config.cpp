#include "reki/core/config/config.hpp"

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <utility>

#include "reki/core/base/hash.hpp"

using namespace reki;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view good = R"([cluster]
name = "test"

[[node]]
id = "a"
listen = "tcp://127.0.0.1:7101"
)";

/// The error's text; fails if `text` is a good config.
std::string mistakes(std::string_view text) {
  const auto config = parse_config(text, "f");
  if (config) {
    BOOST_ERROR("accepted:\n" << text);
    return {};
  }
  BOOST_TEST((config.error().code == ErrorCode::bad_config));
  BOOST_TEST_MESSAGE(config.error().text);
  return config.error().text;
}

/// The mistakes in `more` after the good lines; its first line is line 7.
std::string after_good(std::string_view more) { return mistakes(std::string(good) + std::string(more)); }

/// The mistakes of a good file with `line` put under [cluster], as line 3.
std::string in_cluster(std::string_view line) {
  std::string text(good);
  return mistakes(text.insert(std::string_view("[cluster]\nname = \"test\"\n").size(), line));
}

/// The mistakes of the good file with `from` replaced.
std::string changed_text(std::string_view from, std::string_view to) {
  std::string text(good);
  return text.replace(text.find(from), from.size(), to);
}
std::string changed(std::string_view from, std::string_view to) { return mistakes(changed_text(from, to)); }

/// A file of configs/.
std::string example(const char* name) {
  std::ifstream in(std::filesystem::path(REKI_CONFIGS) / name);
  BOOST_REQUIRE(in);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

Config parsed(std::string_view text) {
  auto config = parse_config(text, "f");
  BOOST_REQUIRE_MESSAGE(config.has_value(), config.error().text);
  return std::move(*config);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(config)

BOOST_AUTO_TEST_CASE(a_data_dir_that_is_absent_is_below_the_root_that_the_program_says) {
  BOOST_TEST(parse_config(good, "f", "/var/lib/reki").value().nodes[0].data_dir == "/var/lib/reki/test/a");
  const auto given = parse_config(std::string(good) + "data_dir = \"own\"\n", "f", "/var/lib/reki");
  BOOST_TEST(given.value().nodes[0].data_dir == "own");
}

BOOST_AUTO_TEST_CASE(the_least_config_has_the_defaults) {
  const Config c = parsed(good);
  BOOST_TEST(c.cluster == "test");
  BOOST_TEST((c.profile == Profile::lan));
  BOOST_TEST((c.engine == EngineKind::embedded));
  BOOST_REQUIRE(c.nodes.size() == 1U);
  BOOST_TEST((c.nodes[0] == NodeConfig{NodeId{"a"}, "tcp://127.0.0.1:7101", "", 1, "", "data/test/a", "tcp://127.0.0.1:17101"}));
  BOOST_TEST(c.types.empty());
  BOOST_TEST((c.runtime == RuntimeConfig{}));
}

BOOST_AUTO_TEST_CASE(every_key_is_read) {
  const Config c = parsed(R"(
[cluster]
name = "shop-1"
profile = "cloud"
engine = "embedded"
voters = ["a", "c", "b"]
seeds = ["dns://reki.internal:7101", "dns://other.internal:7102"]
security = "none"
[[node]]
id = "a"
listen = "tcp://10.0.0.1:7101"
admin = "10.0.0.1:7201"
weight = 3
zone = "z1"
data_dir = "/var/lib/reki"
[[node]]
id = "b"
listen = "tcp://10.0.0.2:7101"
admin = "127.0.0.1:0"
[[node]]
id = "c"
listen = "tcp://[fd00::3]:7101"
admin = "127.0.0.1:0"
[types.cart]
plugin = "cart.so"
restart = "permanent"
max_restarts = 3
restart_period = "1m"
backoff_initial = "5ms"
backoff_max = "2s"
idle = "10m"
cap = 1000
mailbox = 50
blocking = true
stop_grace = "1s"
lease = "confirmed"
[types.a]
idle = 0
[runtime]
workers = 4
blocking_threads = 2
)");
  BOOST_TEST((c.profile == Profile::cloud));
  BOOST_TEST((c.engine == EngineKind::embedded));
  BOOST_TEST((c.voters == std::vector{NodeId{"a"}, NodeId{"c"}, NodeId{"b"}}));
  BOOST_TEST((c.seeds == std::vector<std::string>{"dns://reki.internal:7101", "dns://other.internal:7102"}));
  BOOST_TEST((c.nodes[0] == NodeConfig{NodeId{"a"}, "tcp://10.0.0.1:7101", "10.0.0.1:7201", 3, "z1", "/var/lib/reki", "tcp://10.0.0.1:17101"}));
  const RestartPolicy policy{RestartMode::permanent, 3, 1min, 5ms, 2s, 2.0};
  TypeConfig cart = c.types.at(1);
  BOOST_TEST(std::exchange(cart.given, {}).size() == 12U);
  BOOST_TEST((cart == TypeConfig{"cart", "cart.so", policy, 10min, 1000, 50, true, 1s, TypeLease::confirmed}));
  BOOST_TEST((c.find_type("a")->given == std::vector<std::string>{"idle"}));
  BOOST_TEST(c.find_type("a")->idle.count() == 0);
  BOOST_TEST((c.find_type("b") == nullptr));
  BOOST_TEST((c.runtime == RuntimeConfig{4, 2}));
}

BOOST_AUTO_TEST_CASE(the_example_with_etcd_is_a_good_config) {
  const Config c = parsed(example("etcd.toml"));
  BOOST_TEST((c.engine == EngineKind::etcd));
  BOOST_TEST((c.etcd.value() == EtcdConfig{{"http://127.0.0.1:2379"}, "reki", "", "", ""}));
  BOOST_TEST(c.nodes.size() == 2U);
}

BOOST_AUTO_TEST_CASE(the_example_for_people_is_a_good_config) {
  const std::string text = example("local.toml");
  const Config c = parsed(text);
  BOOST_REQUIRE(c.nodes.size() == 3U);
  BOOST_TEST(c.nodes[2].listen == "tcp://127.0.0.1:7103");
  BOOST_TEST(c.nodes[2].admin == "127.0.0.1:7203");
  BOOST_TEST((c.find_type("counter")->restart == RestartPolicy{}));

  // What it shows as defaults, with the comment signs taken away, is the defaults.
  std::string all = text.substr(text.find("[types.counter]"));
  for (std::size_t at = 0; (at = all.find("\n# ", at)) != std::string::npos; ++at) all.erase(at + 1, 2);
  TypeConfig counter = *parsed(std::string(good) + all).find_type("counter");
  counter.cap.reset();
  counter.given = c.find_type("counter")->given;
  BOOST_TEST((counter == *c.find_type("counter")));
  BOOST_TEST((parsed(std::string(good) + all).runtime == c.runtime));
}

BOOST_AUTO_TEST_CASE(a_view_of_a_config_has_all_nodes_up_and_a_seed_from_the_cluster_s_name) {
  const Config c =
      parsed(std::string(good) + "[[node]]\nid = \"0\"\nlisten = \"tcp://h:1\"\nweight = 3\nzone = \"z\"\n");
  const View v = view_of(c);
  BOOST_TEST(v.cluster_id() == "test");
  BOOST_TEST(v.epoch().value == 1U);
  BOOST_TEST(v.hash_seed() == hash_type("test", 0));
  BOOST_TEST((v.members()[0] == Member{NodeId{"0"}, Incarnation{}, "tcp://h:1", 3, "z", MemberState::up}));
  BOOST_TEST(v.slots_of(0) == 3 * slot_count / 4);
}

BOOST_AUTO_TEST_CASE(an_unknown_node_is_answered_with_those_there_are) {
  const Config c = parsed(std::string(good) + "[[node]]\nid = \"node-b\"\nlisten = \"tcp://h:1\"\n");
  BOOST_TEST(node_of(c, "node-b")->listen == "tcp://h:1");
  BOOST_TEST(node_of(c, "node-c").error().text ==
             "f: there is no [[node]] with id 'node-c'; did you mean 'node-b'? use one of: a, node-b");
  BOOST_TEST(node_of(c, "xyzzy").error().text == "f: there is no [[node]] with id 'xyzzy'; use one of: a, node-b");
}

// --- one case per mistake

BOOST_AUTO_TEST_CASE(text_that_is_not_toml_is_placed) {
  BOOST_TEST(changed("\"test\"", "test").starts_with("f:2:9: not TOML: "));
  BOOST_TEST(changed("\"test\"", "\"test").starts_with("f:2:13: not TOML: "));
  BOOST_TEST(mistakes("\xff\xfe").starts_with("f:1:1: not TOML: "));
  BOOST_TEST(after_good("[cluster]\nname = \"again\"\n").starts_with("f:7:1: not TOML: "));
}

BOOST_AUTO_TEST_CASE(an_empty_file_lacks_a_cluster_and_nodes) {
  BOOST_TEST(mistakes("") ==
             "f:1:1: there is no [[node]]; add one with id = \"n1\" and listen = \"tcp://HOST:PORT\"\n"
             "f:1:1: there is no [cluster]; add [cluster] with name = \"NAME\"");
}

BOOST_AUTO_TEST_CASE(an_unknown_key_is_answered_with_the_nearest) {
  BOOST_TEST(in_cluster("profil = \"lan\"\n") ==
             "f:3:1: unknown key 'profil' in [cluster]; did you mean 'profile'? the keys are: name, profile, engine, "
             "voters, seeds, security");
  BOOST_TEST(after_good("wieght = 2\n") ==
             "f:7:1: unknown key 'wieght' in [[node]]; did you mean 'weight'? the keys are: id, listen, advertise, "
             "control, advertise_control, admin, weight, zone, data_dir");
  BOOST_TEST(after_good("[types.x]\n  idel = \"1s\"\n")
                 .starts_with("f:8:3: unknown key 'idel' in [types.x]; did you mean 'idle'? "));
  BOOST_TEST(after_good("[runtime]\nthreads = 1\n") ==
             "f:8:1: unknown key 'threads' in [runtime]; the keys are: workers, blocking_threads");
  BOOST_TEST(after_good("[type.x]\n").starts_with("f:7:2: unknown key 'type' in the file; did you mean 'types'? "));
}

BOOST_AUTO_TEST_CASE(a_key_that_came_with_a_later_level_is_known_from_that_on) {
  const std::string text = "[cluster]\nname = \"test\"\nlabel = \"x\"\n\n[[node]]\nid = \"a\"\nlisten = \"tcp://127.0.0.1:7101\"\n";
  BOOST_TEST(parse_config(text, "f", "data", next_level).value().label == "x");
  BOOST_TEST(mistakes(text).starts_with("f:3:1: unknown key 'label' in [cluster]"));
}

BOOST_AUTO_TEST_CASE(a_wrong_type_is_answered_with_the_right_one) {
  BOOST_TEST(changed("\"test\"", "7") == "f:2:8: name is a whole number; it must be a string; put it in quotes");
  BOOST_TEST(after_good("weight = \"2\"\n") == "f:7:10: weight is a string; it must be a whole number");
  BOOST_TEST(after_good("weight = 1.5\n") == "f:7:10: weight is a number with a fraction; it must be a whole number");
  BOOST_TEST(after_good("[types.x]\nblocking = 1\n") == "f:8:12: blocking is a whole number; it must be true or false");
  BOOST_TEST(after_good("[types.x]\nidle = 10\n") ==
             "f:8:8: idle is a whole number; it must be a duration; write a number with us, ms, s, m or h, as in "
             "\"500ms\" or \"10m\"");
  BOOST_TEST(after_good("[types]\nx = 1\n") == "f:8:5: [types.NAME] is not a table; write it as the line [types.NAME]");
  BOOST_TEST(mistakes("cluster = 1\nnode = 2\ntypes = 3\nruntime = 4\n") ==
             "f:1:11: [cluster] is not a table; write it as the line [cluster]\n"
             "f:2:8: node is not a list of tables; write each node under a line [[node]], in two brackets\n"
             "f:3:9: [types.NAME] is not a table; write it as the line [types.NAME]\n"
             "f:4:11: [runtime] is not a table; write it as the line [runtime]");
}

BOOST_AUTO_TEST_CASE(a_node_in_single_brackets_is_answered_with_two) {
  BOOST_TEST(changed("[[node]]", "[node]") ==
             "f:4:1: node is not a list of tables; write each node under a line [[node]], in two brackets");
  BOOST_TEST(mistakes("node = []\n[cluster]\nname = \"x\"\n").starts_with("f:1:8: node is not a list of tables"));
}

BOOST_AUTO_TEST_CASE(what_is_missing_is_named_where_it_belongs) {
  BOOST_TEST(changed("name = \"test\"", "") == "f:1:1: [cluster] has no 'name'; add name = \"my-cluster\"");
  BOOST_TEST(changed("id = \"a\"", "") == "f:4:1: [[node]] has no 'id'; add id = \"n1\"");
  BOOST_TEST(after_good("\n[[node]]\nid = \"b\"\n") ==
             "f:8:1: [[node]] has no 'listen'; add listen = \"tcp://127.0.0.1:7101\"");
}

BOOST_AUTO_TEST_CASE(names_that_no_view_could_carry_are_refused) {
  const std::string id(64, 'b');
  const std::string zone = "zone = \"" + std::string(64, 'z') + "\"\n";
  const auto listen = [&](std::size_t host) {
    return "[[node]]\nid = \"" + id + "\"\nlisten = \"tcp://" + std::string(host, 'h') + ":1\"\n" + zone;
  };
  BOOST_TEST(after_good(listen(55)) ==
             "f:7:1: id, listen and zone of this [[node]] have together 191 bytes; shorten them to at most 190");
  BOOST_TEST(view_of(parsed(std::string(good) + listen(54))).members().size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_second_node_of_one_id_is_refused) {
  BOOST_TEST(after_good("[[node]]\nid = \"a\"\nlisten = \"tcp://h:1\"\n") ==
             "f:8:6: the node id 'a' is taken by the node of line 5; give each node an id of its own");
}

BOOST_AUTO_TEST_CASE(an_address_belongs_to_one_socket) {
  BOOST_TEST(after_good("[[node]]\nid = \"b\"\nlisten = \"tcp://127.0.0.1:7101\"\n") ==
             "f:9:10: listen is the address of line 6 too; give each its own port");
  BOOST_TEST(after_good("admin = \"127.0.0.1:7101\"\n") ==
             "f:7:9: admin is the address of line 6 too; give each its own port");
}

BOOST_AUTO_TEST_CASE(the_control_plane_has_an_address_of_its_own) {
  BOOST_TEST(parsed(changed_text("tcp://127.0.0.1:7101", "tcp://[::1]:7101")).nodes[0].control == "tcp://[::1]:17101");
  BOOST_TEST(changed("tcp://127.0.0.1:7101", "tcp://127.0.0.1:55536") ==
             "f:6:10: listen's port leaves no room for the control plane's, which is 10000 above it; choose one up to "
             "55535, or add control = \"tcp://HOST:PORT\"");
  BOOST_TEST(after_good("control = \"tcp://127.0.0.1:0\"\n") ==
             "f:7:11: control has port 0, to which nobody can connect; choose one from 1 to 65535");
  BOOST_TEST(after_good("control = \"tcp://127.0.0.1:7101\"\n") ==
             "f:7:11: control is the address of line 6 too; give each its own port");
  BOOST_TEST(after_good("[[node]]\nid = \"b\"\nlisten = \"tcp://127.0.0.1:17101\"\n") ==
             "f:9:10: listen is the address of line 6 too; give each its own port");
}

BOOST_AUTO_TEST_CASE(what_others_cannot_connect_to_is_refused_unless_they_are_told_another_address) {
  BOOST_TEST(changed("127.0.0.1", "0.0.0.0") ==
             "f:6:10: listen is on '0.0.0.0', to which others cannot connect; write an address of this machine that they reach, or add "
             "it as advertise = \"tcp://HOST:PORT\"");
  BOOST_TEST(after_good("control = \"tcp://[::]:7\"\n") ==
             "f:7:11: control is on '::', to which others cannot connect; write an address of this machine that they reach, or add it as "
             "advertise_control = \"tcp://HOST:PORT\"");
  BOOST_TEST(after_good("advertise = \"tcp://[::]:7\"\n").starts_with("f:7:13: advertise is on '::', to which others cannot connect"));
  BOOST_TEST(after_good("advertise = \"tcp://n1:0\"\n") == "f:7:13: advertise has port 0, to which nobody can connect; choose one from 1 to 65535");
  BOOST_TEST(after_good("advertise = \"n1\"\n").starts_with("f:7:13: advertise: 'n1' does not begin with tcp://"));
}

BOOST_AUTO_TEST_CASE(what_others_are_told_to_connect_to_follows_from_what_the_file_says) {
  const auto node = [](std::string_view listen, const std::string& more) {
    return parsed(changed_text("tcp://127.0.0.1:7101\"\n", std::string(listen) + "\"\n" + more)).nodes[0];
  };
  const auto plain = node("tcp://10.0.0.1:7101", "");
  BOOST_TEST(plain.address() == "tcp://10.0.0.1:7101");
  BOOST_TEST(plain.control_address() == "tcp://10.0.0.1:17101");
  const auto everywhere = node("tcp://0.0.0.0:7101", "advertise = \"tcp://n1.example:31000\"\n");
  BOOST_TEST(everywhere.listen == "tcp://0.0.0.0:7101");
  BOOST_TEST(everywhere.control == "tcp://0.0.0.0:17101");
  BOOST_TEST(everywhere.address() == "tcp://n1.example:31000");
  BOOST_TEST(everywhere.control_address() == "tcp://n1.example:17101");
  const auto mapped = node("tcp://[::]:7101", "advertise = \"tcp://[fd00::1]:31000\"\nadvertise_control = \"tcp://[fd00::1]:31001\"\n");
  BOOST_TEST(mapped.address() == "tcp://[fd00::1]:31000");
  BOOST_TEST(mapped.control_address() == "tcp://[fd00::1]:31001");
  const auto apart = node("tcp://0.0.0.0:7101", "advertise = \"tcp://n1:7101\"\ncontrol = \"tcp://10.0.0.1:7102\"\n");
  BOOST_TEST(apart.control_address() == "tcp://10.0.0.1:7102");
}

BOOST_AUTO_TEST_CASE(nodes_on_machines_of_their_own_may_listen_alike_if_they_are_told_apart) {
  const std::string listen = "listen = \"tcp://0.0.0.0:7101\"\nadvertise = \"tcp://";
  const auto config = parsed("[cluster]\nname = \"t\"\n[[node]]\nid = \"a\"\n" + listen + "a:7101\"\n[[node]]\nid = \"b\"\n" + listen + "b:7101\"\n");
  BOOST_TEST(config.nodes[1].address() == "tcp://b:7101");
  BOOST_TEST(mistakes("[cluster]\nname = \"t\"\n[[node]]\nid = \"a\"\n" + listen + "a:7101\"\n[[node]]\nid = \"b\"\n" + listen + "a:7101\"\n") ==
             "f:10:13: advertise is the address of line 6 too; give each its own port");
}

BOOST_AUTO_TEST_CASE(loopback_beside_an_address_of_another_machine_is_refused) {
  BOOST_TEST(after_good("[[node]]\nid = \"b\"\nlisten = \"tcp://10.0.0.2:7101\"\n") ==
             "f:6:10: listen is on '127.0.0.1', which the machine of line 9 (10.0.0.2) cannot reach; write an address that all machines "
             "reach\n"
             "f:6:10: listen's port + 10000, for the control plane, is on '127.0.0.1', which the machine of line 9 (10.0.0.2) cannot reach; "
             "write an address that all machines reach");
  const std::string name = "[[node]]\nid = \"b\"\nlisten = \"tcp://b.example:7101\"\n";  // may be this machine
  BOOST_TEST(parsed(std::string(good) + name).nodes.size() == 2U);
}

BOOST_AUTO_TEST_CASE(who_votes_follows_from_the_nodes_if_nobody_says) {
  const auto voters = [](int count) {
    std::string text = "[cluster]\nname = \"test\"\n";
    for (int i = 1; i <= count; ++i) {
      const auto n = std::to_string(i);
      text.append("[[node]]\nid = \"n").append(n).append("\"\nlisten = \"tcp://h").append(n).append(":1\"\n");
    }
    return parsed(text).voters;
  };
  const NodeId n1{"n1"};
  BOOST_TEST((voters(1) == std::vector{n1}));
  BOOST_TEST((voters(2) == std::vector{n1}));
  BOOST_TEST((voters(5) == std::vector{n1, NodeId{"n2"}, NodeId{"n3"}}));
}

BOOST_AUTO_TEST_CASE(a_bad_address_is_answered_with_the_right_form) {
  const auto listen = [](std::string_view to) { return changed("tcp://127.0.0.1:7101", to); };
  BOOST_TEST(listen("127.0.0.1:7101") ==
             "f:6:10: listen: '127.0.0.1:7101' does not begin with tcp://; write tcp://host:port, as in "
             "tcp://127.0.0.1:7101");
  BOOST_TEST(listen("tcp://127.0.0.1:71010") ==
             "f:6:10: listen: the port '71010' is not a number from 0 to 65535; write one, as in 127.0.0.1:7101");
  BOOST_TEST(listen("tcp://127.0.0.1:0") ==
             "f:6:10: listen has port 0, to which nobody can connect; choose one from 1 to 65535");
  BOOST_TEST(after_good("admin = \"localhost\"\n") ==
             "f:7:9: admin: 'localhost' has no port; write host:port, as in 127.0.0.1:7101");
}

BOOST_AUTO_TEST_CASE(a_bad_duration_is_answered_with_examples) {
  BOOST_TEST(after_good("[types.x]\nidle = \"10 min\"\n") ==
             "f:8:8: idle: '10 min' is not a duration; write a number with us, ms, s, m or h, as in \"500ms\" or "
             "\"10m\"");
  BOOST_TEST(after_good("[types.x]\nstop_grace = \"2h\"\n") ==
             "f:8:14: stop_grace is 2h; write a duration from 1ms to 1h");
  BOOST_TEST(after_good("[types.x]\nrestart_period = \"0\"\n") ==
             "f:8:18: restart_period is 0; write a duration from 1us to 24h");
}

BOOST_AUTO_TEST_CASE(a_wait_that_grows_beyond_its_longest_is_refused) {
  BOOST_TEST(after_good("[types.x]\nbackoff_initial = \"2s\"\nbackoff_max = \"1s\"\n") ==
             "f:9:15: backoff_max (1s) is less than backoff_initial (2s); make it at least as long");
  BOOST_TEST(after_good("[types.x]\nbackoff_initial = \"1m\"\n") ==
             "f:8:19: backoff_max (30s if not given) is less than backoff_initial (1m); make it at least as long");
  BOOST_TEST(after_good("[types.x]\nbackoff_max = \"1ms\"\n") ==
             "f:8:15: backoff_max (1ms) is less than backoff_initial (10ms if not given); make it at least as long");
}

BOOST_AUTO_TEST_CASE(a_number_out_of_range_is_answered_with_the_range) {
  BOOST_TEST(after_good("weight = -1\n") == "f:7:10: weight is -1; write a number from 0 to 1000000");
  BOOST_TEST(after_good("[types.x]\ncap = 0\n") == "f:8:7: cap is 0; write a number from 1 to 1000000000");
  BOOST_TEST(after_good("[types.x]\nmailbox = 0\n") == "f:8:11: mailbox is 0; write a number from 1 to 1000000");
  BOOST_TEST(after_good("[types.x]\nmax_restarts = -1\n") ==
             "f:8:16: max_restarts is -1; write a number from 0 to 1000000");
  BOOST_TEST(after_good("[runtime]\nworkers = 1025\n") == "f:8:11: workers is 1025; write a number from 0 to 1024");
  BOOST_TEST(after_good("[runtime]\nblocking_threads = 0\n") ==
             "f:8:20: blocking_threads is 0; write a number from 1 to 1024");
}

BOOST_AUTO_TEST_CASE(a_word_that_is_none_of_the_choices_is_answered_with_them) {
  BOOST_TEST(in_cluster("profile = \"wan\"\n") ==
             "f:3:11: profile is 'wan'; did you mean 'lan'? use one of: lan, cloud");
  BOOST_TEST(in_cluster("engine = \"zookeeper\"\n") == "f:3:10: engine is 'zookeeper'; use one of: embedded, etcd");
  BOOST_TEST(in_cluster("engine = \"etcd\"\n") ==
             "f:3:10: engine is 'etcd', but there is no [etcd]; add [etcd] with endpoints = [\"http://HOST:2379\"]");
  BOOST_TEST(in_cluster("security = \"curve\"\n") == "f:3:12: security is 'curve'; use one of: none");
  BOOST_TEST(after_good("[types.x]\nrestart = \"transiet\"\n") ==
             "f:8:11: restart is 'transiet'; did you mean 'transient'? use one of: permanent, transient, temporary");
}

BOOST_AUTO_TEST_CASE(voters_that_cannot_vote_are_refused) {
  BOOST_TEST(in_cluster("voters = [\"a\", \"b\", \"a\"]\n") ==
             "f:3:16: voters names 'b', which is no [[node]]; the ids are: a\n"
             "f:3:21: voters names 'a' twice; name it once");
  BOOST_TEST(in_cluster("voters = [1]\n") == "f:3:11: a voter is not a string; write the id of a [[node]] in quotes");
  BOOST_TEST(in_cluster("voters = \"a\"\n") ==
             "f:3:10: voters is not an array; write voters = [\"ID\", ...] with the ids of 1, 3 or 5 nodes");
  BOOST_TEST(in_cluster("voters = []\n") ==
             "f:3:10: there are 0 voters; name 1, 3 or 5 (an even number survives no more failures than one fewer)");
  const std::string two = in_cluster("voters = [\"a\", \"a\"]\n");
  BOOST_TEST(two.starts_with("f:3:10: there are 2 voters; name 1, 3 or 5"));
}

BOOST_AUTO_TEST_CASE(seeds_that_name_nobody_are_refused) {
  constexpr const char* not_an_array =
      "f:3:9: seeds is not an array of 1 to 16 names; write seeds = [\"dns://NAME:PORT\"], with the port of the nodes' control addresses";
  BOOST_TEST(in_cluster("seeds = \"dns://a:1\"\n") == not_an_array);
  BOOST_TEST(in_cluster("seeds = []\n") == not_an_array);
  BOOST_TEST(in_cluster("seeds = [1]\n") == "f:3:10: a seed is not a string; write \"dns://NAME:PORT\" in quotes");
  BOOST_TEST(in_cluster("seeds = [\"tcp://a:1\", \"dns://a:0\", \"dns://a\"]\n") ==
             "f:3:10: seeds: 'tcp://a:1' does not begin with dns://; write dns://name:port, as in dns://reki.internal:17101\n"
             "f:3:23: seeds: 'dns://a:0' has port 0; write that of the nodes' control addresses\n"
             "f:3:36: seeds: 'a' has no port; write host:port, as in 127.0.0.1:7101");
  BOOST_TEST(in_cluster("seeds = [\"dns://a:1\", \"dns://a:1\"]\n") == "f:3:23: seeds names 'dns://a:1' twice; name it once");
}

BOOST_AUTO_TEST_CASE(a_cluster_that_could_serve_no_key_is_refused) {
  BOOST_TEST(after_good("weight = 0\n[[node]]\nid = \"b\"\nlisten = \"tcp://h:1\"\nweight = 0\n") ==
             "f:7:10: the weight of every node is 0, so none would serve a key; give one a weight of 1 or more");
}

BOOST_AUTO_TEST_CASE(too_many_nodes_are_refused) {
  std::string text = "[cluster]\nname = \"x\"\n";
  for (int i = 0; i < 1001; ++i) {
    text += "[[node]]\nid = \"n" + std::to_string(i) + "\"\nlisten = \"tcp://h" + std::to_string(i) + ":1\"\n";
  }
  BOOST_TEST(mistakes(text) == "f:3003:1: there are 1001 nodes; list at most 1000");
}

BOOST_AUTO_TEST_CASE(etcd_is_found_where_the_file_says) {
  const auto with = [](const std::string& etcd) {
    return parsed("[etcd]\n" + etcd + changed_text("name = \"test\"", "name = \"test\"\nengine = \"etcd\""));
  };
  const Config least = with("endpoints = [\"http://127.0.0.1:2379\"]\n");
  BOOST_TEST((least.engine == EngineKind::etcd));
  BOOST_TEST((least.etcd.value() == EtcdConfig{{"http://127.0.0.1:2379"}, "reki", "", "", ""}));
  BOOST_TEST(least.voters.empty());
  const Config whole = with(
      "endpoints = [\"https://e1:2379\", \"https://[::1]:2379\"]\nprefix = \"/shop/reki\"\nca = \"ca.pem\"\ncert = \"c.pem\"\n"
      "key = \"k.pem\"\n");
  BOOST_TEST((whole.etcd.value() ==
              EtcdConfig{{"https://e1:2379", "https://[::1]:2379"}, "/shop/reki", "ca.pem", "c.pem", "k.pem"}));
  BOOST_TEST(!parsed(good).etcd.has_value());
}

BOOST_AUTO_TEST_CASE(an_etcd_that_cannot_be_asked_is_refused) {
  /// The mistakes of a file that begins with [etcd] and these lines.
  const auto with = [](const std::string& etcd) {
    return mistakes("[etcd]\n" + etcd + changed_text("name = \"test\"", "name = \"test\"\nengine = \"etcd\""));
  };
  const std::string there = "endpoints = [\"http://h:1\"]\n";
  BOOST_TEST(with("") == "f:1:1: [etcd] has no 'endpoints'; add endpoints = [\"http://127.0.0.1:2379\"]");
  const std::string no_array = "endpoints is not an array of 1 to 16 addresses; write endpoints = [\"http://127.0.0.1:2379\"]";
  BOOST_TEST(with("endpoints = \"http://h:1\"\n") == "f:2:13: " + no_array);
  BOOST_TEST(with("endpoints = []\n") == "f:2:13: " + no_array);
  BOOST_TEST(with("endpoints = [1]\n") == "f:2:14: endpoints: an address is not a string; put it in quotes");
  BOOST_TEST(with("endpoints = [\"h:2379\"]\n") ==
             "f:2:14: endpoints: 'h:2379' begins with neither http:// nor https://; write http://HOST:PORT, as in "
             "http://127.0.0.1:2379");
  BOOST_TEST(with("endpoints = [\"http://h\"]\n") ==
             "f:2:14: endpoints: 'h' has no port; write host:port, as in 127.0.0.1:7101");
  BOOST_TEST(with("endpoints = [\"http://h:2379/v3\"]\n").starts_with("f:2:14: endpoints: the port '2379/v3' is not a number"));
  BOOST_TEST(with("endpoints = [\"http://h:0\"]\n") ==
             "f:2:14: endpoints: 'http://h:0' has port 0, to which nobody can connect; etcd's is 2379");
  BOOST_TEST(with(there + "prefix = \"a b\"\n").starts_with("f:3:10: prefix is 'a b'; use 1 to 200 letters"));
  BOOST_TEST(with(there + "prefix = \"reki/\"\n").ends_with("and no '/' at the end"));
  BOOST_TEST(with(there + "ca = \"ca.pem\"\n") ==
             "f:3:6: ca is for https://, and no endpoint begins with that; change them, or leave it out");
  const std::string tls = "endpoints = [\"https://h:1\"]\n";
  BOOST_TEST(with(tls + "cert = \"c\"\n") == "f:3:8: cert is there without key; a client certificate needs both");
  BOOST_TEST(with(tls + "key = \"k\"\n") == "f:3:7: key is there without cert; a client certificate needs both");
  BOOST_TEST(with(tls + "lease = 1\n") ==
             "f:3:1: unknown key 'lease' in [etcd]; the keys are: endpoints, prefix, ca, cert, key");
  BOOST_TEST(after_good("[etcd]\nendpoints = [\"http://h:1\"]\n") ==
             "f:7:1: there is an [etcd], but the engine is the embedded one; add engine = \"etcd\" to [cluster], or leave [etcd] "
             "out");
  BOOST_TEST(mistakes("[etcd]\n" + there +
                      changed_text("name = \"test\"", "name = \"test\"\nengine = \"etcd\"\nvoters = [\"a\"]")) ==
             "f:6:10: voters are for the engine \"embedded\"; with etcd leave them out");
}

BOOST_AUTO_TEST_CASE(a_name_that_is_too_long_or_odd_is_refused) {
  const std::string longest(64, 'x');
  BOOST_TEST(changed("\"test\"", '"' + longest + "x\"") ==
             "f:2:8: name is '" + longest + "x'; use 1 to 64 letters, digits, '.', '_' or '-'");
  BOOST_TEST(changed("\"test\"", "\"\"") == "f:2:8: name is ''; use 1 to 64 letters, digits, '.', '_' or '-'");
  for (const std::string name : {".", ".."}) {
    BOOST_TEST(changed("\"test\"", '"' + name + '"') == "f:2:8: name is '" + name + "', and is a part of paths; use another");
    BOOST_TEST(changed("\"a\"", '"' + name + '"') == "f:5:6: id is '" + name + "', and is a part of paths; use another");
  }
  BOOST_TEST(changed("\"a\"", "\"a b\"") == "f:5:6: id is 'a b'; use 1 to 64 letters, digits, '.', '_' or '-'");
  BOOST_TEST(after_good("zone = \"" + longest + "x\"\n") == "f:7:8: zone is longer than 64 bytes; shorten it");
  BOOST_TEST(after_good("[types." + longest + "x]\n") ==
             "f:7:8: the type name '" + longest + "x' is empty or longer than 64 bytes; choose another");
  BOOST_TEST(after_good("[types.x]\nplugin = \"\"\n") ==
             "f:8:10: plugin is empty; write the path of the .so, or leave the key out");
}

BOOST_AUTO_TEST_CASE(all_mistakes_are_named_at_once_in_the_file_s_order) {
  BOOST_TEST(mistakes(R"([cluster]
nam = "x"
[[node]]
id = "a"
listen = "udp://h:1"
[[node]]
id = "a"
listen = "tcp://h:1"
weight = "heavy"
[types.t]
idle = "soon"
)") == R"(f:1:1: [cluster] has no 'name'; add name = "my-cluster"
f:2:1: unknown key 'nam' in [cluster]; did you mean 'name'? the keys are: name, profile, engine, voters, seeds, security
f:5:10: listen: 'udp://h:1' does not begin with tcp://; write tcp://host:port, as in tcp://127.0.0.1:7101
f:7:6: the node id 'a' is taken by the node of line 4; give each node an id of its own
f:9:10: weight is a string; it must be a whole number
f:11:8: idle: 'soon' is not a duration; write a number with us, ms, s, m or h, as in "500ms" or "10m")");
}

BOOST_AUTO_TEST_CASE(a_file_of_mistakes_only_is_answered_with_the_first_hundred) {
  std::string text(good);
  for (int i = 0; i < 150; ++i) text += "x" + std::to_string(i) + " = 1\n";
  BOOST_TEST(mistakes(text).ends_with("\nand 50 more"));
}

BOOST_AUTO_TEST_CASE(a_damaged_config_is_an_error_and_nothing_worse) {
  const std::string whole = std::string(good) + "[types.x]\nidle = \"1s\"\n[runtime]\nworkers = 1\n";
  std::mt19937 random(1);
  for (int i = 0; i < 2000; ++i) {
    std::string text = whole;
    const int changes = 1 + static_cast<int>(random() % 4);
    for (int k = 0; k < changes; ++k) text[random() % text.size()] = static_cast<char>(random());
    const auto c = parse_config(text, "f");
    if (!c) {
      BOOST_REQUIRE(c.error().text.starts_with("f:"));
    } else {
      BOOST_REQUIRE(view_of(*c).members().size() == c->nodes.size());
    }
  }
  BOOST_TEST(!parse_config("x = " + std::string(100000, '['), "f").has_value());
}

// --- durations

BOOST_AUTO_TEST_CASE(a_duration_is_a_whole_number_with_its_unit) {
  BOOST_TEST((parse_duration("500us").value() == 500us));
  BOOST_TEST((parse_duration("500ms").value() == 500ms));
  BOOST_TEST((parse_duration("5s").value() == 5s));
  BOOST_TEST((parse_duration("10m").value() == 10min));
  BOOST_TEST((parse_duration("2h").value() == 2h));
  BOOST_TEST((parse_duration("0").value() == 0s));
  for (const char* bad : {"", "5", "s", "-1s", "+1s", "1.5s", " 5s", "5 s", "5s ", "5S", "1h30m", "9999999999999h",
                          "99999999999999999999s", "5ns", "5d"}) {
    BOOST_TEST_CONTEXT(bad) { BOOST_TEST(!parse_duration(bad).has_value()); }
  }
}

BOOST_AUTO_TEST_CASE(a_duration_is_printed_in_its_largest_whole_unit) {
  for (const char* text : {"0", "1us", "1500us", "250ms", "90s", "10m", "24h"}) {
    BOOST_TEST(to_text(parse_duration(text).value()) == text);
  }
  BOOST_TEST(to_text(1500ns) == "1us");
}

BOOST_AUTO_TEST_SUITE_END()
