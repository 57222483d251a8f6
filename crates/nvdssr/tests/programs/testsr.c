/*
 * Records from a stream as deepstream-testsr does: a tee, a fakesink beside the recordbin, starts
 * and stops on a GLib timer. It works with any library that has the C API of gst-nvdssr.h, and
 * checks answers and public fields. What the files hold is left to whoever reads its log. Valid C11
 * and C++17.
 */
#include <gst/gst.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "library.h"

#define MAX_STARTS 16

/* What NvDsSRStart gets as userData. */
typedef struct {
  gint number;
  gint answers;
} Recording;

static gchar* option_library = NULL;
static gchar* option_dir = NULL;
static gchar* option_prefix = NULL;
static gchar* option_log = NULL;
static gboolean option_audio = FALSE;
static gboolean option_mkv = FALSE;
static gboolean option_leave_running = FALSE;
static gint option_cache = 0;
static gint option_default_duration = 0;
static gint option_start = 0;
static gint option_duration = 0;
static gint option_interval = 2000;
static gint option_starts = 2;

static GOptionEntry options[] = {
    {"library", 0, 0, G_OPTION_ARG_FILENAME, &option_library,
     "Library to load (built with -DDLOPEN)", "FILE"},
    {"dir", 0, 0, G_OPTION_ARG_FILENAME, &option_dir, "Folder of the recordings", "FOLDER"},
    {"prefix", 0, 0, G_OPTION_ARG_STRING, &option_prefix, "File names begin so", "TEXT"},
    {"log", 0, 0, G_OPTION_ARG_FILENAME, &option_log, "Gets a line for each recording", "FILE"},
    {"audio", 0, 0, G_OPTION_ARG_NONE, &option_audio, "The URI has sound too", NULL},
    {"mkv", 0, 0, G_OPTION_ARG_NONE, &option_mkv, "Matroska instead of MP4", NULL},
    {"cache", 0, 0, G_OPTION_ARG_INT, &option_cache, "Cache in seconds", "N"},
    {"default-duration", 0, 0, G_OPTION_ARG_INT, &option_default_duration,
     "Of a start with duration 0", "N"},
    {"start-time", 0, 0, G_OPTION_ARG_INT, &option_start, "Seconds to go back", "N"},
    {"duration", 0, 0, G_OPTION_ARG_INT, &option_duration, "Seconds after the start", "N"},
    {"interval", 0, 0, G_OPTION_ARG_INT, &option_interval, "Milliseconds from event to event", "N"},
    {"starts", 0, 0, G_OPTION_ARG_INT, &option_starts, "Recordings to make", "N"},
    {"leave-running", 0, 0, G_OPTION_ARG_NONE, &option_leave_running, "Destroy while recording",
     NULL},
    {NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL}};

static GMainLoop* loop;
static GstElement* pipeline;
static NvDsSRContext* context;
static NvDsSRInitParams parameters;
static gboolean has_video;
static gboolean has_audio;
static guint timer;
static Recording recordings[MAX_STARTS];
static gint starts;
static gint faults;

static void check(gboolean holds, const char* what, int line) {
  if (!holds) {
    fprintf(stderr, "testsr.c:%d: not so: %s\n", line, what);
    g_atomic_int_inc(&faults);
  }
}

#define CHECK(what) check((what) ? TRUE : FALSE, #what, __LINE__)

/* The flags of a context, read together. */
typedef struct {
  gboolean got_key_frame;
  gboolean record_on;
  gboolean reset_done;
  gboolean is_playing;
} Flags;

static Flags read_flags(void) {
  Flags flags;
  g_mutex_lock(&context->flowLock);
  flags.got_key_frame = context->gotKeyFrame;
  flags.record_on = context->recordOn;
  flags.reset_done = context->resetDone;
  flags.is_playing = context->isPlaying;
  g_mutex_unlock(&context->flowLock);
  return flags;
}

