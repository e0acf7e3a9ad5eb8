#include "reki/node/voter_store.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <system_error>
#include <utility>

#include "reki/core/hash.hpp"
#include "reki/core/msgpack_reader.hpp"
#include "reki/core/msgpack_writer.hpp"

namespace reki {
namespace {

using membership::VoterRecord;
namespace fs = std::filesystem;

// A slot: the magic, eight bytes of XXH3 over the rest, and the rest:
// msgpack [count, cluster, store, promised, accepted, view or nil].
constexpr std::string_view magic = "REKIREG1";
constexpr std::size_t head_bytes = magic.size() + 8;

tl::unexpected<Error> cannot(const std::string& what, const fs::path& path, int error) {
  return fail(ErrorCode::bad_config, "cannot " + what + " " + path.string() + ": " + std::strerror(error));
}

class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] int take() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

Result<void> write_all(const fs::path& path, BytesView bytes) {
  const File file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (file.fd() < 0) return cannot("open", path, errno);
  for (std::size_t done = 0; done < bytes.size();) {
    const auto wrote = ::pwrite(file.fd(), bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return cannot("write", path, wrote < 0 ? errno : EIO);
    done += static_cast<std::size_t>(wrote);
  }
  // What is behind belongs to an earlier, longer record; the checksum does not cover it.
  if (::ftruncate(file.fd(), static_cast<off_t>(bytes.size())) != 0) return cannot("truncate", path, errno);
  if (::fsync(file.fd()) != 0) return cannot("sync", path, errno);
  return {};
}

/// Makes the names in it durable.
Result<void> sync_directory(const fs::path& directory) {
  const File file(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (file.fd() < 0 || ::fsync(file.fd()) != 0) return cannot("sync", directory, errno);
  return {};
}

void append_checksum(Bytes& out, std::uint64_t sum) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(sum >> shift & 0xff));
}

Bytes encode_slot(std::uint64_t count, const VoterRecord& record) {
  Bytes body;
  MsgpackWriter writer(body);
  writer.write_array(6);
  writer.write_uint(count);
  writer.write_str(record.cluster);
  writer.write_uint(record.store);
  writer.write_uint(record.promised.value);
  writer.write_uint(record.accepted.value);
  if (record.view) writer.write_bin(encode(*record.view));
  else writer.write_nil();
  Bytes out{magic};
  append_checksum(out, hash_key(body, 0));
  return out += body;
}

struct Slot {
  std::uint64_t count = 0;
  VoterRecord record;
};

/// Nothing if it is torn, or no slot at all.
std::optional<Slot> decode_slot(BytesView bytes) {
  if (bytes.size() < head_bytes || !bytes.starts_with(magic)) return std::nullopt;
  const BytesView body = bytes.substr(head_bytes);
  Bytes sum;
  append_checksum(sum, hash_key(body, 0));
  if (bytes.substr(magic.size(), 8) != sum) return std::nullopt;
  MsgpackReader in(body);
  std::uint32_t elements = 0;
  BytesView cluster;
  BytesView view;
  Slot out;
  const bool good = in.read_array(elements) && elements >= 6 && in.read_uint(out.count) && in.read_bytes(cluster) &&
                    in.read_uint(out.record.store) && in.read_uint(out.record.promised.value) &&
                    in.read_uint(out.record.accepted.value);
  if (!good || out.record.store == 0) return std::nullopt;
  out.record.cluster = cluster;
  if (in.read_nil()) return out;
  if (!in.read_bytes(view)) return std::nullopt;
  auto decoded = decode_view(view);
  if (!decoded) return std::nullopt;
  out.record.view = std::make_shared<const View>(std::move(*decoded));
  return out;
}

struct Read {
  bool there = false;
  std::optional<Slot> slot;
};

Result<Read> read_slot(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error)) {
    if (error) return cannot("look for", path, error.value());
    return Read{};
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) return cannot("read", path, errno);
  const Bytes bytes{std::istreambuf_iterator<char>(file), {}};
  if (file.bad()) return cannot("read", path, EIO);
  return Read{true, decode_slot(bytes)};
}

std::uint64_t random_number() {
  std::uint64_t out = 0;
  while (out == 0) {
    if (getrandom(&out, sizeof out, 0) != static_cast<ssize_t>(sizeof out)) out = 0;
  }
  return out;
}

}  // namespace

VoterStore::~VoterStore() { ::close(lock_); }

fs::path VoterStore::slot(std::uint64_t count) const { return directory_ / (count % 2 == 0 ? "register.a" : "register.b"); }

Result<std::unique_ptr<VoterStore>> VoterStore::open(const fs::path& directory, const std::string& cluster) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) return cannot("make", directory, error.value());
  const fs::path lock_path = directory / "lock";
  File lock(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (lock.fd() < 0) return cannot("open", lock_path, errno);
  if (::flock(lock.fd(), LOCK_EX | LOCK_NB) != 0) {
    return fail(ErrorCode::bad_config, "another process has the data directory " + directory.string() +
                                           "; each node needs one of its own (fuser " + lock_path.string() + " shows who)");
  }
  std::unique_ptr<VoterStore> out{new VoterStore(directory, lock.take())};
  if (auto loaded = out->load(cluster); !loaded) return tl::make_unexpected(std::move(loaded.error()));
  return out;
}

Result<void> VoterStore::load(const std::string& cluster) {
  std::ifstream last(directory_ / "incarnation");
  last >> previous_.value;
  const auto a = read_slot(slot(0));
  if (!a) return tl::make_unexpected(a.error());
  const auto b = read_slot(slot(1));
  if (!b) return tl::make_unexpected(b.error());
  const auto foreign = [&](const std::string& why) {
    return fail(ErrorCode::bad_config, "the data directory " + directory_.string() + " " + why +
                                           ". Nothing was changed. Give the node another data_dir; if what is in this one is "
                                           "lost for good, move it away: the node then gets a new, empty register");
  };
  const Slot* newest = nullptr;
  for (const auto* each : {&a->slot, &b->slot}) {
    if (*each && (newest == nullptr || (*each)->count > newest->count)) newest = &**each;
  }
  if (newest != nullptr) {
    if (newest->record.cluster != cluster) return foreign("belongs to cluster '" + newest->record.cluster + "'");
    record_ = newest->record;
    count_ = newest->count;
    return {};
  }
  // The first write of all goes to b: as long as a is not there, nothing has been promised yet that could be lost.
  if (a->there) return foreign("has a register that is damaged, in both of its copies");
  record_ = VoterRecord{cluster, random_number(), {}, {}, nullptr};
  if (auto written = write(record_); !written) return written;
  if (auto synced = sync_directory(directory_); !synced) return synced;
  return directory_.has_parent_path() ? sync_directory(directory_.parent_path()) : Result<void>{};
}

Result<void> VoterStore::write(const VoterRecord& record) {
  const std::uint64_t next = count_ + 1;
  const bool fresh = next <= 2;  // the file is new, and so is its name
  if (auto written = write_all(slot(next), encode_slot(next, record)); !written) return written;
  if (auto synced = fresh ? sync_directory(directory_) : Result<void>{}; !synced) return synced;
  count_ = next;
  record_ = record;
  return {};
}

Result<void> VoterStore::set_incarnation(Incarnation incarnation) const {
  const fs::path fresh = directory_ / "incarnation.new";
  std::ofstream file(fresh, std::ios::trunc);
  file << incarnation.value << '\n';
  file.close();
  std::error_code error;
  if (file) fs::rename(fresh, directory_ / "incarnation", error);
  if (!file || error) return cannot("write", fresh, error ? error.value() : EIO);
  return {};
}

}  // namespace reki
