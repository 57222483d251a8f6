/*
 * Calls NvDsSRStart, NvDsSRStop and NvDsSRDestroy at random: from many threads, on some contexts
 * that all get buffers, also on contexts that another thread has just destroyed. Each recording
 * must be answered exactly once, at the end. What the files hold is left to other tests: they are
 * removed in the callback. C11.
 *
 *   stress CLIP FOLDER CALLS THREADS CONTEXTS [SEED]
 *
 * The clip is an MP4 file with H.264. Only C11 atomics and POSIX mutexes pass data between threads
 * here, so that ThreadSanitizer sees all there is to see.
 */
#include <gst-nvdssr.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_THREADS 64
#define MAX_CONTEXTS 16
#define MAX_FRAMES 1024
/* Of each clip's frames, whatever the encoder said. */
#define FRAME_TIME (GST_SECOND / 30)
/* A thirtieth of real time. */
#define FRAME_INTERVAL_US 1000

/* What a NvDsSRStart gets as userData, and what came of it. */
typedef struct {
  atomic_int answers;
  atomic_bool accepted;
} Start;

/* A context, and the pipeline that feeds it. */
typedef struct {
  _Atomic(NvDsSRContext*) context;
  pthread_mutex_t lock;
  /* Under the lock. */
  GstElement* pipeline;
  GstElement* source;
  guint64 frame;
} Slot;

static Slot slots[MAX_CONTEXTS];
static unsigned context_count;
static unsigned call_count;
static const char* folder;
static GstBuffer* frames[MAX_FRAMES];
static atomic_uint frame_count;
static GstCaps* format;

static Start* starts;
static unsigned max_starts;
static atomic_uint start_count;
static atomic_uint calls_made;
static atomic_bool ends;
static atomic_uint faults;
/* Only one context is made or destroyed at a time, so that a destroyed one's address is nobody
 * else's meanwhile. */
static pthread_mutex_t renewal = PTHREAD_MUTEX_INITIALIZER;

static atomic_uint accepted, refused, stopped, unknown, late, destroyed, answered, failed;

static void fault(const char* what, long number) {
  fprintf(stderr, "stress: %s (%ld)\n", what, number);
  atomic_fetch_add(&faults, 1);
}

/* xorshift64: each thread has its own, so that a seed gives each the same calls again. */
static unsigned draw(uint64_t* state, unsigned below) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return (unsigned)((*state >> 33) % below);
}

static void start_one(NvDsSRContext* context, uint64_t* random) {
  const unsigned number = atomic_fetch_add(&start_count, 1);
  NvDsSRSessionId id = 0;
  NvDsSRStatus status;

  if (number >= max_starts) {
    return;
  }
  status = NvDsSRStart(context, &id, draw(random, 3), draw(random, 3), &starts[number]);
  switch (status) {
    case NVDSSR_STATUS_OK:
      atomic_store(&starts[number].accepted, true);
      atomic_fetch_add(&accepted, 1);
      break;
    case NVDSSR_STATUS_INVALID_OP:
      atomic_fetch_add(&refused, 1);
      break;
    case NVDSSR_STATUS_INVALID_VAL:
      atomic_fetch_add(&late, 1);
      break;
    default:
      fault("NvDsSRStart returns", (long)status);
  }
}

static void stop_one(NvDsSRContext* context, uint64_t* random) {
  const NvDsSRStatus status = NvDsSRStop(context, draw(random, 16));
  switch (status) {
    case NVDSSR_STATUS_OK:
      atomic_fetch_add(&stopped, 1);
      break;
    case NVDSSR_STATUS_INVALID_OP:
      atomic_fetch_add(&unknown, 1);
      break;
    case NVDSSR_STATUS_INVALID_VAL:
      atomic_fetch_add(&late, 1);
      break;
    default:
      fault("NvDsSRStop returns", (long)status);
  }
}

/* The callback: counts, removes the file, and now and then calls the library again. */
static gpointer on_recorded(NvDsSRRecordingInfo* info, gpointer user_data) {
  Start* start = user_data;
  const unsigned number = (unsigned)(start - starts);
  uint64_t random = 0x9e3779b97f4a7c15u * (number + 1);

  atomic_fetch_add(&answered, 1);
  atomic_fetch_add(&start->answers, 1);
  if (info->containsVideo) {
    char* path = g_strdup_printf("%s/%s", info->dirpath, info->filename);
    if (remove(path) != 0) {
      fault("a recording is not there", (long)number);
    }
    g_free(path);
  } else {
    atomic_fetch_add(&failed, 1);
  }
  if (draw(&random, 16) == 0) {
    start_one(info->ctx, &random);
  }
  if (draw(&random, 16) == 0) {
    stop_one(info->ctx, &random);
  }
  return NULL;
}

