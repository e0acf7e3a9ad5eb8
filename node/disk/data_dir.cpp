#include "reki/node/disk/data_dir.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <sstream>
#include <utility>

#include "reki/core/base/assert.hpp"
#include "reki/core/base/hash.hpp"
#include "reki/core/config/config.hpp"

namespace reki {
namespace {

/// Written at once and always whole, so that a process that is killed leaves either the old text or the new one.
constexpr std::size_t lock_text_bytes = 512;

/// What the file `lock` says, a line each: "name value".
struct LockText {
  std::string cluster;
  std::string node;
  std::string pid;
  std::string boot;
  std::string file;  ///< The lock file itself, as the system knows it: in a copy of it this is another's.
  std::uint64_t incarnation = 0;
};

std::string hex(std::uint64_t number) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(number));
  return text;
}

std::string to_text(const LockText& t) {
  std::string out = "cluster " + t.cluster + "\nnode " + t.node + "\npid " + t.pid + "\nboot " + t.boot + "\nfile " +
                    t.file + "\nincarnation " + hex(t.incarnation) + "\n";
  out += "check " + hex(hash_type(out, 0)) + "\n";
  REKI_ASSERT(out.size() <= lock_text_bytes);
  out.resize(lock_text_bytes, '\n');
  return out;
}

/// Nothing: it is new, or was not written to its end.
std::optional<LockText> parse(const std::string& text) {
  const auto check_at = text.find("check ");
  if (check_at == std::string::npos) return std::nullopt;
  if (text.substr(check_at + 6, 16) != hex(hash_type(text.substr(0, check_at), 0))) return std::nullopt;
  LockText out;
  std::istringstream in{text.substr(0, check_at)};
  for (std::string name, value; in >> name && std::getline(in >> std::ws, value);) {
    if (name == "cluster") out.cluster = value;
    if (name == "node") out.node = value;
    if (name == "pid") out.pid = value;
    if (name == "boot") out.boot = value;
    if (name == "file") out.file = value;
    if (name == "incarnation") std::from_chars(value.data(), value.data() + value.size(), out.incarnation, 16);
  }
  return out;
}

std::string boot_id() {
  const auto text = File::open("/proc/sys/kernel/random/boot_id", O_RDONLY).and_then([](const File& file) {
    return file.read(36, 0);
  });
  return text && text->size() == 36 ? *text : std::string{};
}

std::string identity_of(const File& file) {
  struct stat found {};
  if (::fstat(file.fd(), &found) != 0) return {};
  return std::to_string(found.st_dev) + ":" + std::to_string(found.st_ino);
}

tl::unexpected<Error> refuse(ErrorCode code, const std::string& path, const std::string& what) {
  return fail(code, "the data directory '" + path + "' " + what);
}

tl::unexpected<Error> in_use(const std::string& path, const File& lock) {
  const auto text = lock.read(lock_text_bytes, 0);
  const auto holder = text ? parse(*text) : std::nullopt;
  std::string who = "another process";
  if (holder) who = "process " + holder->pid + " (node '" + holder->node + "' of cluster '" + holder->cluster + "')";
  return refuse(ErrorCode::data_dir_unavailable, path, "is in use by " + who + "; end that, or give this node a data_dir of its own");
}

/// False if the file that was locked is no longer the one of this name.
bool is_still(const File& lock) {
  struct stat mine {};
  struct stat named {};
  return ::fstat(lock.fd(), &mine) == 0 && ::stat(lock.path().c_str(), &named) == 0 && mine.st_dev == named.st_dev &&
         mine.st_ino == named.st_ino;
}

