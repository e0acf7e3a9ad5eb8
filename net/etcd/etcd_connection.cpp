// The connection over libcurl. Where that is not, etcd_connection_none.cpp has its place.
#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <new>
#include <utility>

#include "reki/core/base/limits.hpp"
#include "reki/net/etcd/etcd_client.hpp"

namespace reki::etcd {
namespace {

ErrorCode meaning_of(CURLcode code, CURL* handle) {
  constexpr std::array of_files{CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CACERT_BADFILE};
  if (std::ranges::find(of_files, code) != of_files.end()) return ErrorCode::bad_config;
  long sent = 0;
  curl_easy_getinfo(handle, CURLINFO_REQUEST_SIZE, &sent);
  return sent == 0 ? ErrorCode::unreachable : ErrorCode::unknown_outcome;
}

std::size_t append(char* data, std::size_t size, std::size_t count, void* to) {
  auto& body = *static_cast<Bytes*>(to);
  const std::size_t bytes = size * count;
  if (body.size() + bytes > limits::etcd_reply_bytes_max) return 0;  // which ends the request
  body.append(data, bytes);
  return bytes;
}

}  // namespace

Result<void> usable(const Config&) { return {}; }

struct Connection::Curl {
  CURL* handle = nullptr;
  curl_slist* headers = nullptr;
  std::array<char, CURL_ERROR_SIZE> error{};
  Bytes body;

  explicit Curl(const Options& options);
  ~Curl() {
    curl_easy_cleanup(handle);
    curl_slist_free_all(headers);
  }
  Curl(const Curl&) = delete;
  Curl& operator=(const Curl&) = delete;

  template <class Value>
  void set(CURLoption option, Value value) {
    curl_easy_setopt(handle, option, value);
  }
};

Connection::Curl::Curl(const Options& options) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  handle = ready == CURLE_OK ? curl_easy_init() : nullptr;
  headers = curl_slist_append(nullptr, "Content-Type: application/json");
  if (handle == nullptr || headers == nullptr) throw std::bad_alloc();
  set(CURLOPT_HTTPHEADER, headers);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_PROXY, "");
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_WRITEFUNCTION, append);
  set(CURLOPT_WRITEDATA, static_cast<void*>(&body));
  set(CURLOPT_ERRORBUFFER, error.data());
  if (!options.ca.empty()) set(CURLOPT_CAINFO, options.ca.c_str());
  if (!options.cert.empty()) set(CURLOPT_SSLCERT, options.cert.c_str());
  if (!options.key.empty()) set(CURLOPT_SSLKEY, options.key.c_str());
}

Connection::Connection(Options options) : options_(std::move(options)), curl_(std::make_unique<Curl>(options_)) {}
Connection::~Connection() = default;

Result<membership::EtcdReply> Connection::ask(const membership::EtcdTxn& txn, Duration timeout) {
  const std::string& endpoint = options_.endpoints[next_ % options_.endpoints.size()];
  auto reply = ask_at(endpoint, txn, timeout);
  if (reply) return reply;
  ++next_;
  reply.error().text = "etcd at " + endpoint + ": " + reply.error().text;
  return reply;
}

Result<membership::EtcdReply> Connection::ask_at(const std::string& endpoint, const membership::EtcdTxn& txn, Duration timeout) {
  const std::string request = request_of(txn, options_.keys);
  Curl& curl = *curl_;
  curl.body.clear();
  curl.error[0] = '\0';
  const auto ms = static_cast<long>(std::max<std::int64_t>(milliseconds_of(timeout), 1));
  curl.set(CURLOPT_URL, (endpoint + "/v3/kv/txn").c_str());
  curl.set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.size()));
  curl.set(CURLOPT_POSTFIELDS, request.c_str());
  curl.set(CURLOPT_TIMEOUT_MS, ms);
  curl.set(CURLOPT_CONNECTTIMEOUT_MS, ms);
  const CURLcode code = curl_easy_perform(curl.handle);
  if (code == CURLE_WRITE_ERROR) {
    return fail(ErrorCode::malformed_frame, "its answer is longer than " + std::to_string(limits::etcd_reply_bytes_max) + " bytes");
  }
  if (code != CURLE_OK) {
    return fail(meaning_of(code, curl.handle), curl.error[0] != '\0' ? curl.error.data() : curl_easy_strerror(code));
  }
  long status = 0;
  curl_easy_getinfo(curl.handle, CURLINFO_RESPONSE_CODE, &status);
  if (status != 200) return fail(ErrorCode::unknown_outcome, refusal_of(status, curl.body));
  return reply_of(curl.body, txn, options_.keys);
}

}  // namespace reki::etcd
