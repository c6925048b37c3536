#pragma once

#include "base/cursor.h"
#include "workers/rtmp/buffer.h"

/*
 * The chunk stream of RTMP (specification 1.0, section 5.3): messages of many streams, cut into
 * chunks and interleaved on one connection.
 */
#define CHUNK_SIZE_DEFAULT 128	    /* until the sender says otherwise */
#define CHUNK_SIZE_MAX	   0xffffff /* no message is longer, so neither is a chunk */
#define CHUNK_STREAMS_MAX  32	    /* ids a peer may use at once; encoders use 3 to 5 */
#define CHUNK_HEADER_MAX   18	    /* 3 basic + 11 message + 4 extended timestamp */

enum chunk_type {
	CHUNK_TYPE_SET_CHUNK_SIZE = 1,
	CHUNK_TYPE_ABORT = 2,
	CHUNK_TYPE_ACK = 3,
	CHUNK_TYPE_USER_CONTROL = 4,
	CHUNK_TYPE_WINDOW_ACK_SIZE = 5,
	CHUNK_TYPE_PEER_BANDWIDTH = 6,
	CHUNK_TYPE_AUDIO = 8,
	CHUNK_TYPE_VIDEO = 9,
	CHUNK_TYPE_DATA_AMF3 = 15,
	CHUNK_TYPE_COMMAND_AMF3 = 17,
	CHUNK_TYPE_DATA = 18,
	CHUNK_TYPE_COMMAND = 20,
};

struct chunk_message {
	uint32_t timestamp; /* milliseconds, wraps */
	uint32_t stream_id; /* message stream, 0 = the connection itself */
	uint8_t type;	    /* enum chunk_type, or something else */
	const uint8_t *data;
	size_t len;
};

struct chunk_stream {
	bool used;
	bool extended; /* its last header had the extended timestamp */
	bool open;     /* a message is under way */
	uint8_t type;
	uint32_t id;
	uint32_t field;	    /* last timestamp field: absolute (fmt 0) or delta */
	uint32_t timestamp; /* of the message under way, or the last one */
	uint32_t stream_id;
	uint32_t len; /* of the message under way, or the last one */
	uint8_t *data;
	size_t got;  /* bytes of it that are here */
	size_t size; /* allocated */
};

struct chunk_reader {
	struct chunk_stream streams[CHUNK_STREAMS_MAX];
	struct chunk_stream *current; /* the chunk whose payload is being read */
	uint32_t left;		      /* payload bytes of that chunk still to come */
	uint32_t chunk_size;
	size_t message_max; /* longer messages end the connection */
	size_t held;	    /* bytes allocated for all streams, at most twice message_max */
	uint64_t discarded; /* messages that a new header cut off */
	const char *error;  /* why the last chunk_read() failed */
};

void chunk_reader_init(struct chunk_reader *r, size_t message_max);
void chunk_reader_deinit(struct chunk_reader *r);
/*
 * Takes bytes from @c, and what it took need not be offered again; up to CHUNK_HEADER_MAX - 1
 * bytes may remain. 1: a message is complete, its data valid until the next call; 0: more bytes are
 * needed; -EPROTO (r->error says what is wrong) and -ENOMEM end the connection.
 */
int chunk_read(struct chunk_reader *r, struct cursor *c, struct chunk_message *ret_message);
/* 0 or -EPROTO: no size at all. */
int chunk_reader_resize(struct chunk_reader *r, uint32_t chunk_size);
/* Forgets the message under way on chunk stream @id (protocol message Abort). */
void chunk_reader_abort(struct chunk_reader *r, uint32_t id);

#define CHUNK_WRITER_IDS 8

struct chunk_writer {
	uint32_t chunk_size;
	struct {
		bool used;
		uint32_t timestamp;
		uint32_t stream_id;
	} last[CHUNK_WRITER_IDS];
};

void chunk_writer_init(struct chunk_writer *w);
/* Adds @m to @out on chunk stream @id (2 to CHUNK_WRITER_IDS - 1); 0 or -ENOBUFS with nothing
 * written. */
int chunk_write(struct chunk_writer *w, struct buffer *out, uint32_t id,
		const struct chunk_message *m);
