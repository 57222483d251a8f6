// The codelet and the extension object that the runtime sees: their virtual functions hand over to
// Rust.
#include <new>

#include "../abi/layout.hpp"
#include "shim.h"

namespace {

class Codelet final : public gxf_abi::Codelet {
 public:
  Codelet(const gxfs_codelet_calls& calls, void* self, bool has_name) noexcept
      : calls_(calls), self_(self), has_name_(has_name) {
    if (has_name_) new (&name_or_registrar_.name) std::string();
  }
  ~Codelet() override {
    calls_.drop(self_);
    if (has_name_) name_or_registrar_.name.~basic_string();
  }

  gxf_result_t registerInterface(gxf_abi::Registrar* registrar) noexcept override {
    const gxfs_component at = where();
    const gxfs_registrar seen{registrar->parameter_storage.get(), registrar->parameter_registrar,
                              registrar->tid, registrar->cid};
    return calls_.register_interface(self_, &at, &seen);
  }
  gxf_result_t initialize() noexcept override { return call(calls_.initialize); }
  gxf_result_t deinitialize() noexcept override { return call(calls_.deinitialize); }
  gxf_result_t start() noexcept override { return call(calls_.start); }
  gxf_result_t tick() noexcept override { return call(calls_.tick); }
  gxf_result_t stop() noexcept override { return call(calls_.stop); }

 private:
  gxfs_component where() const noexcept {
    return {component_.context, component_.eid, component_.cid};
  }
  gxf_result_t call(gxf_result_t (*function)(void*, const gxfs_component*)) noexcept {
    const gxfs_component at = where();
    return function(self_, &at);
  }

  const gxfs_codelet_calls& calls_;
  void* const self_;
  const bool has_name_;
};

class Extension final : public gxf_abi::Extension {
 public:
  Extension(const gxfs_extension_calls& calls, void* self) noexcept : calls_(calls), self_(self) {}

  gxf_result_t allocate(gxf_tid_t tid, void** out) noexcept override {
    return calls_.allocate(self_, &tid, out);
  }
  gxf_result_t deallocate(gxf_tid_t tid, void* pointer) noexcept override {
    return calls_.deallocate(self_, &tid, pointer);
  }
  // The Rust table already says who the extension is; nobody may say otherwise.
  gxf_result_t setInfo(gxf_tid_t, const char*, const char*, const char*, const char*,
                       const char*) noexcept override {
    return kNotImplemented;
  }
  gxf_result_t setDisplayInfo(const char*, const char*, const char*) noexcept override {
    return kNotImplemented;
  }
  gxf_result_t checkInfo() noexcept override { return calls_.check_info(self_); }
  gxf_result_t getInfo(gxf_extension_info_t* info) noexcept override {
    return calls_.get_info(self_, info);
  }
  gxf_result_t registerComponents(gxf_context_t context) noexcept override {
    return calls_.register_components(self_, context);
  }
  gxf_result_t hasComponent(const gxf_tid_t& tid) noexcept override {
    return calls_.has_component(self_, &tid);
  }
  gxf_result_t getComponentTypes(gxf_tid_t* tids, std::size_t* count) noexcept override {
    static_assert(sizeof(std::size_t) == sizeof(std::uint64_t));
    return calls_.get_component_types(self_, tids, reinterpret_cast<std::uint64_t*>(count));
  }
  gxf_result_t getComponentInfo(gxf_tid_t tid, gxf_component_info_t* info) noexcept override {
    return calls_.get_component_info(self_, &tid, info);
  }
  gxf_result_t getParameterInfo(gxf_context_t context, gxf_tid_t tid, const char* key,
                                gxf_parameter_info_t* info) noexcept override {
    return calls_.get_parameter_info(self_, context, &tid, key, info);
  }

 private:
  static constexpr gxf_result_t kNotImplemented = 2;  // GXF_NOT_IMPLEMENTED

  const gxfs_extension_calls& calls_;
  void* const self_;
};

}  // namespace

extern "C" {

void* gxfs_codelet_new(const gxfs_codelet_calls* calls, void* self, bool has_name) noexcept {
  // The runtime takes the address for that of its own Codelet class, whose vtable pointer is at
  // offset 0 as well.
  return static_cast<gxf_abi::Codelet*>(new (std::nothrow) Codelet(*calls, self, has_name));
}

void gxfs_codelet_delete(void* codelet) noexcept { delete static_cast<gxf_abi::Codelet*>(codelet); }

void* gxfs_extension_new(const gxfs_extension_calls* calls, void* self) noexcept {
  return static_cast<gxf_abi::Extension*>(new (std::nothrow) Extension(*calls, self));
}

// The object is NVIDIA's, of a class that no type information of ours can name: the sanitizer that
// compares the two (make sanitize) cannot be right here.
#define GXFS_OBJECT_OF_NVIDIAS __attribute__((no_sanitize("vptr")))

GXFS_OBJECT_OF_NVIDIAS gxf_result_t gxfs_factory_has_component(void* factory,
                                                               const gxf_tid_t* tid) noexcept {
  return static_cast<gxf_abi::Extension*>(factory)->hasComponent(*tid);
}

GXFS_OBJECT_OF_NVIDIAS gxf_result_t gxfs_factory_allocate(void* factory, const gxf_tid_t* tid,
                                                          void** out) noexcept {
  return static_cast<gxf_abi::Extension*>(factory)->allocate(*tid, out);
}

GXFS_OBJECT_OF_NVIDIAS gxf_result_t gxfs_factory_deallocate(void* factory, const gxf_tid_t* tid,
                                                            void* object) noexcept {
  return static_cast<gxf_abi::Extension*>(factory)->deallocate(*tid, object);
}

}  // extern "C"
