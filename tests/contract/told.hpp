#pragma once

#include <optional>
#include <string>
#include <vector>

#include "oracle.hpp"
#include "reki/core/watch/watch.hpp"

namespace reki::contract {

/// What one watcher has been told, held against what has happened.
///
/// For each key that it watches it knows up to which start it has been told, and whether that runs by what it was told.
/// What it is told next must follow on that, unless it is told first that it has missed something.
class Told {
 public:
  /// Of one key, or of all of a type.
  Told(Oracle& oracle, const WatchFilter& filter);

  void event(const WatchEvent& event);
  /// The first of an answer: who was away while the key was elsewhere is told that it has missed something.
  void check_first(const WatchEvent& event) const;
  /// It has got an answer, and asks on from there.
  void replied() { remember(); }
  /// It watches no more, and must not be told of anything.
  void cancelled() { is_cancelled_ = true; }
  [[nodiscard]] bool has_begun() const { return has_begun_; }
  [[nodiscard]] bool has_ended() const { return has_ended_; }
  /// The node may have refused to tell it more: it does not hold the key's slot any more, or is another incarnation.
  [[nodiscard]] bool may_be_dropped() const;
  /// It has been told all that has happened: what it was told last must be so.
  void check_is_up_to_date() const;
  [[nodiscard]] const WatchFilter& filter() const { return filter_; }

 private:
  /// Of one key.
  struct Cursor {
    std::uint32_t key;
    std::size_t told = 0;  ///< So many of Key::live, counted from the first.
    bool runs = false;     ///< The last of them.
    bool known = false;    ///< False before the first answer, and after `missed`.
    bool asks = true;      ///< How it is, after what has happened: at first, and after `missed`.
  };

  void broken(const std::string& what) const;
  [[nodiscard]] Cursor* cursor_of(const WatchEvent& event);
  /// As it is now.
  void set(Cursor& cursor) const;
  [[nodiscard]] bool is_how_it_is(const Cursor& cursor, const WatchEvent& event) const;
  void started(Cursor& cursor, const WatchEvent& event) const;
  void over(Cursor& cursor, const WatchEvent& event) const;
  void over_without_start(const Cursor& cursor, const WatchEvent& event) const;
  void check_end(const Life& life, const WatchEvent& event) const;
  void found(Cursor& cursor, const WatchEvent& event) const;
  void check_missed(const WatchEvent& event) const;
  void ended(const WatchEvent& event);
  void remember();
  [[nodiscard]] std::uint32_t all_gains() const;
  [[nodiscard]] std::uint32_t own_gains() const;

  Oracle& oracle_;
  const WatchFilter filter_;
  std::vector<Cursor> cursors_;
  bool has_begun_ = false;
  bool has_ended_ = false;
  bool is_cancelled_ = false;
  const std::uint32_t drops_at_first_;
  const std::uint32_t losses_at_first_;
  const bool was_here_at_first_;
  std::uint32_t drops_ = 0;      ///< Of Oracle, when it was told something last.
  std::uint32_t gains_ = 0;      ///< Likewise, of all keys;
  std::uint32_t own_gains_ = 0;  ///< of those that it watches.
};

}  // namespace reki::contract
