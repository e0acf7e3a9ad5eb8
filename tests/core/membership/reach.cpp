#include "reki/core/membership/reach.hpp"

#include <boost/test/unit_test.hpp>
#include <vector>

#include "control_messages.hpp"
#include "reki/core/base/limits.hpp"
#include "reki/core/membership/ballot.hpp"

using namespace reki;
using namespace reki::membership;

namespace {

constexpr std::uint32_t stored_epoch = 7;
constexpr std::uint64_t stored_round = 9;
const Known known{Epoch{stored_epoch}, ballot_of(stored_round, 2)};

/// Each place in which a message has an epoch.
std::vector<Body> with_epoch(std::uint64_t value) {
  const Epoch e{static_cast<std::uint32_t>(value)};
  const auto view = test::control_view("shop", e.value);
  return {Renew{{}, e, {}},        Renew{{}, {}, e},  Grant{{}, 0, {}, e, {}}, Grant{{}, 0, {}, {}, e}, News{{}, e, {}},
          News{{}, {}, e},         Join{{}, e},       ViewFetch{e},            ViewPush{view},          Promise{1, {}, {}, view, {}},
          Accept{1, {}, view},     Accepted{1, {}, e}, InitState{1, false, "shop", e},                  Init{1, view}};
}

/// Each place in which a message has a term.
std::vector<Body> with_round(std::uint64_t round) {
  const Term t = ballot_of(round, 1);
  const auto base = test::control_view();
  ViewHead head = base->head();
  head.epoch = Epoch{1};
  head.term = t;
  const auto members = base->members();
  const auto view = std::make_shared<const View>(
      View::make(std::move(head), {members.begin(), members.end()}, base->table()).value());
  return {Grant{{}, 0, t, {}, {}}, News{t, {}, {}},        Hint{t, {}, {}},      PreVote{1, t},           PreVoteReply{1, t, {}, false},
          PreVoteReply{1, {}, t},  Prepare{1, t},          Promise{1, t, {}, {}, {}}, Promise{1, {}, t, {}, {}},
          Accept{1, t, nullptr},   Accepted{1, t, {}},     Heartbeat{1, t, 1},   HeartbeatAck{1, t, 1},   Nack{1, t, {}},
          Nack{1, {}, t},          Resign{t},              ViewPush{view},       Promise{1, {}, {}, view, {}},
          Accept{1, {}, view},     Init{1, view}};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(reach)

BOOST_AUTO_TEST_CASE(an_epoch_is_believed_up_to_2_to_the_20_above_what_is_stored) {
  for (const Body& m : with_epoch(stored_epoch + limits::ahead_max)) BOOST_TEST(fault_of(m, known) == "", m.index());
  for (const Body& m : with_epoch(stored_epoch + limits::ahead_max + 1)) {
    BOOST_TEST(fault_of(m, known) == "epoch 1048584 is more than 2^20 above the 7 that is stored here", m.index());
  }
}

BOOST_AUTO_TEST_CASE(a_round_is_believed_up_to_2_to_the_20_above_what_is_stored) {
  for (const Body& m : with_round(stored_round + limits::ahead_max)) BOOST_TEST(fault_of(m, known) == "", m.index());
  for (const Body& m : with_round(stored_round + limits::ahead_max + 1)) {
    BOOST_TEST(fault_of(m, known) == "round 1048586 is more than 2^20 above the 9 that is stored here", m.index());
  }
}

BOOST_AUTO_TEST_CASE(what_is_behind_is_believed_and_so_is_all_by_who_has_nothing_stored) {
  const Known far{Epoch{3'000'000'000}, ballot_of(std::uint64_t{1} << 40, 1)};
  for (const Body& m : test::control_messages()) BOOST_TEST(fault_of(m, far) == "", m.index());
  for (const Body& m : with_epoch(4'000'000'000)) BOOST_TEST(fault_of(m, {}) == "", m.index());
  for (const Body& m : with_round(std::uint64_t{1} << 40)) BOOST_TEST(fault_of(m, {}) == "", m.index());
}

BOOST_AUTO_TEST_SUITE_END()
