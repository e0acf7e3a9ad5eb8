#pragma once

#include <compare>
#include <concepts>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace reki {

namespace detail {
/// At most 24 bytes. Inline, since a call of memcpy takes as long as all else that is done with a short key.
inline void copy_short(char* to, const char* from, std::size_t size) noexcept {
  // Two pieces of fixed size that overlap, or one.
  if (size >= 16) {
    std::memcpy(to, from, 16);
    if (size > 16) std::memcpy(to + size - 8, from + size - 8, 8);
  } else if (size >= 8) {
    std::memcpy(to, from, 8);
    std::memcpy(to + size - 8, from + size - 8, 8);
  } else if (size >= 4) {
    std::memcpy(to, from, 4);
    std::memcpy(to + size - 4, from + size - 4, 4);
  } else {
    for (std::size_t i = 0; i < size; ++i) to[i] = from[i];
  }
}
}  // namespace detail

/// Bytes that are mostly few: up to 24 stand in the object itself, more in an allocation. For keys and type names, which
/// every request carries. A value, which converts to and from views.
///
/// Not std::string, which is as large and keeps 15 bytes in itself, less than many ids have; nor absl::InlinedVector. A key
/// of 16 bytes is made, moved and compared in 6 ns here, in 30 and 20 ns with those (`local_bench --what parts`).
class SmallString {
 public:
  static constexpr std::size_t inline_bytes_max = 24;

  SmallString() noexcept = default;
  template <class Text>
    requires(std::convertible_to<const Text&, std::string_view> && !std::same_as<Text, SmallString>)
  SmallString(const Text& text) {  // NOLINT(google-explicit-constructor): as std::string is made
    set(std::string_view{text});
  }
  SmallString(const SmallString& other) { set(other); }
  SmallString(SmallString&& other) noexcept { take(other); }
  ~SmallString() { drop(); }

  SmallString& operator=(const SmallString& other) { return *this = SmallString(other); }
  SmallString& operator=(SmallString&& other) noexcept {
    if (this != &other) {
      drop();
      take(other);
    }
    return *this;
  }
  template <class Text>
    requires(std::convertible_to<const Text&, std::string_view> && !std::same_as<Text, SmallString>)
  SmallString& operator=(const Text& text) {
    return *this = SmallString(text);  // by way of another, since it may be a view of this one
  }

  [[nodiscard]] const char* data() const noexcept { return is_inline() ? bytes_ : allocated(); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::string_view view() const noexcept { return {data(), size_}; }
  operator std::string_view() const noexcept { return view(); }  // NOLINT(google-explicit-constructor): it is one

  friend bool operator==(const SmallString& a, const SmallString& b) noexcept { return a.view() == b.view(); }
  template <class Text>
    requires(std::convertible_to<const Text&, std::string_view> && !std::same_as<Text, SmallString>)
  friend bool operator==(const SmallString& a, const Text& b) noexcept {
    return a.view() == std::string_view{b};
  }
  friend auto operator<=>(const SmallString& a, const SmallString& b) noexcept { return a.view() <=> b.view(); }

 private:
  [[nodiscard]] bool is_inline() const noexcept { return size_ <= inline_bytes_max; }
  [[nodiscard]] char* allocated() const noexcept {
    char* out = nullptr;
    std::memcpy(&out, bytes_, sizeof out);
    return out;
  }
  void set(std::string_view text) {
    const std::size_t size = text.size();
    if (size <= inline_bytes_max) {
      detail::copy_short(bytes_, text.data(), size);
    } else {
      char* const to = new char[size];
      std::memcpy(to, text.data(), size);
      std::memcpy(bytes_, &to, sizeof to);
    }
    size_ = size;
  }
  void take(SmallString& other) noexcept {
    std::memcpy(bytes_, other.bytes_, sizeof bytes_);  // all of them: a fixed number takes two instructions
    size_ = std::exchange(other.size_, 0);
  }
  void drop() noexcept {
    if (!is_inline()) delete[] allocated();
  }

  alignas(char*) char bytes_[inline_bytes_max] = {};  ///< The bytes, or where they are.
  std::size_t size_ = 0;
};

}  // namespace reki
