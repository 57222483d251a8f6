// Parameters: declared to the parameter registrar, made in the parameter storage, watched for new
// values.
//
// Only what needs a C++ type is here: std::string and std::function in the runtime's own layouts,
// and one vtable slot.
#include <malloc.h>

#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <type_traits>
#include <utility>

#include "../abi/layout.hpp"
#include "shim.h"

namespace {

using gxf_abi::AnyValue;
using gxf_abi::Backend;
using gxf_abi::ErasedValue;
using gxf_abi::ExpectedVoid;

// gxf_parameter_type_t; source: gxf/core/gxf.h.
enum Type : std::int32_t {
  kHandle = 1,
  kString = 2,
  kInt64 = 3,
  kUInt64 = 4,
  kFloat64 = 5,
  kBool = 6,
  kInt32 = 7,
  kFile = 8,
  kUInt32 = 13,
};
constexpr std::size_t kTypes = 17;

constexpr gxf_result_t kFailure = 1;
constexpr gxf_result_t kNotImplemented = 2;
constexpr gxf_result_t kArgumentInvalid = 9;
constexpr gxf_result_t kNotInitialized = 34;

template <typename T>
class Erased final : public ErasedValue {
 public:
  explicit Erased(T value) : value_(std::move(value)) {}
  const void* get() const override { return &value_; }
  std::unique_ptr<ErasedValue> clone() const override { return std::make_unique<Erased>(value_); }

 private:
  T value_;
};

std::unique_ptr<ErasedValue> erase(std::int32_t type, const gxfs_value& value) {
  switch (type) {
    case kString:
    case kFile:  // The runtime's FilePath is a std::string with another name.
      return std::make_unique<Erased<std::string>>(value.text);
    case kInt64:
      return std::make_unique<Erased<std::int64_t>>(value.i64_);
    case kUInt64:
      return std::make_unique<Erased<std::uint64_t>>(value.u64_);
    case kInt32:
      return std::make_unique<Erased<std::int32_t>>(value.i32_);
    case kUInt32:
      return std::make_unique<Erased<std::uint32_t>>(value.u32_);
    case kFloat64:
      return std::make_unique<Erased<double>>(value.f64_);
    case kBool:
      return std::make_unique<Erased<bool>>(value.boolean);
    default:
      return nullptr;
  }
}

bool isText(std::int32_t type) { return type == kString || type == kFile; }

bool isNumber(std::int32_t type) {
  return type == kInt64 || type == kUInt64 || type == kInt32 || type == kUInt32 || type == kFloat64;
}

// True while this thread is in parseWatched.
thread_local bool t_parsing = false;

// Who watches a parameter; found again from the backend through its validator or its vtable.
struct Watch {
  const gxfs_parameter_calls* calls;
  const void* self;
  gxf_context_t context;
  gxf_uid_t cid;
  std::int32_t type;