Result<File> take_lock(const std::string& path) {
  for (int tries = 0; tries < 10; ++tries) {
    auto lock = File::open(path + "/lock", O_RDWR | O_CREAT);
    if (!lock) return lock;
    if (::flock(lock->fd(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) return in_use(path, *lock);
      if (errno == EINTR) continue;
      return file_error("lock (a data directory must be on a disk of this machine)", lock->path(), errno);
    }
    if (is_still(*lock)) return lock;
  }
  return refuse(ErrorCode::data_dir_unavailable, path, "is being changed by others all the time; leave it alone");
}

/// "user 'reki'"
std::string this_user() {
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 4096> room{};
  const uid_t id = ::geteuid();
  if (::getpwuid_r(id, &entry, room.data(), room.size(), &found) != 0 || found == nullptr) return "user " + std::to_string(id);
  return std::string("user '") + found->pw_name + "'";
}

/// 0, or why this process may not; a file that is not there may be made.
int why_not_written(const std::filesystem::path& path, int mode) {
  if (::faccessat(AT_FDCWD, path.c_str(), mode, AT_EACCESS) == 0 || errno == ENOENT) return 0;
  return errno;
}

tl::unexpected<Error> may_not_write(const std::string& path, const std::filesystem::path& what, int number) {
  return refuse(ErrorCode::bad_data_dir, path, "cannot be used: " + this_user() + " may not write '" + what.string() + "' (" +
                          std::generic_category().message(number) +
                          "); give it to that user (chown), or have data_dir of this node's config name a directory that "
                          "it may write");
}

}  // namespace

std::string data_dir_of(const Config& config, const NodeConfig& node) {
  return (std::filesystem::path(config.file).parent_path() / node.data_dir).string();
}

Result<void> may_write_data_dir(const std::string& path) {
  const std::filesystem::path whole = std::filesystem::path(path).lexically_normal();
  std::filesystem::path there = whole;  // the part of it that is there
  struct stat found {};
  while (::stat(there.c_str(), &found) != 0 && (errno == ENOENT || errno == ENOTDIR) && there.has_relative_path()) {
    there = there.has_filename() ? there.parent_path() : there.parent_path().parent_path();
    if (there.empty()) there = ".";
  }
  if (found.st_mode != 0 && !S_ISDIR(found.st_mode)) return file_error("make the directory", there.string(), ENOTDIR);
  if (const int number = why_not_written(there, W_OK | X_OK)) return may_not_write(path, there, number);
  for (const char* name : {"lock", "register"}) {
    if (const int number = why_not_written(whole / name, R_OK | W_OK)) return may_not_write(path, whole / name, number);
  }
  return {};
}

FileLock::~FileLock() {
  // Closing would not do: the lock belongs to what was opened, which a child shares until it has closed it too.
  if (file_.fd() >= 0 && !made_in_.is_in_child()) ::flock(file_.fd(), LOCK_UN);
}

DataDir::DataDir(std::string path, std::string cluster, NodeId node, File lock)
    : path_(std::move(path)),
      cluster_(std::move(cluster)),
      node_(std::move(node)),
      lock_(std::move(lock)),
      boot_(boot_id()),
      file_(identity_of(lock_.file())) {}

Result<DataDir> DataDir::open(const std::string& path, std::string_view cluster, const NodeId& node) {
  if (auto may = may_write_data_dir(path); !may) return tl::make_unexpected(std::move(may).error());
  if (auto made = make_directories(path); !made) return tl::make_unexpected(std::move(made).error());
  auto lock = take_lock(path);
  if (!lock) return tl::make_unexpected(std::move(lock).error());
  DataDir out{path, std::string(cluster), node, std::move(*lock)};
  if (auto ours = out.recognise(); !ours) return tl::make_unexpected(std::move(ours).error());
  // From here on the text names this process, so that a second one can say who has it.
  if (auto written = out.set_incarnation(out.previous_); !written)
    return tl::make_unexpected(std::move(written).error());
  return out;
}

Result<void> DataDir::recognise() {
  const auto text = lock_.file().read(lock_text_bytes, 0);
  if (!text) return tl::make_unexpected(text.error());
  const auto before = parse(*text);
  if (!before) return {};
  if (before->cluster != cluster_ || before->node != node_.value) {
    return refuse(ErrorCode::bad_data_dir, path_,
                  "belongs to node '" + before->node + "' of cluster '" + before->cluster + "', not to node '" +
                      node_.value + "' of cluster '" + cluster_ +
                      "'; correct data_dir, or remove that directory if its node is gone for good");
  }
  const bool known = !boot_.empty() && !file_.empty();
  if (known && before->boot == boot_ && before->file == file_) previous_ = Incarnation{before->incarnation};
  return {};
}

Result<void> DataDir::set_incarnation(Incarnation incarnation) {
  return lock_.file().write(to_text({cluster_, node_.value, std::to_string(::getpid()), boot_, file_, incarnation.value}), 0);
}

}  // namespace reki
