// What libzmq itself can do: a DEALER sends, a ROUTER in another process sends it back, over TCP on loopback. As simple
// as can be: no decoding, no work, the message that came is the message that goes.
#include <zmq.h>

#include <array>
#include <stdexcept>

#include "echo_figures.hpp"

namespace reki::bench {
namespace {

struct CurveKeys {
  std::array<char, 41> server_public{}, server_secret{}, client_public{}, client_secret{};
};

void check(bool ok) {
  if (!ok) throw std::runtime_error(zmq_strerror(zmq_errno()));
}

void set(void* socket, int option, const void* value, std::size_t size) {
  check(zmq_setsockopt(socket, option, value, size) == 0);
}

void* make_socket(void* context, int type) {
  void* socket = zmq_socket(context, type);
  check(socket != nullptr);
  constexpr int none = 0;
  set(socket, ZMQ_LINGER, &none, sizeof none);
  set(socket, ZMQ_SNDHWM, &none, sizeof none);  // the load bounds what is under way
  set(socket, ZMQ_RCVHWM, &none, sizeof none);
  return socket;
}

void serve(const CurveKeys* keys, const ServerProcess::Announce& announce) {
  void* socket = make_socket(zmq_ctx_new(), ZMQ_ROUTER);
  if (keys != nullptr) {
    constexpr int yes = 1;
    set(socket, ZMQ_CURVE_SERVER, &yes, sizeof yes);
    set(socket, ZMQ_CURVE_SECRETKEY, keys->server_secret.data(), 40);
  }
  check(zmq_bind(socket, "tcp://127.0.0.1:*") == 0);
  std::array<char, 128> endpoint{};
  std::size_t size = endpoint.size();
  check(zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint.data(), &size) == 0);
  announce(endpoint.data());
  zmq_msg_t from;
  zmq_msg_t body;
  zmq_msg_init(&from);
  zmq_msg_init(&body);
  while (true) {
    check(zmq_msg_recv(&from, socket, 0) >= 0);
    check(zmq_msg_recv(&body, socket, 0) >= 0);
    check(zmq_msg_send(&from, socket, ZMQ_SNDMORE) >= 0);
    check(zmq_msg_send(&body, socket, 0) >= 0);
  }
}

void measure(const EchoLoad& load, const CurveKeys* keys, const std::string& where) {
  void* context = zmq_ctx_new();
  void* socket = make_socket(context, ZMQ_DEALER);
  if (keys != nullptr) {
    set(socket, ZMQ_CURVE_SERVERKEY, keys->server_public.data(), 40);
    set(socket, ZMQ_CURVE_PUBLICKEY, keys->client_public.data(), 40);
    set(socket, ZMQ_CURVE_SECRETKEY, keys->client_secret.data(), 40);
  }
  check(zmq_connect(socket, where.c_str()) == 0);
  const std::string request(load.message_bytes(), 'x');
  for (long i = 0; i < load.outstanding; ++i) check(zmq_send(socket, request.data(), request.size(), 0) >= 0);
  zmq_msg_t body;
  zmq_msg_init(&body);
  check(zmq_msg_recv(&body, socket, 0) >= 0);  // the connection is up
  EchoCount count(load);
  do {
    check(zmq_msg_send(&body, socket, 0) >= 0);
    zmq_msg_init(&body);
    check(zmq_msg_recv(&body, socket, 0) >= 0);
  } while (count.came_back(1));
  zmq_msg_close(&body);
  count.print(keys != nullptr ? "zmq_echo.curve" : "zmq_echo");
  zmq_close(socket);
  zmq_ctx_term(context);
}

void run(const Options& options) {
  const auto load = EchoLoad::from(options);
  CurveKeys keys;
  const CurveKeys* used = nullptr;
  if (options.has("curve")) {
    if (zmq_has("curve") == 0) return print_skipped("zmq_echo.curve", "this libzmq has no CURVE");
    check(zmq_curve_keypair(keys.server_public.data(), keys.server_secret.data()) == 0);
    check(zmq_curve_keypair(keys.client_public.data(), keys.client_secret.data()) == 0);
    used = &keys;
  }
  const ServerProcess server(load.pin, [&](const ServerProcess::Announce& announce) { serve(used, announce); });
  measure(load, used, server.where());
}

}  // namespace
}  // namespace reki::bench

int main(int argc, char** argv) {
  reki::bench::run({argc, argv, {"pin", "outstanding", "batch", "bytes", "seconds"}, {"curve"}});
}
