/* The part of the GXF C API that this crate calls or answers.
 *
 * Source of truth: the dynamic symbols of libgxf_core.so 4.1.1 (holoscan 2.9.0 wheel) for the
 * names; the public headers gxf/core/gxf.h and gxf/core/gxf_ext.h of GXF 4.1.0 for signatures and
 * the order of struct members. The same names are exported by every core from 4.0.0 to 5.7.1. Sizes
 * and offsets are asserted in layout.hpp and sys.rs. Declarations in our own words; nothing here
 * needs an NVIDIA header. */
#ifndef GXF_ABI_GXF_API_H_
#define GXF_ABI_GXF_API_H_

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A C enumeration in the runtime; success is 0. An integer here: a newer runtime may return a code
 * we do not name. */
typedef int32_t gxf_result_t;
typedef void* gxf_context_t;
typedef int64_t gxf_uid_t;

typedef struct gxf_tid_t {
  uint64_t hash1;
  uint64_t hash2;
} gxf_tid_t;

typedef struct gxf_runtime_info {
  const char* version;
  uint64_t num_extensions; /* in: room in extensions; out: how many there are */
  gxf_tid_t* extensions;
} gxf_runtime_info;

typedef struct gxf_extension_info_t {
  gxf_tid_t id;
  const char* name;
  const char* description;
  const char* version;
  const char* runtime_version;
  const char* license;
  const char* author;
  const char* display_name;
  const char* category;
  const char* brief;
  uint64_t num_components; /* in: room in components; out: how many there are */
  gxf_tid_t* components;
} gxf_extension_info_t;

typedef struct gxf_component_info_t {
  gxf_tid_t cid;
  const char* base_name;
  int is_abstract;
  const char* type_name;
  const char* display_name;
  const char* brief;
  const char* description;
  uint64_t num_parameters; /* in: room in parameters; out: how many there are */
  const char** parameters;
} gxf_component_info_t;

typedef struct gxf_parameter_info_t {
  const char* key;
  const char* headline;
  const char* description;
  uint32_t flags;
  int32_t type;
  gxf_tid_t handle_tid;
  const void* default_value;
  const void* numeric_min;
  const void* numeric_max;
  const void* numeric_step;
  const char* platform_information;
  int32_t rank;
  int32_t shape[8];
} gxf_parameter_info_t;

typedef struct GxfLoadExtensionsInfo {
  const char* const* extension_filenames;
  uint32_t extension_filenames_count;
  const char* const* manifest_filenames;
  uint32_t manifest_filenames_count;
  const char* base_directory;
} GxfLoadExtensionsInfo;

typedef struct GxfEntityCreateInfo {
  const char* entity_name; /* null: the runtime picks one */
  uint32_t flags;
} GxfEntityCreateInfo;

/* Files with the types of extensions whose libraries are not loaded: what a registry works with. */
gxf_result_t GxfLoadExtensionMetadataFiles(gxf_context_t context, const char* const* filenames,
                                           uint32_t count);

const char* GxfResultStr(gxf_result_t result);
gxf_result_t GxfRuntimeInfo(gxf_context_t context, gxf_runtime_info* info);

gxf_result_t GxfContextCreate(gxf_context_t* context);
gxf_result_t GxfContextDestroy(gxf_context_t context);
gxf_result_t GxfSetSeverity(gxf_context_t context, int32_t severity);
gxf_result_t GxfRedirectLog(gxf_context_t context, FILE* file);

gxf_result_t GxfLoadExtensions(gxf_context_t context, const GxfLoadExtensionsInfo* info);
gxf_result_t GxfRegisterComponent(gxf_context_t context, gxf_tid_t tid, const char* name,
                                  const char* base_name);
gxf_result_t GxfExtensionInfo(gxf_context_t context, gxf_tid_t tid, gxf_extension_info_t* info);
gxf_result_t GxfComponentInfo(gxf_context_t context, gxf_tid_t tid, gxf_component_info_t* info);
/* Asks the extension, which GxfGetParameterInfo does not. */
gxf_result_t GxfParameterInfo(gxf_context_t context, gxf_tid_t tid, const char* key,
                              gxf_parameter_info_t* info);
gxf_result_t GxfGetParameterInfo(gxf_context_t context, gxf_tid_t tid, const char* key,
                                 gxf_parameter_info_t* info);

gxf_result_t GxfGraphSetRootPath(gxf_context_t context, const char* path);
gxf_result_t GxfGraphLoadFile(gxf_context_t context, const char* filename, const char* overrides[],
                              uint32_t num_overrides);
gxf_result_t GxfGraphActivate(gxf_context_t context);
gxf_result_t GxfGraphRunAsync(gxf_context_t context);
gxf_result_t GxfGraphInterrupt(gxf_context_t context);
gxf_result_t GxfGraphWait(gxf_context_t context);
gxf_result_t GxfGraphDeactivate(gxf_context_t context);

