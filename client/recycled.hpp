#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <utility>

namespace reki {

/// Gives the objects of T, which derives from it, memory that is used again: each thread keeps that of up to `kept_max` of
/// its own deletions. For what comes and goes by the hundred at a time on one thread, where malloc would merge and split
/// blocks all the time. An address sanitizer gets plain memory, to see what is used too long.
template <class T, std::size_t kept_max>
class Recycled {
 public:
  static void* operator new(std::size_t size) {
    Block*& first = kept().first;
    if (first == nullptr) return ::operator new(size);
    --kept().count;
    return std::exchange(first, first->next);
  }
  static void operator delete(void* memory) {
    Kept& k = kept();
    if (k.count == kept_here) return ::operator delete(memory);
    ++k.count;
    k.first = new (memory) Block{k.first};
  }

 private:
#if defined(__SANITIZE_ADDRESS__)
  static constexpr std::size_t kept_here = 0;
#else
  static constexpr std::size_t kept_here = kept_max;
#endif
  struct Block {
    Block* next;
  };
  struct Kept {
    ~Kept() {
      while (first != nullptr) ::operator delete(std::exchange(first, first->next));
      count = kept_here;  // what is deleted after this thread's end is not kept
    }
    Block* first = nullptr;
    std::size_t count = 0;
  };
  static Kept& kept() {
    static_assert(sizeof(T) >= sizeof(Block) && alignof(T) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);
    thread_local Kept kept;
    return kept;
  }
};

}  // namespace reki