/* A recording is complete. Runs on a thread of the library. */
static gpointer on_recorded(NvDsSRRecordingInfo* info, gpointer user_data) {
  Recording* recording = (Recording*)user_data;
  const gchar* prefix = option_prefix != NULL ? option_prefix : "Smart_Record";
  gchar* ending = g_strdup_printf("_%ld.%s", (long)getpid(), option_mkv ? "mkv" : "mp4");

  CHECK(recording >= recordings && recording < recordings + MAX_STARTS);
  g_atomic_int_inc(&recording->answers);
  CHECK(info->ctx == context);
  CHECK(info->sessionId == 0);
  CHECK(g_str_has_prefix(info->filename, prefix));
  CHECK(g_str_has_suffix(info->filename, ending));
  CHECK(strchr(info->filename, '/') == NULL);
  CHECK(option_dir == NULL || g_strcmp0(info->dirpath, option_dir) == 0);
  CHECK(info->containerType == (option_mkv ? NVDSSR_CONTAINER_MKV : NVDSSR_CONTAINER_MP4));
  CHECK(info->duration > 0);
  CHECK(!info->containsVideo == !has_video);
  CHECK(!info->containsAudio == !has_audio);
  CHECK(!has_video || (info->width > 0 && info->height > 0));
  CHECK(!has_audio || (info->channels > 0 && info->samplingRate > 0));
  if (option_log != NULL) {
    FILE* log = fopen(option_log, "a");
    CHECK(log != NULL);
    if (log != NULL) {
      fprintf(log, "%d:%u:%u:%u:%" G_GUINT64_FORMAT ":%u:%u:%s:%s\n", recording->number,
              info->sessionId, info->width, info->height, info->duration, info->channels,
              info->samplingRate, info->dirpath != NULL ? info->dirpath : ".", info->filename);
      fclose(log);
    }
  }
  g_free(ending);
  return NULL;
}

static void start_recording(void) {
  NvDsSRSessionId id = 77;
  Recording* recording = &recordings[starts];
  Flags flags;

  recording->number = starts++;
  CHECK(NvDsSRStart(context, &id, (guint)option_start, (guint)option_duration, recording) ==
        NVDSSR_STATUS_OK);
  CHECK(id == 0);
  CHECK(context->uData == recording);
  flags = read_flags();
  CHECK(flags.record_on);
  CHECK(!flags.reset_done);
}

static void stop_recording(void) {
  Flags flags;

  CHECK(NvDsSRStop(context, 0) == NVDSSR_STATUS_OK);
  flags = read_flags();
  CHECK(!flags.record_on);
  CHECK(!flags.got_key_frame);
}

/*
 * The event generator: stops what runs, starts where nothing runs, ends after the last recording.
 * What takes longer than an interval is waited for; if it never comes, the stream ends first, which
 * is a fault.
 */
static gboolean on_event(gpointer data) {
  Flags flags = read_flags();

  (void)data;
  CHECK(flags.is_playing);
  if (flags.record_on) {
    CHECK(!flags.reset_done);
    if (has_video && !flags.got_key_frame) {
      return G_SOURCE_CONTINUE;
    }
    if (starts == option_starts && option_leave_running) {
      g_main_loop_quit(loop);
    } else {
      stop_recording();
    }
    return G_SOURCE_CONTINUE;
  }
  CHECK(!flags.got_key_frame);
  CHECK(NvDsSRStop(context, 0) == NVDSSR_STATUS_INVALID_OP);
  if (!flags.reset_done) {
    return G_SOURCE_CONTINUE;
  }
  if (starts < option_starts) {
    start_recording();
  } else {
    g_main_loop_quit(loop);
  }
  return G_SOURCE_CONTINUE;
}

