// What registries have to do with each other, and what becomes of the actors of one that ends.
#include "place.hpp"
#include "reki/local_registry.hpp"

using namespace ancestors;

BOOST_FIXTURE_TEST_SUITE(registries, Place)

BOOST_AUTO_TEST_CASE(two_registries_share_nothing) {
  Factories factories;
  add_types(factories);
  LocalRegistry other{std::move(factories)};
  BOOST_TEST(registry().call<Worker>(key("a"), Add{1}).get().value() == 1);
  BOOST_TEST((code(other.lookup<Worker>(key("a")).get()) == ErrorCode::not_running));
  BOOST_TEST(other.call<Worker>(key("a"), Add{5}).get().value() == 5);
  BOOST_TEST(registry().call<Worker>(key("a"), Add{1}).get().value() == 2);
}

BOOST_AUTO_TEST_CASE(one_key_of_two_types_is_two_actors) {
  const auto worker = found_or_started<Worker>(key("a"), {.initial = 1});
  BOOST_TEST((lookup<Mortal>(key("a")) == ErrorCode::not_running));
  const auto mortal = found_or_started<Mortal>(key("a"), {.initial = 2});
  BOOST_TEST(sum(worker) == 1);
  BOOST_TEST(sum(mortal) == 2);
}

BOOST_AUTO_TEST_CASE(a_type_without_a_factory_is_refused) {
  BOOST_TEST((code(registry().lookup_or_start<Nobody>(key("a")).get()) == ErrorCode::unknown_type));
}

BOOST_AUTO_TEST_CASE(a_registry_that_ends_ends_all_its_actors) {
  Marks marks;
  for (const auto& k : keys(5)) found_or_started(k, {.marks = marks.folder()});
  BOOST_TEST(marks.count() == 5U);
  home().end();
  BOOST_TEST(marks.count() == 0U);
  home().begin();
}

BOOST_AUTO_TEST_CASE(a_registry_that_has_ended_answers_with_an_error) {
  found_or_started(key("a"));
  home().end();
  const CallOptions soon{.timeout = 500ms};
  BOOST_TEST(!registry().lookup<Worker>(key("a"), soon).get());
  BOOST_TEST(!registry().lookup_or_start<Worker>(key("a"), {}, soon).get());
  home().begin();
}

BOOST_AUTO_TEST_CASE(a_registry_that_comes_back_knows_none_of_the_actors_before) {
  found_or_started(key("a")).call(Add{3}).get().value();
  home().end();
  home().begin();
  BOOST_TEST((lookup(key("a")) == ErrorCode::not_running));
  const auto after = found_or_started(key("a"));
  BOOST_TEST(after.started());
  BOOST_TEST(sum(after) == 0);
}

BOOST_AUTO_TEST_CASE(the_keys_of_a_registry_that_was_lost_are_served_afresh) {
  found_or_started(key("a")).call(Add{3}).get().value();
  home().lose(Worker::type, key("a"));
  const auto after = found_or_started(key("a"));
  BOOST_TEST(after.started());
  BOOST_TEST(sum(after) == 0);
  BOOST_TEST(after.call(Add{}).get().value() == 1);
}

BOOST_AUTO_TEST_SUITE_END()