/* A new context in a new pipeline, for a slot that has none. */
static void fill(Slot* slot) {
  NvDsSRInitParams parameters;
  NvDsSRContext* context = NULL;
  GstElement* pipeline = gst_parse_launch(
      "appsrc name=source format=time ! tee name=tee ! queue ! fakesink async=false sync=false",
      NULL);
  GstElement* source = gst_bin_get_by_name(GST_BIN(pipeline), "source");
  GstElement* tee = gst_bin_get_by_name(GST_BIN(pipeline), "tee");

  memset(&parameters, 0, sizeof parameters);
  parameters.callback = on_recorded;
  parameters.dirpath = (gchar*)folder;
  parameters.defaultDuration = 1;
  parameters.cacheSize = 2;
  if (NvDsSRCreate(&context, &parameters) != NVDSSR_STATUS_OK) {
    fault("NvDsSRCreate fails", 0);
    exit(1);
  }
  g_object_set(source, "caps", format, NULL);
  gst_bin_add(GST_BIN(pipeline), context->recordbin);
  if (!gst_element_link_pads(tee, NULL, context->recordbin, "sink")) {
    fault("the recordbin cannot be linked", 0);
  }
  gst_object_unref(tee);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  pthread_mutex_lock(&slot->lock);
  slot->pipeline = pipeline;
  slot->source = source;
  slot->frame = 0;
  pthread_mutex_unlock(&slot->lock);
  atomic_store(&slot->context, context);
}

/* Ends a slot's pipeline. */
static void drain(Slot* slot) {
  GstElement* pipeline;
  pthread_mutex_lock(&slot->lock);
  pipeline = slot->pipeline;
  slot->pipeline = NULL;
  if (slot->source != NULL) {
    gst_object_unref(slot->source);
  }
  slot->source = NULL;
  pthread_mutex_unlock(&slot->lock);
  if (pipeline != NULL) {
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(pipeline);
  }
}

/* Destroys a slot's context, before or after its pipeline has ended. The slot's pointer stays:
 * others still use it. */
static void destroy(Slot* slot, bool pipeline_first) {
  NvDsSRContext* context = atomic_load(&slot->context);
  NvDsSRSessionId id = 0;

  if (pipeline_first) {
    drain(slot);
  }
  if (NvDsSRDestroy(context) != NVDSSR_STATUS_OK) {
    fault("NvDsSRDestroy fails", 0);
  }
  atomic_fetch_add(&destroyed, 1);
  if (NvDsSRDestroy(context) != NVDSSR_STATUS_INVALID_VAL ||
      NvDsSRStart(context, &id, 0, 0, NULL) != NVDSSR_STATUS_INVALID_VAL ||
      NvDsSRStop(context, 0) != NVDSSR_STATUS_INVALID_VAL) {
    fault("a destroyed context answers", 0);
  }
  drain(slot);
}

static void* call(void* data) {
  uint64_t random = (uint64_t)(uintptr_t)data * 0x9e3779b97f4a7c15u;

  while (atomic_fetch_add(&calls_made, 1) < call_count) {
    Slot* slot = &slots[draw(&random, context_count)];
    const unsigned what = draw(&random, 100);
    if (what < 50) {
      start_one(atomic_load(&slot->context), &random);
    } else if (what < 99) {
      stop_one(atomic_load(&slot->context), &random);
    } else {
      pthread_mutex_lock(&renewal);
      destroy(slot, draw(&random, 2) == 0);
      fill(slot);
      pthread_mutex_unlock(&renewal);
    }
    if (draw(&random, 8) == 0) {
      g_usleep(draw(&random, 4000));
    }
  }
  return NULL;
}

/* Gives each slot's pipeline its frames. */
static void* feed(void* data) {
  Slot* slot = data;
  while (!atomic_load(&ends)) {
    pthread_mutex_lock(&slot->lock);
    if (slot->source != NULL) {
      GstBuffer* buffer = gst_buffer_copy(frames[slot->frame % atomic_load(&frame_count)]);
      GstFlowReturn flow = GST_FLOW_OK;
      GST_BUFFER_PTS(buffer) = slot->frame * FRAME_TIME;
      GST_BUFFER_DTS(buffer) = GST_BUFFER_PTS(buffer);
      GST_BUFFER_DURATION(buffer) = FRAME_TIME;
      slot->frame++;
      g_signal_emit_by_name(slot->source, "push-buffer", buffer, &flow);
      gst_buffer_unref(buffer);
    }
    pthread_mutex_unlock(&slot->lock);
    g_usleep(FRAME_INTERVAL_US);
  }
  return NULL;
}

/* Thousands of calls are refused on purpose; what cannot be explained by that is a fault of its
 * own. */
static void drop_line(const gchar* domain, GLogLevelFlags level, const gchar* text, gpointer data) {
  (void)domain;
  (void)level;
  (void)text;
  (void)data;
}

