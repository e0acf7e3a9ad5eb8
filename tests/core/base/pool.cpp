#include "reki/core/base/pool.hpp"

#include <boost/test/unit_test.hpp>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

using namespace reki;

namespace {

/// Its bytes are all `mark` as long as it lives.
template <std::size_t size>
struct Marked : PoolAllocated {
  explicit Marked(unsigned char m) { std::memset(bytes, m, size); }
  bool is_whole() const {
    for (const unsigned char byte : bytes) {
      if (byte != bytes[0]) return false;
    }
    return true;
  }
  unsigned char bytes[size];
};

struct alignas(256) Aligned : PoolAllocated {
  char byte = 0;
};

struct Base : PoolAllocated {
  virtual ~Base() = default;
};
struct Large final : Base {
  char bytes[400];
};

}  // namespace

BOOST_AUTO_TEST_SUITE(pool)

BOOST_AUTO_TEST_CASE(objects_of_all_sizes_that_live_at_once_share_no_byte) {
  std::vector<std::unique_ptr<Marked<1>>> tiny;
  std::vector<std::unique_ptr<Marked<64>>> small;
  std::vector<std::unique_ptr<Marked<65>>> next;
  std::vector<std::unique_ptr<Marked<768>>> largest;
  std::vector<std::unique_ptr<Marked<5000>>> huge;
  bool whole = true;
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 300; ++i) {
      const auto mark = static_cast<unsigned char>(i + round);
      tiny.push_back(std::make_unique<Marked<1>>(mark));
      small.push_back(std::make_unique<Marked<64>>(mark));
      next.push_back(std::make_unique<Marked<65>>(mark));
      largest.push_back(std::make_unique<Marked<768>>(mark));
      huge.push_back(std::make_unique<Marked<5000>>(mark));
    }
    for (int i = 0; i < 300; ++i) {
      whole = whole && small[i]->is_whole() && next[i]->is_whole() && largest[i]->is_whole() && huge[i]->is_whole();
      whole = whole && small[i]->bytes[0] == static_cast<unsigned char>(i + round);
    }
    tiny.clear();
    small.clear();
    next.clear();
    largest.clear();
    huge.clear();
  }
  BOOST_TEST(whole);
}

BOOST_AUTO_TEST_CASE(what_is_aligned_stays_so_and_a_base_may_delete_what_is_larger) {
  const auto aligned = std::make_unique<Aligned>();
  BOOST_TEST(reinterpret_cast<std::uintptr_t>(aligned.get()) % 256 == 0U);
  for (int i = 0; i < 200; ++i) {
    const std::unique_ptr<Base> large = std::make_unique<Large>();
    const auto small = std::make_unique<Marked<64>>(1);
  }
}

#if !defined(__SANITIZE_ADDRESS__)
BOOST_AUTO_TEST_CASE(memory_goes_round_between_a_thread_that_makes_and_one_that_deletes) {
  using Message = Marked<200>;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::unique_ptr<Message>> queue;
  constexpr int count = 100000;
  constexpr std::size_t queue_max = 100;
  bool whole = true;
  std::thread consumer([&] {
    for (int i = 0; i < count; ++i) {
      std::unique_ptr<Message> message;
      {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return !queue.empty(); });
        message = std::move(queue.front());
        queue.pop_front();
      }
      changed.notify_one();
      whole = whole && message->is_whole() && message->bytes[0] == static_cast<unsigned char>(i);
    }
  });
  std::set<const Message*> places;
  for (int i = 0; i < count; ++i) {
    auto message = std::make_unique<Message>(static_cast<unsigned char>(i));
    places.insert(message.get());
    {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return queue.size() < queue_max; });
      queue.push_back(std::move(message));
    }
    changed.notify_one();
  }
  consumer.join();
  BOOST_TEST(whole);
  // What is under way, and what the two threads and the depot hold meanwhile.
  BOOST_TEST(places.size() < 1000U);
}
#endif

BOOST_AUTO_TEST_SUITE_END()
