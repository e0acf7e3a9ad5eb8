#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "reki/actor/completion.hpp"
#include "reki/actor/message.hpp"
#include "reki/actor/pack.hpp"
#include "reki/core/activation/waiter.hpp"
#include "reki/core/base/pool.hpp"

namespace reki {

class Registry;

/// Identifies a message type within this process; another shared object may have another address for the same
/// type, and then the message is encoded and decoded as if it had come over the wire.
template <class M>
inline constexpr char message_tag = 0;

/// One request on its way to an actor: with a message, typed inside a process and encoded when it comes from outside;
/// or without one, a look-up that has to wait.
///
/// Owned by exactly one holder at a time: caller, waiter list, mailbox, worker, and with a typed reply inside by the
/// answer. Not thread-safe.
class Envelope : public Waiter, public PoolAllocated {
 public:
  Envelope(const void* tag, std::string_view name) : tag_(tag), name_(name) {}

  /// `&message_tag<M>` of a typed message, nullptr for an encoded one or none.
  const void* tag() const { return tag_; }
  std::string_view name() const { return name_; }
  /// Appends the message as msgpack.
  virtual void encode(Bytes& out) const = 0;

  Completion done;  ///< Empty if nobody waits.
  Bytes args;       ///< For a start, if it `starts`.

 protected:
  const void* tag_;
  std::string_view name_;
};

inline void EnvelopeDelete::operator()(Envelope* envelope) const { delete envelope; }

/// The message for another process. `malformed_message` if one of its fields throws, `too_large`.
[[nodiscard]] std::optional<Error> encode(const Envelope& envelope, wire::EncodedMessage& out);

struct NoReply {};

template <Message M>
class TypedEnvelope final : public Envelope {
 public:
  using ReplySlot = std::conditional_t<std::is_void_v<ReplyOf<M>>, NoReply, std::optional<ReplyOf<M>>>;

  explicit TypedEnvelope(M m) : Envelope(&message_tag<M>, M::name), message(std::move(m)) {}
  void encode(Bytes& out) const override { pack_into(out, message); }

  M message;
  ReplySlot reply;
};

/// A request without a message that has to wait for its actor.
class LookupEnvelope final : public Envelope {
 public:
  LookupEnvelope() : Envelope(nullptr, {}) {}
  void encode(Bytes&) const override {}
};

class EncodedEnvelope final : public Envelope {
 public:
  EncodedEnvelope(std::string_view name, BytesView payload_) : Envelope(nullptr, {}), payload(payload_), own_name_(name) {
    name_ = own_name_;
  }
  void encode(Bytes& out) const override { out += payload; }

  Bytes payload;

 private:
  std::string own_name_;
};

namespace detail {

template <class A>
Bytes pack_args(const A& args) {
  if constexpr (std::is_empty_v<A>) return {};
  else return pack(args);
}
/// In its place, since a look-up of a live actor takes as long as a few moves of a string.
template <class A>
void pack_args_into(std::optional<Bytes>& out, const A& args) {
  out.emplace();
  if constexpr (!std::is_empty_v<A>) pack_into(*out, args);
}

/// A `send` whose outcome is told to nobody. Starts the actor with `args` if need be.
void send_unanswered(Registry& registry, std::string_view type, std::string_view key, EnvelopePtr message, Bytes args);

}  // namespace detail
}  // namespace reki
