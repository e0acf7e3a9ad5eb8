#include "reki/node/disk/data_dir.hpp"

#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <sstream>
#include <utility>

#include "reki/core/base/hash.hpp"
#include "temporary_dir.hpp"

using namespace reki;

namespace {

/// What happens just before a file is locked, once.
std::function<void()> before_lock;

}  // namespace

/// The system's, which this program calls instead of its library's.
extern "C" int flock(int fd, int operation) noexcept {
  if (const auto first = std::exchange(before_lock, nullptr)) first();
  return static_cast<int>(syscall(SYS_flock, fd, operation));
}

namespace {

const NodeId n1{"n1"};

std::string text_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

bool refused(const Result<DataDir>& dir, std::string_view text, ErrorCode code = ErrorCode::bad_data_dir) {
  BOOST_REQUIRE(!dir.has_value());
  BOOST_TEST((dir.error().code == code));
  BOOST_TEST_MESSAGE(dir.error().text);
  return dir.error().text.find(text) != std::string::npos;
}

bool is_in_use(const Result<DataDir>& dir, const std::string& by = {}) {
  return refused(dir, "in use by process " + by, ErrorCode::data_dir_unavailable);
}

/// Of this process, for that file; -1: it has none.
int descriptor_of(const std::string& path) {
  for (int fd = 0; fd < 1024; ++fd) {
    std::error_code none;
    if (std::filesystem::equivalent("/proc/self/fd/" + std::to_string(fd), path, none)) return fd;
  }
  return -1;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(data_dir)

BOOST_AUTO_TEST_CASE(a_directory_is_made_with_those_above_it) {
  const test::TemporaryDir temporary;
  const auto dir = DataDir::open(temporary / "data/./shop/n1", "shop", n1);
  BOOST_REQUIRE_MESSAGE(dir, dir.error().text);
  BOOST_TEST((dir->previous_incarnation() == Incarnation{}));
  BOOST_TEST(text_of(temporary / "data/shop/n1/lock").starts_with("cluster shop\nnode n1\npid "));
}

BOOST_AUTO_TEST_CASE(a_path_that_cannot_be_a_directory_is_refused) {
  const test::TemporaryDir temporary;
  std::ofstream(temporary / "file") << "x";
  BOOST_TEST(refused(DataDir::open(temporary / "file", "shop", n1), "cannot make the directory"));
  BOOST_TEST(refused(DataDir::open(temporary / "file/below", "shop", n1), "file'"));
}

BOOST_AUTO_TEST_CASE(a_second_one_is_told_who_has_the_lock_and_disturbs_nothing) {
  const test::TemporaryDir temporary;
  {
    auto first = DataDir::open(temporary / "d", "shop", n1);
    BOOST_REQUIRE(first);
    BOOST_REQUIRE(first->set_incarnation(Incarnation{77}));
    const std::string before = text_of(temporary / "d/lock");
    BOOST_TEST(is_in_use(DataDir::open(temporary / "d", "shop", n1),
                         std::to_string(getpid()) + " (node 'n1' of cluster 'shop')"));
    BOOST_TEST(text_of(temporary / "d/lock") == before);
  }
  const auto next = DataDir::open(temporary / "d", "shop", n1);
  BOOST_REQUIRE(next);
  BOOST_TEST((next->previous_incarnation() == Incarnation{77}));
}

BOOST_AUTO_TEST_CASE(a_child_of_the_process_does_not_keep_the_lock) {
  const test::TemporaryDir temporary;
  const auto dir = DataDir::open(temporary / "d", "shop", n1);
  BOOST_REQUIRE(dir.has_value());
  BOOST_TEST(descriptor_of(temporary / "d/lock") >= 0);
  const pid_t child = fork();
  BOOST_REQUIRE(child >= 0);
  if (child == 0) _exit(descriptor_of(temporary / "d/lock") == -1 ? 0 : 1);
  int status = 0;
  BOOST_TEST(waitpid(child, &status, 0) == child);
  BOOST_TEST(status == 0);
  BOOST_TEST(is_in_use(DataDir::open(temporary / "d", "shop", n1)));  // the child's end took nothing
}

BOOST_AUTO_TEST_CASE(the_lock_ends_with_the_directory_even_if_a_child_still_has_its_descriptor) {
  const test::TemporaryDir temporary;
  auto dir = std::make_optional(DataDir::open(temporary / "d", "shop", n1));
  BOOST_REQUIRE(dir->has_value());
  const File as_a_child_has_it(dup(descriptor_of(temporary / "d/lock")), {});  // for a moment, before it closes it
  BOOST_REQUIRE(as_a_child_has_it.fd() >= 0);
  dir.reset();
  BOOST_TEST(DataDir::open(temporary / "d", "shop", n1).has_value());
}

BOOST_AUTO_TEST_CASE(a_lock_file_that_is_replaced_while_it_is_being_locked_is_not_taken) {
  const test::TemporaryDir temporary;
  BOOST_REQUIRE(DataDir::open(temporary / "d", "shop", n1));
  for (const bool another_takes_its_place : {true, false}) {
    before_lock = [&] {
      std::filesystem::remove(temporary / "d/lock");
      if (another_takes_its_place) std::ofstream(temporary / "d/lock") << "\n";
    };
    const auto dir = DataDir::open(temporary / "d", "shop", n1);
    BOOST_REQUIRE_MESSAGE(dir, dir.error().text);
    BOOST_TEST(!before_lock);
    BOOST_TEST(is_in_use(DataDir::open(temporary / "d", "shop", n1)));  // the file of that name
  }
}

BOOST_AUTO_TEST_CASE(a_process_that_is_killed_gives_the_lock_back_and_its_incarnation_is_known) {
  const test::TemporaryDir temporary;
  int ready[2];
  BOOST_REQUIRE(pipe(ready) == 0);
  const pid_t child = fork();
  BOOST_REQUIRE(child >= 0);
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    auto dir = DataDir::open(temporary / "d", "shop", n1);
    const bool good = dir && dir->set_incarnation(Incarnation{0xabc});
    const char said = good ? 'y' : 'n';
    if (write(ready[1], &said, 1) != 1) _exit(1);
    for (;;) pause();
  }
  char said = 0;
  BOOST_REQUIRE(read(ready[0], &said, 1) == 1);
  BOOST_TEST(said == 'y');
  BOOST_TEST(is_in_use(DataDir::open(temporary / "d", "shop", n1), std::to_string(child)));
  kill(child, SIGKILL);
  int status = 0;
  BOOST_REQUIRE(waitpid(child, &status, 0) == child);
  close(ready[0]);
  close(ready[1]);
  const auto dir = DataDir::open(temporary / "d", "shop", n1);
  BOOST_REQUIRE_MESSAGE(dir, dir.error().text);
  BOOST_TEST((dir->previous_incarnation() == Incarnation{0xabc}));
}

BOOST_AUTO_TEST_CASE(the_previous_incarnation_stays_until_there_is_another) {
  const test::TemporaryDir temporary;
  BOOST_REQUIRE(DataDir::open(temporary / "d", "shop", n1).value().set_incarnation(Incarnation{5}));
  for (int i = 0; i < 2; ++i) {  // one that ends before it has an incarnation changes nothing
    BOOST_TEST((DataDir::open(temporary / "d", "shop", n1).value().previous_incarnation() == Incarnation{5}));
  }
  auto dir = DataDir::open(temporary / "d", "shop", n1).value();
  BOOST_REQUIRE(dir.set_incarnation(Incarnation{6}));
  BOOST_REQUIRE(dir.set_incarnation(Incarnation{7}));
  BOOST_TEST((dir.previous_incarnation() == Incarnation{5}));
  { const auto moved_and_closed = std::move(dir); }
  BOOST_TEST((DataDir::open(temporary / "d", "shop", n1).value().previous_incarnation() == Incarnation{7}));
}

BOOST_AUTO_TEST_CASE(of_an_earlier_boot_nothing_is_said) {
  const test::TemporaryDir temporary;
  BOOST_REQUIRE(DataDir::open(temporary / "d", "shop", n1).value().set_incarnation(Incarnation{5}));
  // What another boot, or a copy of this disk on another machine, would have left: another name, a right check.
  const std::string here = text_of("/proc/sys/kernel/random/boot_id").substr(0, 36);
  std::string other = here;
  other[0] = other[0] == 'f' ? '0' : 'f';
  const auto rewritten = [&](const std::string& boot) {
    std::string text = text_of(temporary / "d/lock");
    text = text.substr(0, text.find("check "));
    text.replace(text.find("boot ") + 5, 36, boot);
    char check[17];
    std::snprintf(check, sizeof check, "%016llx", static_cast<unsigned long long>(hash_type(text, 0)));
    std::ofstream(temporary / "d/lock", std::ios::binary) << text << "check " << check << "\n";
    return DataDir::open(temporary / "d", "shop", n1).value().previous_incarnation();
  };
  BOOST_TEST((rewritten(here) == Incarnation{5}));
  BOOST_TEST((rewritten(other) == Incarnation{}));
}

BOOST_AUTO_TEST_CASE(in_a_copy_of_the_directory_nothing_is_said) {
  const test::TemporaryDir temporary;
  auto original = DataDir::open(temporary / "d", "shop", n1).value();
  BOOST_REQUIRE(original.set_incarnation(Incarnation{5}));  // and may be running on
  std::filesystem::copy(temporary / "d", temporary / "copy");
  BOOST_TEST((DataDir::open(temporary / "copy", "shop", n1).value().previous_incarnation() == Incarnation{}));
}

BOOST_AUTO_TEST_CASE(a_directory_that_may_not_be_written_is_refused) {
  const test::TemporaryDir temporary;
  std::filesystem::permissions(temporary / ".", std::filesystem::perms{0755});
  std::filesystem::create_directory(temporary / "d");
  std::filesystem::permissions(temporary / "d", std::filesystem::perms{0555});
  std::filesystem::create_directory(temporary / "e");
  std::filesystem::permissions(temporary / "e", std::filesystem::perms{0777});
  std::ofstream(temporary / "e/register") << "x";
  std::filesystem::permissions(temporary / "e/register", std::filesystem::perms{0444});
  std::filesystem::create_directory(temporary / "f");
  std::filesystem::permissions(temporary / "f", std::filesystem::perms{0000});
  BOOST_TEST(may_write_data_dir(temporary / "g/below/n1/").has_value());
  BOOST_TEST(!std::filesystem::exists(temporary / "g"));
  const auto is_refused = [&](const std::string& path) {
    const auto dir = DataDir::open(path, "shop", n1);
    return !dir && dir.error().code == ErrorCode::bad_data_dir &&
           dir.error().text.find("'" + path) != std::string::npos &&
           dir.error().text.find("Permission denied") != std::string::npos;
  };
  const pid_t child = fork();  // where it may become somebody whom permissions bind
  BOOST_REQUIRE(child >= 0);
  if (child == 0) {
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) _exit(2);
    const auto says = [&](const std::string& path, const std::string& what) {
      const auto may = may_write_data_dir(path);
      const std::string wanted = " may not write '" + what + "' (Permission denied); give it to that user";
      return !may && may.error().text.find(wanted) != std::string::npos;
    };
    const bool told = says(temporary / "d", temporary / "d") && says(temporary / "d/below/n1", temporary / "d") &&
                      says(temporary / "e", temporary / "e/register") && says(temporary / "f/below", temporary / "f/below");
    _exit(told && is_refused(temporary / "d") && is_refused(temporary / "d/below") ? 0 : 1);
  }
  int status = 0;
  BOOST_REQUIRE(waitpid(child, &status, 0) == child);
  BOOST_TEST(status == 0);
}

