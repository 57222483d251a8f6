/*
 * The C API of DeepStream's protocol adaptors (libnvds_kafka_proto.so, libnvds_mqtt_proto.so, ...).
 * Names, types and values are those of the header that DeepStream 9.1 installs under the same name; it is declared here
 * in our words, so that nothing of NVIDIA's is needed to build. What the adaptors do is said where they are called.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef NVDS_MSGAPI_H_
#define NVDS_MSGAPI_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A connection. */
typedef void *NvDsMsgApiHandle;

/* What happened to a connection. */
typedef enum {
  NVDS_MSGAPI_EVT_SUCCESS,
  NVDS_MSGAPI_EVT_DISCONNECT,
  NVDS_MSGAPI_EVT_SERVICE_DOWN
} NvDsMsgApiEventType;

/* How a call, or a message, went. */
typedef enum {
  NVDS_MSGAPI_OK,
  NVDS_MSGAPI_ERR,
  NVDS_MSGAPI_UNKNOWN_TOPIC
} NvDsMsgApiErrorType;

/* An event of a connection. There is no user pointer: only the handle says which. */
typedef void (*nvds_msgapi_connect_cb_t) (NvDsMsgApiHandle handle, NvDsMsgApiEventType event);

/* A message came, or, with another flag than OK, the text of an error. All that is pointed to is the adaptor's. */
typedef void (*nvds_msgapi_subscribe_request_cb_t) (NvDsMsgApiErrorType flag, void *message, int length, char *topic,
    void *user);

/* A message that was sent is with the broker, or never will be. */
typedef void (*nvds_msgapi_send_cb_t) (void *user, NvDsMsgApiErrorType flag);

/* Connects to "host;port"; the path of the settings may be NULL. Returns NULL where that fails. */
NvDsMsgApiHandle nvds_msgapi_connect (char *connection, nvds_msgapi_connect_cb_t callback, char *config_path);

/* Sends, and returns when the broker has the message. Not every adaptor has it. */
NvDsMsgApiErrorType nvds_msgapi_send (NvDsMsgApiHandle handle, char *topic, const uint8_t *payload, size_t length);

/* Sends, and calls back when the broker has the message. */
NvDsMsgApiErrorType nvds_msgapi_send_async (NvDsMsgApiHandle handle, char *topic, const uint8_t *payload,
    size_t length, nvds_msgapi_send_cb_t callback, void *user);

/* Asks for messages. An adaptor may lack it. */
NvDsMsgApiErrorType nvds_msgapi_subscribe (NvDsMsgApiHandle handle, char **topics, int count,
    nvds_msgapi_subscribe_request_cb_t callback, void *user);

/* Gives the adaptor time to work: it may call back from here, or from threads of its own. */
void nvds_msgapi_do_work (NvDsMsgApiHandle handle);

/* Ends a connection; the handle is not valid any more. */
NvDsMsgApiErrorType nvds_msgapi_disconnect (NvDsMsgApiHandle handle);

/* "major.minor" of this API. */
char *nvds_msgapi_getversion (void);

/* As in "KAFKA". */
char *nvds_msgapi_get_protocol_name (void);

/* A text that is the same for connections that can be shared. An adaptor may lack it. */
NvDsMsgApiErrorType nvds_msgapi_connection_signature (char *connection, char *config_path, char *signature,
    int max_length);

#ifdef __cplusplus
}
#endif

#endif
