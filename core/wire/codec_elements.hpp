#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "reki/core/base/bytes.hpp"
#include "reki/core/wire/msgpack_reader.hpp"

namespace reki::wire {

/// The elements of one array, read in order. The first fault is remembered, and all reads after it do nothing. The first
/// `required` elements must be there; of the others one that is left out or nil leaves its output as it is.
class Elements {
 public:
  Elements(MsgpackReader& in, std::uint32_t required) : in_(in), required_(required) {
    if (!in_.read_array(left_)) fault("", "is not an array, or is cut short");
  }

  template <class Number>
  void number(const char* name, Number& out) {
    if (!begin(name)) return;
    std::uint64_t value = 0;
    if (!in_.read_uint(value)) return no_value(name, "is not an unsigned number");
    if (value > std::numeric_limits<Number>::max()) return fault(name, "is too large a number");
    out = static_cast<Number>(value);
  }
  void boolean(const char* name, bool& out) {
    if (!begin(name)) return;
    if (!in_.read_bool(out)) no_value(name, "is not a bool");
  }
  void bytes(const char* name, BytesView& out) {
    if (!begin(name)) return;
    if (!in_.read_bytes(out)) no_value(name, "is not str or bin");
  }
  void bytes(const char* name, std::optional<BytesView>& out) {
    if (!begin(name)) return;
    BytesView value;
    if (!in_.read_bytes(value)) return no_value(name, "is not bin or nil");
    out = value;
  }
  /// Any value, as its own bytes.
  void value(const char* name, BytesView& out) {
    if (!begin(name)) return;
    if (!in_.read_value(out)) fault(name, "is not msgpack, or is cut short");
  }
  /// The count of an array whose elements come next.
  void array(const char* name, std::uint32_t& count) {
    if (!begin(name)) return;
    if (!in_.read_array(count)) fault(name, "is not an array, or is cut short");
  }
  /// Past the elements that this version does not know.
  void skip_rest() {
    for (; ok() && left_ > 0; --left_) {
      if (!in_.skip()) fault("an element of a later version", "is not msgpack");
    }
  }

  bool ok() const { return what_ == nullptr; }
  std::uint32_t left() const { return left_; }
  /// What is wrong. REQUIRES: !ok().
  std::string fault_text() const { return *name_ == '\0' ? what_ : std::string{name_} + " " + what_; }

  /// The first one stays: nothing is left to read after it.
  [[gnu::cold, gnu::noinline]] void fault(const char* name, const char* what) {
    if (!ok()) return;
    name_ = name;
    what_ = what;
    left_ = 0;
  }

 private:
  /// True if the element is there.
  bool begin(const char* name) {
    ++place_;
    if (left_ == 0) [[unlikely]] {
      if (place_ <= required_) fault(name, "is missing");
      return false;
    }
    --left_;
    return true;
  }
  [[gnu::cold, gnu::noinline]] void no_value(const char* name, const char* what) {
    if (place_ <= required_ || !in_.read_nil()) fault(name, what);
  }

  MsgpackReader& in_;
  std::uint32_t required_;
  std::uint32_t left_ = 0;
  std::uint32_t place_ = 0;  // of the element last read, from 1
  const char* name_ = nullptr;
  const char* what_ = nullptr;
};

}  // namespace reki::wire
