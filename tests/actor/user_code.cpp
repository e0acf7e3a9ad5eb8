#include "reki/actor/user_code.hpp"

#include <boost/test/unit_test.hpp>
#include <stdexcept>
#include <string>

#include "reki/actor/answer.hpp"

using namespace reki;

namespace {

struct NullText : std::exception {
  const char* what() const noexcept override { return nullptr; }
};

/// What the process's log was told last.
std::string last_callback;
std::string last_text;

struct Logged {
  Logged() {
    set_failed_callback_log([](std::string_view callback, std::string_view text) {
      last_callback = callback;
      last_text = text;
    });
  }
  ~Logged() { set_failed_callback_log(nullptr); }
};

template <class Thrown>
void throw_in_a_callback(Thrown thrown) {
  auto callback = [&] { throw thrown; };
  detail::call_back(callback);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(user_code, Logged)

BOOST_AUTO_TEST_CASE(whatever_a_callback_throws_is_counted_named_and_ends_there) {
  const auto before = failed_callbacks();
  throw_in_a_callback(std::runtime_error("boom"));
  BOOST_TEST(last_text == "boom");
  BOOST_TEST(last_callback.find("throw_in_a_callback") != std::string::npos);
  throw_in_a_callback(NullText{});
  BOOST_TEST(last_text == "an exception without a text");
  throw_in_a_callback(7);
  BOOST_TEST(last_text == "an exception that is no std::exception");
  BOOST_TEST(failed_callbacks() - before == 3U);
}

BOOST_AUTO_TEST_CASE(a_completion_is_answered_once_though_its_callback_throws) {
  int calls = 0;
  const auto before = failed_callbacks();
  {
    Completion done = Completion::of([&](Answer&&) {
      ++calls;
      throw std::runtime_error("boom");
    });
    done(Answer{});
    BOOST_TEST(!done);
  }
  BOOST_TEST(calls == 1);
  BOOST_TEST(failed_callbacks() - before == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
