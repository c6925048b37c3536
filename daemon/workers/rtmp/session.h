#pragma once

#include "workers/rtmp/buffer.h"
#include "workers/rtmp/chunk.h"
#include "workers/rtmp/handshake.h"

/*
 * One RTMP connection below its commands, without a socket: bytes in, messages out, and the bytes
 * that must go to the peer. Handshake, chunk sizes, acknowledgements and pings are dealt with here.
 *
 *   session_input(bytes from the socket);
 *   while (session_next(&message) > 0) ...
 *   send what is in s.out, and buffer_consume() it
 */
#define SESSION_INPUT_MAX   (256u * 1024) /* session_input() takes no more at a time */
#define SESSION_WINDOW	    2500000u	  /* bytes between acknowledgements; what servers use */
#define SESSION_CHUNK_SIZE  4096u	  /* of what we send */
#define SESSION_TEXT_MAX    256		  /* the longest app, stream name or server text kept */
#define SESSION_COMMAND_MAX 2048

/* Chunk streams for what we send. */
enum session_chunk_id {
	SESSION_CHUNK_ID_CONTROL = 2,
	SESSION_CHUNK_ID_COMMAND = 3,
	SESSION_CHUNK_ID_AUDIO = 4,
	SESSION_CHUNK_ID_DATA = 5,
	SESSION_CHUNK_ID_VIDEO = 6,
};

struct session {
	struct handshake handshake;
	struct chunk_reader reader;
	struct chunk_writer writer;
	struct buffer in;
	struct buffer out; /* the caller sends and consumes it */
	uint64_t received; /* bytes */
	uint64_t acked;	   /* of them, as told to the peer */
	uint32_t window;   /* the peer wants an acknowledgement after so many bytes */
	uint32_t window_told;
	uint64_t pings;	   /* answered */
	const char *error; /* why the session cannot go on; a text for people */
};

/* @message_max: longest message taken; @output_max: bound of what may wait in s->out. */
void session_init(struct session *s, bool client, size_t message_max, size_t output_max);
void session_deinit(struct session *s);
/* Bytes from the peer, at most SESSION_INPUT_MAX; the messages in them must be fetched before the
 * next call. 0, -ENOBUFS. */
int session_input(struct session *s, const void *data, size_t len);
/* 1: a message that is not the session's own business, valid until the next call; 0: more bytes are
 * needed; negative: the session is over, s->error says why. */
int session_next(struct session *s, struct chunk_message *ret_message);
bool session_is_open(const struct session *s); /* the handshake is done */

/* All of these: 0, or -ENOBUFS when the bound of the output is met. */
int session_send(struct session *s, enum session_chunk_id id, const struct chunk_message *m);
/* The command or data message that @w holds; fails when it did not fit into @w. */
int session_send_amf0(struct session *s, enum session_chunk_id id, uint8_t type, uint32_t stream_id,
		      const struct writer *w);
/* Announces and uses SESSION_CHUNK_SIZE. */
int session_send_chunk_size(struct session *s);
int session_send_window(struct session *s, uint32_t window);
int session_send_peer_bandwidth(struct session *s, uint32_t window);
/* User control events. */
int session_send_stream_begin(struct session *s, uint32_t stream_id);
int session_send_ping(struct session *s, uint32_t timestamp);
