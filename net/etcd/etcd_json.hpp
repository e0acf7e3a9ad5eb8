#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "reki/core/base/bytes.hpp"
#include "reki/core/base/error.hpp"
#include "reki/core/membership/etcd_register.hpp"

/// Between transactions of the register and the JSON of etcd's gateway (POST /v3/kv/txn): keys and values in base64, 64-bit
/// numbers as strings, and what is 0, false or empty left out.
///
/// Pure; no thread safety.
namespace reki::etcd {

struct Keys {
  std::string cluster;
  std::string coordinator;
  std::string view;
};
[[nodiscard]] Keys keys_of(std::string_view prefix, std::string_view cluster);

[[nodiscard]] std::string request_of(const membership::EtcdTxn& txn, const Keys& keys);

/// The reply to `txn`, of an HTTP status 200. Total: any bytes give a reply as it should be (an office and a view of this
/// cluster where there is one), or `malformed_frame` with what is wrong.
[[nodiscard]] Result<membership::EtcdReply> reply_of(BytesView body, const membership::EtcdTxn& txn, const Keys& keys);

/// What etcd says in place of a reply, for people.
[[nodiscard]] std::string refusal_of(long status, BytesView body);

}  // namespace reki::etcd
