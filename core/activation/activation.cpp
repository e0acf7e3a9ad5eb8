#include "reki/core/activation/activation.hpp"

#include <new>

#include "reki/core/base/assert.hpp"

namespace reki {

static_assert(std::atomic<Fence>::is_always_lock_free && std::atomic<Activation::State>::is_always_lock_free);

Activation* make_activation(std::uint64_t hash, TypeIndex type, std::string_view key) {
  REKI_ASSERT(key.size() <= UINT16_MAX);
  void* const memory = ::operator new(sizeof(Activation) + key.size());
  auto* const a = new (memory) Activation;
  a->hash = hash;
  a->type = type;
  a->key_bytes = static_cast<std::uint16_t>(key.size());
  key.copy(reinterpret_cast<char*>(a + 1), key.size());
  return a;
}

void destroy_activation(Activation* a) {
  a->~Activation();
  ::operator delete(a);
}

}  // namespace reki
