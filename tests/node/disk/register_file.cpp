#include "reki/node/disk/register_file.hpp"

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "../core/membership/control_messages.hpp"
#include "store_stage.hpp"
#include "temporary_dir.hpp"

using namespace reki;
using membership::VoterSlot;
using test::bytes_of;
using test::disk_failed;
using test::form_1;
using test::found;
using test::half_bytes;
using test::Opened;
using test::put_bytes;
using test::refused;
using test::slot_at;
using test::with;

namespace {

/// A register in memory with three records, 1 to 3, whose parts can be damaged and made good again.
class Damaged {
 public:
  explicit Damaged(const membership::ViewPtr& view = nullptr) : used_(encode(VoterSlot{1, with(3, view)}).size()) {
    for (std::uint64_t i = 1; i <= 3; ++i) BOOST_REQUIRE(Opened{path_}.store().value().write(with(i, view)));
    good_ = bytes_of(file_);
  }
  /// Writes over the good file, where a store writes too.
  void put(std::size_t at, BytesView bytes) const {
    std::fstream out(file_, std::ios::binary | std::ios::in | std::ios::out);
    out.seekp(static_cast<std::streamoff>(at));
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  void make_good() const {
    for (std::size_t half = 0; half < 2; ++half) {
      put(half * half_bytes, BytesView{good_}.substr(half * half_bytes, 4096));
      for (std::size_t place = 0; place < 3; ++place) {
        put(slot_at(half, place), BytesView{good_}.substr(slot_at(half, place), used_ / 4096 * 4096 + 4096));
      }
    }
  }
  /// What is read is the newest record, and the damage is told, once.
  void is_survived(const std::string& told, FileOps& ops = system_files()) const {
    Opened opened{path_};
    const auto store = opened.store(ops);
    BOOST_REQUIRE_MESSAGE(store, store.error().text);
    BOOST_REQUIRE((store->record().promised == Term{3}));
    BOOST_REQUIRE(store->damage().size() == 1U);
    BOOST_REQUIRE_MESSAGE(store->damage()[0].text.find(told) != std::string::npos, store->damage()[0].text);
    BOOST_REQUIRE(!store->damage()[0].cut_short);
    BOOST_REQUIRE(opened.store(ops).value().damage().empty());
  }
  [[nodiscard]] const Bytes& good() const { return good_; }
  [[nodiscard]] std::size_t used() const { return used_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const std::string& file() const { return file_; }

 private:
  const test::TemporaryDir temporary_{test::TemporaryDir::in_memory()};
  const std::string path_ = temporary_ / "d";
  const std::string file_ = path_ + "/register";
  const std::size_t used_;
  Bytes good_;
};

std::string at_byte(std::size_t at) { return "at byte " + std::to_string(at); }

/// A sector that gives an error until it is written.
class BadSector : public FileOps {
 public:
  explicit BadSector(std::size_t at) : at_(at) {}
  ssize_t pread(int fd, void* data, std::size_t size, off_t offset) override {
    return touches(size, offset) ? (errno = EIO, -1) : FileOps::pread(fd, data, size, offset);
  }
  ssize_t pwrite(int fd, const void* data, std::size_t size, off_t offset) override {
    if (touches(size, offset)) at_.reset();
    return FileOps::pwrite(fd, data, size, offset);
  }

 private:
  [[nodiscard]] bool touches(std::size_t size, off_t offset) const {
    const auto begin = static_cast<std::size_t>(offset);
    return at_ && *at_ < begin + size && begin < *at_ + 512;
  }
  std::optional<std::size_t> at_;
};

Bytes head_of(std::uint32_t form, const std::string& writer) { return encode(RegisterHead{form, writer}); }

}  // namespace

BOOST_AUTO_TEST_SUITE(register_file)

BOOST_AUTO_TEST_CASE(a_head_comes_back_and_none_with_another_byte) {
  const Bytes good = head_of(2, "reki 0.1.0");
  BOOST_TEST(good.size() == register_head_bytes);
  const auto head = decode_register_head(good);
  BOOST_REQUIRE(head.has_value());
  BOOST_TEST(head->form == 2U);
  BOOST_TEST(head->written_by == "reki 0.1.0");
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    Bytes bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ 1 << bit % 8);
    BOOST_REQUIRE(!decode_register_head(bad));
  }
  for (std::size_t n = 0; n < good.size(); ++n) BOOST_REQUIRE(!decode_register_head(good.substr(0, n)));
  BOOST_TEST(decode_register_head(form_1({}).substr(0, register_head_bytes)).value().form == 1U);
  Bytes changed = good;
  changed[23] = '1';  // "version 2"
  BOOST_TEST(!decode_register_head(changed));
  BOOST_TEST(this_reki().starts_with("reki "));
}

