#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "../core/membership/control_messages.hpp"
#include "store_stage.hpp"
#include "temporary_dir.hpp"

using namespace reki;
using membership::VoterSlot;
using test::MeanDisk;
using test::Opened;
using test::with;

namespace {

/// One register and its disk through many processes: writes, crashes, failed syncs and losses of power in any order. The
/// greatest record that was ever acknowledged, or read, is there whenever the store can be opened.
class History {
 public:
  History(std::uint64_t seed, membership::ViewPtr view, bool rots)
      : seed_(seed), view_(std::move(view)), rots_(rots), used_(encode(VoterSlot{1, with(1, view_)}).size()) {
    BOOST_REQUIRE(Opened{path_}.store());
  }
  /// The cluster's level is raised at some moment, and until then some of the processes are of the program before.
  void with_an_upgrade() { levels_ = {1, 2}; }
  History(std::uint64_t seed, membership::ViewPtr view, bool rots, const Bytes& register_of_before, std::uint64_t promised)
      : History(seed, std::move(view), rots) {
    test::put_bytes(path_ + "/register", register_of_before);
    acknowledged_ = next_ = promised;
  }

  void run(int processes) {
    MeanDisk disk{path_ + "/register", seed_};
    for (int i = 0; i < processes && !refused_; ++i) {
      if (disk.happens(3)) disk.lose_power();
      // One at a time: what it takes is made whole at the next opening.
      if (rots_ && !damaged_ && opened_times_ > 0 && disk.happens(2)) {
        disk.lose_something(used_);
        damaged_ = true;
      }
      process(disk);
    }
    BOOST_TEST((refused_ || opened_times_ > 3));
  }
  [[nodiscard]] int damages() const { return damages_; }
  [[nodiscard]] bool refused() const { return refused_; }
  /// Whether the program before has been refused, as it has to be once the register is of the next form.
  [[nodiscard]] bool closed() const { return closed_; }

 private:
  void process(MeanDisk& disk) {
    Opened opened{path_};
    const bool is_before = levels_.max > 1 && disk.happens(2);
    auto store = opened.store(disk, is_before ? LevelRange{} : levels_);
    if (!store) {
      const std::string& text = store.error().text;
      if (is_before && raised_ && text.find("has form 3") != std::string::npos) {
        closed_ = true;
        return;
      }
      refused_ = text.find("is damaged: cannot read") != std::string::npos;
      BOOST_REQUIRE_MESSAGE((refused_ ? damaged_ : text.starts_with("cannot")), "seed " << seed_ << ": " << text);
      return;
    }
    ++opened_times_;
    if (damaged_ && !store->damage().empty()) ++damages_;
    damaged_ = false;
    const std::uint64_t has = store->record().promised.value;
    BOOST_REQUIRE_MESSAGE(has >= acknowledged_ && has <= next_,
                          "seed " << seed_ << " has " << has << ", acknowledged was " << acknowledged_);
    acknowledged_ = has;  // whoever reads it acts on it
    Level level = store->record().level;
    BOOST_REQUIRE_MESSAGE(!(is_before && closed_) && level >= written_, "seed " << seed_ << ": an earlier program reads what it cannot");
    while (!disk.happens(4)) {
      if (!is_before && levels_.max > level && disk.happens(4)) level = levels_.max;
      raised_ = raised_ || level > 1;
      auto record = with(++next_, view_);
      record.level = level;
      if (!store->write(record)) break;
      acknowledged_ = next_;
      written_ = level;
    }
  }

  const test::TemporaryDir temporary_{test::TemporaryDir::in_memory()};
  const std::string path_ = temporary_ / "d";
  const std::uint64_t seed_;
  const membership::ViewPtr view_;
  const bool rots_;
  const std::size_t used_;
  std::uint64_t acknowledged_ = 0;
  std::uint64_t next_ = 0;
  int opened_times_ = 0;
  int damages_ = 0;
  bool damaged_ = false;
  bool refused_ = false;
  LevelRange levels_{};
  Level written_ = 1;    ///< Of the record that was acknowledged last.
  bool raised_ = false;  ///< A record of a higher level was to be written.
  bool closed_ = false;
};

/// Large enough for many sectors: torn writes of it are some of both.
membership::ViewPtr large_view() { return test::control_view("shop", 5, 3); }

}  // namespace

BOOST_AUTO_TEST_SUITE(register_histories)

BOOST_AUTO_TEST_CASE(no_record_that_was_acknowledged_or_read_is_lost_whatever_the_disk_may_lose) {
  for (std::uint64_t seed = 1; seed <= 24; ++seed) History(seed, nullptr, false).run(100);
  for (std::uint64_t seed = 25; seed <= 27; ++seed) History(seed, large_view(), false).run(100);
}

BOOST_AUTO_TEST_CASE(nor_if_a_bit_a_byte_a_sector_or_a_block_is_lost_between_two_openings) {
  int damages = 0;
  int refused = 0;
  for (std::uint64_t seed = 1; seed <= 32; ++seed) {
    History history{seed, seed % 4 == 0 ? large_view() : nullptr, true};
    history.run(100);
    damages += history.damages();
    refused += history.refused() ? 1 : 0;
  }
  BOOST_TEST_MESSAGE(damages << " told, " << refused << " registers refused");
  BOOST_TEST(damages > 200);
  BOOST_TEST(refused < 8);  // an unreadable sector in a record of which the other copy was torn
}

BOOST_AUTO_TEST_CASE(a_register_of_form_1_is_converted_whatever_the_disk_may_lose) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    const auto view = seed % 4 == 0 ? large_view() : nullptr;
    std::vector<VoterSlot> slots;
    const std::uint64_t newest = 1 + seed % 7;
    for (std::uint64_t i = newest > 3 ? newest - 2 : 1; i <= newest; ++i) slots.push_back({i, with(i, view)});
    std::rotate(slots.begin(), slots.begin() + static_cast<std::ptrdiff_t>(seed % slots.size()), slots.end());
    History(seed, view, seed % 2 == 0, test::form_1(slots), newest).run(40);
  }
}

BOOST_AUTO_TEST_CASE(a_register_gets_the_next_form_whatever_the_disk_may_lose_and_the_program_before_reads_it_until_then) {
  int closed = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    History history{seed, seed % 4 == 0 ? large_view() : nullptr, seed % 2 == 0};
    history.with_an_upgrade();
    history.run(60);
    closed += history.closed() ? 1 : 0;
  }
  BOOST_TEST(closed > 10);
}

BOOST_AUTO_TEST_SUITE_END()
