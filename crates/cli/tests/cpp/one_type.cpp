// An extension with one abstract type, for tests: who it is and what the type derives from come
// from the compiler's command line (NAME, UUID, TYPE, TYPE_ID, BASE). It finds the core as an
// extension must: in the process, by no symbol. Left to others: objects, which an abstract type has
// none of.
#include <dlfcn.h>

#include <new>

#include "layout.hpp"

namespace {

constexpr std::uint64_t kSecondHalf = 0x4444555555555555;
constexpr gxf_tid_t kId{UUID, kSecondHalf};
constexpr gxf_tid_t kType{TYPE_ID, kSecondHalf};
constexpr gxf_result_t kSuccess = 0;
constexpr gxf_result_t kFailure = 1;

template <typename Function>
Function* core(const char* name) {
  void* library = dlopen("libgxf_core.so", RTLD_NOW | RTLD_NOLOAD);
  return library == nullptr ? nullptr : reinterpret_cast<Function*>(dlsym(library, name));
}

bool same(gxf_tid_t left, gxf_tid_t right) {
  return left.hash1 == right.hash1 && left.hash2 == right.hash2;
}

class OneType final : public gxf_abi::Extension {
 public:
  gxf_result_t allocate(gxf_tid_t, void**) noexcept override { return abstract(); }
  gxf_result_t deallocate(gxf_tid_t, void*) noexcept override { return abstract(); }
  gxf_result_t setInfo(gxf_tid_t, const char*, const char*, const char*, const char*,
                       const char*) noexcept override {
    return kFailure;
  }
  gxf_result_t setDisplayInfo(const char*, const char*, const char*) noexcept override {
    return kFailure;
  }
  gxf_result_t checkInfo() noexcept override { return kSuccess; }
  gxf_result_t getInfo(gxf_extension_info_t* info) noexcept override {
    info->id = kId;
    info->name = NAME;
    info->description = info->display_name = info->category = info->brief = "For a test";
    info->version = "1.0.0";
    info->license = info->author = "Nobody";
    info->runtime_version = runtime_version();
    return getComponentTypes(info->components, &info->num_components);
  }
  gxf_result_t registerComponents(gxf_context_t context) noexcept override {
    auto* add = core<decltype(GxfRegisterComponent)>("GxfRegisterComponent");
    return add == nullptr ? kFailure : add(context, kType, TYPE, BASE);
  }
  gxf_result_t hasComponent(const gxf_tid_t& tid) noexcept override {
    return same(tid, kType) ? kSuccess : kFailure;
  }
  gxf_result_t getComponentTypes(gxf_tid_t* tids, std::size_t* count) noexcept override {
    const bool room = tids != nullptr && *count >= 1;
    *count = 1;
    if (room) *tids = kType;
    return kSuccess;
  }
  gxf_result_t getComponentInfo(gxf_tid_t tid, gxf_component_info_t* info) noexcept override {
    if (!same(tid, kType)) return kFailure;
    info->cid = kType;
    info->base_name = BASE;
    info->is_abstract = 1;
    info->type_name = TYPE;
    info->display_name = info->brief = info->description = "For a test";
    info->num_parameters = 0;
    return kSuccess;
  }
  gxf_result_t getParameterInfo(gxf_context_t, gxf_tid_t, const char*,
                                gxf_parameter_info_t*) noexcept override {
    return kFailure;
  }

 private:
  static gxf_result_t abstract() {
    auto* text = core<decltype(GxfResultStr)>("GxfResultStr");
    // Codes have other numbers in other releases.
    for (gxf_result_t code = 0; text != nullptr && code < 100; ++code) {
      if (std::string(text(code)) == "GXF_FACTORY_ABSTRACT_CLASS") return code;
    }
    return kFailure;
  }
  const char* runtime_version() {
    auto* ask = core<decltype(GxfRuntimeInfo)>("GxfRuntimeInfo");
    auto* make = core<decltype(GxfContextCreate)>("GxfContextCreate");
    auto* destroy = core<decltype(GxfContextDestroy)>("GxfContextDestroy");
    gxf_context_t context = nullptr;
    if (ask == nullptr || make == nullptr || destroy == nullptr || make(&context) != kSuccess)
      return "";
    gxf_tid_t none[1];
    gxf_runtime_info info{"", 1, none};
    if (ask(context, &info) == kSuccess && info.version != nullptr) version_ = info.version;
    destroy(context);
    return version_.c_str();
  }

  std::string version_;
};

}  // namespace

extern "C" gxf_result_t GxfExtensionFactory(void** out) {
  static OneType extension;
  *out = &extension;
  return kSuccess;
}
