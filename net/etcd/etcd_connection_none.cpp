// In the place of etcd_connection.cpp, for programs that are linked without libcurl: refuses.
#include "reki/net/etcd/etcd_client.hpp"

namespace reki::etcd {
namespace {

tl::unexpected<Error> refusal(const std::string& file) {
  return fail(ErrorCode::bad_config, (file.empty() ? file : file + ": ") +
                                         "engine is 'etcd', and this program was built without it; link it with libcurl "
                                         "(find_package(reki COMPONENTS etcd), or REKI_ETCD=ON in reki's own build), or use "
                                         "the engine \"embedded\"");
}

}  // namespace

struct Connection::Curl {};

Result<void> usable(const Config& config) {
  if (config.engine != EngineKind::etcd) return {};
  return refusal(config.file);
}

Connection::Connection(Options options) : options_(std::move(options)) {}
Connection::~Connection() = default;

Result<membership::EtcdReply> Connection::ask(const membership::EtcdTxn&, Duration) { return refusal({}); }

}  // namespace reki::etcd
