#include "reki/core/base/ids.hpp"

#include <boost/test/unit_test.hpp>
#include <type_traits>

#include "reki/core/base/time.hpp"

using namespace reki;

BOOST_AUTO_TEST_SUITE(ids)

BOOST_AUTO_TEST_CASE(an_id_converts_to_no_other_id) {
  static_assert(!std::is_convertible_v<std::uint32_t, Epoch>);
  static_assert(!std::is_constructible_v<Epoch, StartNumber>);
  static_assert(!std::is_convertible_v<Epoch, std::uint32_t>);
  BOOST_TEST((Epoch{1} < Epoch{2}));
}

BOOST_AUTO_TEST_CASE(a_fence_orders_by_epoch_and_then_by_start) {
  const auto f = Fence::make(Epoch{3}, StartNumber{7});
  BOOST_TEST(f.epoch().value == 3U);
  BOOST_TEST(f.start().value == 7U);
  BOOST_TEST((f < Fence::make(Epoch{3}, StartNumber{8})));
  BOOST_TEST((Fence::make(Epoch{3}, StartNumber{0xffffffff}) < Fence::make(Epoch{4}, StartNumber{1})));
}

BOOST_AUTO_TEST_CASE(an_instant_past_the_end_of_time_is_never) {
  BOOST_TEST((Instant{5} + Duration::max() == Instant::never()));
  BOOST_TEST((Instant{5} + Duration{3} == Instant{8}));
  BOOST_TEST((Instant{8} - Instant{5} == Duration{3}));
}

BOOST_AUTO_TEST_SUITE_END()
