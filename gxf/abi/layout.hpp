// Layouts of the few C++ objects of GXF that an extension touches, each with its source of truth.
//
// Only sizes, offsets and the order of virtual functions are stated, in our own declarations; the
// runtime's own classes are never named to the compiler. Measured on the releases that
// src/release.rs names (x86-64, Itanium C++ ABI, the new libstdc++ string). A change here shows up
// as a failed static_assert or in tests/, not as a crash at a customer's.
#ifndef GXF_ABI_LAYOUT_HPP_
#define GXF_ABI_LAYOUT_HPP_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "gxf_api.h"

namespace gxf_abi {

// nvidia::Expected<T, gxf_result_t>: flag, message, then the value or the error code.
// Source: common/expected.hpp (GXF 4.1.0), members of ExpectedBase. The user-provided destructor
// makes the compiler pass it the way it passes the original, which is not trivially copyable: by
// reference, returned through a hidden pointer.
template <std::size_t kValueSize>
struct Expected {
  bool is_error = true;
  const char* message = "";
  union {
    gxf_result_t code;
    alignas(8) unsigned char value[kValueSize];
  };

  explicit Expected(gxf_result_t error) noexcept : value{} { code = error; }
  Expected(const Expected& other) noexcept : is_error(other.is_error), message(other.message) {
    for (std::size_t i = 0; i < kValueSize; ++i) value[i] = other.value[i];
  }
  Expected& operator=(const Expected&) = delete;
  ~Expected() {}
};

using ExpectedVoid = Expected<8>;
static_assert(sizeof(ExpectedVoid) == 24 && offsetof(ExpectedVoid, value) == 16);

// nvidia::gxf::Handle<T>: context, cid, tid, pointer. Source: gxf/core/handle.hpp, members of
// UntypedHandle.
constexpr std::size_t kHandleSize = 40;
static_assert(sizeof(Expected<kHandleSize>) == 56);

// nvidia::gxf::Entity: context, eid, pointer to the entity item. Source: gxf/core/entity.hpp.
struct Entity {
  gxf_context_t context;
  gxf_uid_t eid;
  void* item;
};
static_assert(sizeof(Entity) == 24);

// The members of nvidia::gxf::Component after its vtable pointer, as far as all versions agree.
// Source: gxf/core/component.hpp; the runtime writes them inline (Component::internalSetup) before
// it calls a virtual function.
struct ComponentMembers {
  gxf_context_t context;
  gxf_uid_t eid;
  gxf_uid_t cid;
  gxf_tid_t tid;
  const char* type_name;
};
static_assert(sizeof(ComponentMembers) == 48 && offsetof(ComponentMembers, tid) == 24);

// What follows differs. Up to 5.4: three pointers (registrar, parameter registrar, parameter
// storage), which the runtime only writes. From 5.5 on: the component's name as a std::string, then
// the three pointers. Which of the two it is says src/release.rs, before the first object is made.
union NameOrRegistrar {
  void* registrar;
  std::string name;

  NameOrRegistrar() noexcept : registrar(nullptr) {}
  ~NameOrRegistrar() {}  // Only the codelet knows which of the two it is.
};
static_assert(sizeof(std::string) == 32 && sizeof(NameOrRegistrar) == 32);

// Room for the rest: the three pointers behind a name, and what nvidia::gxf::Codelet adds (five
// members of 8 bytes, written by the executor; source: gxf/std/codelet.hpp). More than that,
// against a codelet that grows.
struct OtherMembers {
  std::int64_t words[16];
};

// nvidia::gxf::Registrar. Source: gxf/core/registrar.hpp, its public data members; no virtual
// functions.
struct Registrar {
  std::shared_ptr<void> parameter_storage;
  void* parameter_registrar;
  std::shared_ptr<void> resource_registrar;
  std::shared_ptr<void> resource_manager;
  gxf_tid_t tid;
  gxf_uid_t cid;
  std::string type_name;
};
static_assert(offsetof(Registrar, parameter_registrar) == 16 && offsetof(Registrar, tid) == 56 &&
              offsetof(Registrar, cid) == 72 && offsetof(Registrar, type_name) == 80);

// The virtual functions of nvidia::gxf::Codelet in order. Sources: gxf/core/component.hpp,
// gxf/std/codelet.hpp.
class Codelet {
 public:
  virtual ~Codelet() = default;
  virtual gxf_result_t registerInterface(Registrar* registrar) noexcept = 0;
  virtual gxf_result_t initialize() noexcept = 0;
  virtual gxf_result_t deinitialize() noexcept = 0;
  virtual gxf_result_t start() noexcept = 0;
  virtual gxf_result_t tick() noexcept = 0;
  virtual gxf_result_t stop() noexcept = 0;

