#include "reki/core/membership/voter_record.hpp"

#include <xxhash.h>

#include <string_view>
#include <utility>

#include "reki/core/base/assert.hpp"
#include "reki/core/wire/codec_elements.hpp"
#include "reki/core/wire/msgpack_writer.hpp"

namespace reki::membership {
namespace {

using wire::Elements;

constexpr std::string_view magic = "rekislot";
constexpr std::size_t counter_at = magic.size();
constexpr std::size_t length_at = counter_at + 8;
constexpr std::size_t check_at = length_at + 8;
static_assert(check_at + 16 == voter_slot_head_bytes);

void append_number(Bytes& out, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift & 0xff));
}

std::uint64_t number_at(BytesView bytes, std::size_t at) {
  std::uint64_t value = 0;
  for (std::size_t i = at; i < at + 8; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

/// Of the head up to its check, and of the record.
Bytes check_of(BytesView head, BytesView record) {
  Bytes all{head.substr(0, check_at)};
  all += record;
  const XXH128_hash_t hash = XXH3_128bits(all.data(), all.size());
  Bytes out;
  append_number(out, hash.high64);
  append_number(out, hash.low64);
  return out;
}

tl::unexpected<Error> damaged(std::string text) {
  return fail(ErrorCode::malformed_frame, "not a voter's record: " + std::move(text));
}

Result<VoterRecord> read_record(BytesView bytes) {
  MsgpackReader in{bytes};
  Elements e{in, 4};
  BytesView cluster;
  std::optional<BytesView> view;
  VoterRecord out;
  e.bytes("cluster", cluster);
  e.number("store", out.store);
  e.number("promised", out.promised.value);
  e.number("accepted", out.accepted.value);
  e.bytes("view", view);
  e.number("level", out.level);
  e.number("lineage", out.lineage.value);
  e.number("retired", out.retired);
  e.skip_rest();
  if (!e.ok()) return damaged(e.fault_text());
  if (!in.at_end()) return damaged("bytes follow it");
  if (out.store == 0) return damaged("its store has no number");
  out.cluster = cluster;
  if (!view) return out;
  auto decoded = decode_view(*view);
  if (!decoded) return tl::make_unexpected(std::move(decoded).error());
  if (decoded->cluster_id() != out.cluster) return damaged("its view is of another cluster");
  out.view = std::make_shared<const View>(std::move(*decoded));
  return out;
}

}  // namespace

Bytes encode(const VoterSlot& slot) {
  const VoterRecord& record = slot.record;
  REKI_ASSERT(record.store != 0);
  REKI_ASSERT(record.view == nullptr || record.view->cluster_id() == record.cluster);
  Bytes body;
  MsgpackWriter w{body};
  const bool is_first = record.lineage == Lineage{} && record.retired == 0;
  w.write_array(!is_first ? 8 : record.level != first_level ? 6 : 5);
  w.write_str(record.cluster);
  w.write_uint(record.store);
  w.write_uint(record.promised.value);
  w.write_uint(record.accepted.value);
  record.view ? w.write_bin(encode(*record.view)) : w.write_nil();
  if (!is_first || record.level != first_level) w.write_uint(record.level);
  if (!is_first) {
    w.write_uint(record.lineage.value);
    w.write_uint(record.retired);
  }
  Bytes out{magic};
  append_number(out, slot.counter);
  append_number(out, body.size());
  out += check_of(out, body);
  out += body;
  REKI_ASSERT(out.size() <= voter_slot_bytes);
  return out;
}

std::optional<std::size_t> voter_slot_length(BytesView head) {
  if (head.size() < voter_slot_head_bytes || !head.starts_with(magic)) return std::nullopt;
  const std::uint64_t length = number_at(head, length_at);
  if (length > voter_slot_bytes - voter_slot_head_bytes) return std::nullopt;
  return voter_slot_head_bytes + static_cast<std::size_t>(length);
}

Result<VoterSlot> decode_voter_slot(BytesView bytes) {
  const auto length = voter_slot_length(bytes);
  if (!length || *length > bytes.size()) return damaged("no slot, or cut short");
  const BytesView body = bytes.substr(voter_slot_head_bytes, *length - voter_slot_head_bytes);
  if (check_of(bytes, body) != bytes.substr(check_at, 16)) return damaged("its check is wrong");
  auto record = read_record(body);
  if (!record) return tl::make_unexpected(std::move(record).error());
  return VoterSlot{number_at(bytes, counter_at), std::move(*record)};
}

}  // namespace reki::membership