BOOST_AUTO_TEST_CASE(a_flipped_bit_anywhere_takes_no_record_and_is_repaired) {
  const Damaged d;
  for (std::size_t bit = 0; bit < 6 * d.used() * 8; bit += 5) {
    const std::size_t part = bit % 6;
    const std::size_t at = slot_at(part / 3, part % 3) + bit / 6 / 8;
    const char changed = static_cast<char>(d.good()[at] ^ 1 << bit / 6 % 8);
    d.make_good();
    d.put(at, {&changed, 1});
    d.is_survived("a copy of a record, " + at_byte(slot_at(part / 3, part % 3)));
  }
  for (std::size_t bit = 0; bit < 2 * 100 * 8; bit += 5) {
    const std::size_t at = bit % 2 * half_bytes + bit / 2 / 8;
    const char changed = static_cast<char>(d.good()[at] ^ 1 << bit / 2 % 8);
    d.make_good();
    d.put(at, {&changed, 1});
    d.is_survived("the head " + at_byte(bit % 2 * half_bytes));
  }
}

BOOST_AUTO_TEST_CASE(a_sector_that_is_lost_takes_no_record_and_is_repaired) {
  const Damaged d{test::control_view("shop", 5, 3)};
  for (std::size_t half = 0; half < 2; ++half) {
    for (std::size_t place = 0; place < 3; ++place) {
      // The first, and every ninth: so that each place in a block is met.
      for (std::size_t at = slot_at(half, place); at < slot_at(half, place) + d.used(); at += std::size_t{9} * 512) {
        d.make_good();
        BadSector bad{at};
        d.is_survived("a copy of a record, " + at_byte(slot_at(half, place)), bad);
        for (const Bytes& instead : {Bytes(512, '\0'), Bytes(4096, '\0'), d.good().substr(0, 512)}) {
          d.make_good();
          d.put(instead.size() == 4096 ? at / 4096 * 4096 : at, instead);
          d.is_survived("a copy of a record, " + at_byte(slot_at(half, place)));
        }
      }
    }
    d.make_good();
    BadSector bad{half * half_bytes};
    d.is_survived("the head " + at_byte(half * half_bytes), bad);
  }
}

BOOST_AUTO_TEST_CASE(the_end_of_a_file_that_was_cut_off_is_made_anew) {
  const Damaged d;
  for (const std::size_t size : {half_bytes, half_bytes + 100, slot_at(1, 2) + 10}) {
    put_bytes(d.file(), d.good().substr(0, size));
    BOOST_TEST((found(d.path()).promised == Term{3}));
    Bytes second = bytes_of(d.file()).substr(half_bytes);
    second.resize(half_bytes);
    put_bytes(d.file(), Bytes(half_bytes, '\0') + second);
    BOOST_TEST((found(d.path()).promised == Term{3}));
  }
}

