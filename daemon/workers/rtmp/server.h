#pragma once

#include "workers/rtmp/session.h"

/*
 * The commands of a client that publishes, seen from the server: connect, createStream, publish,
 * media, unpublish. No socket, no policy: who may publish is asked for by an event and answered by
 * server_accept() or server_refuse().
 */
enum server_event_type {
	SERVER_EVENT_CONNECT,  /* "app" is known: accept or refuse */
	SERVER_EVENT_PUBLISH,  /* "name" (the stream key) is known: accept or refuse */
	SERVER_EVENT_METADATA, /* message: script data, name and properties */
	SERVER_EVENT_AUDIO,    /* message: an FLV audio tag's body */
	SERVER_EVENT_VIDEO,
	SERVER_EVENT_UNPUBLISH, /* the client ended its stream and may begin another */
	SERVER_EVENT_PLAY,	/* it wants to watch; it was told that there is nothing */
};

struct server_event {
	enum server_event_type type;
	struct chunk_message message; /* valid until the next server_next() */
};

enum server_state {
	SERVER_STATE_NEW,     /* nothing accepted yet */
	SERVER_STATE_ASKED,   /* an event waits for its answer */
	SERVER_STATE_READY,   /* connect accepted */
	SERVER_STATE_PUBLISH, /* media may come */
	SERVER_STATE_REFUSED, /* the refusal is in the output; close when it is sent */
};

struct server {
	struct session session;
	enum server_state state;
	enum server_event_type asked;
	double transaction;	     /* of the command that is asked about */
	uint32_t stream_id;	     /* message stream of the publish command */
	char app[SESSION_TEXT_MAX];  /* as the client wrote it, cut */
	char name[SESSION_TEXT_MAX]; /* a secret: the stream key */
	char agent[64];		     /* the client's "flashVer" */
	uint64_t ignored; /* messages of no use: unknown commands, media before publish */
};

/* Until publish is accepted a client may send commands only, so messages are kept short. */
#define SERVER_COMMAND_MESSAGE_MAX (64u * 1024)
#define SERVER_MEDIA_MESSAGE_MAX   (8u * 1024 * 1024)
#define SERVER_OUTPUT_MAX	   (64u * 1024) /* a client that reads nothing is dropped there */

void server_init(struct server *s);
void server_deinit(struct server *s);
/* As session_input() and session_next(). Must not be called while an event waits for its answer. */
int server_input(struct server *s, const void *data, size_t len);
int server_next(struct server *s, struct server_event *ret_event);
/* The answer to CONNECT and PUBLISH; 0 or -ENOBUFS. @text goes to the client and is for people. */
int server_accept(struct server *s);
int server_refuse(struct server *s, const char *text);
