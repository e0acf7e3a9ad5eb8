#pragma once

#include <array>
#include <cstddef>
#include <new>
#include <utility>

namespace reki {

namespace detail {

/// The free blocks of one size that one thread keeps, and exchanges with others 64 at a time: the magazines of Bonwick and
/// Adams, "Magazines and Vmem", USENIX 2001.
struct Magazines {
  static constexpr unsigned capacity = 64;
  static constexpr std::size_t step = 64;  ///< A size each so many bytes.
  static constexpr std::size_t sizes = 12;
  struct Block {
    Block* next;
  };

  [[nodiscard]] static void* allocate(std::size_t size) {
    const std::size_t which = (size - 1) / step;
    if (which >= sizes) return ::operator new(size);
    Magazines& own = of_this_thread(which);
    if (own.loaded == nullptr) return reload(which);
    ++own.room;
    return std::exchange(own.loaded, own.loaded->next);
  }
  static void release(void* memory, std::size_t size) noexcept {
    const std::size_t which = (size - 1) / step;
    if (which >= sizes) return ::operator delete(memory);
    Magazines& own = of_this_thread(which);
    if (own.room == 0) return unload(memory, which);
    --own.room;
    own.loaded = new (memory) Block{own.loaded};
  }

  Block* loaded;
  unsigned room;    ///< In `loaded`. 0 in a thread that keeps nothing: it has freed nothing yet, or ends.
  Block* previous;  ///< Full or empty.

 private:
  static void* reload(std::size_t which);
  static void unload(void* memory, std::size_t which) noexcept;
  static Magazines& of_this_thread(std::size_t which);
};

extern constinit thread_local std::array<Magazines, Magazines::sizes> own_magazines;
inline Magazines& Magazines::of_this_thread(std::size_t which) { return own_magazines[which]; }

}  // namespace detail

/// Objects of classes that derive from it are allocated from a pool. For what one thread makes and another deletes all the
/// time, as messages are: in malloc the two would wait for each other's arena. With AddressSanitizer plain memory, so that
/// it sees a use after free.
class PoolAllocated {
 public:
#if defined(__SANITIZE_ADDRESS__)
  static void* operator new(std::size_t size) { return ::operator new(size); }
  static void operator delete(void* memory, std::size_t) noexcept { ::operator delete(memory); }
#else
  static void* operator new(std::size_t size) { return detail::Magazines::allocate(size); }
  static void operator delete(void* memory, std::size_t size) noexcept { detail::Magazines::release(memory, size); }
#endif
  static void* operator new(std::size_t size, std::align_val_t alignment) { return ::operator new(size, alignment); }
  static void operator delete(void* memory, std::size_t, std::align_val_t alignment) noexcept {
    ::operator delete(memory, alignment);
  }
};

}  // namespace reki
