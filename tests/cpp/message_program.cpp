// A program of somebody else's that uses nvds_message.h and GXF's C API: makes a message, finds it
// again by its type's name as a codelet does, reads it, and lets it go. Arguments: the extensions
// to load. Prints what it found, a line each. What is right is left to the test that runs it
// (tests/cpp_programs_share_messages.rs).
#include <cstdio>
#include <cstdlib>
#include <string>

#include "gxf_api.h"
#include "nvds_message.h"

using nvidia::deepstream::NvDsMessage;

namespace {

void check(gxf_result_t code, const char* what) {
  if (code != 0) {
    std::fprintf(stderr, "%s: GXF's code %d\n", what, static_cast<int>(code));
    std::exit(1);
  }
}

// What a message of this program points to.
struct Content {
  std::string topic = "doors";
  std::string payload = "{\"door\":7}";
};

int released = 0;

void release(void* owner) {
  ++released;
  delete static_cast<Content*>(owner);
}

}  // namespace

int main(int count, char** paths) {
  gxf_context_t context = nullptr;
  check(GxfContextCreate(&context), "making a context");
  check(GxfSetSeverity(context, 1), "choosing what is logged");
  GxfLoadExtensionsInfo extensions = {};
  extensions.extension_filenames = paths + 1;
  extensions.extension_filenames_count = static_cast<uint32_t>(count - 1);
  check(GxfLoadExtensions(context, &extensions), "loading the extensions");

  gxf_tid_t type = {};
  check(GxfComponentTypeId(context, "nvidia::deepstream::NvDsMessage", &type), "finding the type");
  gxf_uid_t entity = 0;
  const GxfEntityCreateInfo unnamed = {};
  check(GxfCreateEntity(context, &unnamed, &entity), "making an entity");
  check(GxfEntityRefCountInc(context, entity), "holding the entity");
  gxf_uid_t added = 0;
  check(GxfComponentAdd(context, entity, type, "message", &added), "adding the message");
  void* pointer = nullptr;
  check(GxfComponentPointer(context, added, type, &pointer), "asking for the message");

  auto* mine = static_cast<NvDsMessage*>(pointer);
  const bool empty = mine->topic == nullptr && mine->topic_length == 0 &&
                     mine->payload == nullptr && mine->payload_length == 0 &&
                     mine->release == nullptr && mine->owner == nullptr;
  std::printf("new: %s\n", empty ? "empty" : "not empty");
  auto* content = new Content;
  mine->topic = content->topic.data();
  mine->topic_length = content->topic.size();
  mine->payload = reinterpret_cast<const uint8_t*>(content->payload.data());
  mine->payload_length = content->payload.size();
  mine->release = release;
  mine->owner = content;

  // As its receiver does, who knows the entity alone.
  int32_t offset = 0;
  gxf_uid_t found = 0;
  check(GxfComponentFind(context, entity, type, nullptr, &offset, &found), "finding the message");
  check(GxfComponentPointer(context, found, type, &pointer), "asking for the message again");
  const auto* theirs = static_cast<const NvDsMessage*>(pointer);
  std::printf("topic: %.*s\n", static_cast<int>(theirs->topic_length), theirs->topic);
  std::printf("payload: %.*s\n", static_cast<int>(theirs->payload_length),
              reinterpret_cast<const char*>(theirs->payload));

  std::printf("released while held: %d\n", released);
  check(GxfEntityRefCountDec(context, entity), "letting the entity go");
  std::printf("released afterwards: %d\n", released);
  check(GxfContextDestroy(context), "ending");
  std::printf("released in all: %d\n", released);
  return 0;
}
