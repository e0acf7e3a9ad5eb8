// Questions about all keys of a type: list, count, describe.
#include <algorithm>

#include "reki/core/wire/codec.hpp"
#include "reki/core/wire/msgpack_reader.hpp"
#include "reki/node/registry/runtime.hpp"

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

}  // namespace

Error Runtime::unknown_message(const ActorType& type, std::string_view message) {
  std::string text = "type '" + type.name + "' has no message '" + std::string{message} + "'; it has:";
  for (const auto& handler : type.handlers) text += " " + handler.name;
  return Error{ErrorCode::unknown_message, std::move(text)};
}

std::optional<Answer> Runtime::query(wire::Op op, std::string_view type_name, std::string_view prefix,
                                     std::optional<BytesView> args) {
  using wire::Op;
  if (op == Op::describe) return describe_types(type_name);
  if (op == Op::view || op == Op::status) return Answer{Error{ErrorCode::unsupported, "there is no cluster here"}};
  if (op == Op::watch) return Answer{Error{ErrorCode::unsupported, "a watch is not one request: use Registry::watch"}};
  if (op != Op::list && op != Op::count) return std::nullopt;
  TypeEntry* type = find_type(type_name);
  if (auto error = check(type, type_name, "-")) return Answer{std::move(*error)};
  return op == Op::list ? list(*type, prefix, args) : count(*type, prefix);
}

Answer Runtime::list(TypeEntry& type, std::string_view prefix, std::optional<BytesView> args) {
  const auto asked = wire::decode_list_args(args);
  if (!asked) return Answer{asked.error()};
  auto position = Position::decode(asked->cursor);
  if (!position) return Answer{position.error()};

  wire::ListPageWriter page;
  std::vector<std::string> keys;
  for (std::uint32_t slot = position->slot; slot < slot_count; ++slot) {
    const std::string_view after = slot == position->slot ? position->after : std::string_view{};
    keys.clear();
    {
      Shard& shard = shard_of(slot);
      const std::lock_guard lock(shard.mutex);
      for (Activation* a = shard.table->first_in(SlotId{static_cast<std::uint16_t>(slot)}); a != nullptr; a = shard.table->next_in_slot(*a)) {
        const bool shown = a->type == type.index && ActivationTable::is_running(*a);
        if (shown && a->key().starts_with(prefix) && (after.empty() || a->key() > after)) keys.emplace_back(a->key());
      }
    }
    std::ranges::sort(keys);
    std::string_view last = after;
    for (const auto& key : keys) {
      if (page.count() == asked->limit || !page.add(key)) {
        Answer out;
        out.payload = page.take(Position{slot, last}.encode());
        return out;
      }
      last = key;
    }
  }
  Answer out;
  out.payload = page.take({});
  return out;
}

Answer Runtime::count(TypeEntry& type, std::string_view prefix) {
  std::uint64_t total = 0;
  for (std::uint32_t i = 0; i < shard_count; ++i) {
    const std::lock_guard lock(shards_[i].mutex);
    ActivationTable& table = *shards_[i].table;
    if (prefix.empty()) {
      total += table.count(type.index);
      continue;
    }
    for (std::uint32_t slot = i; slot < slot_count; slot += shard_count) {
      for (Activation* a = table.first_in(SlotId{static_cast<std::uint16_t>(slot)}); a != nullptr; a = table.next_in_slot(*a)) {
        total += a->type == type.index && ActivationTable::is_running(*a) && a->key().starts_with(prefix) ? 1 : 0;
      }
    }
  }
  Answer out;
  out.payload = wire::encode_count(total);
  return out;
}

Answer Runtime::describe_types(std::string_view wanted) const {
  std::vector<TypeDescription> out;
  for (const auto& [name, type] : factories_->types()) {
    if (wanted.empty() || wanted == name) out.push_back(type.description);
  }
  if (out.empty() && !wanted.empty()) {
    std::string text = "no factory of type '" + std::string{wanted} + "' here; there are:";
    for (const auto& [name, type] : factories_->types()) text += " " + name;
    return Answer{Error{ErrorCode::unknown_type, std::move(text)}};
  }
  Answer answer;
  answer.payload = encode_descriptions(out);
  return answer;
}

}  // namespace reki
