#include "workers/rtmp/session.h"

#include <errno.h>

/*
 * The peer paces nothing here: every message that is the session's own business is answered at
 * once and bounded by what it arrived in (a ping of 12 bytes causes an answer of 18). A peer that
 * sends pings and never reads fills the output to its bound, and that ends the session.
 */

enum user_control {
	USER_CONTROL_STREAM_BEGIN = 0,
	USER_CONTROL_PING = 6,
	USER_CONTROL_PONG = 7,
};

void session_init(struct session *s, bool client, size_t message_max, size_t output_max)
{
	*s = (struct session){ .window = SESSION_WINDOW };
	handshake_init(&s->handshake, client);
	chunk_reader_init(&s->reader, message_max);
	chunk_writer_init(&s->writer);
	buffer_init(&s->in, SESSION_INPUT_MAX + 1 + 2 * HANDSHAKE_SIZE);
	buffer_init(&s->out, output_max);
}

void session_deinit(struct session *s)
{
	chunk_reader_deinit(&s->reader);
	buffer_deinit(&s->in);
	buffer_deinit(&s->out);
}

bool session_is_open(const struct session *s)
{
	return s->handshake.state == HANDSHAKE_STATE_DONE;
}

int session_send(struct session *s, enum session_chunk_id id, const struct chunk_message *m)
{
	return chunk_write(&s->writer, &s->out, id, m);
}

int session_send_amf0(struct session *s, enum session_chunk_id id, uint8_t type, uint32_t stream_id,
		      const struct writer *w)
{
	struct chunk_message m = {
		.type = type, .stream_id = stream_id, .data = w->begin, .len = writer_len(w)
	};

	return w->failed ? -ENOBUFS : session_send(s, id, &m);
}

static int send_control(struct session *s, enum chunk_type type, const struct writer *w)
{
	return session_send_amf0(s, SESSION_CHUNK_ID_CONTROL, (uint8_t)type, 0, w);
}

static int send_u32(struct session *s, enum chunk_type type, uint32_t value)
{
	uint8_t bytes[4];
	struct writer w = writer_of(bytes, sizeof(bytes));

	writer_u32(&w, value);
	return send_control(s, type, &w);
}

int session_send_chunk_size(struct session *s)
{
	int r = send_u32(s, CHUNK_TYPE_SET_CHUNK_SIZE, SESSION_CHUNK_SIZE);

	if (!r)
		s->writer.chunk_size = SESSION_CHUNK_SIZE;
	return r;
}

int session_send_window(struct session *s, uint32_t window)
{
	s->window_told = window;
	return send_u32(s, CHUNK_TYPE_WINDOW_ACK_SIZE, window);
}

int session_send_peer_bandwidth(struct session *s, uint32_t window)
{
	uint8_t bytes[5];
	struct writer w = writer_of(bytes, sizeof(bytes));

	writer_u32(&w, window);
	writer_u8(&w, 2); /* limit type "dynamic" */
	return send_control(s, CHUNK_TYPE_PEER_BANDWIDTH, &w);
}

static int send_user_control(struct session *s, enum user_control event, uint32_t value)
{
	uint8_t bytes[6];
	struct writer w = writer_of(bytes, sizeof(bytes));

	writer_u16(&w, (uint16_t)event);
	writer_u32(&w, value);
	return send_control(s, CHUNK_TYPE_USER_CONTROL, &w);
}

int session_send_stream_begin(struct session *s, uint32_t stream_id)
{
	return send_user_control(s, USER_CONTROL_STREAM_BEGIN, stream_id);
}

int session_send_ping(struct session *s, uint32_t timestamp)
{
	return send_user_control(s, USER_CONTROL_PING, timestamp);
}

/* Acknowledgements go out at half the window, so that a sender which stops at a whole one never
 * does. The number is that of all bytes received and wraps. */
static int session_acknowledge(struct session *s)
{
	if (!session_is_open(s) || s->received - s->acked < s->window / 2)
		return 0;
	s->acked = s->received;
	return send_u32(s, CHUNK_TYPE_ACK, (uint32_t)s->received);
}

int session_input(struct session *s, const void *data, size_t len)
{
	int r = buffer_append(&s->in, data, len);

	if (r < 0) {
		s->error = "more bytes than the session takes at a time";
		return r;
	}
	s->received += len;
	r = session_acknowledge(s);
	if (r < 0)
		s->error = "it does not read what it is sent";
	return r;
}

static int session_control(struct session *s, const struct chunk_message *m)
{
	struct cursor c = cursor_of(m->data, m->len);
	uint32_t value;

	switch (m->type) {
	case CHUNK_TYPE_SET_CHUNK_SIZE:
		value = cursor_u32(&c);
		/* The top bit must be 0; a message too short for a number changes nothing. */
		return c.failed ? 0 : chunk_reader_resize(&s->reader, value & 0x7fffffff);
	case CHUNK_TYPE_ABORT:
		value = cursor_u32(&c);
		if (!c.failed)
			chunk_reader_abort(&s->reader, value);
		return 0;
	case CHUNK_TYPE_USER_CONTROL:
		if (cursor_u16(&c) != USER_CONTROL_PING)
			return 0;
		value = cursor_u32(&c);
		if (c.failed)
			return 0;
		s->pings++;
		return send_user_control(s, USER_CONTROL_PONG, value);
	case CHUNK_TYPE_WINDOW_ACK_SIZE:
		value = cursor_u32(&c);
		if (!c.failed && value)
			s->window = value;
		return 0;
	case CHUNK_TYPE_PEER_BANDWIDTH:
		value = cursor_u32(&c);
		if (c.failed || !value || value == s->window_told)
			return 0;
		return session_send_window(s, value);
	default: /* CHUNK_TYPE_ACK: we do not wait for the peer's acknowledgements. */
		return 0;
	}
}

static const char *stranger_text(uint8_t first)
{
	switch (first) {
	case 'G':
	case 'P':
	case 'H':
	case 'O':
		return "speaks HTTP, not RTMP";
	case 0x16:
		return "speaks TLS (rtmps://), plain rtmp:// is expected here";
	case 6:
	case 8:
		return "wants encrypted RTMP (rtmpe://), which is not supported";
	default:
		return "does not speak RTMP";
	}
}

int session_next(struct session *s, struct chunk_message *ret_message)
{
	int r;

	while (!session_is_open(s)) {
		r = handshake_step(&s->handshake, &s->in, &s->out);
		if (r == -EPROTO)
			s->error = stranger_text(s->handshake.version);
		if (r < 0 && !s->error)
			s->error = "it does not read what it is sent";
		if (r <= 0)
			return r;
	}
	for (;;) {
		struct cursor c = cursor_of(buffer_data(&s->in), buffer_len(&s->in));

		r = chunk_read(&s->reader, &c, ret_message);
		buffer_consume(&s->in, buffer_len(&s->in) - (size_t)(c.end - c.next));
		if (r < 0)
			s->error = s->reader.error ? s->reader.error : "out of memory";
		if (r <= 0)
			return r;
		if (ret_message->type > CHUNK_TYPE_PEER_BANDWIDTH)
			return 1;
		r = session_control(s, ret_message);
		if (r < 0) {
			s->error = s->reader.error ? s->reader.error
						   : "it does not read what it is sent";
			return r;
		}
	}
}
