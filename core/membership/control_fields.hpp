#pragma once

#include <concepts>
#include <type_traits>

#include "reki/core/membership/messages.hpp"

/// What each message of the control plane consists of, in order: once for writing and reading alike. `f(name, value)` for each
/// element; `f.last` for one that may be nil; `f.added` for one that an earlier program leaves out; `f.address`, `f.cluster` and `f.text` for texts with bounds of their own.
///
/// An element that is added at the end is read past by nodes that do not know it.
namespace reki::membership::control {

template <class M, class T>
concept Like = std::same_as<std::remove_const_t<M>, T>;

void fields(auto& f, Like<Renew> auto& m) {
  f("incarnation", m.incarnation);
  f("installed", m.installed);
  f("cleared", m.cleared);
  f("seq", m.seq);
  f("leaving", m.leaving);
  f("store", m.store);
  f("random", m.random);
}
void fields(auto& f, Like<Grant> auto& m) {
  f("incarnation", m.incarnation);
  f("seq", m.seq);
  f("term", m.term);
  f("epoch", m.epoch);
  f("barrier", m.barrier);
  f("random", m.random);
}
void fields(auto& f, Like<News> auto& m) {
  f("term", m.term);
  f("epoch", m.epoch);
  f("barrier", m.barrier);
}
void fields(auto& f, Like<Join> auto& m) {
  f("member", m.member);
  f("base", m.base);
  f("store", m.store);
  f("settings", m.settings);
}
void fields(auto& f, Like<Refused> auto& m) {
  f("incarnation", m.incarnation);
  f.text("why", m.why);
}
void fields(auto& f, Like<Stopped> auto& m) {
  f("node", m.node);
  f("incarnation", m.incarnation);
}
void fields(auto& f, Like<StoppedAck> auto& m) { f("incarnation", m.incarnation); }
void fields(auto& f, Like<ViewFetch> auto& m) { f("have", m.have); }
void fields(auto& f, Like<ViewPush> auto& m) { f("view", m.view); }
void fields(auto& f, Like<Hint> auto& m) {
  f("term", m.term);
  f("coordinator", m.coordinator);
  f.address("control", m.control);
}
template <class M>
concept OfOneBallot = Like<M, PreVote> || Like<M, Prepare>;
void fields(auto& f, OfOneBallot auto& m) {
  f("store", m.store);
  f("ballot", m.ballot);
}
void fields(auto& f, Like<PreVoteReply> auto& m) {
  f("store", m.store);
  f("ballot", m.ballot);
  f("promised", m.promised);
  f("granted", m.granted);
}
void fields(auto& f, Like<Promise> auto& m) {
  f("store", m.store);
  f("ballot", m.ballot);
  f("accepted", m.accepted);
  f("view", m.view);
  f.last("since_ack", m.since_ack);
}
void fields(auto& f, Like<Accept> auto& m) {
  f("store", m.store);
  f("ballot", m.ballot);
  f("view", m.view);
}
void fields(auto& f, Like<Accepted> auto& m) {
  f("store", m.store);
  f("ballot", m.ballot);
  f("epoch", m.epoch);
}
template <class M>
concept OfOneRound = Like<M, Heartbeat> || Like<M, HeartbeatAck>;
void fields(auto& f, OfOneRound auto& m) {
  f("store", m.store);
  f("ballot", m.ballot);
  f("seq", m.seq);
}
void fields(auto& f, Like<Nack> auto& m) {
  f("store", m.store);
  f("ballot", m.ballot);
  f("promised", m.promised);
}
void fields(auto& f, Like<Resign> auto& m) { f("term", m.term); }
void fields(auto&, Like<InitProbe> auto&) {}
void fields(auto& f, Like<InitState> auto& m) {
  f("store", m.store);
  f("empty", m.empty);
  f.cluster("cluster", m.cluster);
  f("epoch", m.epoch);
  f.added("levels", m.levels);
}
void fields(auto& f, Like<Init> auto& m) {
  f("store", m.store);
  f("view", m.view);
}
void fields(auto& f, Like<SetVoters> auto& m) {
  f("highest", m.highest);
  f("nodes", m.nodes);
}
void fields(auto& f, Like<SetVotersReply> auto& m) {
  f("state", m.state);
  f.text("why", m.why);
}
void fields(auto& f, Like<SetProfile> auto& m) {
  f("base", m.base);
  f("profile", m.profile);
}
void fields(auto& f, Like<SetProfileReply> auto& m) {
  f("state", m.state);
  f.text("why", m.why);
  f("epoch", m.epoch);
}

void fields(auto& f, Like<ConfigSaid> auto& m) {
  f("incarnation", m.incarnation);
  f("fingerprint", m.fingerprint);
  f.text("types", m.types);
  f.text("plugins", m.plugins);
}
void fields(auto& f, Like<SetLevel> auto& m) {
  f("base", m.base);
  f("level", m.level);
}
void fields(auto& f, Like<SetLevelReply> auto& m) {
  f("state", m.state);
  f.text("why", m.why);
  f("epoch", m.epoch);
}

template <class M>
concept OfOneNonce = Like<M, LineageAsk> || Like<M, LineageIs>;
void fields(auto& f, OfOneNonce auto& m) { f("nonce", m.nonce); }
void fields(auto&, Like<RescueProbe> auto&) {}
void fields(auto& f, Like<RescueState> auto& m) {
  f("store", m.store);
  f("retired", m.retired);
  f("lineage", m.lineage);
  f("accepted", m.accepted);
  f("known", m.known);
  f("served", m.served);
  f.last("register", m.view);
}
void fields(auto& f, Like<Rescue> auto& m) {
  f("store", m.store);
  f("accepted", m.accepted);
  f("epoch", m.epoch);
  f("lineage", m.lineage);
}

}  // namespace reki::membership::control
