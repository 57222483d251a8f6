/*
 * A double of NVIDIA's smart record library for tests: the same interface and the same habits, in as little code as that
 * takes. One recording at a time, from the next keyframe on; no cache; told to stop, it completes the file and calls back
 * on a thread of its own; a file that it cannot complete is never told.
 * -DSILENT: no file is ever told. -DDEAF: it never completes one either, and NvDsSRDestroy waits for that.
 */
#include <gst/pbutils/pbutils.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gst-nvdssr.h"

#ifndef SILENT
#define SILENT 0
#endif
#ifndef DEAF
#define DEAF 0
#endif

typedef struct
{
  NvDsSRContext context;
  GCond reset;
  GstElement *muxer;
  GThread *teller;
  gboolean linked[2];
} Double;

static const char *const PADS[] = { "sink", "asink" };

/* Nothing goes to the muxer but what is recorded, and that begins with a keyframe. */
static GstPadProbeReturn
gate (GstPad * pad, GstPadProbeInfo * info, gpointer data)
{
  NvDsSRContext *ctx = data;
  gboolean video = g_str_has_prefix (GST_PAD_NAME (pad), "sink");
  GstPadProbeReturn result;

  g_mutex_lock (&ctx->flowLock);
  if (ctx->recordOn && video && !GST_BUFFER_FLAG_IS_SET (info->data, GST_BUFFER_FLAG_DELTA_UNIT))
    ctx->gotKeyFrame = TRUE;
  result = ctx->recordOn && (ctx->gotKeyFrame || !video) ? GST_PAD_PROBE_OK : GST_PAD_PROBE_DROP;
  g_mutex_unlock (&ctx->flowLock);
  return result;
}

/* As NVIDIA's: what is linked gets its pad of the muxer, and a second link another one. */
static GstPadLinkReturn
link_muxer (GstPad * pad, GstObject * parent, GstPad * peer)
{
  Double *self = g_object_get_data (G_OBJECT (pad), "double");
  gboolean audio = !strcmp (GST_PAD_NAME (pad), "asink");
  gchar *name = g_strdup_printf ("queue%d", audio);
  GstElement *queue = gst_bin_get_by_name (GST_BIN (self->context.encodebin), name);
  gboolean linked = gst_element_link_pads (queue, "src", self->muxer, audio ? "audio_%u" : "video_%u");

  (void) parent, (void) peer;
  self->linked[audio] = TRUE;
  gst_object_unref (queue);
  g_free (name);
  return linked ? GST_PAD_LINK_OK : GST_PAD_LINK_REFUSED;
}

static gpointer
complete (gpointer data)
{
  Double *self = data;
  NvDsSRContext *ctx = &self->context;
  NvDsSRRecordingInfo info = { .ctx = ctx, .dirpath = ctx->initParams.dirpath };
  GstDiscoverer *discoverer;
  GstDiscovererInfo *found;
  gchar *path = NULL, *uri;

  g_object_get (ctx->filesink, "location", &path, NULL);
  gst_element_set_state (ctx->encodebin, GST_STATE_NULL);
  gst_element_set_locked_state (ctx->encodebin, TRUE);
  g_mutex_lock (&ctx->flowLock);
  ctx->resetDone = TRUE;
  g_cond_signal (&self->reset);
  g_mutex_unlock (&ctx->flowLock);

  uri = gst_filename_to_uri (path, NULL);
  discoverer = gst_discoverer_new (5 * GST_SECOND, NULL);
  found = gst_discoverer_discover_uri (discoverer, uri, NULL);
  if (found && gst_discoverer_info_get_result (found) == GST_DISCOVERER_OK) {
    GList *video = gst_discoverer_info_get_video_streams (found);
    GList *audio = gst_discoverer_info_get_audio_streams (found);
    info.filename = g_path_get_basename (path);
    info.containerType = ctx->initParams.containerType;
    info.duration = gst_discoverer_info_get_duration (found) / GST_MSECOND;
    info.containsVideo = video != NULL;
    info.containsAudio = audio != NULL;
    if (!SILENT)
      ctx->initParams.callback (&info, ctx->uData);
    gst_discoverer_stream_info_list_free (video);
    gst_discoverer_stream_info_list_free (audio);
    g_free (info.filename);
  }
  g_clear_object (&found);
  g_object_unref (discoverer);
  g_free (uri);
  g_free (path);
  return NULL;
}

/* The file is complete when its sink has seen the end. The bin's own handler must not: it would end the pipeline. */
static GstPadProbeReturn
file_ends (GstPad * pad, GstPadProbeInfo * info, gpointer data)
{
  Double *self = data;

  (void) pad;
  if (GST_EVENT_TYPE (info->data) == GST_EVENT_EOS && !DEAF) {
    if (self->teller)
      g_thread_join (self->teller);
    self->teller = g_thread_new ("double", complete, self);
  }
  return GST_EVENT_TYPE (info->data) == GST_EVENT_EOS ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
}

