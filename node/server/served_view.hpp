#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "reki/core/view/view.hpp"
#include "reki/core/view/view_history.hpp"
#include "reki/core/wire/wire.hpp"
#include "reki/node/server/sessions.hpp"

namespace reki {

/// The view by which a node serves: whether a key is its own, whose it is else, which nodes it takes requests from, and
/// what it answers to those who ask for the view.
///
/// Pure; owned by the data thread.
class ServedView {
 public:
  ServedView(NodeId self, Incarnation incarnation) : self_(std::move(self)), incarnation_(incarnation) {}

  /// From now on. `incarnation`: this node's.
  void set(std::shared_ptr<const View> view, Incarnation incarnation);
  /// False before the first.
  explicit operator bool() const { return view_ != nullptr; }
  [[nodiscard]] const std::shared_ptr<const View>& get() const { return view_; }
  [[nodiscard]] Epoch epoch() const { return view_ ? view_->epoch() : Epoch{}; }
  [[nodiscard]] Incarnation incarnation() const { return incarnation_; }

  /// Where a key is.
  struct Place {
    enum class Where : std::uint8_t {
      here,
      elsewhere,
      nowhere,     ///< No node owns the slot.
      not_joined,  ///< An earlier incarnation of this node owns it, and this one may not serve it.
    };
    Where where = Where::here;
    std::string_view owner;  ///< `elsewhere`: its id, until the next set().
  };
  // For these there is a view.
  [[nodiscard]] Place place_of(std::string_view type, std::string_view key);
  [[nodiscard]] bool owns(std::uint64_t key_hash) const;
  /// Nothing is accepted from a node that the view has dropped, nor from another incarnation of one that it has.
  [[nodiscard]] bool admits(const Session& session) const;
  /// What is to be said to who has the view that `args` name: this view, a delta to it, or nothing if it is no newer.
  [[nodiscard]] Result<BytesView> answer_to(std::optional<BytesView> args);

 private:
  const NodeId self_;
  Incarnation incarnation_;
  std::shared_ptr<const View> view_;
  MemberIndex index_ = nobody;  ///< Of this incarnation of this node, in view_.
  ViewHistory history_;         ///< Up to view_.
  // The type of the latest request: batches are mostly of one type.
  std::string hashed_type_;
  std::uint64_t type_hash_ = 0;
};

}  // namespace reki
