/*
 * A protocol adaptor for tests: what is sent on one connection comes in on all others of the process that subscribed to
 * the topic. The connection string says how it behaves, as words between semicolons:
 *   thread        calls back from a thread of its own (as NVIDIA's Kafka), else from do_work, one message per call (MQTT)
 *   refuse=FILE   while the file exists: calls back SERVICE_DOWN, frees the handle and returns NULL; must stand last
 *   slow          takes 300 ms to connect
 *   no-topic      does not say the topic
 *   error-first   before each message, calls back with an error and its text
 *   late          goes on calling back for a while after disconnect, with the old handle and user pointer
 *   flood         calls back with messages on its topic "flood" as fast as it can
 *   early-down    calls back SERVICE_DOWN for the handle before connect returns it, once per process
 * A message "lose" on the topic "control" makes all connections lose theirs: one storm of callbacks, and one callback
 * per do_work from then on. "fail" makes all later messages fail. A message on the topic "tag" comes in as what TAG is.
 * After a payload other bytes follow, and no zero; payloads are overwritten, and freed, at once.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nvds_msgapi.h"

#ifndef VERSION
#define VERSION "4.0"
#endif
#ifndef TAG
#define TAG "none"
#endif
/* Adaptors that lack a function. */
#ifdef NO_SUBSCRIBE
#define nvds_msgapi_subscribe subscribe_under_another_name
#endif
#ifdef NO_DO_WORK
#define nvds_msgapi_do_work do_work_under_another_name
#endif
#define MAX_CONNECTIONS 64
#define STORM 100000
#define AFTER 16

typedef struct Message {
  struct Message *next;
  char *topic;
  uint8_t *payload;
  size_t length;
} Message;

typedef struct Sent {
  struct Sent *next;
  nvds_msgapi_send_cb_t callback;
  void *user;
  NvDsMsgApiErrorType flag;
} Sent;

typedef struct {
  nvds_msgapi_connect_cb_t on_event;
  nvds_msgapi_subscribe_request_cb_t on_message;
  void *user;
  char **topics;
  int count;
  int thread, no_topic, error_first, late, flood;
  int lost, end;
  Message *first, **last;
  Sent *sent;
  pthread_t worker;
} Connection;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static Connection *connections[MAX_CONNECTIONS];
static int failing;

/*
 * No part of the API, and not static, as some helpers of NVIDIA's: with RTLD_GLOBAL, all adaptors would call the one of
 * the first that was loaded.
 */
const char *
fetch_config_value (void)
{
  return TAG;
}

static int
has (const char *text, const char *word)
{
  return text && strstr (text, word) != NULL;
}

static Message *
take (Connection *c)
{
  Message *m = c->first;
  if (m) {
    c->first = m->next;
    if (!c->first)
      c->last = &c->first;
  }
  return m;
}

static void
deliver (Connection *c, Message *m)
{
  if (c->error_first) {
    char text[] = "a passing error";
    c->on_message (NVDS_MSGAPI_ERR, text, sizeof text - 1, m->topic, c->user);
    c->on_message (NVDS_MSGAPI_UNKNOWN_TOPIC, NULL, 0, NULL, c->user);
  }
  c->on_message (NVDS_MSGAPI_OK, m->payload, (int) m->length, c->no_topic ? NULL : m->topic, c->user);
  if (m->payload)
    memset (m->payload, '!', m->length);
  free (m->payload);
  free (m->topic);
  free (m);
}

static void *
work (void *data)
{
  Connection *c = data;
  pthread_mutex_lock (&lock);
  while (!c->end) {
    Message *m = take (c);
    if (!m && c->flood) {
      char payload[] = "one of many", topic[] = "flood";
      pthread_mutex_unlock (&lock);
      c->on_message (NVDS_MSGAPI_OK, payload, sizeof payload - 1, topic, c->user);
      pthread_mutex_lock (&lock);
      continue;
    }
    if (!m) {
      pthread_cond_wait (&changed, &lock);
      continue;
    }
    pthread_mutex_unlock (&lock);
    deliver (c, m);
    pthread_mutex_lock (&lock);
  }
  pthread_mutex_unlock (&lock);
  return NULL;
}

NvDsMsgApiHandle
nvds_msgapi_connect (char *connection, nvds_msgapi_connect_cb_t callback, char *config_path)
{
  static int warned;
  Connection *c = calloc (1, sizeof *c);
  const char *refuse = strstr (connection, "refuse=");
  int i;

  (void) config_path;
  if (has (connection, "slow"))
    usleep (300000);
  if (refuse && access (refuse + strlen ("refuse="), F_OK) == 0) {
    callback (c, NVDS_MSGAPI_EVT_SERVICE_DOWN);
    free (c);
    return NULL;
  }
  c->on_event = callback;
  c->thread = has (connection, "thread");
  c->no_topic = has (connection, "no-topic");
  c->error_first = has (connection, "error-first");
  c->late = has (connection, "late");
  c->flood = has (connection, "flood");
  c->last = &c->first;
  if (has (connection, "early-down") && !warned++)
    callback (c, NVDS_MSGAPI_EVT_SERVICE_DOWN);
  pthread_mutex_lock (&lock);
  for (i = 0; i < MAX_CONNECTIONS && connections[i]; i++);
  if (i < MAX_CONNECTIONS)
    connections[i] = c;
  pthread_mutex_unlock (&lock);
  return c;
}