  bool operator()(const AnyValue& any) const noexcept {
    gxfs_value value{};
    if (isText(type)) {
      value.text = reinterpret_cast<const std::string&>(any).c_str();
    } else {
      const bool wide = type == kInt64 || type == kUInt64 || type == kFloat64;
      std::memcpy(&value, &any, type == kBool ? sizeof(bool) : wide ? 8 : 4);
    }
    return calls->accept(self, cid, &value, t_parsing);
  }
};

using Parse = ExpectedVoid (*)(Backend*, void* node, const std::string& prefix);

// A copy of the runtime's vtable for one parameter type, with our parse in its slot. The offset to
// top and the type information before the functions are copied too: the runtime finds the backend's
// type by dynamic_cast.
struct WatchedVtable {
  Parse original;
  void* words[2 + gxf_abi::kBackendSlots];
};
WatchedVtable g_vtables[kTypes];
std::mutex g_vtables_mutex;

ExpectedVoid parseWatched(Backend* backend, void* node, const std::string& prefix) noexcept {
  const auto* bytes = reinterpret_cast<const unsigned char*>(backend->vtable);
  const auto* table = reinterpret_cast<const WatchedVtable*>(bytes - 2 * sizeof(void*) -
                                                             offsetof(WatchedVtable, words));
  const Watch* watch = backend->validator.target<Watch>();
  if (watch == nullptr) return table->original(backend, node, prefix);
  const Watch at = *watch;
  const gxf_result_t refused = at.calls->before_parse(at.self, at.context, node, prefix.c_str());
  if (refused != 0) {
    at.calls->after_parse(at.self, at.context, at.cid, node, prefix.c_str(), refused);
    return ExpectedVoid(refused);
  }
  t_parsing = true;
  ExpectedVoid result = table->original(backend, node, prefix);
  t_parsing = false;
  at.calls->after_parse(at.self, at.context, at.cid, node, prefix.c_str(),
                        result.is_error ? result.code : 0);
  return result;
}

// Whether what the runtime has made is a backend as layout.hpp describes it: everything that was
// told to the runtime is where it is expected, and the object is as large as what is done with it.
bool isBackend(const void* made, std::size_t size, gxf_uid_t cid, const gxfs_parameter& p,
               std::size_t frontend_at, const void* frontend) {
  if (malloc_usable_size(const_cast<void*>(made)) < size) return false;
  const auto* const backend = static_cast<const Backend*>(made);
  const void* known = nullptr;
  std::memcpy(&known, static_cast<const unsigned char*>(made) + frontend_at, sizeof(known));
  return backend->uid == cid && backend->flags == p.flags && backend->key == p.key &&
         backend->headline == p.headline && backend->description == p.description &&
         known == frontend;
}

// Where a backend keeps its frontend, and where that keeps the backend.
struct Places {
  std::size_t size;
  std::size_t frontend;
  std::size_t backend;
};
constexpr Places kNumber{sizeof(Backend) + sizeof(ExpectedVoid), offsetof(Backend, frontend),
                         gxf_abi::kFrontendBackendNumber};
constexpr Places kText{gxf_abi::kStringBackendSize, offsetof(Backend, frontend),
                       gxf_abi::kFrontendBackendString};
constexpr Places kOfHandle{gxf_abi::kHandleBackendSize, gxf_abi::kHandleBackendFrontend,
                           gxf_abi::kFrontendBackendHandle};

// Stands in for the frontend, of which only the backend's pointer is written here.
struct alignas(16) Frontend {
  unsigned char bytes[256];
};

template <std::size_t kValueSize>
gxf_result_t callRegister(void* function, void* storage, gxf_uid_t cid, const gxfs_parameter& p,
                          const Places& at, void** backend) {
  if (function == nullptr) return kNotImplemented;
  using Default = gxf_abi::Expected<kValueSize>;
  using Register = ExpectedVoid (*)(void*, void*, gxf_uid_t, const char*, const char*, const char*,
                                    Default, std::uint32_t);
  auto frontend = std::make_unique<Frontend>();
  const ExpectedVoid result =
      reinterpret_cast<Register>(function)(storage, frontend.get(), cid, p.key, p.headline,
                                           p.description, Default(kNotInitialized), p.flags);
  if (result.is_error) return result.code;
  std::memcpy(backend, frontend->bytes + at.backend, sizeof(void*));
  // Another layout than the one we know: refuse rather than write into it. The runtime has a
  // backend all the same, with a pointer to this frontend somewhere in it that cannot be cleared:
  // the frontend stays for good.
  if (*backend == nullptr || !isBackend(*backend, at.size, cid, p, at.frontend, frontend.get())) {
    frontend.release();
    return *backend == nullptr ? kFailure : kNotImplemented;
  }
  // The stand-in frontend is gone after this call; the runtime skips a null one.
  std::memset(static_cast<unsigned char*>(*backend) + at.frontend, 0, sizeof(void*));
  return 0;
}

// The runtime's vtable for a text, with ours in the place of the destructor that also frees: that
// one would say of a block that was made for a handle that it is as large as a text's backend, and
// an allocator may believe it.
struct TextInHandleVtable {
  void* words[2 + gxf_abi::kBackendSlots];
};
TextInHandleVtable g_text_in_handle[kTypes];

void freeTextInHandle(Backend* backend) noexcept {
  void (*destroy)(Backend*) = nullptr;
  std::memcpy(&destroy, &backend->vtable[0], sizeof(destroy));
  destroy(backend);
  ::operator delete(backend, gxf_abi::kHandleBackendSize);
}

void** textInHandleVtable(const gxfs_symbols* symbols, std::int32_t type) {
  const std::lock_guard<std::mutex> lock(g_vtables_mutex);
  TextInHandleVtable& table = g_text_in_handle[type];
  if (table.words[2] == nullptr) {
    std::memcpy(table.words, symbols->backend_vtable, sizeof(table.words));
    void (*const ours)(Backend*) noexcept = freeTextInHandle;
    std::memcpy(&table.words[2 + gxf_abi::kBackendFreeSlot], &ours, sizeof(void*));
  }
  return table.words + 2;
}

// 5.3 and later export registerParameter for handles but not for texts. A backend of a handle is
// larger than one of a text and has nothing in it that needs a destructor, so it is made into one:
// same base, no frontend, no validator, no value.
gxf_result_t registerTextInHandle(const gxfs_symbols* symbols, void* storage, gxf_uid_t cid,
                                  const gxfs_parameter& parameter, void** made) {
  static_assert(gxf_abi::kStringBackendSize <= gxf_abi::kHandleBackendSize);
  if (symbols->backend_vtable == nullptr) return kNotImplemented;
  const gxf_result_t code = callRegister<gxf_abi::kHandleSize>(symbols->register_handle, storage,
                                                               cid, parameter, kOfHandle, made);
  if (code != 0) return code;
  auto* const bytes = static_cast<unsigned char*>(*made);
  std::memset(bytes + offsetof(Backend, frontend), 0,
              gxf_abi::kHandleBackendSize - offsetof(Backend, frontend));
  new (bytes + sizeof(Backend)) gxf_abi::Expected<sizeof(std::string)>(kNotInitialized);
  static_cast<Backend*>(*made)->vtable = textInHandleVtable(symbols, parameter.type);
  return 0;
}

}  // namespace

