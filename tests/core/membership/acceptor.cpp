#include "reki/core/membership/acceptor.hpp"

#include <boost/test/unit_test.hpp>

#include "control_messages.hpp"
#include "machines.hpp"

using namespace reki;
using namespace reki::membership;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t store = 0x1001;  // of n1 in control_view
const NodeId n2{"n2"};
const Instant start{1'000'000'000};

Acceptor with(const VoterRecord& record) { return Acceptor(lan(), NodeId{"n1"}, record); }
Acceptor empty() { return with({{}, store, {}, {}, nullptr}); }
Acceptor full() { return with({"shop", store, Term{9}, Term{8}, test::control_view("shop", 5)}); }

template <class M>
const M* only(const Outbox& out) {
  return out.items.size() == 1 ? std::get_if<M>(&out.items.front().body) : nullptr;
}

void written(Acceptor& acceptor, Outbox& out) {
  std::uint64_t version = 0;
  BOOST_REQUIRE(acceptor.take_write(version));
  acceptor.persisted(version, out);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(acceptor)

BOOST_AUTO_TEST_CASE(an_empty_store_votes_for_nobody_and_writes_nothing) {
  Acceptor acceptor = empty();
  Outbox out;
  acceptor.on(n2, PreVote{store, Term{20}}, start, out);
  acceptor.on(n2, Prepare{store, Term{20}}, start, out);
  BOOST_TEST(out.items.empty());
  acceptor.on(n2, Heartbeat{store, Term{}, 1}, start, out);
  BOOST_TEST(only<Nack>(out) != nullptr);  // counts for nothing; a HeartbeatAck would
  std::uint64_t version = 0;
  BOOST_TEST(!acceptor.take_write(version));
  BOOST_TEST(acceptor.self() == nullptr);
}

BOOST_AUTO_TEST_CASE(an_empty_store_accepts_no_view_that_does_not_count_it_in) {
  Acceptor acceptor = with({{}, 0x2001, {}, {}, nullptr});
  Outbox out;
  acceptor.on(n2, Accept{0x2001, Term{20}, test::control_view("shop", 5)}, start, out);
  acceptor.on(n2, Init{0x2001, test::control_view("shop", 1)}, out);
  BOOST_REQUIRE(out.items.size() == 1);
  BOOST_TEST(std::get<InitState>(out.items.front().body).empty);
  BOOST_TEST(acceptor.empty());
}

BOOST_AUTO_TEST_CASE(an_empty_store_votes_once_a_view_that_counts_it_in_is_on_its_disk) {
  Acceptor acceptor = empty();
  Outbox out;
  acceptor.on(n2, Accept{store, Term{20}, test::control_view("shop", 5)}, start, out);
  acceptor.on(n2, Prepare{store, Term{21}}, start, out);
  BOOST_TEST(out.items.empty());
  std::uint64_t first = 0;
  BOOST_REQUIRE(acceptor.take_write(first));
  acceptor.persisted(first, out);
  BOOST_REQUIRE(out.items.size() == 2U);
  BOOST_TEST((std::get<Accepted>(out.items[0].body).ballot == Term{20}));
  BOOST_TEST((std::get<Promise>(out.items[1].body).accepted == Term{20}));
  BOOST_TEST((acceptor.record().cluster == "shop" && acceptor.self()->node == NodeId{"n1"}));
}

BOOST_AUTO_TEST_CASE(nothing_that_depends_on_a_record_is_said_before_it_is_on_the_disk) {
  Acceptor acceptor = full();
  Outbox out;
  acceptor.on(n2, Prepare{store, Term{20}}, start, out);
  std::uint64_t older = 0;
  BOOST_REQUIRE(acceptor.take_write(older));
  acceptor.on(n2, Prepare{store, Term{30}}, start, out);
  acceptor.on(n2, Prepare{store, Term{25}}, start, out);  // even a refusal tells what was promised
  BOOST_TEST(out.items.empty());
  acceptor.persisted(older, out);
  BOOST_REQUIRE(only<Promise>(out) != nullptr);
  BOOST_TEST((only<Promise>(out)->ballot == Term{20}));
  out.items.clear();
  written(acceptor, out);
  BOOST_REQUIRE(out.items.size() == 2U);
  BOOST_TEST((std::get<Promise>(out.items[0].body).ballot == Term{30}));
  BOOST_TEST((std::get<Nack>(out.items[1].body).promised == Term{30}));
}

BOOST_AUTO_TEST_CASE(what_is_for_another_store_is_not_for_it) {
  Acceptor acceptor = full();
  Outbox out;
  acceptor.on(n2, PreVote{store + 1, Term{20}}, start, out);
  acceptor.on(n2, Prepare{store + 1, Term{20}}, start, out);
  acceptor.on(n2, Accept{store + 1, Term{20}, test::control_view("shop", 6)}, start, out);
  acceptor.on(n2, Heartbeat{store + 1, Term{9}, 1}, start, out);
  BOOST_TEST(out.items.empty());
  BOOST_TEST((acceptor.record().promised == Term{9}));
}

BOOST_AUTO_TEST_CASE(a_ballot_below_what_it_has_promised_is_refused) {
  Acceptor acceptor = full();
  Outbox out;
  acceptor.on(n2, Accept{store, Term{8}, test::control_view("shop", 6)}, start, out);
  BOOST_REQUIRE(only<Nack>(out) != nullptr);
  BOOST_TEST((only<Nack>(out)->promised == Term{9}));
  BOOST_TEST((acceptor.record().view->epoch() == Epoch{5}));
}

BOOST_AUTO_TEST_CASE(an_older_epoch_of_a_ballot_never_replaces_a_newer) {
  Acceptor acceptor = with({"shop", store, Term{9}, Term{9}, test::control_view("shop", 6)});
  Outbox out;
  acceptor.on(n2, Accept{store, Term{9}, test::control_view("shop", 5)}, start, out);
  BOOST_TEST(out.items.empty());
  BOOST_TEST((acceptor.record().view->epoch() == Epoch{6}));
}

// --- stores that vote no more

BOOST_AUTO_TEST_CASE(who_has_accepted_a_view_has_acknowledged_its_coordinator) {
  Acceptor acceptor = full();
  Outbox out;
  acceptor.on(n2, Accept{store, Term{9}, test::control_view("shop", 6)}, start + 1s, out);
  written(acceptor, out);
  out.items.clear();
  acceptor.on(n2, Prepare{store, Term{20}}, start + 3s, out);
  written(acceptor, out);
  BOOST_REQUIRE(only<Promise>(out) != nullptr);
  BOOST_TEST((only<Promise>(out)->since_ack == Duration{2s}));
}

BOOST_AUTO_TEST_CASE(a_store_is_out_once_a_view_as_new_as_its_own_counts_it_no_more) {
  const auto without = [](std::uint32_t epoch) {
    return test::view({"", Epoch{epoch}, Term{9}, n2, 0, {test::voter(2)}, {}}, {test::member("n2", 2)});
  };
  const Acceptor acceptor = full();
  BOOST_TEST(!acceptor.is_out(*without(4)));
  BOOST_TEST(acceptor.is_out(*without(5)));
  BOOST_TEST(acceptor.is_out(*without(6)));
  BOOST_TEST(!acceptor.is_out(*test::control_view("shop", 6)));
  const auto joint = test::view({"", Epoch{6}, Term{9}, n2, 0, {test::voter(2)}, {{1, store, NodeId{"n1"}, "tcp://h:1"}}}, {});
  BOOST_TEST(!acceptor.is_out(*joint));
  BOOST_TEST(!empty().is_out(*without(5)));
}

BOOST_AUTO_TEST_CASE(a_store_that_is_retired_says_nothing_and_an_empty_one_takes_its_place) {
  Acceptor acceptor = full();
  Outbox out;
  acceptor.on(n2, Heartbeat{store, Term{9}, 1}, start, out);
  acceptor.on(n2, Prepare{store, Term{20}}, start, out);  // its promise waits for the disk
  out.items.clear();
  acceptor.retire(0x5001);
  written(acceptor, out);
  BOOST_TEST(out.items.empty());
  BOOST_TEST((acceptor.empty() && acceptor.record().store == 0x5001U && acceptor.record().promised == Term{}));
  acceptor.on(n2, Prepare{store, Term{30}}, start, out);
  acceptor.on(n2, Heartbeat{store, Term{20}, 2}, start, out);
  BOOST_TEST(out.items.empty());
  BOOST_TEST(!acceptor.heard().has_value());
}

BOOST_AUTO_TEST_CASE(a_store_that_was_retired_begins_no_cluster) {
  Acceptor acceptor = full();
  acceptor.retire(0x1002);  // of n2 in control_view
  Outbox out;
  written(acceptor, out);
  acceptor.on(n2, InitProbe{}, out);
  acceptor.on(n2, Init{0x1002, test::control_view("shop", 1)}, out);
  BOOST_REQUIRE(out.items.size() == 2U);
  for (const auto& item : out.items) BOOST_TEST((!std::get<InitState>(item.body).empty && std::get<InitState>(item.body).cluster == "shop"));
  BOOST_TEST(acceptor.empty());
}

BOOST_AUTO_TEST_SUITE_END()
