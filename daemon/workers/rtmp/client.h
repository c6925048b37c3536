#pragma once

#include "workers/rtmp/session.h"

/*
 * The commands of a client that publishes: connect, createStream, publish, then media, and a
 * goodbye. No socket, no time: the caller moves the bytes and judges how long an answer may take.
 */
#define CLIENT_TEXT_MAX 1024 /* stream keys of some platforms are query strings of 300 bytes */

struct client_config {
	const char *app;
	const char *tc_url; /* the URL up to the app, without the key */
	const char *name;   /* publish name, the stream key: copied, never shown */
};

enum client_state {
	CLIENT_STATE_HANDSHAKE,
	CLIENT_STATE_CONNECT, /* waits for the answer to connect */
	CLIENT_STATE_CREATE,  /* ... to createStream */
	CLIENT_STATE_PUBLISH, /* ... to publish */
	CLIENT_STATE_LIVE,
	CLIENT_STATE_DONE, /* goodbye is in the output */
};

enum client_event {
	CLIENT_EVENT_LIVE,    /* media may be sent */
	CLIENT_EVENT_REFUSED, /* the server said no: client.text */
	CLIENT_EVENT_ENDED,   /* the server ends what was live: client.text */
};

struct client {
	struct session session;
	enum client_state state;
	uint32_t stream_id;
	char app[CLIENT_TEXT_MAX];
	char tc_url[CLIENT_TEXT_MAX];
	char name[CLIENT_TEXT_MAX];
	char text[SESSION_TEXT_MAX]; /* the server's own words: code and description */
};

#define CLIENT_MESSAGE_MAX (1024u * 1024)      /* what a server may send in one message */
#define CLIENT_OUTPUT_MAX  (16u * 1024 * 1024) /* two media messages of the largest size */

/* 0, or -E2BIG when a text of @config is too long. */
int client_init(struct client *c, const struct client_config *config);
void client_deinit(struct client *c);
int client_input(struct client *c, const void *data, size_t len);
/* 1: *@ret_event is set, 0: more bytes are needed, negative: the session is over
 * (c->session.error). The first call starts the handshake. */
int client_next(struct client *c, enum client_event *ret_event);
/* An FLV tag's body; only while live. @type: CHUNK_TYPE_AUDIO, _VIDEO or _DATA. 0, -ENOBUFS. */
int client_send(struct client *c, enum chunk_type type, uint32_t timestamp, const void *data,
		size_t len);
/* FCUnpublish and deleteStream, while live: tells the platform that the stream is over. */
int client_goodbye(struct client *c);
