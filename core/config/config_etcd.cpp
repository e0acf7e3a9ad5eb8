#include <algorithm>

#include "reki/core/base/endpoint.hpp"
#include "reki/core/base/limits.hpp"
#include "reki/core/config/config_section.hpp"

namespace reki::config_file {
namespace {

// As the texts below say.
static_assert(limits::etcd_endpoints_max == 16 && limits::etcd_prefix_bytes_max == 200);

/// What is wrong with it, or nothing.
std::string fault_of(const std::string& url) {
  const std::string_view scheme = url.starts_with("https://") ? "https://" : "http://";
  if (!url.starts_with(scheme)) {
    return quoted(url) + " begins with neither http:// nor https://; write http://HOST:PORT, as in http://127.0.0.1:2379";
  }
  const Result<Endpoint> endpoint = parse_host_port(std::string_view(url).substr(scheme.size()));
  if (!endpoint) return endpoint.error().text;
  return endpoint->port == 0 ? quoted(url) + " has port 0, to which nobody can connect; etcd's is 2379" : "";
}

void read_endpoints(Section& s, Problems& problems, EtcdConfig& out) {
  constexpr const char* example = R"(["http://127.0.0.1:2379"])";
  const toml::node* node = s.get("endpoints");
  if (node == nullptr) return s.missing("endpoints", example);
  const toml::array* array = node->as_array();
  if (array == nullptr || array->empty() || array->size() > limits::etcd_endpoints_max) {
    problems.add(*node, std::string("endpoints is not an array of 1 to 16 addresses; write endpoints = ") + example);
    return;
  }
  for (const toml::node& each : *array) {
    const auto* url = each.as_string();
    const std::string fault = url == nullptr ? "an address is not a string; put it in quotes" : fault_of(url->get());
    if (!fault.empty()) problems.add(each, "endpoints: " + fault);
    else out.endpoints.push_back(url->get());
  }
}

void read_prefix(Section& s, EtcdConfig& out) {
  const auto prefix = s.text("prefix");
  if (!prefix) return;
  const bool plain = prefix->find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-/") ==
                     std::string::npos;
  if (prefix->empty() || prefix->size() > limits::etcd_prefix_bytes_max || !plain || prefix->back() == '/') {
    return s.wrong("prefix", "prefix is " + quoted(*prefix) + "; use 1 to 200 letters, digits, '.', '_', '-' or '/', and no '/' "
                             "at the end");
  }
  out.prefix = *prefix;
}

void read_files(Section& s, EtcdConfig& out) {
  const bool tls = std::ranges::any_of(out.endpoints, [](const std::string& url) { return url.starts_with("https://"); });
  for (const auto& [name, file] : {std::pair("ca", &out.ca), std::pair("cert", &out.cert), std::pair("key", &out.key)}) {
    const auto path = s.text(name);
    if (!path) continue;
    if (path->empty()) s.wrong(name, std::string(name) + " is empty; write the path of a PEM file, or leave the key out");
    else if (!tls && !out.endpoints.empty()) {
      s.wrong(name, std::string(name) + " is for https://, and no endpoint begins with that; change them, or leave it out");
    }
    *file = *path;
  }
  if (out.cert.empty() == out.key.empty()) return;
  const char* const there = out.cert.empty() ? "key" : "cert";
  const char* const missing = out.cert.empty() ? "cert" : "key";
  s.wrong(there, std::string(there) + " is there without " + missing + "; a client certificate needs both");
}

}  // namespace

EtcdConfig read_etcd(const toml::table& table, Problems& problems) {
  Section s(table, "[etcd]", problems);
  EtcdConfig out;
  read_endpoints(s, problems, out);
  read_prefix(s, out);
  read_files(s, out);
  s.refuse_unknown();
  return out;
}

}  // namespace reki::config_file