BOOST_AUTO_TEST_CASE(a_lock_text_that_was_cut_short_or_changed_says_nothing) {
  const test::TemporaryDir temporary;
  BOOST_REQUIRE(DataDir::open(temporary / "d", "shop", n1).value().set_incarnation(Incarnation{0x5555555555555555}));
  const std::string good = text_of(temporary / "d/lock");
  const auto opened = [&](const std::string& text) {
    std::ofstream(temporary / "d/lock", std::ios::binary) << text;
    return DataDir::open(temporary / "d", "shop", n1).value().previous_incarnation();
  };
  BOOST_TEST((opened(good) == Incarnation{0x5555555555555555}));
  const auto end = good.find("check ") + 6 + 16;
  for (std::size_t n = 0; n < end; ++n) BOOST_TEST((opened(good.substr(0, n)) == Incarnation{}));
  for (std::size_t n = 0; n < end; n += 3) {
    std::string changed = good;
    changed[n] = static_cast<char>(changed[n] ^ 1);
    BOOST_TEST((opened(changed) == Incarnation{}));
  }
}

BOOST_AUTO_TEST_CASE(the_directory_of_another_node_or_cluster_is_refused_and_left_alone) {
  const test::TemporaryDir temporary;
  BOOST_REQUIRE(DataDir::open(temporary / "d", "shop", n1).value().set_incarnation(Incarnation{5}));
  const std::string before = text_of(temporary / "d/lock");
  BOOST_TEST(refused(DataDir::open(temporary / "d", "shop", NodeId{"n2"}), "belongs to node 'n1' of cluster 'shop'"));
  BOOST_TEST(refused(DataDir::open(temporary / "d", "shop-eu", n1), "belongs to node 'n1' of cluster 'shop'"));
  BOOST_TEST(text_of(temporary / "d/lock") == before);
  BOOST_TEST((DataDir::open(temporary / "d", "shop", n1).value().previous_incarnation() == Incarnation{5}));
}

BOOST_AUTO_TEST_SUITE_END()