BOOST_AUTO_TEST_CASE(a_copy_that_was_not_written_is_what_a_crash_leaves) {
  const Damaged d;
  Bytes slot = encode(VoterSlot{100, with(9)});
  for (std::size_t half = 0; half < 2; ++half) {
    d.make_good();
    d.put(slot_at(half, 0), slot);
    Opened opened{d.path()};
    const auto store = opened.store().value();
    BOOST_TEST((store.record().promised == Term{9}));
    BOOST_REQUIRE(store.damage().size() == 1U);
    BOOST_TEST(store.damage()[0].cut_short);
    BOOST_TEST(opened.store().value().damage().empty());
  }
}

BOOST_AUTO_TEST_CASE(what_is_repaired_bears_the_next_damage) {
  const Damaged d;
  for (int times = 0; times < 4; ++times) {
    for (std::size_t half = 0; half < 2; ++half) {  // of all that is there one half, then the other
      d.put(half * half_bytes, Bytes(64, '\0'));
      for (std::size_t place = 0; place < 3; ++place) d.put(slot_at(half, place), Bytes(64, '\0'));
      Opened opened{d.path()};
      const auto store = opened.store();
      BOOST_REQUIRE_MESSAGE(store, store.error().text);
      BOOST_TEST((store->record().promised == Term{3}));
      BOOST_TEST(store->damage().size() == 4U);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_record_whose_copies_the_disk_cannot_read_is_refused) {
  const Damaged d;
  const Bytes slot = encode(VoterSlot{4, with(3)});
  std::size_t newest = 0;
  while (d.good().compare(slot_at(0, newest), slot.size(), slot) != 0) ++newest;
  BadSector bad{slot_at(0, newest)};
  d.put(slot_at(1, newest), Bytes(64, '\0'));
  BOOST_TEST(refused(Opened{d.path()}.store(bad), "is damaged: cannot read"));
}

BOOST_AUTO_TEST_CASE(a_later_form_is_refused_by_name_and_left_alone) {
  const Damaged d;
  const Bytes later = head_of(3, "reki 7.1.0");
  const Bytes with_more_lines = [&] {
    Bytes lines = "reki register, version 30\nkept in colour\nwritten by reki 7.1.0\n";
    lines += "check " + std::to_string(hash_type(lines, 0)) + "\n";
    lines.resize(register_head_bytes, '\0');
    return lines;
  }();
  for (const Bytes& head : {later, with_more_lines}) {
    for (const bool first_is_damaged : {false, true}) {
      Bytes file = head + d.good().substr(4096, half_bytes - 4096) + head + d.good().substr(half_bytes + 4096);
      if (first_is_damaged) file[3] ^= 1;
      put_bytes(d.file(), file);
      const auto store = Opened{d.path()}.store();
      BOOST_TEST(refused(store, "was written by reki 7.1.0. This is " + this_reki()));
      BOOST_TEST(refused(store, "start reki 7.1.0 or a later one on this node again, and leave the data directory as it is"));
      BOOST_TEST(!refused(store, "remove"));
      BOOST_TEST((bytes_of(d.file()) == file));
    }
  }
}

// --- form 1

namespace {

/// The first slot as reki wrote it before there were forms: store 77, nothing promised.
const Bytes slot_of_before{
    "rekislot\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x06"
    "\xcd\x92\x1b\x35\xa5\x50\xcd\xf5\x60\x73\x3c\x9d\x22\xe3\xc7\xae\x95\xa0\x4d\x00\x00\xc0",
    46};

/// Fails after so many writes and syncs: a write has been torn then.
class FailsAt : public FileOps {
 public:
  explicit FailsAt(int good) : good_(good) {}
  ssize_t pwrite(int fd, const void* data, std::size_t size, off_t offset) override {
    if (good_-- > 0) return FileOps::pwrite(fd, data, size, offset);
    (void)FileOps::pwrite(fd, data, 30, offset);
    return errno = EIO, -1;
  }
  int fdatasync(int fd) override { return good_-- > 0 ? FileOps::fdatasync(fd) : (errno = EIO, -1); }

 private:
  int good_;
};

const std::vector<VoterSlot> three = {{8, with(8)}, {9, with(9)}, {7, with(7)}};

}  // namespace

BOOST_AUTO_TEST_CASE(form_1_is_read_as_it_was_written_and_converted) {
  const Damaged d;
  Bytes before = "reki register, version 1\n" + Bytes(4071, '\0') + slot_of_before;
  before.resize(half_bytes, '\0');
  put_bytes(d.file(), before);
  {
    Opened opened{d.path()};
    auto store = opened.store();
    BOOST_REQUIRE_MESSAGE(store, store.error().text);
    BOOST_TEST((store->record().store == 77U && store->record().view == nullptr));
    BOOST_TEST(store->damage().empty());
    BOOST_REQUIRE(store->write(with(1)));
  }
  put_bytes(d.file(), form_1(three));
  BOOST_TEST((found(d.path()).promised == Term{9}));
  const Bytes file = bytes_of(d.file());
  BOOST_TEST(file.starts_with("reki register, version 2\n"));
  BOOST_TEST((file.substr(0, half_bytes) == file.substr(half_bytes)));
  BOOST_TEST(Opened{d.path()}.store().value().damage().empty());
}

BOOST_AUTO_TEST_CASE(a_conversion_that_is_interrupted_leaves_what_the_earlier_reki_reads_or_is_done) {
  const Damaged d;
  bool done = false;
  int converted = 0;
  for (int good = 0; !done; ++good) {
    put_bytes(d.file(), form_1(three));
    FailsAt fails{good};
    done = Opened{d.path()}.store(fails).has_value();
    const Bytes left = bytes_of(d.file());
    if (decode_register_head(left.substr(0, 4096)).value_or(RegisterHead{}).form == 1U) {
      BOOST_TEST((left.substr(0, half_bytes) == form_1(three)));
    } else {
      ++converted;
    }
    BOOST_TEST((found(d.path()).promised == Term{9}));
  }
  BOOST_TEST(converted > 2);
}

BOOST_AUTO_TEST_CASE(what_the_earlier_reki_wrote_after_an_interrupted_conversion_counts) {
  const Damaged d;
  put_bytes(d.file(), form_1(three));
  FailsAt fails{5};  // the second half is whole, the first head as it was
  BOOST_TEST(disk_failed(Opened{d.path()}.store(fails), "cannot write"));
  const Bytes second = bytes_of(d.file()).substr(half_bytes);
  BOOST_TEST(second.starts_with("reki register, version 2\n"));
  put_bytes(d.file(), form_1({{8, with(8)}, {9, with(9)}, {10, with(10)}}) + second);
  BOOST_TEST((found(d.path()).promised == Term{10}));
}

BOOST_AUTO_TEST_CASE(form_1_with_a_record_that_cannot_be_read_is_refused_and_left_alone) {
  const Damaged d;
  const Bytes good = form_1(three);
  for (std::size_t bit = 0; bit < 3 * d.used() * 8; bit += 5) {
    Bytes bad = good;
    const std::size_t at = slot_at(0, bit % 3) + bit / 3 / 8;
    bad[at] = static_cast<char>(bad[at] ^ 1 << bit / 3 % 8);
    put_bytes(d.file(), bad);
    BOOST_REQUIRE(refused(Opened{d.path()}.store(), "start that reki once more: it goes on with the record before"));
    BOOST_REQUIRE((bytes_of(d.file()) == bad));
  }
  const auto view = test::control_view("shop", 5, 3);
  Bytes lost = form_1({{8, with(8, view)}, {9, with(9, view)}, {7, with(7, view)}});
  lost.replace(slot_at(0, 1), 512, Bytes(512, '\0'));  // not what was never written
  put_bytes(d.file(), lost);
  BOOST_TEST(refused(Opened{d.path()}.store(), "one of them cannot be read"));
  put_bytes(d.file(), good);
  BadSector bad{slot_at(0, 2)};
  BOOST_TEST(refused(Opened{d.path()}.store(bad), "is damaged: cannot read"));
}

BOOST_AUTO_TEST_SUITE_END()