NvDsMsgApiErrorType
nvds_msgapi_subscribe (NvDsMsgApiHandle handle, char **topics, int count, nvds_msgapi_subscribe_request_cb_t callback,
    void *user)
{
  Connection *c = handle;
  int i;

  if (c->on_message)
    return NVDS_MSGAPI_ERR;
  pthread_mutex_lock (&lock);
  c->topics = calloc ((size_t) count, sizeof *c->topics);
  for (i = 0; i < count; i++)
    c->topics[i] = strdup (topics[i]);
  c->count = count;
  c->user = user;
  c->on_message = callback;
  pthread_mutex_unlock (&lock);
  if (c->thread)
    pthread_create (&c->worker, NULL, work, c);
  /* As NVIDIA's MQTT adaptor: success is told late, and from here. */
  c->on_event (c, NVDS_MSGAPI_EVT_SUCCESS);
  return NVDS_MSGAPI_OK;
}

static void
loopback (const char *topic, const uint8_t *payload, size_t length)
{
  int i, t;
  if (!strcmp (topic, "tag")) {
    payload = (const uint8_t *) fetch_config_value ();
    length = strlen ((const char *) payload);
  }
  for (i = 0; i < MAX_CONNECTIONS; i++) {
    Connection *c = connections[i];
    for (t = 0; c && t < c->count; t++) {
      Message *m;
      if (strcmp (c->topics[t], topic))
        continue;
      m = calloc (1, sizeof *m);
      m->topic = strdup (topic);
      m->length = length;
      m->payload = length ? malloc (length + AFTER) : NULL;
      if (length) {
        memcpy (m->payload, payload, length);
        memset (m->payload + length, '?', AFTER);
      }
      *c->last = m;
      c->last = &m->next;
    }
  }
  pthread_cond_broadcast (&changed);
}

static void
lose_all (void)
{
  Connection *all[MAX_CONNECTIONS];
  int i, n;
  pthread_mutex_lock (&lock);
  memcpy (all, connections, sizeof all);
  for (i = 0; i < MAX_CONNECTIONS; i++)
    if (all[i])
      all[i]->lost = 1;
  for (n = 0; n < STORM; n++)
    for (i = 0; i < MAX_CONNECTIONS; i++)
      if (all[i])
        all[i]->on_event (all[i], n % 2 ? NVDS_MSGAPI_EVT_SERVICE_DOWN : NVDS_MSGAPI_EVT_DISCONNECT);
  pthread_mutex_unlock (&lock);
}

void
nvds_msgapi_do_work (NvDsMsgApiHandle handle)
{
  Connection *c = handle;
  Message *m;
  Sent *sent;

  if (c->lost) {
    c->on_event (c, NVDS_MSGAPI_EVT_SERVICE_DOWN);
    return;
  }
  pthread_mutex_lock (&lock);
  m = c->thread ? NULL : take (c);
  sent = c->sent;
  c->sent = NULL;
  pthread_mutex_unlock (&lock);
  if (m)
    deliver (c, m);
  else if (!sent && !c->thread)
    usleep (2000);
  while (sent) {
    Sent *next = sent->next;
    sent->callback (sent->user, sent->flag);
    free (sent);
    sent = next;
  }
}

NvDsMsgApiErrorType
nvds_msgapi_send_async (NvDsMsgApiHandle handle, char *topic, const uint8_t *payload, size_t length,
    nvds_msgapi_send_cb_t callback, void *user)
{
  Connection *c = handle;
  Sent *sent, **end;

  if (c->lost || !topic || !strcmp (topic, "refused"))
    return NVDS_MSGAPI_ERR;
  if (!strcmp (topic, "control") && length == 4 && !memcmp (payload, "lose", 4)) {
    callback (user, NVDS_MSGAPI_OK);
    lose_all ();
    return NVDS_MSGAPI_OK;
  }
  pthread_mutex_lock (&lock);
  if (!strcmp (topic, "control") && length == 4 && !memcmp (payload, "fail", 4))
    failing = 1;
  sent = calloc (1, sizeof *sent);
  sent->callback = callback;
  sent->user = user;
  sent->flag = failing ? NVDS_MSGAPI_ERR : NVDS_MSGAPI_OK;
  for (end = &c->sent; *end; end = &(*end)->next);
  *end = sent;
  if (!failing)
    loopback (topic, payload, length);
  pthread_mutex_unlock (&lock);
  return NVDS_MSGAPI_OK;
}

NvDsMsgApiErrorType
nvds_msgapi_send (NvDsMsgApiHandle handle, char *topic, const uint8_t *payload, size_t length)
{
  (void) handle, (void) topic, (void) payload, (void) length;
  return NVDS_MSGAPI_ERR;
}

static void *
haunt (void *data)
{
  Connection *c = data;
  int n;
  for (n = 0; n < 50; n++) {
    char text[] = "a ghost";
    c->on_message (NVDS_MSGAPI_OK, text, sizeof text - 1, c->topics[0], c->user);
    c->on_event (c, NVDS_MSGAPI_EVT_SERVICE_DOWN);
    usleep (1000);
  }
  return NULL;
}

NvDsMsgApiErrorType
nvds_msgapi_disconnect (NvDsMsgApiHandle handle)
{
  Connection *c = handle;
  int i;

  pthread_mutex_lock (&lock);
  c->end = 1;
  for (i = 0; i < MAX_CONNECTIONS; i++)
    if (connections[i] == c)
      connections[i] = NULL;
  pthread_cond_broadcast (&changed);
  pthread_mutex_unlock (&lock);
  if (c->worker)
    pthread_join (c->worker, NULL);
  if (c->late && c->on_message) {
    pthread_t ghost;
    pthread_create (&ghost, NULL, haunt, c);
    pthread_detach (ghost);
  }
  /* The connection itself is leaked: a test is short. */
  return NVDS_MSGAPI_OK;
}

char *
nvds_msgapi_getversion (void)
{
  return VERSION;
}

char *
nvds_msgapi_get_protocol_name (void)
{
  return "DOUBLE";
}
