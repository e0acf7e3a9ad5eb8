#include "world.hpp"

#include <cstdio>

#include "../core/membership/describe.hpp"
#include "reki/core/base/hash.hpp"

namespace reki::sim {
namespace {

constexpr std::size_t key_count = 24;

std::vector<Key> make_keys() {
  std::vector<Key> out;
  const std::uint64_t type = hash_type("actor", 1);
  for (std::uint32_t i = 0; out.size() < key_count; ++i) {
    Key key{"k" + std::to_string(i), 0, {}};
    key.hash = hash_key(key.name, type);
    key.slot = slot_of(key.hash);
    key.confirmed = out.size() % 2 == 1;
    if (key.slot.value % shards == 0) out.push_back(std::move(key));
  }
  return out;
}

}  // namespace

Stats& Stats::operator+=(const Stats& o) {
  for (const auto field : {&Stats::events, &Stats::letters, &Stats::packets, &Stats::steps, &Stats::calls, &Stats::calls_ok,
                           &Stats::starts, &Stats::handlers, &Stats::views, &Stats::elections, &Stats::ends, &Stats::fenced}) {
    this->*field += o.*field;
  }
  return *this;
}

World::World(std::vector<NodeId> node_names, std::size_t clients, bool has_etcd, const membership::Timing& t,
             const Weather& weather, std::uint64_t seed, const Truth& truth)
    : names(std::move(node_names)),
      timing(t),
      network(names.size() + clients + (has_etcd ? 1 : 0), weather, seed ^ 0x6e6574776f726b),
      invariants(names, truth),
      random(seed) {
  static const std::vector<Key> all = make_keys();
  keys = all;
}

void World::note(std::uint16_t node, const std::string& text) const {
  std::printf("%12.6f n%u %s\n", static_cast<double>(now) / 1e9, node, text.c_str());
}

void World::post(std::uint16_t from, const NodeId& to, membership::Body&& body, Lineage lineage) {
  ++stats.letters;
  const std::uint16_t target = index_of(to);
  if (verbose) note(from, "-> n" + std::to_string(target) + " " + test::describe(body));
  Time off = now;
  if (traffic) off = network.sent_at(from, traffic->send(from, target, body), now);
  const Network::Fate fate = network.fate(from, target, off);
  if (fate.copies == 0) return;
  if (fate.copies == 2) {
    schedule(fate.at[1], Event::Kind::letter, target, 0, letters.put({{names[from], body, lineage}, now}));
  }
  schedule(fate.at[0], Event::Kind::letter, target, 0, letters.put({{names[from], std::move(body), lineage}, now}));
}

void World::ask_etcd(std::uint16_t from, std::uint32_t process, membership::EtcdTxn&& txn) {
  if (verbose) note(from, "etcd <- " + test::describe(txn));
  const Network::Fate fate = network.fate(from, static_cast<std::uint16_t>(network.endpoints() - 1), now);
  for (int i = 0; i < fate.copies; ++i) {
    const Time at = fate.at[static_cast<std::size_t>(i)] + etcd->service_time();
    schedule(at, Event::Kind::etcd_request, from, process, etcd_requests.put({from, process, txn}));
  }
}

void World::etcd_asked(std::uint32_t payload) {
  if (now < etcd->paused_until) {
    return schedule(etcd->paused_until + below(millisecond), Event::Kind::etcd_request, 0, 0, payload);
  }
  const EtcdRequest request = etcd_requests.take(payload);
  if (etcd->down > 0) return;
  membership::EtcdReply reply = etcd->carry_out(request.txn);
  if (verbose) note(request.from, "etcd -> " + test::describe(reply));
  const Network::Fate fate = network.fate(static_cast<std::uint16_t>(network.endpoints() - 1), request.from, now);
  if (fate.copies == 0) return;
  schedule(fate.at[0], Event::Kind::etcd_reply, request.from, request.process, etcd_replies.put(std::move(reply)));
}

void World::send(Packet&& packet) {
  ++stats.packets;
  const Network::Fate fate = network.fate(packet.from, packet.to, now);
  const std::uint16_t target = packet.to;
  if (fate.copies == 0) return;
  if (fate.copies == 2) schedule(fate.at[1], Event::Kind::packet, target, 0, packets.put(packet));
  schedule(fate.at[0], Event::Kind::packet, target, 0, packets.put(std::move(packet)));
}

}  // namespace reki::sim
