// Tells when a message is put into a receiver, so that an event can be made of it.
//
// Why: an entity that waits for an event is looked at again by GreedyScheduler and
// MultiThreadScheduler only after GxfEntityEventNotify; the arrival of a message sends another kind
// of event, which both ignore (4.0 to 5.7).
#include <dlfcn.h>
#include <link.h>

#include <atomic>
#include <cstring>
#include <new>

#include "../abi/layout.hpp"
#include "shim.h"

namespace {

constexpr gxf_result_t kOutOfMemory = 10;
constexpr gxf_result_t kNotImplemented = 2;

using Push = gxf_result_t (*)(void* receiver, gxf_uid_t message);
using Arrived = void (*)(const void* self);

constexpr std::size_t kMaxWords = 64;

// A copy of one receiver's vtable with our push in its slot, and whom to tell. Never freed: another
// thread may be in pushWatched when the watch ends. One per receiver and activation of a graph.
struct Watch {
  Push original;
  Arrived arrived;
  const void* self;
  void* receiver;
  void** vtable;
  void* words[kMaxWords];
};

// Offset to top and type information stand before the functions (Itanium C++ ABI).
constexpr std::size_t kWordsBefore = 2;

void** vtableOf(void* object) { return *static_cast<void***>(object); }

gxf_result_t pushWatched(void* receiver, gxf_uid_t message) noexcept {
  auto* const words = reinterpret_cast<unsigned char*>(vtableOf(receiver) - kWordsBefore);
  auto* const watch = reinterpret_cast<Watch*>(words - offsetof(Watch, words));
  const Arrived arrived = watch->arrived;
  const void* const self = watch->self;
  const gxf_result_t code = watch->original(receiver, message);
  if (code == 0) arrived(self);
  return code;
}

std::size_t wordsOf(const void* vtable) {
  Dl_info info;
  ElfW(Sym)* symbol = nullptr;
  void** const extra = reinterpret_cast<void**>(&symbol);
  if (dladdr1(vtable, &info, extra, RTLD_DL_SYMENT) == 0 || symbol == nullptr ||
      info.dli_saddr != vtable) {
    return 0;
  }
  return symbol->st_size / sizeof(void*);
}

}  // namespace

extern "C" {

gxf_result_t gxfs_watch_arrivals(const gxfs_symbols* symbols, void* receiver,
                                 void (*arrived)(const void*), const void* self,
                                 void** out) noexcept {
  if (symbols->receiver_vtable == nullptr || symbols->receiver_push == nullptr) {
    return kNotImplemented;
  }
  // Every receiver has push in the slot where DoubleBufferReceiver has its own; the slot differs
  // between versions.
  void** const model = static_cast<void**>(symbols->receiver_vtable);
  const std::size_t model_words = wordsOf(model);
  std::size_t slot = kWordsBefore;
  while (slot < model_words && model[slot] != symbols->receiver_push) ++slot;
  if (slot >= model_words) return kNotImplemented;

  void** const vtable = vtableOf(receiver);
  const std::size_t words = wordsOf(vtable - kWordsBefore);
  if (words <= slot || words > kMaxWords) return kNotImplemented;

  auto* const watch = new (std::nothrow) Watch{};
  if (watch == nullptr) return kOutOfMemory;
  std::memcpy(watch->words, vtable - kWordsBefore, words * sizeof(void*));
  std::memcpy(&watch->original, &watch->words[slot], sizeof(void*));
  const Push ours = pushWatched;
  std::memcpy(&watch->words[slot], &ours, sizeof(void*));
  watch->arrived = arrived;
  watch->self = self;
  watch->receiver = receiver;
  watch->vtable = vtable;
  std::atomic_thread_fence(std::memory_order_release);
  *static_cast<void***>(receiver) = watch->words + kWordsBefore;
  *out = watch;
  return 0;
}

void gxfs_unwatch_arrivals(void* pointer) noexcept {
  auto* const watch = static_cast<Watch*>(pointer);
  if (vtableOf(watch->receiver) == watch->words + kWordsBefore) {
    *static_cast<void***>(watch->receiver) = watch->vtable;
  }
}

}  // extern "C"
