#include "wire/srtmedia.h"

#include <string.h>

#include "base/cursor.h"
#include "wire/nullts.h"
#include "wire/srthdr.h"

/*
 * A data packet's header is four words: sequence number; flags and message number; time stamp;
 * socket id. See wire/srthdr.c.
 */
#define CONTROL	    0x80000000u
#define MSGNO_MAX   0x03ffffffu
#define KEY_MASK    0x18000000u /* KK: which key; 0: not encrypted */
#define KEY_LITERAL 0x18000000u /* not encrypted, and not to be unpacked */

struct words {
	uint32_t seq, message, time, socket;
};

static struct words words_read(const uint8_t *packet)
{
	struct cursor in = cursor_of(packet, SRTHDR_BYTES);
	struct words w;

	w.seq = cursor_u32(&in);
	w.message = cursor_u32(&in);
	w.time = cursor_u32(&in);
	w.socket = cursor_u32(&in);
	return w;
}

static void words_write(const struct words *w, uint8_t *packet)
{
	struct writer out = writer_of(packet, SRTHDR_BYTES);

	writer_u32(&out, w->seq);
	writer_u32(&out, w->message);
	writer_u32(&out, w->time);
	writer_u32(&out, w->socket);
}

/* Each number less what grows along with it. */
static void words_shift(struct words *w, uint32_t seq, uint32_t time)
{
	w->seq = (w->seq - seq) & SRTHDR_SEQ_MAX;
	w->message = (w->message & ~MSGNO_MAX) | ((w->message - seq) & MSGNO_MAX);
	w->time -= time;
}

size_t srtmedia_pack(const uint8_t *packet, size_t len, uint32_t seq, uint32_t time, uint8_t *out)
{
	const uint8_t *body = packet + SRTHDR_BYTES;
	size_t body_len = len - SRTHDR_BYTES, packed = 0;
	struct words w;

	if (len < SRTHDR_BYTES)
		return 0;
	w = words_read(packet);
	if (w.seq & CONTROL) {
		memcpy(out, packet, len);
		return len;
	}
	if ((w.message & KEY_MASK) == KEY_LITERAL)
		return 0;
	if (!(w.message & KEY_MASK)) {
		packed = nullts_pack(body, body_len, out + SRTHDR_BYTES);
		if (nullts_is_packed(body_len))
			w.message |= KEY_LITERAL;
	}
	if (!packed) {
		memcpy(out + SRTHDR_BYTES, body, body_len);
		packed = body_len;
	}
	words_shift(&w, seq, time);
	words_write(&w, out);
	return SRTHDR_BYTES + packed;
}

size_t srtmedia_unpack(const uint8_t *media, size_t len, uint32_t seq, uint32_t time, uint8_t *out,
		       size_t size)
{
	const uint8_t *body = media + SRTHDR_BYTES;
	size_t body_len = len - SRTHDR_BYTES;
	struct words w;

	if (len < SRTHDR_BYTES || size < SRTHDR_BYTES)
		return 0;
	w = words_read(media);
	if (!(w.seq & CONTROL) && !(w.message & KEY_MASK) && nullts_is_packed(body_len)) {
		body_len = nullts_unpack(body, body_len, out + SRTHDR_BYTES, size - SRTHDR_BYTES);
		if (!body_len)
			return 0;
	} else {
		if (len > size)
			return 0;
		memcpy(out + SRTHDR_BYTES, body, body_len);
	}
	if (!(w.seq & CONTROL)) {
		if ((w.message & KEY_MASK) == KEY_LITERAL)
			w.message &= ~KEY_MASK;
		words_shift(&w, -seq, -time);
	}
	words_write(&w, out);
	return SRTHDR_BYTES + body_len;
}
