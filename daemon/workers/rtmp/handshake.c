#include "workers/rtmp/handshake.h"

#include <errno.h>
#include <string.h>

void handshake_init(struct handshake *h, bool client)
{
	*h = (struct handshake){
		.client = client,
		.state = client ? HANDSHAKE_STATE_GREET : HANDSHAKE_STATE_HELLO,
	};
}

/* Version byte, then time 0, version 0 and filler. The filler only has to be 1528 bytes; nothing
 * rests on its randomness. */
static int handshake_greet(struct buffer *out)
{
	uint8_t *p = buffer_room(out, 1 + HANDSHAKE_SIZE);

	if (!p)
		return -ENOBUFS;
	*p++ = HANDSHAKE_VERSION;
	memset(p, 0, 8);
	for (size_t i = 8; i < HANDSHAKE_SIZE; i++)
		p[i] = (uint8_t)(i * 167 + (i >> 8));
	return 0;
}

static int handshake_hello(struct handshake *h, struct buffer *in, struct buffer *out)
{
	int r;

	if (!buffer_len(in))
		return 0;
	h->version = buffer_data(in)[0];
	/* Known after one byte, so that a stranger is not waited for. */
	if (h->version != HANDSHAKE_VERSION)
		return -EPROTO;
	if (buffer_len(in) < 1 + HANDSHAKE_SIZE)
		return 0;
	r = h->client ? 0 : handshake_greet(out);
	if (!r)
		r = buffer_append(out, buffer_data(in) + 1, HANDSHAKE_SIZE);
	if (r < 0)
		return r;
	buffer_consume(in, 1 + HANDSHAKE_SIZE);
	h->state = HANDSHAKE_STATE_ECHO;
	return 1;
}

int handshake_step(struct handshake *h, struct buffer *in, struct buffer *out)
{
	int r;

	switch (h->state) {
	case HANDSHAKE_STATE_GREET:
		r = handshake_greet(out);
		if (r < 0)
			return r;
		h->state = HANDSHAKE_STATE_HELLO;
		return 1;
	case HANDSHAKE_STATE_HELLO:
		return handshake_hello(h, in, out);
	case HANDSHAKE_STATE_ECHO:
		/* What comes back is not compared: servers are known to return other bytes. */
		if (buffer_len(in) < HANDSHAKE_SIZE)
			return 0;
		buffer_consume(in, HANDSHAKE_SIZE);
		h->state = HANDSHAKE_STATE_DONE;
		return 1;
	case HANDSHAKE_STATE_DONE:
		break;
	}
	return 1;
}