NvDsSRStatus
NvDsSRCreate (NvDsSRContext ** out, NvDsSRInitParams * params)
{
  Double *self = g_new0 (Double, 1);
  NvDsSRContext *ctx = &self->context;
  GstPad *pad;

  gst_pb_utils_init ();
  ctx->initParams = *params;
  ctx->initParams.dirpath = g_strdup (params->dirpath);
  ctx->initParams.fileNamePrefix = g_strdup (params->fileNamePrefix);
  ctx->resetDone = TRUE;
  ctx->privData = self;
  g_mutex_init (&ctx->flowLock);
  g_cond_init (&self->reset);
  ctx->recordbin = gst_object_ref_sink (gst_bin_new (NULL));
  ctx->encodebin = gst_bin_new (NULL);
  self->muxer = gst_element_factory_make (params->containerType == NVDSSR_CONTAINER_MKV ? "matroskamux" : "mp4mux", NULL);
  ctx->filesink = gst_element_factory_make ("filesink", NULL);
  g_object_set (ctx->filesink, "async", FALSE, "sync", FALSE, NULL);
  gst_bin_add_many (GST_BIN (ctx->encodebin), self->muxer, ctx->filesink, NULL);
  gst_element_link (self->muxer, ctx->filesink);
  /* It runs while it records; a filesink without a file cannot. */
  gst_element_set_locked_state (ctx->encodebin, TRUE);
  gst_bin_add (GST_BIN (ctx->recordbin), ctx->encodebin);
  pad = gst_element_get_static_pad (ctx->filesink, "sink");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, file_ends, self, NULL);
  gst_object_unref (pad);
  for (int i = 0; i < 2; i++) {
    gchar *name = g_strdup_printf ("queue%d", i);
    GstElement *queue = gst_element_factory_make ("queue", name);
    GstPad *inner, *outer;
    g_object_set (queue, "max-size-bytes", 0, "max-size-buffers", 0, "max-size-time", (guint64) 0, NULL);
    gst_bin_add (GST_BIN (ctx->encodebin), queue);
    pad = gst_element_get_static_pad (queue, "sink");
    inner = gst_ghost_pad_new (PADS[i], pad);
    gst_pad_set_active (inner, TRUE);
    gst_element_add_pad (ctx->encodebin, inner);
    outer = gst_ghost_pad_new (PADS[i], inner);
    g_object_set_data (G_OBJECT (outer), "double", self);
    gst_pad_set_link_function (outer, link_muxer);
    gst_pad_add_probe (outer, GST_PAD_PROBE_TYPE_BUFFER, gate, ctx, NULL);
    gst_element_add_pad (ctx->recordbin, outer);
    gst_object_unref (pad);
    g_free (name);
  }
  *out = ctx;
  return NVDSSR_STATUS_OK;
}

NvDsSRStatus
NvDsSRStart (NvDsSRContext * ctx, NvDsSRSessionId * session, guint startTime, guint duration, gpointer userData)
{
  static int counter = 0;
  time_t now = time (NULL);
  char when[16];
  gchar *path;
  struct tm utc;

  (void) startTime, (void) duration;
  g_mutex_lock (&ctx->flowLock);
  if (ctx->recordOn || !ctx->resetDone) {
    g_mutex_unlock (&ctx->flowLock);
    return NVDSSR_STATUS_INVALID_OP;
  }
  strftime (when, sizeof when, "%Y%m%d-%H%M%S", gmtime_r (&now, &utc));
  path = g_strdup_printf ("%s/%s_%05d_%s_%ld.%s", ctx->initParams.dirpath, ctx->initParams.fileNamePrefix, counter++,
      when, (long) getpid (), ctx->initParams.containerType == NVDSSR_CONTAINER_MKV ? "mkv" : "mp4");
  g_object_set (ctx->filesink, "location", path, NULL);
  g_free (path);
  ctx->uData = userData;
  ctx->resetDone = ctx->gotKeyFrame = FALSE;
  g_mutex_unlock (&ctx->flowLock);
  gst_element_set_locked_state (ctx->encodebin, FALSE);
  gst_element_sync_state_with_parent (ctx->encodebin);
  g_mutex_lock (&ctx->flowLock);
  ctx->recordOn = TRUE;
  g_mutex_unlock (&ctx->flowLock);
  *session = 0;
  return NVDSSR_STATUS_OK;
}

NvDsSRStatus
NvDsSRStop (NvDsSRContext * ctx, NvDsSRSessionId session)
{
  Double *self = ctx->privData;

  (void) session;
  g_mutex_lock (&ctx->flowLock);
  if (!ctx->recordOn) {
    g_mutex_unlock (&ctx->flowLock);
    return NVDSSR_STATUS_INVALID_OP;
  }
  ctx->recordOn = FALSE;
  g_mutex_unlock (&ctx->flowLock);
  for (int i = 0; i < 2; i++)
    if (self->linked[i]) {
      GstPad *pad = gst_element_get_static_pad (ctx->encodebin, PADS[i]);
      gst_pad_send_event (pad, gst_event_new_eos ());
      gst_object_unref (pad);
    }
  return NVDSSR_STATUS_OK;
}

NvDsSRStatus
NvDsSRDestroy (NvDsSRContext * ctx)
{
  Double *self = ctx->privData;

  if (ctx->recordOn)
    NvDsSRStop (ctx, 0);
  g_mutex_lock (&ctx->flowLock);
  while (!ctx->resetDone)
    g_cond_wait (&self->reset, &ctx->flowLock);
  g_mutex_unlock (&ctx->flowLock);
  if (self->teller)
    g_thread_join (self->teller);
  gst_object_unref (ctx->recordbin);
  g_mutex_clear (&ctx->flowLock);
  g_cond_clear (&self->reset);
  g_free (ctx->initParams.dirpath);
  g_free (ctx->initParams.fileNamePrefix);
  g_free (self);
  return NVDSSR_STATUS_OK;
}
