#include "reki/core/base/endpoint.hpp"

#include <boost/test/unit_test.hpp>

using namespace reki;

namespace {
bool refused(std::string_view text, std::string_view why) {
  const auto e = parse_endpoint(text);
  BOOST_REQUIRE(!e.has_value());
  BOOST_TEST_MESSAGE(e.error().text);
  return e.error().code == ErrorCode::invalid_argument && e.error().text.find(why) != std::string::npos;
}
}  // namespace

BOOST_AUTO_TEST_SUITE(endpoint)

BOOST_AUTO_TEST_CASE(a_name_an_ipv4_and_an_ipv6_address_are_hosts) {
  BOOST_TEST((parse_endpoint("tcp://127.0.0.1:7101").value() == Endpoint{"127.0.0.1", 7101}));
  BOOST_TEST((parse_endpoint("tcp://node-1.example.org:1").value() == Endpoint{"node-1.example.org", 1}));
  BOOST_TEST((parse_endpoint("tcp://[fe80::1%eth0]:65535").value() == Endpoint{"fe80::1%eth0", 65535}));
  BOOST_TEST((parse_host_port("localhost:0").value() == Endpoint{"localhost", 0}));
}

BOOST_AUTO_TEST_CASE(what_is_wrong_with_an_address_is_named) {
  BOOST_TEST(refused("", "tcp://"));
  BOOST_TEST(refused("127.0.0.1:7101", "tcp://"));
  BOOST_TEST(refused("ipc:///tmp/x", "tcp://"));
  BOOST_TEST(refused("tcp://127.0.0.1", "no port"));
  BOOST_TEST(refused("tcp://[::1]", "no port"));
  BOOST_TEST(refused("tcp://:7101", "no host"));
  BOOST_TEST(refused("tcp://[]:7101", "no host"));
  BOOST_TEST(refused("tcp://::1:7101", "not a host"));
  BOOST_TEST(refused("tcp://a b:7101", "not a host"));
  BOOST_TEST(refused("tcp://[::1:7101", "[ipv6]:port"));
  BOOST_TEST(refused("tcp://*:7101", "not a host"));
  for (const char* port : {"", "x", "-1", "65536", "99999999999999999999", "1x", " 1", "+1"}) {
    BOOST_TEST_CONTEXT(port) { BOOST_TEST(refused("tcp://h:" + std::string(port), "not a number from 0 to 65535")); }
  }
  BOOST_TEST(refused("tcp://" + std::string(300, 'h') + ":1", "too long"));
}

BOOST_AUTO_TEST_CASE(a_seed_is_a_name_with_a_port) {
  BOOST_TEST((parse_seed("dns://reki.internal:7101").value() == Endpoint{"reki.internal", 7101}));
  for (const auto* text : {"reki.internal:7101", "tcp://reki.internal:7101", "dns://reki.internal", "dns://:7101", "dns://reki.internal:0"}) {
    BOOST_TEST(!parse_seed(text).has_value(), text);
  }
}

BOOST_AUTO_TEST_CASE(a_host_that_stands_for_all_addresses_is_known_in_all_its_forms) {
  for (const auto* host : {"0.0.0.0", "0", "0.0", "00.0.0.0", "0x0", "::", "::0", "0:0:0:0:0:0:0:0", "::0.0.0.0", "::ffff:0.0.0.0", "::%eth0"}) {
    BOOST_TEST(is_wildcard(Endpoint{host, 1}), host);
  }
  for (const auto* host : {"0.0.0.1", "127.0.0.1", "::1", "::ffff:1.2.3.4", "n0", "0.example", "localhost", "fe80::1%eth0"}) {
    BOOST_TEST(!is_wildcard(Endpoint{host, 1}), host);
  }
}

BOOST_AUTO_TEST_CASE(a_host_that_is_this_machine_for_everybody_is_known) {
  for (const auto* host : {"127.0.0.1", "127.1", "127.255.0.3", "::1", "0:0::1", "::ffff:127.0.0.1", "localhost"}) {
    BOOST_TEST(is_loopback(Endpoint{host, 1}), host);
  }
  for (const auto* host : {"126.0.0.1", "10.0.0.1", "::2", "::ffff:10.0.0.1", "localhost.example", "n127"}) {
    BOOST_TEST(!is_loopback(Endpoint{host, 1}), host);
  }
}

BOOST_AUTO_TEST_CASE(a_number_is_told_from_a_name) {
  for (const auto* host : {"10.0.0.1", "10", "0x7f.1", "::1", "fe80::1%2"}) BOOST_TEST(is_number(Endpoint{host, 1}), host);
  for (const auto* host : {"n1", "10.0.0.1.example", "1.2.3.4.5", "10.example", "localhost"}) BOOST_TEST(!is_number(Endpoint{host, 1}), host);
}

BOOST_AUTO_TEST_SUITE_END()