static gboolean on_message(GstBus* bus, GstMessage* message, gpointer data) {
  (void)bus;
  (void)data;
  switch (GST_MESSAGE_TYPE(message)) {
    case GST_MESSAGE_ERROR: {
      GError* error = NULL;
      gchar* details = NULL;
      gst_message_parse_error(message, &error, &details);
      fprintf(stderr, "testsr: %s: %s (%s)\n", GST_OBJECT_NAME(message->src), error->message,
              details != NULL ? details : "no details");
      g_error_free(error);
      g_free(details);
      g_atomic_int_inc(&faults);
      g_main_loop_quit(loop);
      break;
    }
    case GST_MESSAGE_EOS:
      fprintf(stderr, "testsr: the stream is shorter than its events need\n");
      g_atomic_int_inc(&faults);
      g_main_loop_quit(loop);
      break;
    case GST_MESSAGE_STATE_CHANGED: {
      GstState state;
      gst_message_parse_state_changed(message, NULL, &state, NULL);
      if (GST_MESSAGE_SRC(message) == GST_OBJECT(pipeline) && state == GST_STATE_PLAYING &&
          timer == 0) {
        timer = g_timeout_add((guint)option_interval, on_event, NULL);
      }
      break;
    }
    default:
      break;
  }
  return G_SOURCE_CONTINUE;
}

/* A new element in the pipeline; ends the program where GStreamer lacks it. */
static GstElement* add(const char* factory) {
  GstElement* element = gst_element_factory_make(factory, NULL);
  if (element == NULL) {
    fprintf(stderr, "testsr: GStreamer has no element %s\n", factory);
    exit(2);
  }
  gst_bin_add(GST_BIN(pipeline), element);
  return element;
}

/* Leads a parsed stream to a fakesink, and beside it to a pad of the recordbin. */
static void lead(GstElement* parsed, const char* pad) {
  GstElement* tee = add("tee");
  GstElement* shown = add("queue");
  GstElement* sink = add("fakesink");
  GstElement* recorded = add("queue");

  g_object_set(sink, "async", FALSE, NULL);
  CHECK(gst_element_link_many(parsed, tee, shown, sink, NULL));
  CHECK(gst_element_link(tee, recorded));
  CHECK(gst_element_link_pads(recorded, "src", context->recordbin, pad));
}

/*
 * The source: a launch description whose elements `video` and `audio` give the parsed streams, or a
 * URI with H.264 and, with --audio, AAC.
 */
static gboolean make_source(const char* source) {
  GError* error = NULL;
  gchar* description = NULL;

  if (gst_uri_is_valid(source) && strchr(source, ' ') == NULL) {
    description = g_strdup_printf(
        "urisourcebin uri=\"%s\" ! parsebin name=parsed "
        "parsed. ! video/x-h264 ! h264parse ! identity sync=true name=video %s",
        source,
        option_audio ? "parsed. ! audio/mpeg ! aacparse ! identity sync=true name=audio" : "");
  }
  pipeline = gst_parse_launch(description != NULL ? description : source, &error);
  g_free(description);
  if (error != NULL) {
    fprintf(stderr, "testsr: %s: %s\n", source, error->message);
    g_error_free(error);
    return FALSE;
  }
  return TRUE;
}

static void lead_streams(void) {
  GstElement* video = gst_bin_get_by_name(GST_BIN(pipeline), "video");
  GstElement* audio = gst_bin_get_by_name(GST_BIN(pipeline), "audio");

  if (video != NULL) {
    has_video = TRUE;
    lead(video, "sink");
    gst_object_unref(video);
  }
  if (audio != NULL) {
    has_audio = TRUE;
    lead(audio, "asink");
    gst_object_unref(audio);
  }
}

static gboolean is_made_by(GstElement* element, const char* factory) {
  GstElementFactory* made_by = gst_element_get_factory(element);
  return made_by != NULL && strcmp(GST_OBJECT_NAME(made_by), factory) == 0;
}

