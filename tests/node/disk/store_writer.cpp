#include "reki/node/disk/store_writer.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <future>
#include <vector>

#include "reki/node/disk/data_dir.hpp"
#include "temporary_dir.hpp"

using namespace reki;
using membership::VoterRecord;

namespace {

/// Syncs as often as it is told, then fails, and counts.
class FailingSync : public FileOps {
 public:
  explicit FailingSync(int good) : good_(good) {}
  int fdatasync(int fd) override { return ++calls > good_ ? (errno = EIO, -1) : FileOps::fdatasync(fd); }
  int calls = 0;

 private:
  const int good_;
};

membership::Membership::Write write_of(std::uint64_t promised) {
  return {promised, VoterRecord{{}, 77, Term{promised}, Term{}, nullptr}};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(store_writer)

BOOST_AUTO_TEST_CASE(what_was_handed_over_last_is_on_the_disk_when_it_is_gone) {
  const test::TemporaryDir temporary;
  auto dir = DataDir::open(temporary / "d", "shop", NodeId{"n1"}).value();
  auto store = VoterStore::open(dir, 77).value();
  std::vector<std::uint64_t> said;
  {
    StoreWriter writer(store, {.written = [&](StoreWriter::Written w) { said.push_back(w.version); },
                               .failed = [](const Error& e) { BOOST_ERROR(e.text); }});
    for (std::uint64_t i = 1; i <= 20; ++i) writer.write(write_of(i));
  }
  BOOST_REQUIRE(!said.empty());
  BOOST_TEST(said.back() == 20U);
  BOOST_TEST(std::ranges::is_sorted(said));
  BOOST_TEST((VoterStore::open(dir, 78).value().record().promised == Term{20}));
}

BOOST_AUTO_TEST_CASE(after_a_sync_that_failed_nothing_is_said_or_written_any_more) {
  const test::TemporaryDir temporary;
  auto dir = DataDir::open(temporary / "d", "shop", NodeId{"n1"}).value();
  { BOOST_REQUIRE(VoterStore::open(dir, 77)); }
  FailingSync sync{3};  // two to open it, one for the first record
  auto store = VoterStore::open(dir, 77, sync).value();
  std::promise<void> first;
  std::promise<Error> failed;
  std::vector<std::uint64_t> said;
  {
    StoreWriter writer(store, {.written =
                                   [&](StoreWriter::Written w) {
                                     said.push_back(w.version);
                                     first.set_value();
                                   },
                               .failed = [&](const Error& e) { failed.set_value(e); }});
    writer.write(write_of(1));
    first.get_future().get();
    writer.write(write_of(2));
    const Error error = failed.get_future().get();
    BOOST_TEST((error.code == ErrorCode::data_dir_unavailable));
    BOOST_TEST((error.text.find("the process must end") != std::string::npos));
    writer.write(write_of(3));
  }
  BOOST_TEST((said == std::vector<std::uint64_t>{1}));
  BOOST_TEST(sync.calls == 4);
}

BOOST_AUTO_TEST_SUITE_END()
