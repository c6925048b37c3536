#include "workers/rtmp/chunk.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

/*
 * A chunk has a header of one of four forms. fmt 0 says everything; 1, 2 and 3 leave out what is
 * as in the header before on the same chunk stream. All of them, also fmt 3, can begin a message:
 * whether a chunk begins one or continues one follows from the bytes that are still missing.
 *
 * Timestamps: fmt 0 carries the time itself, 1 and 2 a difference, 3 repeats the field of the
 * header before; after fmt 0, that is by the letter of the specification (5.3.1.2.4) the absolute
 * value taken as a difference, and FFmpeg sends it so. A field of 0xffffff means that 32 bits
 * follow. Continuations should repeat these 4 bytes; not every sender does, so in a fmt 3 chunk
 * they are taken for a timestamp only if they are equal to the one announced.
 *
 * Memory: a message's buffer grows with what has arrived, never with what is announced; all
 * streams of a connection together hold at most twice the largest message.
 */

#define FIELD_EXTENDED 0xffffffu
#define GROW_MIN       1024u

void chunk_reader_init(struct chunk_reader *r, size_t message_max)
{
	*r = (struct chunk_reader){ .chunk_size = CHUNK_SIZE_DEFAULT, .message_max = message_max };
}

void chunk_reader_deinit(struct chunk_reader *r)
{
	for (size_t i = 0; i < CHUNK_STREAMS_MAX; i++)
		free(r->streams[i].data);
	*r = (struct chunk_reader){ 0 };
}

static int chunk_fail(struct chunk_reader *r, const char *error)
{
	r->error = error;
	return -EPROTO;
}

int chunk_reader_resize(struct chunk_reader *r, uint32_t chunk_size)
{
	if (!chunk_size)
		return chunk_fail(r, "chunk size 0");
	r->chunk_size = chunk_size < CHUNK_SIZE_MAX ? chunk_size : CHUNK_SIZE_MAX;
	return 0;
}

static struct chunk_stream *stream_find(struct chunk_reader *r, uint32_t id)
{
	for (size_t i = 0; i < CHUNK_STREAMS_MAX; i++)
		if (r->streams[i].used && r->streams[i].id == id)
			return &r->streams[i];
	return NULL;
}

static struct chunk_stream *stream_add(struct chunk_reader *r, uint32_t id)
{
	for (size_t i = 0; i < CHUNK_STREAMS_MAX; i++) {
		if (!r->streams[i].used) {
			r->streams[i] = (struct chunk_stream){ .used = true, .id = id };
			return &r->streams[i];
		}
	}
	return NULL;
}

void chunk_reader_abort(struct chunk_reader *r, uint32_t id)
{
	struct chunk_stream *s = stream_find(r, id);

	if (s && s->open) {
		s->open = false;
		s->got = 0;
		r->discarded++;
	}
}

/* Room for all bytes up to @need; the buffers of streams at rest give way when the bound is met. */
static int stream_grow(struct chunk_reader *r, struct chunk_stream *s, size_t need)
{
	size_t size = s->size ? s->size : GROW_MIN;
	uint8_t *data;

	if (need <= s->size)
		return 0;
	while (size < need)
		size *= 2;
	if (size > r->message_max)
		size = r->message_max;
	for (size_t i = 0; i < CHUNK_STREAMS_MAX; i++) {
		struct chunk_stream *other = &r->streams[i];

		if (r->held - s->size + size <= 2 * r->message_max)
			break;
		if (other == s || other->open || !other->data)
			continue;
		r->held -= other->size;
		free(other->data);
		other->data = NULL;
		other->size = 0;
	}
	if (r->held - s->size + size > 2 * r->message_max)
		return chunk_fail(r, "too many long messages at once");
	data = realloc(s->data, size);
	if (!data)
		return -ENOMEM;
	r->held += size - s->size;
	s->data = data;
	s->size = size;
	return 0;
}

/* The stream id is the one little-endian number of RTMP. */
static uint32_t read_stream_id(struct cursor *c)
{
	return __builtin_bswap32(cursor_u32(c));
}

static uint32_t read_basic(struct cursor *c, unsigned *ret_fmt)
{
	uint8_t first = cursor_u8(c);
	uint32_t id = first & 0x3f;

	*ret_fmt = first >> 6;
	if (id == 0)
		return 64u + cursor_u8(c);
	if (id == 1) {
		id = 64u + cursor_u8(c);
		return id + 256u * cursor_u8(c);
	}
	return id;
}

/* The fields of a header into *@s, which is a copy of the stream's state. False: not all is here.
 */
static bool read_fields(struct cursor *c, unsigned fmt, struct chunk_stream *s)
{
	if (fmt == 3) {
		struct cursor ahead = *c;

		if (s->extended && cursor_u32(&ahead) == s->field && !ahead.failed)
			*c = ahead;
		return !ahead.failed;
	}
	s->field = cursor_u24(c);
	if (fmt < 2) {
		s->len = cursor_u24(c);
		s->type = cursor_u8(c);
	}
	if (fmt == 0)
		s->stream_id = read_stream_id(c);
	s->extended = s->field == FIELD_EXTENDED;
	if (s->extended)
		s->field = cursor_u32(c);
	return !c->failed;
}