 protected:
  ComponentMembers component_{};
  NameOrRegistrar name_or_registrar_;
  OtherMembers other_{};
};
static_assert(sizeof(Codelet) == 8 + 48 + 32 + 128);

// The virtual functions of nvidia::gxf::Extension in order. Sources: gxf/std/component_factory.hpp,
// extension.hpp.
class Extension {
 public:
  virtual ~Extension() = default;
  virtual gxf_result_t allocate(gxf_tid_t tid, void** out) noexcept = 0;
  virtual gxf_result_t deallocate(gxf_tid_t tid, void* pointer) noexcept = 0;
  virtual gxf_result_t setInfo(gxf_tid_t tid, const char* name, const char* description,
                               const char* author, const char* version,
                               const char* license) noexcept = 0;
  virtual gxf_result_t setDisplayInfo(const char* display_name, const char* category,
                                      const char* brief) noexcept = 0;
  virtual gxf_result_t checkInfo() noexcept = 0;
  virtual gxf_result_t getInfo(gxf_extension_info_t* info) noexcept = 0;
  virtual gxf_result_t registerComponents(gxf_context_t context) noexcept = 0;
  virtual gxf_result_t hasComponent(const gxf_tid_t& tid) noexcept = 0;
  virtual gxf_result_t getComponentTypes(gxf_tid_t* tids, std::size_t* count) noexcept = 0;
  virtual gxf_result_t getComponentInfo(gxf_tid_t tid, gxf_component_info_t* info) noexcept = 0;
  virtual gxf_result_t getParameterInfo(gxf_context_t context, gxf_tid_t tid, const char* key,
                                        gxf_parameter_info_t* info) noexcept = 0;
};

// What a declared default or range value is kept in: ParameterRegistrar::TypeEraser holds one
// owning pointer to such an object. Source: gxf/core/parameter_registrar.hpp (destructors, get,
// clone).
class ErasedValue {
 public:
  virtual ~ErasedValue() = default;
  virtual const void* get() const = 0;
  virtual std::unique_ptr<ErasedValue> clone() const = 0;
};

// nvidia::gxf::ParameterRegistrar::ComponentParameterInfo. Source:
// gxf/core/parameter_registrar.hpp.
struct ComponentParameterInfo {
  std::string key;
  std::string headline;
  std::string description;
  std::string platform_information;
  std::int32_t type = 0;
  gxf_tid_t handle_tid{};
  bool is_arithmetic = false;
  std::uint32_t flags = 0;
  std::unique_ptr<ErasedValue> default_value;
  std::array<std::unique_ptr<ErasedValue>, 3> range;
  std::int32_t rank = 0;
  std::int32_t shape[8] = {1, 1, 1, 1, 1, 1, 1, 1};
};
static_assert(sizeof(ComponentParameterInfo) == 232 &&
              offsetof(ComponentParameterInfo, type) == 128 &&
              offsetof(ComponentParameterInfo, handle_tid) == 136 &&
              offsetof(ComponentParameterInfo, is_arithmetic) == 152 &&
              offsetof(ComponentParameterInfo, flags) == 156 &&
              offsetof(ComponentParameterInfo, default_value) == 160 &&
              offsetof(ComponentParameterInfo, range) == 168 &&
              offsetof(ComponentParameterInfo, rank) == 192 &&
              offsetof(ComponentParameterInfo, shape) == 196);

// nvidia::gxf::ParameterBackend<T> for a T that is no handle, up to its value. Source:
// gxf/core/parameter.hpp (ParameterBackendBase, then ParameterBackend<T>). Its size is the same for
// bool, int and double, 8-byte values included: the value member is an Expected of 24 bytes for all
// of them.
struct AnyValue {
  unsigned char first_byte;
};
struct Backend {
  void** vtable;
  gxf_context_t context;
  gxf_uid_t uid;
  std::uint32_t flags;
  bool is_dynamic;
  const char* key;
  const char* headline;
  const char* description;
  void* frontend;
  // Declared with const T&; a reference to any type is passed the same way.
  std::function<bool(const AnyValue&)> validator;
};
static_assert(offsetof(Backend, uid) == 16 && offsetof(Backend, flags) == 24 &&
              offsetof(Backend, key) == 32 && offsetof(Backend, frontend) == 56 &&
              offsetof(Backend, validator) == 64 && sizeof(Backend) == 96);

// The same for a handle: a constant error value stands before the frontend pointer, and there is no
// validator.
constexpr std::size_t kHandleBackendFrontend = 56 + sizeof(Expected<kHandleSize>);

// A backend of a string, and the backend of a handle that it fits into. Source: as above.
constexpr std::size_t kStringBackendSize = sizeof(Backend) + sizeof(Expected<sizeof(std::string)>);
constexpr std::size_t kHandleBackendSize =
    kHandleBackendFrontend + sizeof(void*) + sizeof(Expected<kHandleSize>);
static_assert(kStringBackendSize == 144 && kHandleBackendSize == 176);

// Order of the virtual functions of ParameterBackend<T>: two destructors, writeToFrontend, parse,
// wrap, isAvailable.
constexpr std::size_t kBackendFreeSlot = 1;  // The second destructor: also frees.
constexpr std::size_t kBackendParseSlot = 3;
constexpr std::size_t kBackendSlots = 6;

// nvidia::gxf::Parameter<T> (the frontend): a vtable pointer, Expected<T> (for a handle two of
// them), the backend's pointer. Source: gxf/core/parameter.hpp. registerParameter only stores the
// backend's pointer into it.
constexpr std::size_t kFrontendBackendNumber = 8 + sizeof(ExpectedVoid);
constexpr std::size_t kFrontendBackendString = 8 + sizeof(Expected<sizeof(std::string)>);
constexpr std::size_t kFrontendBackendHandle = 8 + 2 * sizeof(Expected<kHandleSize>);
static_assert(kFrontendBackendNumber == 32 && kFrontendBackendString == 56 &&
              kFrontendBackendHandle == 120);

}  // namespace gxf_abi

#endif  // GXF_ABI_LAYOUT_HPP_
