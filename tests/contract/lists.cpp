#include "lists.hpp"

#include <algorithm>
#include <optional>

#include "reki/core/wire/codec.hpp"
#include "reki/node/registry/shards/reply_sink.hpp"

namespace reki::contract {

namespace {

constexpr Incarnation lister{99};

std::string prefix_of(const Operation& o) { return o.sends ? "" : name_of_key(o.key); }

/// The answer to one request that is answered at once.
Answer serve_at_once(HostedRegistry& registry, const wire::Request& request) {
  struct Sink final : ReplySink {
    void reply(const wire::Request&, const wire::Reply& reply) override {
      answer = Answer{wire::outcome_of(reply, {})};
    }
    Completion expect(const wire::Request&) override { return {}; }
    Answer answer{Error{ErrorCode::internal, "it is not answered at once"}};
  };
  Sink sink;
  registry.serve(std::span(&request, 1), lister, sink);
  return std::move(sink.answer);
}

wire::Request request_of(wire::Op op, const Operation& o, const std::string& prefix) {
  wire::Request out;
  out.op = op;
  out.id = RequestId{1};
  out.type = type_names[type_of_key(o.key)];
  out.key = prefix;
  out.remaining_ms = 1000;
  return out;
}

}  // namespace

Result<Page> Lists::page(const Operation& o, const Listing& listing) {
  const std::uint32_t limit = 1 + o.amount_us % 3;
  Result<Page> out = fail(ErrorCode::internal, "it is not answered at once");
  if (o.caller == 0) {
    with_interface(o.key, [&]<class A>() {
      world_.registry->list<A>(listing.prefix, listing.cursor, limit).then([&](Result<Page> page) {
        out = std::move(page);
      });
    });
    return out;
  }
  const Bytes args = wire::encode_list_args({listing.cursor, limit});
  wire::Request request = request_of(wire::Op::list, o, listing.prefix);
  request.args = args;
  const Answer answer = serve_at_once(*world_.registry, request);
  if (!answer.ok()) return fail(answer.code, answer.text);
  const auto read = wire::decode_list_page(answer.payload);
  if (!read) return tl::make_unexpected(read.error());
  return Page{{read->keys.begin(), read->keys.end()}, Bytes{read->cursor}};
}

template <class T>
bool Lists::is_answered(const Result<T>& got, const std::string& what) {
  const bool has_lease = world_.oracle.has_lease();
  const bool is_refused = !got && got.error().code == ErrorCode::unavailable;
  if (!got && !is_refused) world_.oracle.break_rule(Rule::listed, what + " is answered " + got.error().message());
  if (has_lease == is_refused) world_.oracle.break_rule(Rule::listed, what + " is answered without the lease, or refused with it");
  return got.has_value();
}

std::vector<std::uint32_t> Lists::lives(std::uint32_t type, const std::string& prefix) const {
  std::vector<std::uint32_t> out;
  for (std::uint32_t key = type; key < world_.oracle.keys(); key += type_count) {
    const std::uint32_t life = world_.oracle.key(key).life;
    if (life != 0 && !world_.oracle.life(life).revoked && name_of_key(key).starts_with(prefix)) out.push_back(life);
  }
  return out;
}

void Lists::list(const Operation& o) {
  const std::uint32_t type = type_of_key(o.key);
  Listing& listing = listings_[type][o.caller == 0 ? 0 : 1];
  if (!listing.under_way) {
    listing = {.under_way = true, .prefix = prefix_of(o), .cursor = {}, .keys = {}, .there_then = {}};
    listing.there_then = lives(type, listing.prefix);
  }
  const auto got = page(o, listing);
  if (!is_answered(got, "a list")) {
    listing.under_way = false;
    return;
  }
  check_page(listing, type, *got);
  listing.cursor = got->cursor;
  listing.under_way = !got->cursor.empty();
  if (!listing.under_way) check_whole(listing);
}

void Lists::check_page(Listing& listing, std::uint32_t type, const Page& page) {
  for (const std::string& name : page.keys) {
    world_.oracle.note("listed", type, name.back());
    if (!listing.keys.insert(name).second) world_.oracle.break_rule(Rule::listed, name + " is listed twice");
    bool may_be = false;
    for (std::uint32_t key = type; key < world_.oracle.keys(); key += type_count)
      may_be |= name_of_key(key) == name && name.starts_with(listing.prefix) && world_.oracle.may_exist(key);
    if (!may_be) world_.oracle.break_rule(Rule::listed, name + " is listed, and is not there");
  }
}

void Lists::check_whole(const Listing& listing) {
  for (const std::uint32_t number : listing.there_then) {
    const Life& life = world_.oracle.life(number);
    const bool was_there = life.over == 0 && !life.abandoned && !life.revoked;
    if (was_there && !listing.keys.contains(name_of_key(life.key)))
      world_.oracle.break_rule(Rule::listed, name_of_key(life.key) + " was there all the time, and is not listed");
  }
}

void Lists::count(const Operation& o) {
  const std::uint32_t type = type_of_key(o.key);
  const std::string prefix = prefix_of(o);
  Result<std::uint64_t> got = fail(ErrorCode::internal, "it is not answered at once");
  if (o.caller == 0) {
    with_interface(o.key, [&]<class A>() {
      world_.registry->count<A>(prefix).then([&](const Result<std::uint64_t>& count) { got = count; });
    });
  } else {
    const Answer answer = serve_at_once(*world_.registry, request_of(wire::Op::count, o, prefix));
    got = answer.ok() ? wire::decode_count(answer.payload) : fail(answer.code, answer.text);
  }
  if (!is_answered(got, "a count")) return;
  std::uint64_t most = 0;
  for (std::uint32_t key = type; key < world_.oracle.keys(); key += type_count)
    most += name_of_key(key).starts_with(prefix) && world_.oracle.may_exist(key) ? 1 : 0;
  const std::uint64_t least = lives(type, prefix).size();
  world_.oracle.note("counted", type, *got);
  if (*got < least || *got > most) {
    world_.oracle.break_rule(Rule::listed, std::to_string(*got) + " are counted, of at least " + std::to_string(least) +
                                               " and at most " + std::to_string(most));
  }
}

}  // namespace reki::contract