/* 1: a header was read and r->current and r->left are set; 0: more bytes are needed. */
static int chunk_read_header(struct chunk_reader *r, struct cursor *c)
{
	struct cursor h = *c;
	unsigned fmt;
	uint32_t id = read_basic(&h, &fmt);
	struct chunk_stream *s, next;

	if (h.failed)
		return 0;
	s = stream_find(r, id);
	/* Clients are known to open a stream with fmt 1 (stream id 0 is meant), never with less. */
	if (!s && fmt > 1)
		return chunk_fail(r, "a chunk refers to a header that was never sent");
	next = s ? *s : (struct chunk_stream){ .used = true, .id = id };
	if (!read_fields(&h, fmt, &next))
		return 0;
	if (next.len > r->message_max)
		return chunk_fail(r, "a message is longer than allowed");
	if (!s) {
		s = stream_add(r, id);
		if (!s)
			return chunk_fail(r, "too many chunk streams");
	}
	if (next.open && fmt != 3) {
		r->discarded++;
		next.open = false;
	}
	if (!next.open) {
		next.timestamp = fmt == 0 ? next.field : next.timestamp + next.field;
		next.open = true;
		next.got = 0;
	}
	*s = next;
	*c = h;
	r->current = s;
	r->left = s->len - (uint32_t)s->got;
	if (r->left > r->chunk_size)
		r->left = r->chunk_size;
	return 1;
}

int chunk_read(struct chunk_reader *r, struct cursor *c, struct chunk_message *ret_message)
{
	for (;;) {
		struct chunk_stream *s;
		size_t take;
		int k;

		if (!r->current) {
			k = chunk_read_header(r, c);
			if (k <= 0)
				return k;
		}
		s = r->current;
		take = cursor_left(c) < r->left ? cursor_left(c) : r->left;
		k = stream_grow(r, s, s->got + take);
		if (k < 0)
			return k;
		if (take)
			memcpy(s->data + s->got, cursor_bytes(c, take), take);
		s->got += take;
		r->left -= (uint32_t)take;
		if (r->left)
			return 0;
		r->current = NULL;
		if (s->got < s->len)
			continue;
		s->open = false;
		*ret_message = (struct chunk_message){
			.timestamp = s->timestamp,
			.stream_id = s->stream_id,
			.type = s->type,
			.data = s->data,
			.len = s->got,
		};
		return 1;
	}
}

void chunk_writer_init(struct chunk_writer *w)
{
	*w = (struct chunk_writer){ .chunk_size = CHUNK_SIZE_DEFAULT };
}

static void write_header(struct writer *h, unsigned fmt, uint32_t id, uint32_t field,
			 const struct chunk_message *m)
{
	bool extended = field >= FIELD_EXTENDED;

	writer_u8(h, (uint8_t)(fmt << 6 | id));
	if (fmt < 3) {
		writer_u24(h, extended ? FIELD_EXTENDED : field);
		writer_u24(h, (uint32_t)m->len);
		writer_u8(h, m->type);
	}
	if (fmt == 0)
		writer_u32(h, __builtin_bswap32(m->stream_id));
	if (extended)
		writer_u32(h, field);
}

int chunk_write(struct chunk_writer *w, struct buffer *out, uint32_t id,
		const struct chunk_message *m)
{
	uint32_t since = m->timestamp - w->last[id].timestamp;
	/* Time that runs backwards has no difference to send. */
	bool whole =
		!w->last[id].used || w->last[id].stream_id != m->stream_id || since > INT32_MAX;
	uint32_t field = whole ? m->timestamp : since;
	size_t chunks = m->len ? (m->len + w->chunk_size - 1) / w->chunk_size : 1;
	struct writer room;
	uint8_t *p;

	assert(id >= 2 && id < CHUNK_WRITER_IDS && m->len <= CHUNK_SIZE_MAX);
	p = buffer_room(out, m->len + CHUNK_HEADER_MAX * chunks);
	if (!p)
		return -ENOBUFS;
	room = writer_of(p, m->len + CHUNK_HEADER_MAX * chunks);
	write_header(&room, whole ? 0 : 1, id, field, m);
	for (size_t at = 0; at < m->len;) {
		size_t take = m->len - at < w->chunk_size ? m->len - at : w->chunk_size;

		if (at)
			write_header(&room, 3, id, field, m);
		writer_bytes(&room, m->data + at, take);
		at += take;
	}
	out->end -= writer_left(&room);
	w->last[id].used = true;
	w->last[id].timestamp = m->timestamp;
	w->last[id].stream_id = m->stream_id;
	return 0;
}