/* A new context has its elements, its defaults and its flags; what makes no sense is refused. */
static void check_created(void) {
  Flags flags;
  NvDsSRSessionId id = 0;

  CHECK(NvDsSRCreate(NULL, &parameters) == NVDSSR_STATUS_INVALID_VAL);
  CHECK(NvDsSRStart(NULL, &id, 0, 1, NULL) == NVDSSR_STATUS_INVALID_VAL);
  CHECK(NvDsSRStart(context, NULL, 0, 1, NULL) == NVDSSR_STATUS_INVALID_VAL);
  CHECK(NvDsSRStop(NULL, 0) == NVDSSR_STATUS_INVALID_VAL);
  CHECK(NvDsSRStop(context, 0) == NVDSSR_STATUS_INVALID_OP);
  CHECK(NvDsSRDestroy(NULL) == NVDSSR_STATUS_INVALID_VAL);

  CHECK(GST_IS_BIN(context->recordbin));
  CHECK(context->recordQue != NULL && is_made_by(context->recordQue, "queue"));
  CHECK(GST_IS_BIN(context->encodebin));
  CHECK(context->filesink != NULL && is_made_by(context->filesink, "filesink"));
  CHECK(context->privData != NULL);
  flags = read_flags();
  CHECK(!flags.got_key_frame && !flags.record_on && flags.reset_done && !flags.is_playing);

  CHECK(context->initParams.callback == on_recorded);
  CHECK(context->initParams.containerType == parameters.containerType);
  CHECK(context->initParams.cacheSize == (option_cache > 0 ? (guint)option_cache : 30));
  CHECK(context->initParams.videoCacheSize == context->initParams.cacheSize);
  CHECK(context->initParams.defaultDuration ==
        (option_default_duration > 0 ? (guint)option_default_duration : 10));
  CHECK(g_strcmp0(context->initParams.fileNamePrefix,
                  option_prefix != NULL ? option_prefix : "Smart_Record") == 0);
  CHECK(context->initParams.fileNamePrefix != parameters.fileNamePrefix);
  CHECK(g_strcmp0(context->initParams.dirpath, option_dir) == 0);
  CHECK(option_dir == NULL || context->initParams.dirpath != parameters.dirpath);
}

static gboolean read_options(int argc, char** argv) {
  GError* error = NULL;
  GOptionContext* reader = g_option_context_new("SOURCE");
  gboolean read;

  g_option_context_add_main_entries(reader, options, NULL);
  g_option_context_add_group(reader, gst_init_get_option_group());
  read = g_option_context_parse(reader, &argc, &argv, &error);
  g_option_context_free(reader);
  if (!read) {
    fprintf(stderr, "testsr: %s\n", error->message);
    g_error_free(error);
    return FALSE;
  }
  if (argc != 2 || option_starts < 1 || option_starts > MAX_STARTS) {
    fprintf(stderr, "testsr: give one SOURCE, and 1 to %d --starts\n", MAX_STARTS);
    return FALSE;
  }
  return library_open(option_library) && make_source(argv[1]);
}

int main(int argc, char** argv) {
  GstBus* bus;
  gint number;

  if (!read_options(argc, argv)) {
    return 2;
  }
  parameters.callback = on_recorded;
  parameters.containerType = option_mkv ? NVDSSR_CONTAINER_MKV : NVDSSR_CONTAINER_MP4;
  parameters.fileNamePrefix = option_prefix;
  parameters.dirpath = option_dir;
  parameters.cacheSize = (guint)option_cache;
  parameters.defaultDuration = (guint)option_default_duration;
  if (NvDsSRCreate(&context, &parameters) != NVDSSR_STATUS_OK) {
    fprintf(stderr, "testsr: NvDsSRCreate fails\n");
    return 2;
  }
  check_created();

  loop = g_main_loop_new(NULL, FALSE);
  gst_bin_add(GST_BIN(pipeline), context->recordbin);
  lead_streams();
  bus = gst_element_get_bus(pipeline);
  gst_bus_add_watch(bus, on_message, NULL);
  CHECK(gst_element_set_state(pipeline, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE);
  g_main_loop_run(loop);
  if (timer != 0) {
    g_source_remove(timer);
  }

  CHECK(NvDsSRDestroy(context) == NVDSSR_STATUS_OK);
  for (number = 0; number < starts; number++) {
    CHECK(g_atomic_int_get(&recordings[number].answers) == 1);
  }
  CHECK(starts == option_starts);

  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_bus_remove_watch(bus);
  gst_object_unref(bus);
  gst_object_unref(pipeline);
  g_main_loop_unref(loop);
  library_close();
  g_free(option_library);
  g_free(option_dir);
  g_free(option_prefix);
  g_free(option_log);
  return g_atomic_int_get(&faults) == 0 ? 0 : 1;
}