gxf_result_t GxfCreateEntity(gxf_context_t context, const GxfEntityCreateInfo* info,
                             gxf_uid_t* eid);
gxf_result_t GxfEntityFind(gxf_context_t context, const char* name, gxf_uid_t* eid);
gxf_result_t GxfEntityFindAll(gxf_context_t context, uint64_t* num_entities, gxf_uid_t* entities);
/* GxfEntityGetName: not in 4.0, so it is looked up by itself. */
typedef gxf_result_t (*gxf_entity_get_name_t)(gxf_context_t context, gxf_uid_t eid,
                                              const char** name);
gxf_result_t GxfEntityRefCountInc(gxf_context_t context, gxf_uid_t eid);
gxf_result_t GxfEntityRefCountDec(gxf_context_t context, gxf_uid_t eid);
gxf_result_t GxfEntityEventNotify(gxf_context_t context, gxf_uid_t eid);

gxf_result_t GxfComponentTypeId(gxf_context_t context, const char* name, gxf_tid_t* tid);
gxf_result_t GxfComponentTypeName(gxf_context_t context, gxf_tid_t tid, const char** name);
gxf_result_t GxfComponentName(gxf_context_t context, gxf_uid_t cid, const char** name);
gxf_result_t GxfComponentType(gxf_context_t context, gxf_uid_t cid, gxf_tid_t* tid);
gxf_result_t GxfComponentEntity(gxf_context_t context, gxf_uid_t cid, gxf_uid_t* eid);
gxf_result_t GxfComponentAdd(gxf_context_t context, gxf_uid_t eid, gxf_tid_t tid, const char* name,
                             gxf_uid_t* cid);
gxf_result_t GxfComponentFind(gxf_context_t context, gxf_uid_t eid, gxf_tid_t tid, const char* name,
                              int32_t* offset, gxf_uid_t* cid);
gxf_result_t GxfComponentPointer(gxf_context_t context, gxf_uid_t cid, gxf_tid_t tid,
                                 void** pointer);

gxf_result_t GxfParameterSetInt64(gxf_context_t context, gxf_uid_t cid, const char* key,
                                  int64_t value);
gxf_result_t GxfParameterSetUInt64(gxf_context_t context, gxf_uid_t cid, const char* key,
                                   uint64_t value);
gxf_result_t GxfParameterSetInt32(gxf_context_t context, gxf_uid_t cid, const char* key,
                                  int32_t value);
gxf_result_t GxfParameterSetUInt32(gxf_context_t context, gxf_uid_t cid, const char* key,
                                   uint32_t value);
gxf_result_t GxfParameterSetFloat64(gxf_context_t context, gxf_uid_t cid, const char* key,
                                    double value);
gxf_result_t GxfParameterSetBool(gxf_context_t context, gxf_uid_t cid, const char* key, bool value);
gxf_result_t GxfParameterSetStr(gxf_context_t context, gxf_uid_t cid, const char* key,
                                const char* value);
gxf_result_t GxfParameterSetPath(gxf_context_t context, gxf_uid_t cid, const char* key,
                                 const char* value);
gxf_result_t GxfParameterSetFromYamlNode(gxf_context_t context, gxf_uid_t cid, const char* key,
                                         void* yaml_node, const char* prefix);
gxf_result_t GxfParameterGetInt64(gxf_context_t context, gxf_uid_t cid, const char* key,
                                  int64_t* value);
gxf_result_t GxfParameterGetUInt64(gxf_context_t context, gxf_uid_t cid, const char* key,
                                   uint64_t* value);
gxf_result_t GxfParameterGetInt32(gxf_context_t context, gxf_uid_t cid, const char* key,
                                  int32_t* value);
gxf_result_t GxfParameterGetUInt32(gxf_context_t context, gxf_uid_t cid, const char* key,
                                   uint32_t* value);
gxf_result_t GxfParameterGetFloat64(gxf_context_t context, gxf_uid_t cid, const char* key,
                                    double* value);
gxf_result_t GxfParameterGetBool(gxf_context_t context, gxf_uid_t cid, const char* key,
                                 bool* value);
gxf_result_t GxfParameterGetStr(gxf_context_t context, gxf_uid_t cid, const char* key,
                                const char** value);
gxf_result_t GxfParameterGetPath(gxf_context_t context, gxf_uid_t cid, const char* key,
                                 const char** value);
gxf_result_t GxfParameterGetHandle(gxf_context_t context, gxf_uid_t cid, const char* key,
                                   gxf_uid_t* value);

#ifdef __cplusplus
}
#endif

#endif  // GXF_ABI_GXF_API_H_
