/*
 * The C API of libnvdsgst_smartrecord.so: NvDsSRCreate, NvDsSRStart, NvDsSRStop, NvDsSRDestroy.
 * Names, layouts and values are those of the header that DeepStream 9.1 installs under the same name, so that programs
 * built with either run with either library. What differs in behaviour is in docs/drop-in.md.
 *
 * All functions may be called from any thread, also from the callback. No GLib main loop is needed.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef NVDSSR_H_
#define NVDSSR_H_

#include <gst/gst.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A recording, as the callback gets it. */
typedef struct NvDsSRRecordingInfo NvDsSRRecordingInfo;

/*
 * Called once for each NvDsSRStart that returned NVDSSR_STATUS_OK, on a thread of its own, when the file is complete.
 * A recording that failed has containsVideo, containsAudio and duration 0. `info` and what it points to is valid until
 * the callback returns; what it returns is ignored.
 */
typedef gpointer (*NvDsSRCallbackFunc) (NvDsSRRecordingInfo *info, gpointer userData);

/* Names a recording of a context while it runs: the smallest number not in use. */
typedef guint32 NvDsSRSessionId;

/* File formats. */
typedef enum {
  NVDSSR_CONTAINER_MP4,
  NVDSSR_CONTAINER_MKV
} NvDsSRContainerType;

/* What the functions return. */
typedef enum {
  NVDSSR_STATUS_OK,
  /* A pointer is NULL, a context does not exist, or a parameter is out of range. */
  NVDSSR_STATUS_INVALID_VAL,
  /* Not now: nothing to stop, or no further recording can be started. */
  NVDSSR_STATUS_INVALID_OP,
  /* GStreamer or the system did not give what is needed; standard error says what. */
  NVDSSR_STATUS_ERROR,

  NVDSSR_STATUS_CUSTOM1 = 100,
  NVDSSR_STATUS_CUSTOM2 = 101,
  NVDSSR_STATUS_CUSTOM3 = 102
} NvDsSRStatus;

/* What a context is made from. Zero in a field: its default. */
typedef struct NvDsSRInitParams {
  /* May be NULL. */
  NvDsSRCallbackFunc callback;
  NvDsSRContainerType containerType;
  /* Pixels; without effect, as with NVIDIA's library. */
  guint width;
  guint height;
  /* File names begin so; NULL: Smart_Record. */
  gchar *fileNamePrefix;
  /* Folder of the files; NULL: the current folder. */
  gchar *dirpath;
  /* Seconds after NvDsSRStart at which a recording ends whose duration is 0; 0: 10. */
  guint defaultDuration;
  /* Seconds of video and audio that are kept in memory; 0: 30. videoCacheSize is its old name. */
  union {
    guint videoCacheSize;
    guint cacheSize;
  };
} NvDsSRInitParams;

/*
 * A recorder of one source. Everything but `recordbin` is for reading only. The flags change on threads of the library,
 * under `flowLock`.
 */
typedef struct NvDsSRContext {
  /* The bin to put into the pipeline: pad `sink` takes parsed video, pad `asink` parsed audio. */
  GstElement *recordbin;
  /* A queue, a bin and a filesink that take no part in the recording: for programs that look at them. */
  GstElement *recordQue;
  GstElement *encodebin;
  GstElement *filesink;
  /* A recording runs and has its first keyframe. */
  gboolean gotKeyFrame;
  /* A recording runs: started, and neither stopped nor at its end. */
  gboolean recordOn;
  /* No file is still to be completed. */
  gboolean resetDone;
  /* recordbin is PLAYING. */
  gboolean isPlaying;
  /* As given to NvDsSRCreate, with the defaults filled in; texts are copies. */
  NvDsSRInitParams initParams;
  GMutex flowLock;
  /* A thread that has ended. */
  GThread *resetThread;
  /* userData of the last NvDsSRStart. */
  gpointer uData;
  /* The library's own. */
  gpointer privData;
} NvDsSRContext;

struct NvDsSRRecordingInfo {
  NvDsSRContext *ctx;
  NvDsSRSessionId sessionId;
  /* Without its folder. */
  gchar *filename;
  /* initParams.dirpath, or "." where that is NULL. */
  gchar *dirpath;
  /* Milliseconds. */
  guint64 duration;
  NvDsSRContainerType containerType;
  /* Pixels. */
  guint width;
  guint height;
  gboolean containsVideo;
  guint channels;
  /* Hz. */
  guint samplingRate;
  gboolean containsAudio;
};

/*
 * Makes a context and its recordbin.
 * INVALID_VAL: a NULL pointer, or a prefix that is no file name. ERROR: an unknown container, or GStreamer has no muxer.
 */
NvDsSRStatus NvDsSRCreate (NvDsSRContext **ctx, NvDsSRInitParams *params);

/*
 * Starts a recording of [now - startTime, now + duration), both in seconds. duration 0: defaultDuration.
 * Recordings of one context may overlap. Before the first frame there is nothing to go back to: the recording then holds
 * what comes until now + duration.
 * INVALID_OP: the source has ended, or more recordings run than are allowed (16).
 */
NvDsSRStatus NvDsSRStart (NvDsSRContext *ctx, NvDsSRSessionId *sessionId, guint startTime, guint duration,
                          gpointer userData);

/*
 * Ends a recording now. Returns at once; the callback comes when the file is complete.
 * INVALID_OP: that recording does not run.
 */
NvDsSRStatus NvDsSRStop (NvDsSRContext *ctx, NvDsSRSessionId sessionId);

/*
 * Ends all recordings, waits until their files are complete and their callbacks have returned, and frees the context.
 * From within a callback it does not wait for that one; the context lives until it returns.
 */
NvDsSRStatus NvDsSRDestroy (NvDsSRContext *ctx);

#ifdef __cplusplus
}
#endif

#endif