static void keep_frame(GstElement* sink, GstBuffer* buffer, GstPad* pad, gpointer data) {
  const unsigned number = atomic_load(&frame_count);

  (void)sink;
  (void)data;
  if (number == 0) {
    format = gst_pad_get_current_caps(pad);
  }
  if (number < MAX_FRAMES) {
    frames[number] = gst_buffer_ref(buffer);
    atomic_store(&frame_count, number + 1);
  }
}

/* Reads the clip's frames into memory. */
static void load(const char* clip) {
  GstElement* pipeline = gst_parse_launch(
      "filesrc name=file ! qtdemux ! h264parse ! video/x-h264,stream-format=avc,alignment=au ! "
      "fakesink name=sink sync=false signal-handoffs=true",
      NULL);
  GstElement* file = gst_bin_get_by_name(GST_BIN(pipeline), "file");
  GstElement* sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
  GstBus* bus = gst_element_get_bus(pipeline);
  GstMessage* message;

  g_object_set(file, "location", clip, NULL);
  g_signal_connect(sink, "handoff", G_CALLBACK(keep_frame), NULL);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  message =
      gst_bus_timed_pop_filtered(bus, GST_CLOCK_TIME_NONE, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  if (GST_MESSAGE_TYPE(message) != GST_MESSAGE_EOS || atomic_load(&frame_count) == 0) {
    fprintf(stderr, "stress: %s is no MP4 file with H.264\n", clip);
    exit(2);
  }
  gst_message_unref(message);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(bus);
  gst_object_unref(file);
  gst_object_unref(sink);
  gst_object_unref(pipeline);
}

/* Every NvDsSRStart that was accepted has its one answer, every other none. */
static void judge(void) {
  unsigned number;
  for (number = 0; number < atomic_load(&start_count) && number < max_starts; number++) {
    const int wanted = atomic_load(&starts[number].accepted) ? 1 : 0;
    const int answers = atomic_load(&starts[number].answers);
    if (answers != wanted) {
      fprintf(stderr, "stress: start %u: %d answers, not %d\n", number, answers, wanted);
      atomic_fetch_add(&faults, 1);
    }
  }
}

int main(int argc, char** argv) {
  pthread_t callers[MAX_THREADS], feeders[MAX_CONTEXTS];
  unsigned thread_count, number, seed;

  if (argc < 6) {
    fprintf(stderr, "stress CLIP FOLDER CALLS THREADS CONTEXTS [SEED]\n");
    return 2;
  }
  folder = argv[2];
  call_count = (unsigned)strtoul(argv[3], NULL, 10);
  thread_count = (unsigned)strtoul(argv[4], NULL, 10);
  context_count = (unsigned)strtoul(argv[5], NULL, 10);
  seed = argc > 6 ? (unsigned)strtoul(argv[6], NULL, 10) : (unsigned)time(NULL);
  if (thread_count < 1 || thread_count > MAX_THREADS || context_count < 1 ||
      context_count > MAX_CONTEXTS) {
    fprintf(stderr, "stress: 1 to %d threads, 1 to %d contexts\n", MAX_THREADS, MAX_CONTEXTS);
    return 2;
  }
  gst_init(NULL, NULL);
  g_log_set_handler("NvDsSmartRecord", G_LOG_LEVEL_WARNING, drop_line, NULL);
  load(argv[1]);
  max_starts = 2 * call_count;
  starts = calloc(max_starts, sizeof *starts);
  printf("seed %u\n", seed);
  fflush(stdout);

  for (number = 0; number < context_count; number++) {
    pthread_mutex_init(&slots[number].lock, NULL);
    fill(&slots[number]);
    pthread_create(&feeders[number], NULL, feed, &slots[number]);
  }
  for (number = 0; number < thread_count; number++) {
    pthread_create(&callers[number], NULL, call,
                   (void*)(uintptr_t)(seed * MAX_THREADS + number + 1));
  }
  for (number = 0; number < thread_count; number++) {
    pthread_join(callers[number], NULL);
  }
  for (number = 0; number < context_count; number++) {
    destroy(&slots[number], false);
  }
  atomic_store(&ends, true);
  for (number = 0; number < context_count; number++) {
    pthread_join(feeders[number], NULL);
  }
  judge();
  if (atomic_load(&answered) != atomic_load(&accepted)) {
    fault("answers and accepted starts differ", (long)atomic_load(&answered));
  }
  printf(
      "calls %u: starts accepted %u, refused %u; stops %u, of none %u; on a destroyed context %u; "
      "destroyed %u; answered %u, of which failed %u; faults %u\n",
      call_count, atomic_load(&accepted), atomic_load(&refused), atomic_load(&stopped),
      atomic_load(&unknown), atomic_load(&late), atomic_load(&destroyed), atomic_load(&answered),
      atomic_load(&failed), atomic_load(&faults));
  for (number = 0; number < atomic_load(&frame_count); number++) {
    gst_buffer_unref(frames[number]);
  }
  gst_caps_unref(format);
  free(starts);
  return atomic_load(&faults) == 0 ? 0 : 1;
}
