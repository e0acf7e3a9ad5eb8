#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "reki/core/base/error.hpp"
#include "reki/core/base/fork.hpp"
#include "reki/core/base/ids.hpp"
#include "reki/node/support/file.hpp"

namespace reki {

/// A locked file. The lock ends with this object, even if a child of fork() has not closed its copy of the descriptor yet.
class FileLock {
 public:
  /// `file` is locked by flock(2).
  explicit FileLock(File file) : file_(std::move(file)), in_children_(file_.fd()) {}
  FileLock(FileLock&&) = default;
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

  [[nodiscard]] const File& file() const { return file_; }

 private:
  File file_;
  ClosedInChildren in_children_;
  ForkMark made_in_;
};

struct Config;
struct NodeConfig;

/// Where a node's data directory is: `data_dir` of its config, from the file's own directory on.
[[nodiscard]] std::string data_dir_of(const Config& config, const NodeConfig& node);

/// Whether this process may make the directory, or write in it and to what it finds there. Changes nothing. Fails with
/// `bad_data_dir`: who may not write what, and what to do. For all that it cannot foresee, opening still may fail.
[[nodiscard]] Result<void> may_write_data_dir(const std::string& path);

/// The directory in which one node keeps what outlives its process, and the lock that makes it this process's alone.
///
/// In it: `lock`, held as long as this object lives, with the names of cluster and node, the process that has it, and
/// the incarnation that the node last had; and what others put beside it (voter_store.hpp). Keep the object until
/// nothing of the process runs an actor any more. Thread: one at a time.
class DataDir {
 public:
  /// Makes the directory if need be, and takes the lock. Fails, with a text that says what to do: `data_dir_unavailable`
  /// if another process has it or the disk does not do, `bad_data_dir` if it was used by another node or cluster (nothing
  /// in it is changed then), or if the system forbids it.
  [[nodiscard]] static Result<DataDir> open(const std::string& path, std::string_view cluster, const NodeId& node);

  /// Of the node's incarnation before this one; unknown: none, or it is not certain that it is over.
  ///
  /// It is over if it had this very lock, on this boot of this machine, whose kernel releases it with the last thread
  /// of a process. Of an earlier boot, or if the directory is a copy, nothing is said: the other one may be running.
  [[nodiscard]] Incarnation previous_incarnation() const { return previous_; }
  /// For the next process to find, once the cluster has let this incarnation in; again whenever there is another.
  ///
  /// Not synced: it serves speed, not safety. After a loss of power the next process does not believe it anyway.
  [[nodiscard]] Result<void> set_incarnation(Incarnation incarnation);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const std::string& cluster() const { return cluster_; }
  [[nodiscard]] const NodeId& node() const { return node_; }

 private:
  DataDir(std::string path, std::string cluster, NodeId node, File lock);
  Result<void> recognise();

  std::string path_;
  std::string cluster_;
  NodeId node_;
  FileLock lock_;
  std::string boot_;  ///< Names this boot of the machine; empty: not known.
  std::string file_;  ///< Names the lock's file within this boot; empty: not known.
  Incarnation previous_;
};

}  // namespace reki
