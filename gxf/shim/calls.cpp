// Calls into the runtime that need a mangled name or a C++ object by value: messages, events, the
// log.
#include <dlfcn.h>
#include <unwind.h>

#include "../abi/layout.hpp"
#include "shim.h"

namespace {

constexpr gxf_result_t kFailure = 1;
constexpr gxf_result_t kNotImplemented = 2;

struct Search {
  const void* own;
  void* found;
};

_Unwind_Reason_Code visit(_Unwind_Context* frame, void* argument) {
  auto* const search = static_cast<Search*>(argument);
  void* const address = reinterpret_cast<void*>(_Unwind_GetIP(frame));
  Dl_info info;
  if (address == nullptr || dladdr(address, &info) == 0 || info.dli_fbase == search->own) {
    return _URC_NO_REASON;
  }
  search->found = address;
  return _URC_NORMAL_STOP;
}

}  // namespace

extern "C" {

gxf_result_t gxfs_receive(const gxfs_symbols* symbols, void* receiver, gxf_context_t context,
                          gxf_uid_t* eid) noexcept try {
  if (symbols->receive == nullptr) return kNotImplemented;
  // More room than an Entity takes, in case a later one takes more.
  using Received = gxf_abi::Expected<4 * sizeof(gxf_abi::Entity)>;
  const Received result = reinterpret_cast<Received (*)(void*)>(symbols->receive)(receiver);
  if (result.is_error) return result.code;
  // Our Entity has no destructor, so the reference that came with it goes to the caller.
  const auto* const entity = reinterpret_cast<const gxf_abi::Entity*>(result.value);
  if (entity->context != context) return kNotImplemented;  // Another layout than the one we know.
  *eid = entity->eid;
  return 0;
} catch (...) {
  return kFailure;
}

gxf_result_t gxfs_sync(const gxfs_symbols* symbols, void* receiver) noexcept try {
  if (symbols->sync == nullptr) return kNotImplemented;
  using Sync = gxf_abi::ExpectedVoid (*)(void*);
  const gxf_abi::ExpectedVoid result = reinterpret_cast<Sync>(symbols->sync)(receiver);
  return result.is_error ? result.code : 0;
} catch (...) {
  return kFailure;
}

gxf_result_t gxfs_publish(const gxfs_symbols* symbols, void* transmitter, gxf_context_t context,
                          gxf_uid_t eid) noexcept try {
  if (symbols->publish == nullptr) return kNotImplemented;
  const gxf_abi::Entity entity{context, eid, nullptr};  // The runtime looks the item up itself.
  using Publish = gxf_abi::ExpectedVoid (*)(void*, const gxf_abi::Entity&);
  const gxf_abi::ExpectedVoid result =
      reinterpret_cast<Publish>(symbols->publish)(transmitter, entity);
  return result.is_error ? result.code : 0;
} catch (...) {
  return kFailure;
}

void gxfs_set_event_state(const gxfs_symbols* symbols, void* term, std::int32_t state) noexcept {
  using Set = void (*)(void*, std::int32_t);
  reinterpret_cast<Set>(symbols->set_event_state)(term, state);
}

bool gxfs_log(const gxfs_symbols* symbols, const char* file, std::int32_t line,
              std::int32_t severity, const char* text) noexcept try {
  if (symbols->logger_instance != nullptr && symbols->logger_log != nullptr) {
    void* const logger = reinterpret_cast<void* (*)()>(symbols->logger_instance)();
    using Log = void (*)(void*, const char*, int, const char*, int, const char*);
    reinterpret_cast<Log>(symbols->logger_log)(logger, file, line, nullptr, severity, text);
    return true;
  }
  if (symbols->logging_function != nullptr) {
    using Function = void (*)(const char*, int, int, const char*, void*);
    const Function log = *static_cast<Function*>(symbols->logging_function);
    if (log != nullptr) log(file, line, severity, text, nullptr);
    return true;
  }
  return false;
} catch (...) {
  return false;
}

void* gxfs_caller_outside(const void* own) noexcept {
  Dl_info info;
  if (dladdr(own, &info) == 0) return nullptr;
  Search search{info.dli_fbase, nullptr};
  _Unwind_Backtrace(visit, &search);
  return search.found;
}

}  // extern "C"
