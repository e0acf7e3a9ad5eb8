#pragma once

#include <boost/test/unit_test.hpp>
#include <memory>
#include <utility>
#include <vector>

#include "machines.hpp"
#include "reki/core/membership/ballot.hpp"
#include "reki/core/membership/proposer.hpp"

namespace test {

using namespace reki;
using namespace reki::membership;
using namespace std::chrono_literals;

inline ViewPtr view_of(std::uint32_t epoch, Term term, std::vector<Voter> voters, std::vector<Voter> old = {}) {
  return test::view({"", Epoch{epoch}, term, NodeId{"n9"}, 0, std::move(voters), std::move(old)},
                    {member("n1", 1), member("n2", 2)});
}

/// n1 with voter 1 of three, whose store has accepted view 4 in ballot 2.2, and has promised no higher one.
struct ProposerFixture {
  static constexpr std::uint64_t own_store = 101;

  Timing timing = lan();
  Instant now = start + 2s;
  VoterRecord record{"c", own_store, ballot_of(2, 2), ballot_of(2, 2), view_of(4, ballot_of(2, 2), voters(3))};
  Acceptor acceptor{timing, n1, record};
  Proposer proposer{timing, n1, 7};
  Outbox out;  ///< Without what has been delivered to its own acceptor.

  void use(VoterRecord other) {
    record = std::move(other);
    std::destroy_at(&acceptor);
    std::construct_at(&acceptor, timing, n1, record);
  }
  void tick() {
    proposer.tick(acceptor, now, out);
    proposer.flush(now, out);
  }
  /// At the next moment that it has asked for.
  void wake() {
    now = std::max(now, proposer.next_wake());
    tick();
  }
  /// It has been silent for long enough, and asks the voters whether they would have it.
  Term probe() {
    while (sent<PreVote>(out).empty()) wake();
    return sent<PreVote>(out)[0].ballot;
  }
  void pre_vote(std::uint64_t store, bool granted, Term promised = {}) {
    proposer.on(PreVoteReply{store, proposer.ballot(), promised, granted}, acceptor, now, out);
  }
  Promise promise_of(std::uint64_t store) const {
    return {store, proposer.ballot(), record.accepted, record.view, std::nullopt};
  }
  void promise(std::uint64_t store) { promise(promise_of(store)); }
  void promise(const Promise& m) {
    proposer.on(m, now, out);
    proposer.flush(now, out);
    proposer.tick(acceptor, now, out);
  }
  void accepted(std::uint64_t store, Epoch epoch) {
    proposer.on(Accepted{store, proposer.ballot(), epoch}, now, out);
    proposer.flush(now, out);
  }
  void ack(std::uint64_t store, std::uint64_t round) {
    proposer.on(HeartbeatAck{store, proposer.ballot(), round}, now);
  }
  void nack(Term promised) { proposer.on(Nack{102, proposer.ballot(), promised}, now); }

  /// A majority would have it: it asks its own store first.
  void claim() {
    probe();
    out.items.clear();
    pre_vote(102, true);
    pre_vote(own_store, true);
  }
  /// Its own store has promised, and it asks the others.
  void prepare() {
    claim();
    out.items.clear();
    promise(own_store);
  }
  /// A majority has promised, and it asks them to accept the first view of its term.
  void elect() {
    prepare();
    out.items.clear();
    promise(102);
  }
  /// A majority has accepted that.
  void lead() {
    elect();
    accepted(own_store, Epoch{5});
    accepted(102, Epoch{5});
    BOOST_TEST_REQUIRE(proposer.leading());
    (void)proposer.take_events();
    out.items.clear();
  }
  ViewPtr next() const { return view_of(6, proposer.ballot(), voters(3)); }
  template <class Event>
  std::vector<Event> take() {
    return only<Event>(proposer.take_events());
  }
  std::vector<Deposed> deposed() { return take<Deposed>(); }
};

}  // namespace test
