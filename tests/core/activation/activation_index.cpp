#include "reki/core/activation/activation_index.hpp"

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <map>
#include <random>
#include <thread>
#include <unordered_map>

#include "reki/core/base/hash.hpp"

using namespace reki;

namespace {

const TypeIndex type{3};

std::string key_of(std::uint64_t number) { return "key " + std::to_string(number); }

/// An index that owns its entries, and what has gone out of it.
struct Owning {
  ~Owning() {
    for (auto& [key, a] : entries) destroy_activation(a);
  }
  Activation& insert(const std::string& key, std::uint64_t hash) {
    Activation* const a = make_activation(hash, type, key);
    entries.emplace(key, a);
    index.insert(*a, retired);
    return *a;
  }
  void erase(const std::string& key) {
    const auto found = entries.find(key);
    index.erase(*found->second, retired);
    entries.erase(found);
  }
  ActivationIndex index;
  RetiredActivations retired;
  std::unordered_map<std::string, Activation*> entries;
};

/// What is in it, by its own account, is what is in the model: asked for each of so many keys.
template <class Hash>
bool agrees(const Owning& owning, std::uint64_t keys, Hash hash) {
  for (std::uint64_t i = 0; i < keys; ++i) {
    const auto key = key_of(i);
    const auto found = owning.entries.find(key);
    Activation* const expected = found == owning.entries.end() ? nullptr : found->second;
    if (owning.index.find(hash(key), type, key) != expected) return false;
  }
  return owning.index.size() == owning.entries.size();
}

/// Inserts and erases at random: mostly inserts, then about as many of each, then mostly erases.
template <class Hash>
void change_at_random(std::uint64_t keys, int steps, unsigned seed, Hash hash) {
  std::mt19937 random(seed);
  Owning owning;
  for (int step = 0; step < steps; ++step) {
    const auto key = key_of(random() % keys);
    const unsigned inserts = 3 - 2 * static_cast<unsigned>(step) / static_cast<unsigned>(steps);  // of four
    const bool there = owning.entries.contains(key);
    if (there && random() % 4 >= inserts) owning.erase(key);
    if (!there && random() % 4 < inserts) owning.insert(key, hash(key));
    if (step % 500 == 0) {
      BOOST_REQUIRE(agrees(owning, keys, hash));
      owning.retired = {};
    }
  }
  BOOST_REQUIRE(agrees(owning, keys, hash));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(activation_index)

BOOST_AUTO_TEST_CASE(an_entry_is_found_by_type_and_key_only) {
  Owning owning;
  const std::uint64_t hash = hash_key("a", 1);
  Activation& a = owning.insert("a", hash);
  BOOST_TEST(owning.index.find(hash, type, "a") == &a);
  BOOST_TEST(owning.index.find(hash, TypeIndex{4}, "a") == nullptr);
  BOOST_TEST(owning.index.find(hash, type, "b") == nullptr);
  BOOST_TEST(owning.index.find(hash, type, "") == nullptr);
  owning.erase("a");
  BOOST_TEST(owning.index.find(hash, type, "a") == nullptr);
  BOOST_TEST(owning.index.size() == 0U);
}

BOOST_AUTO_TEST_CASE(keys_of_one_hash_are_different_keys) {
  for (const std::uint64_t hash : {std::uint64_t{0}, UINT64_MAX, std::uint64_t{1} << 47}) {
    Owning owning;
    for (std::uint64_t i = 0; i < 100; ++i) owning.insert(key_of(i), hash);
    BOOST_TEST(agrees(owning, 120, [&](const std::string&) { return hash; }));
    for (std::uint64_t i = 0; i < 100; i += 2) owning.erase(key_of(i));
    BOOST_TEST(agrees(owning, 120, [&](const std::string&) { return hash; }));
  }
}

BOOST_AUTO_TEST_CASE(it_has_what_a_map_has_after_any_changes) {
  const auto good = [](const std::string& key) { return hash_key(key, 1); };
  for (unsigned seed = 1; seed <= 5; ++seed) change_at_random(std::size_t{20} * seed * seed, 10000, seed, good);
  change_at_random(3000, 60000, 6, good);
}

// Few places and few tags: long chains, in which what is gone stands between what is there.
BOOST_AUTO_TEST_CASE(it_has_it_too_when_the_hash_is_bad) {
  const auto bad = [](const std::string& key) {
    const auto hash = hash_key(key, 1);
    return (hash & 3) << 14 | (hash >> 2 & 1) << 48;
  };
  for (unsigned seed = 1; seed <= 3; ++seed) change_at_random(std::size_t{40} * seed, 10000, seed, bad);
}

BOOST_AUTO_TEST_CASE(to_insert_and_erase_again_and_again_takes_no_more_memory) {
  Owning owning;
  const auto hash = [](std::uint64_t i) { return hash_key(key_of(i), 1); };
  for (std::uint64_t i = 0; i < 1000; ++i) owning.insert(key_of(i), hash(i));
  const std::size_t bytes = owning.index.memory_bytes();
  for (std::uint64_t i = 1000; i < 20000; ++i) {
    owning.erase(key_of(i - 1000));
    owning.insert(key_of(i), hash(i));
    owning.retired = {};
  }
  BOOST_TEST(owning.index.memory_bytes() <= 2 * bytes);
  BOOST_TEST(owning.index.size() == 1000U);
}

BOOST_AUTO_TEST_CASE(an_entry_costs_at_most_some_21_bytes_of_the_index) {
  Owning owning;
  for (std::uint64_t i = 0; i < 10000; ++i) {
    owning.insert(key_of(i), hash_key(key_of(i), 1));
    owning.retired = {};
    if (i > 100) BOOST_REQUIRE(owning.index.memory_bytes() <= (i + 1) * 22);
  }
}

BOOST_AUTO_TEST_CASE(what_is_retired_is_still_what_it_was) {
  Owning owning;
  for (std::uint64_t i = 0; i < 1000; ++i) owning.insert(key_of(i), hash_key(key_of(i), 1));
  owning.retired = {};  // arrays that were too small: what comes now is the entry alone
  Activation* const a = owning.entries.at(key_of(7));
  owning.erase(key_of(7));
  RetiredActivations later = std::move(owning.retired);
  RetiredActivations all;
  all.append(std::move(later));
  BOOST_TEST(later.empty());  // NOLINT(bugprone-use-after-move): that is the claim
  BOOST_TEST(!all.empty());
  BOOST_TEST(a->key() == key_of(7));
  all = {};
  BOOST_TEST(all.empty());
}

// One thread changes, others look: what is there all the time is found each time, what never was is not, and what comes
// and goes is found as itself or not at all.
BOOST_AUTO_TEST_CASE(who_looks_while_another_changes_misses_only_what_comes_or_goes) {
  constexpr std::uint64_t always = 200;
  constexpr std::uint64_t keys = 1000;
  const auto hash = [](const std::string& key) { return hash_key(key, 1); };
  Owning owning;
  for (std::uint64_t i = 0; i < always; ++i) owning.insert(key_of(i), hash(key_of(i)));
  std::atomic<bool> over{false};
  std::atomic<int> wrong{0};
  std::atomic<std::uint64_t> looks{0};
  std::vector<std::thread> readers;
  for (unsigned t = 0; t < 2; ++t) {
    readers.emplace_back([&, t] {
      std::mt19937 random(t);
      while (!over) {
        const std::uint64_t number = random() % (keys + 100);
        const auto key = key_of(number);
        const Activation* const a = owning.index.find(hash(key), type, key);
        if (number < always && a == nullptr) ++wrong;
        if (number >= keys && a != nullptr) ++wrong;
        if (a != nullptr && (a->key() != key || a->hash != hash(key))) ++wrong;
        ++looks;
      }
    });
  }
  std::mt19937 random(9);
  while (looks < 20000 && wrong == 0) {
    // Up and down, so that it grows while others look, and is rebuilt for what has gone.
    const bool grows = looks / 2000 % 2 == 0;
    const auto key = key_of(always + random() % (keys - always));
    if (owning.entries.contains(key)) {
      if (!grows) owning.erase(key);
    } else if (grows || random() % 4 == 0) {
      owning.insert(key, hash(key));
    }
  }
  over = true;
  for (auto& reader : readers) reader.join();
  BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_SUITE_END()
