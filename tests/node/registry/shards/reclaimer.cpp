#include "reki/node/registry/shards/reclaimer.hpp"

#include <boost/test/unit_test.hpp>
#include <latch>
#include <thread>

#include "cell_stage.hpp"

using namespace reki;
using test::CellStage;
using test::NotingHost;

namespace {

/// A reclaimer, and cells that say when they are destroyed: by a message in them.
struct World {
  std::vector<std::unique_ptr<ActorCell>> cells(bool& gone) {
    std::vector<std::unique_ptr<ActorCell>> out;
    (void)stage.cell->push(test::message(gone));
    out.push_back(std::move(stage.cell));
    stage.cell = std::make_unique<ActorCell>(*stage.entry, stage.type);
    return out;
  }

  NotingHost host;
  CellStage stage{host};
  Reclaimer reclaimer;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(reclaimer)

BOOST_AUTO_TEST_CASE(what_nobody_reads_is_destroyed_at_the_second_look) {
  World w;
  bool gone = false;
  w.reclaimer.retire(w.cells(gone));
  w.reclaimer.reclaim();
  BOOST_TEST(!gone);
  w.reclaimer.reclaim();
  BOOST_TEST(gone);
}

BOOST_AUTO_TEST_CASE(what_somebody_may_be_reading_waits_and_what_came_later_waits_behind_it) {
  World w;
  bool first_gone = false;
  bool second_gone = false;
  w.reclaimer.retire(w.cells(first_gone));
  std::latch reads(1);
  std::latch has_read(1);
  std::thread reader([&] {
    const RcuReadSection section;
    reads.count_down();
    has_read.wait();
  });
  reads.wait();
  for (int i = 0; i < 5; ++i) w.reclaimer.reclaim();
  w.reclaimer.retire(w.cells(second_gone));
  for (int i = 0; i < 5; ++i) w.reclaimer.reclaim();
  BOOST_TEST(!first_gone);
  has_read.count_down();
  reader.join();
  w.reclaimer.reclaim();
  BOOST_TEST(first_gone);
  BOOST_TEST(!second_gone);
  w.reclaimer.reclaim();
  BOOST_TEST(second_gone);
}

BOOST_AUTO_TEST_CASE(what_is_left_goes_with_it) {
  bool gone = false;
  {
    World w;
    w.reclaimer.retire(w.cells(gone));
    w.reclaimer.reclaim();
  }
  BOOST_TEST(gone);
}

BOOST_AUTO_TEST_SUITE_END()
