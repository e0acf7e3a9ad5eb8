#include "reki/node/registry/registry_queries.hpp"

#include <algorithm>
#include <bitset>
#include <string>
#include <vector>

#include "reki/core/wire/codec.hpp"
#include "reki/core/wire/msgpack_reader.hpp"
#include "reki/node/registry/shards/request.hpp"

namespace reki {

namespace {

/// Where a list goes on: a slot, and the last key given of it.
struct Position {
  std::uint32_t slot = 0;
  std::string_view after;

  /// Two bytes of slot, big-endian, and the key.
  [[nodiscard]] Bytes encode() const {
    Bytes out{static_cast<char>(slot >> 8), static_cast<char>(slot & 0xff)};
    out += after;
    return out;
  }
  static Result<Position> decode(BytesView cursor) {
    if (cursor.empty()) return Position{};
    if (cursor.size() < 2 || cursor.size() > 2 + limits::key_bytes_max) {
      return fail(ErrorCode::invalid_argument, "the cursor is not one of this node's");
    }
    const auto high = static_cast<unsigned char>(cursor[0]);
    const auto low = static_cast<unsigned char>(cursor[1]);
    const Position out{static_cast<std::uint32_t>(high) << 8 | low, cursor.substr(2)};
    if (out.slot >= slot_count) return fail(ErrorCode::invalid_argument, "the cursor is not one of this node's");
    return out;
  }
};

/// Those that have keys of the type: in the others there is no slot to be looked through.
std::bitset<Shard::count> shards_with(Shards& shards, const TypeEntry& type) {
  std::bitset<Shard::count> out;
  std::size_t number = 0;
  for (Shard& shard : shards) {
    const MutexLock lock(shard.mutex());
    out[number++] = shard.count_of(type) > 0;
  }
  return out;
}

Answer list(Shards& shards, const TypeEntry& type, std::string_view prefix, std::optional<BytesView> args) {
  const auto asked = wire::decode_list_args(args);
  if (!asked) return Answer{asked.error()};
  auto position = Position::decode(asked->cursor);
  if (!position) return Answer{position.error()};

  const auto some = shards_with(shards, type);
  wire::ListPageWriter page;
  std::vector<std::string> keys;
  for (std::uint32_t s = position->slot; s < slot_count; ++s) {
    if (!some[s % Shard::count]) continue;
    const SlotId slot{static_cast<std::uint16_t>(s)};
    const std::string_view after = s == position->slot ? position->after : std::string_view{};
    keys.clear();
    {
      Shard& shard = shards.of(slot);
      const MutexLock lock(shard.mutex());
      for (Activation* a = shard.first_in(slot); a != nullptr; a = shard.next_in_slot(*a)) {
        if (a->type == type.index && Shard::is_shown(*a) && a->key().starts_with(prefix) && (after.empty() || a->key() > after)) keys.emplace_back(a->key());
      }
    }
    std::ranges::sort(keys);
    std::string_view last = after;
    for (const auto& key : keys) {
      if (page.count() == asked->limit || !page.add(key)) {
        Answer out;
        out.payload = page.take(Position{s, last}.encode());
        return out;
      }
      last = key;
    }
  }
  Answer out;
  out.payload = page.take({});
  return out;
}

Answer count(Shards& shards, const TypeEntry& type, std::string_view prefix) {
  std::uint64_t total = 0;
  for (Shard& shard : shards) {
    const MutexLock lock(shard.mutex());
    if (prefix.empty() || shard.count_of(type) == 0) {
      total += shard.count_shown(type);
      continue;
    }
    shard.each_entry([&](const Activation& a) {
      total += a.type == type.index && Shard::is_shown(a) && a.key().starts_with(prefix) ? 1 : 0;
    });
  }
  Answer out;
  out.payload = wire::encode_count(total);
  return out;
}

Answer describe(const Shards& shards, std::string_view wanted) {
  const Factories& factories = shards.types().factories();
  std::vector<TypeDescription> out;
  for (const auto& [name, type] : factories.types()) {
    if (wanted.empty() || wanted == name) out.push_back(type.description);
  }
  if (out.empty() && !wanted.empty()) {
    Error error = unknown_type(shards.host(), wanted);
    error.text += "; there are:";
    for (const auto& [name, type] : factories.types()) error.text += " " + name;
    return Answer{std::move(error)};
  }
  Answer answer;
  answer.payload = encode_descriptions(out);
  return answer;
}

}  // namespace

std::optional<Answer> query(Shards& shards, wire::Op op, std::string_view type_name, std::string_view prefix,
                            std::optional<BytesView> args) {
  using wire::Op;
  if (op == Op::describe) return describe(shards, type_name);
  if (op == Op::view || op == Op::status || op == Op::watch) return Answer{Error{ErrorCode::unsupported, "there is no cluster here"}};
  if (op != Op::list && op != Op::count) return std::nullopt;
  const TypeEntry* const type = shards.types().find(type_name);
  if (auto error = check(shards.host(), type, type_name)) return Answer{std::move(*error)};
  Answer out = op == Op::list ? list(shards, *type, prefix, args) : count(shards, *type, prefix);
  // Asked last: what was found was so while the lease lasted.
  if (out.ok() && !shards.host().gate.lasts(shards.host().clock.now())) return Answer{without_lease(shards.host().gate)};
  return out;
}

}  // namespace reki
