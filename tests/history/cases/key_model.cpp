#include "history/key_model.hpp"

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

using namespace reki;
using namespace reki::history;
using Phase = KeyState::Phase;

namespace {

const KeyState idle{Fence{5}, Phase::idle, true};
const KeyState live{Fence{5}, Phase::live, true};
const KeyState closing{Fence{5}, Phase::closing, true};
/// Live, above fence 5.
const KeyState untold{Fence{5}, Phase::live, false};

Operation operation(Call call, Answer answer, std::uint64_t fence = 0) {
  Operation o;
  o.call = call;
  o.answer = answer;
  o.fence = Fence{fence};
  return o;
}
Operation started(std::uint64_t fence) { return operation(Call::lookup_or_start, Answer::started, fence); }
Operation running(std::uint64_t fence) { return operation(Call::lookup, Answer::running, fence); }
Operation stopped(std::uint64_t fence) { return operation(Call::stop, Answer::stopped, fence); }
const Operation not_found = operation(Call::lookup, Answer::not_running);
const Operation nothing_to_stop = operation(Call::stop, Answer::not_running);

/// What the operation leads to from each of the states: the state's first letter and its fence, '+' if it is
/// not told, '-' if the operation cannot be.
std::string from_each(const std::vector<KeyState>& states, const Operation& o, Faults faults) {
  std::string out;
  for (const KeyState& state : states) {
    const auto next = step(state, o, faults);
    if (!out.empty()) out += ' ';
    if (!next) {
      out += '-';
      continue;
    }
    out += "ilc"[static_cast<std::size_t>(next->phase)];
    out += std::to_string(next->fence.value);
    if (!next->told) out += '+';
  }
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(key_model)

BOOST_AUTO_TEST_CASE(without_faults_each_answer_has_the_states_that_it_can_be_given_in) {
  const auto from = [](const Operation& o) { return from_each({idle, live, closing, untold}, o, Faults::none); };
  BOOST_TEST(from(started(6)) == "l6 - - -");
  BOOST_TEST(from(started(5)) == "- - - -");
  BOOST_TEST(from(running(5)) == "- l5 - -");
  BOOST_TEST(from(running(6)) == "- - - l6");
  BOOST_TEST(from(running(4)) == "- - - -");
  BOOST_TEST(from(stopped(5)) == "- i5 i5 -");
  BOOST_TEST(from(stopped(6)) == "- - - i6");
  BOOST_TEST(from(stopped(4)) == "- - - -");
  BOOST_TEST(from(stopped(0)) == "i5 i5 i5 i5+");
  BOOST_TEST(from(not_found) == "i5 - c5 -");
  BOOST_TEST(from(nothing_to_stop) == "i5 - - -");
  BOOST_TEST(from(operation(Call::lookup_or_start, Answer::unknown)) == "l5+ - - -");
  BOOST_TEST(from(operation(Call::stop, Answer::unknown)) == "- i5 i5 i5+");
}

BOOST_AUTO_TEST_CASE(with_faults_a_start_may_end_and_a_newer_one_begin_before_any_answer) {
  const auto from = [](const Operation& o) { return from_each({idle, live, closing}, o, Faults::allowed); };
  BOOST_TEST(from(started(6)) == "l6 l6 l6");
  BOOST_TEST(from(started(5)) == "- - -");
  BOOST_TEST(from(running(5)) == "- l5 -");
  BOOST_TEST(from(running(6)) == "l6 l6 l6");
  BOOST_TEST(from(running(4)) == "- - -");
  BOOST_TEST(from(stopped(5)) == "- i5 i5");
  BOOST_TEST(from(stopped(6)) == "i6 i6 i6");
  BOOST_TEST(from(stopped(4)) == "- - -");
  BOOST_TEST(from(stopped(0)) == "i5 i5 i5");
  BOOST_TEST(from(not_found) == "i5 c5 c5");
  BOOST_TEST(from(nothing_to_stop) == "i5 i5 i5");
}

BOOST_AUTO_TEST_CASE(an_answer_can_mean_the_start_that_it_names_and_without_a_fence_any) {
  BOOST_TEST(can_mean(live, stopped(5)));
  BOOST_TEST(!can_mean(live, stopped(6)));
  BOOST_TEST(can_mean(live, stopped(0)));
  BOOST_TEST(can_mean(untold, stopped(6)));
  BOOST_TEST(!can_mean(untold, stopped(5)));
}

BOOST_AUTO_TEST_CASE(a_state_is_named_for_people) {
  BOOST_TEST(to_text(KeyState{}) == "not running");
  BOOST_TEST(to_text(idle) == "not running, last fence 0:5");
  BOOST_TEST(to_text(live) == "live with fence 0:5");
  BOOST_TEST(to_text(closing) == "down and not over with fence 0:5");
  BOOST_TEST(to_text(untold) == "live with a fence above 0:5");
}

BOOST_AUTO_TEST_SUITE_END()
