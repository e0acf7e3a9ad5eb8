// What a registry whose slots come and go tells those who watch it, asked as a node asks it.
#include <boost/test/unit_test.hpp>
#include <future>

#include "../actor/watched.hpp"
#include "reki/core/base/hash.hpp"
#include "reki/core/watch/watch_codec.hpp"
#include "reki/net/clock.hpp"
#include "slot_registry.hpp"

using namespace test;
using Lines = std::vector<std::string>;

namespace {

struct Fixture : SlotRegistry {
  Fixture() { gain(Epoch{1}); }
  /// Asks; the answer comes once there is something to tell.
  std::future<Answer> ask(const std::string& key, WatchPosition from = {},
                          std::optional<HostedRegistry::OtherOwner> other = {}) {
    const Bytes args = wire::encode_watch_args(from);
    wire::Request request;
    request.id = RequestId{1};
    request.op = wire::Op::watch;
    request.type = "puppet";
    request.key = key;
    request.remaining_ms = 30000;
    request.args = args;
    auto promise = std::make_shared<std::promise<Answer>>();
    registry.serve_watch(request, std::move(other),
                         Completion::of([promise](Answer&& answer) { promise->set_value(std::move(answer)); }));
    return promise->get_future();
  }
  /// The events of the answer, or its error, and where to go on.
  Lines told(std::future<Answer>&& answer) { return told(answer); }
  Lines told(std::future<Answer>& answer) {
    // Before the question would be answered for the sake of its deadline.
    BOOST_REQUIRE(answer.wait_for(std::chrono::seconds(15)) == std::future_status::ready);
    const Answer got = answer.get();
    if (!got.ok()) return {std::string{name_of(got.code)}};
    const auto reply = wire::decode_watch_reply(got.payload).value();
    position = reply.position;
    Lines out;
    for (const auto& event : reply.events) out.push_back(WatchTale::line(event));
    return out;
  }
  static bool open(const std::future<Answer>& answer) {
    return answer.wait_for(std::chrono::seconds(0)) == std::future_status::timeout;
  }
  const HostedRegistry::OtherOwner next{NodeId{"n2"}, Epoch{2}};
  WatchPosition position;  // of the last answer
};

}  // namespace

BOOST_AUTO_TEST_SUITE(slots_watch)

BOOST_FIXTURE_TEST_CASE(a_key_on_its_way_is_not_told_of_before_it_is_here, Fixture) {
  lose();
  own(all);
  BOOST_TEST((told(ask("k")) == Lines{"unavailable"}));
  registry.gain(all, Epoch{3});
  BOOST_TEST((told(ask("k")) == Lines{"not_running k"}));
}

BOOST_FIXTURE_TEST_CASE(a_key_that_is_lost_is_told_of_to_its_end_and_then_where_it_is, Fixture) {
  BOOST_TEST((told(ask("k")) == Lines{"not_running k"}));
  BOOST_REQUIRE(registry.lookup_or_start<Puppet>("k").get());
  BOOST_TEST((told(ask("k", position)) == Lines{"started k"}));
  registry.call<Puppet>("k", Wait{}).then([](const auto&) {});
  BOOST_REQUIRE(eventually([&] { return stage.door.waiting == 1; }));
  lose();
  auto waits = ask("k", position, next);
  BOOST_TEST(open(waits));  // its actor is still here
  stage.door.open();
  BOOST_TEST((told(waits) == Lines{"stopped(moved) k"}));
  BOOST_TEST((told(ask("k", position, next)) == Lines{"moved @n2"}));
}

BOOST_FIXTURE_TEST_CASE(an_actor_without_effect_any_more_holds_up_no_watcher, Fixture) {
  BOOST_REQUIRE(registry.lookup_or_start<Puppet>("k").get());
  BOOST_TEST((told(ask("k")) == Lines{"running k"}));
  registry.call<Puppet>("k", Wait{}).then([](const auto&) {});
  BOOST_REQUIRE(eventually([&] { return stage.door.waiting == 1; }));
  lose();
  auto waits = ask("k", position, next);
  BOOST_TEST(open(waits));
  registry.revoke(all);
  BOOST_TEST(told(waits).empty());
  BOOST_TEST((told(ask("k", position, next)) == Lines{"moved @n2"}));
  stage.door.open();
}

BOOST_FIXTURE_TEST_CASE(who_comes_back_with_the_key_is_told_that_it_was_elsewhere, Fixture) {
  BOOST_TEST((told(ask("k")) == Lines{"not_running k"}));
  const auto before = position;
  auto of_type = ask("", before);
  lose();
  own(all);
  registry.gain(all, Epoch{3});
  BOOST_TEST((told(ask("k", before)) == Lines{"missed(moved)", "not_running k"}));
  BOOST_TEST(open(of_type));  // which is complete as far as this node goes
}

BOOST_FIXTURE_TEST_CASE(without_a_lease_nobody_is_told_how_a_key_is, Fixture) {
  BOOST_TEST((told(ask("k")) == Lines{"not_running k"}));
  page.set_lease_end(Instant{});
  auto waits = ask("k", position);
  BOOST_TEST(open(waits));  // who has been told may wait for what comes
  BOOST_TEST((told(ask("k")) == Lines{"unavailable"}));
  page.set_lease_end(Instant::never());
  BOOST_TEST((told(ask("k")) == Lines{"not_running k"}));
}

BOOST_FIXTURE_TEST_CASE(a_registry_that_starts_over_leaves_no_question_open_and_goes_on_as_another, Fixture) {
  BOOST_REQUIRE(registry.lookup_or_start<Puppet>("k").get());
  BOOST_TEST((told(ask("k")) == Lines{"running k"}));
  const auto before = position;
  auto of_key = ask("k", before);
  auto of_type = ask("", before);
  registry.start_over(Incarnation{8});
  BOOST_TEST((told(of_key) == Lines{"unavailable"}));
  BOOST_TEST((told(of_type) == Lines{"unavailable"}));
  BOOST_TEST((told(ask("", before)) == Lines{"missed(node_restarted)", "watching"}));
  BOOST_TEST((position.incarnation == Incarnation{8}));
  BOOST_TEST((told(ask("k", before, next)) == Lines{"missed(node_restarted)", "moved @n2"}));
}

BOOST_FIXTURE_TEST_CASE(watchers_are_told_of_the_end_once_all_has_gone_and_not_before, Fixture) {
  BOOST_REQUIRE(registry.lookup_or_start<Puppet>("k").get());
  BOOST_TEST((told(ask("")) == Lines{"watching"}));
  const auto before = position;
  auto of_type = ask("", before);
  registry.end_watches_if_vacated();
  BOOST_TEST(open(of_type));
  registry.call<Puppet>("k", Wait{}).then([](const auto&) {});
  BOOST_REQUIRE(eventually([&] { return stage.door.waiting == 1; }));
  lose();
  registry.end_watches_if_vacated();
  BOOST_TEST(open(of_type));
  stage.door.open();
  BOOST_TEST((told(of_type) == Lines{"stopped(moved) k"}));
  BOOST_REQUIRE(eventually([&] { return registry.is_empty(all); }));
  registry.end_watches_if_vacated();
  BOOST_TEST((told(ask("", position)) == Lines{"ended(closing)"}));
  BOOST_TEST((told(ask("", before)) == Lines{"stopped(moved) k", "ended(closing)"}));
}

BOOST_AUTO_TEST_SUITE_END()
