/* nvidia::deepstream::NvDsMessage: a topic and bytes, the data component in which messages travel
 * between codelets of libgxf_nvds_cloud_msg.so, libgxf_nvds_smart_record.so and your own.
 *
 * A codelet finds it in a received entity by its type name: in C++ with
 * entity.get<nvidia::deepstream::NvDsMessage>(), in C with GxfComponentTypeId, GxfComponentFind and
 * GxfComponentPointer. The pointer that GXF gives is a pointer to this struct. To send one, add the
 * component to a new entity (it comes empty, all members zero) and fill it in.
 *
 * The layout belongs to these two component ids; another layout would get other ids. NVIDIA's own
 * closed NvDsCloudMsgExt has a type of the same name with another id and another layout:
 *   f445a68b-de47-4e5c-aca2-d4838f36c0b9  registered by libgxf_nvds_smart_record.so
 *   1d8d3cbe-7f7b-4a0f-b2f9-5f1d0a6c9e37  registered by libgxf_nvds_cloud_msg.so
 * Of the two extensions the one that is loaded first registers the type, for both. */
#ifndef NVDS_MESSAGE_H_
#define NVDS_MESSAGE_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
namespace nvidia {
namespace deepstream {
extern "C" {
#endif

/* Once a message was sent its members do not change any more: a reader on any thread may read them
 * as long as it holds a reference to the entity. */
struct NvDsMessage {
  /* Where it came from or goes to. UTF-8, `topic_length` bytes, no terminator is promised. Null
   * where there is no topic; then the length is 0. */
  const char* topic;
  size_t topic_length;
  /* Its content, as a rule JSON: `payload_length` bytes, no terminator is promised. Null where
   * there is none; then the length is 0. */
  const uint8_t* payload;
  size_t payload_length;
  /* Called once with `owner`, from any thread, when the entity goes away: frees what the members
   * point to, in the library that allocated it, which must not be unloaded before. Null where
   * nothing is to be freed. */
  void (*release)(void* owner);
  void* owner;
};

#ifdef __cplusplus
} /* extern "C" */
} /* namespace deepstream */
} /* namespace nvidia */
#endif

#endif /* NVDS_MESSAGE_H_ */