extern "C" {

gxf_result_t gxfs_declare_parameter(const gxfs_symbols* symbols, void* registrar, gxf_tid_t tid,
                                    const char* type_name, const gxfs_parameter* parameter) noexcept
    try {
  if (symbols->declare_parameter == nullptr) return kNotImplemented;
  gxf_abi::ComponentParameterInfo info;
  info.key = parameter->key;
  info.headline = parameter->headline;
  info.description = parameter->description;
  info.type = parameter->type;
  info.handle_tid = parameter->handle_tid;
  info.is_arithmetic = isNumber(parameter->type);
  info.flags = parameter->flags;
  if (parameter->has_default) {
    info.default_value = erase(parameter->type, parameter->default_value);
  }
  if (parameter->has_range) {
    for (std::size_t i = 0; i < (parameter->has_step ? 3u : 2u); ++i) {
      info.range[i] = erase(parameter->type, parameter->range[i]);
    }
  }
  using Declare =
      ExpectedVoid (*)(void*, gxf_tid_t, const std::string&, gxf_abi::ComponentParameterInfo&);
  const ExpectedVoid result =
      reinterpret_cast<Declare>(symbols->declare_parameter)(registrar, tid, type_name, info);
  return result.is_error ? result.code : 0;
} catch (...) {
  return kFailure;
}

gxf_result_t gxfs_declare_parameterless(const gxfs_symbols* symbols, void* registrar, gxf_tid_t tid,
                                        const char* type_name) noexcept try {
  if (symbols->declare_parameterless == nullptr) return kNotImplemented;
  using Declare = void (*)(void*, gxf_tid_t, std::string);
  reinterpret_cast<Declare>(symbols->declare_parameterless)(registrar, tid, type_name);
  return 0;
} catch (...) {
  return kFailure;
}

gxf_result_t gxfs_register_parameter(const gxfs_symbols* symbols, void* storage, gxf_uid_t cid,
                                     const gxfs_parameter* parameter, void** out) noexcept try {
  void* made = nullptr;
  gxf_result_t code = kArgumentInvalid;
  if (parameter->type == kHandle) {
    code = callRegister<gxf_abi::kHandleSize>(symbols->register_handle, storage, cid, *parameter,
                                              kOfHandle, &made);
  } else if (isText(parameter->type)) {
    void* const function =
        parameter->type == kString ? symbols->register_string : symbols->register_path;
    if (function == nullptr) {
      code = registerTextInHandle(symbols, storage, cid, *parameter, &made);
    } else
      code = callRegister<sizeof(std::string)>(function, storage, cid, *parameter, kText, &made);
  } else if (parameter->type == kBool || isNumber(parameter->type)) {
    // Not every core exports registerParameter for every number, all of them do for bool. A backend
    // of bool differs from one of a number in its vtable alone (layout.hpp), and the vtables of all
    // numbers are exported.
    if (parameter->type != kBool && symbols->backend_vtable == nullptr) return kNotImplemented;
    code = callRegister<8>(symbols->register_bool, storage, cid, *parameter, kNumber, &made);
  }
  if (code != 0) return code;

  if (isNumber(parameter->type)) {
    static_cast<Backend*>(made)->vtable = static_cast<void**>(symbols->backend_vtable) + 2;
  }
  *out = made;
  return 0;
} catch (...) {
  return kFailure;
}

gxf_result_t gxfs_watch_parameter(void* backend_pointer, std::int32_t type,
                                  const gxfs_parameter_calls* calls, const void* self) noexcept
    try {
  if (type < 0 || static_cast<std::size_t>(type) >= kTypes || type == kHandle) {
    return kArgumentInvalid;
  }
  auto* const backend = static_cast<Backend*>(backend_pointer);
  backend->validator = Watch{calls, self, backend->context, backend->uid, type};

  const std::lock_guard<std::mutex> lock(g_vtables_mutex);
  WatchedVtable& table = g_vtables[type];
  if (table.original == nullptr) {
    std::memcpy(table.words, backend->vtable - 2, sizeof(table.words));
    std::memcpy(&table.original, &table.words[2 + gxf_abi::kBackendParseSlot], sizeof(void*));
    const Parse ours = parseWatched;
    std::memcpy(&table.words[2 + gxf_abi::kBackendParseSlot], &ours, sizeof(void*));
  }
  backend->vtable = table.words + 2;
  return 0;
} catch (...) {
  return kFailure;
}

}  // extern "C"
