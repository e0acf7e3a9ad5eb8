// Clients of an etcd that runs already, each with one request under way: put-if-absent of new keys, then get. Through
// the JSON gateway, as reki's own engine uses it.
#include <curl/curl.h>

#include <array>
#include <cstdio>
#include <memory>
#include <vector>

#include "reki/bench/figures.hpp"
#include "reki/bench/latencies.hpp"
#include "reki/bench/options.hpp"

namespace reki::bench {
namespace {

std::string base64(const std::string& text) {
  constexpr const char* letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 3) {
    std::uint32_t three = 0;
    for (std::size_t j = 0; j < 3; ++j)
      three = three << 8 | (i + j < text.size() ? static_cast<unsigned char>(text[i + j]) : 0U);
    for (std::size_t j = 0; j < 4; ++j) out += i + j <= text.size() ? letters[three >> (18 - 6 * j) & 63] : '=';
  }
  return out;
}

std::string key(long number) {
  std::array<char, 24> text{};
  std::snprintf(text.data(), text.size(), "key%013ld", number);
  return base64(text.data());
}

std::string put_if_absent(long number) {
  return R"({"compare":[{"key":")" + key(number) +
         R"(","target":"VERSION","version":"0"}],"success":[{"requestPut":{"key":")" + key(number) +
         R"(","value":"eA=="}}]})";
}

std::string get(long number) { return R"({"key":")" + key(number) + R"("})"; }

struct Client {
  CURL* handle = nullptr;
  std::string body;
  Stopwatch since;
};

class Load {
 public:
  Load(std::string url, std::string (*request)(long), long clients)
      : url_(std::move(url)), request_(request), clients_(static_cast<std::size_t>(clients)) {
    for (Client& client : clients_) {
      client.handle = curl_easy_init();
      curl_easy_setopt(client.handle, CURLOPT_URL, url_.c_str());
      curl_easy_setopt(client.handle, CURLOPT_PRIVATE, &client);
      curl_easy_setopt(
          client.handle, CURLOPT_WRITEFUNCTION, +[](char*, std::size_t, std::size_t n, void*) { return n; });
    }
  }
  ~Load() {
    for (Client& client : clients_) {
      curl_multi_remove_handle(multi_, client.handle);
      curl_easy_cleanup(client.handle);
    }
    curl_multi_cleanup(multi_);
  }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  void run(const std::string& name, double seconds) {
    for (Client& client : clients_) send(client);
    go_on_until([&] { return latencies_.count() >= clients_.size(); });  // it has a leader, and all are connected
    latencies_ = {};
    const Stopwatch watch;
    go_on_until([&] { return watch.seconds() >= seconds && latencies_.count() > 0; });
    print({name + ".rate", static_cast<double>(latencies_.count()) / watch.seconds(), "1/s"});
    print({name + ".p50", static_cast<double>(latencies_.percentile(0.5).count()), "ns"});
  }

 private:
  template <class Condition>
  void go_on_until(Condition over) {
    while (!over()) {
      int running = 0;
      curl_multi_perform(multi_, &running);
      while (take_answer()) {
      }
      curl_multi_poll(multi_, nullptr, 0, 100, nullptr);
    }
  }
  void send(Client& client) {
    client.body = request_(next_++);
    client.since = Stopwatch();
    curl_easy_setopt(client.handle, CURLOPT_POSTFIELDSIZE, static_cast<long>(client.body.size()));
    curl_easy_setopt(client.handle, CURLOPT_POSTFIELDS, client.body.c_str());
    curl_multi_add_handle(multi_, client.handle);
  }
  bool take_answer() {
    int left = 0;
    const CURLMsg* message = curl_multi_info_read(multi_, &left);
    if (message == nullptr) return false;
    Client* client = nullptr;
    long status = 0;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &client);
    curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &status);
    if (message->data.result != CURLE_OK || status != 200) {
      std::fprintf(stderr, "error: etcd answers %ld\n", status);
      std::exit(1);
    }
    latencies_.add(client->since.elapsed());
    curl_multi_remove_handle(multi_, client->handle);
    send(*client);
    return true;
  }

  const std::string url_;
  std::string (*request_)(long);
  std::vector<Client> clients_;
  CURLM* multi_ = curl_multi_init();
  long next_ = 0;
  Latencies latencies_;
};

void run(const Options& options) {
  const auto url = options.text("url", "");
  if (url.empty()) Options::bad_usage("--url is missing: http://127.0.0.1:PORT");
  const long clients = std::max(1L, options.whole("clients", 64));
  const double seconds = options.number("seconds", 1);
  const auto suffix = "." + std::to_string(clients);
  Load(url + "/v3/kv/txn", &put_if_absent, clients).run("etcd.put_if_absent" + suffix, seconds);
  Load(url + "/v3/kv/range", &get, clients).run("etcd.get" + suffix, seconds);
}

}  // namespace
}  // namespace reki::bench

int main(int argc, char** argv) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  reki::bench::run({argc, argv, {"url", "clients", "seconds"}});
}
