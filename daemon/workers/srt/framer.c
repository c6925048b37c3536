#include "workers/srt/framer.h"

#include <string.h>

/*
 * In step, every packet begins with the sync byte. Out of step, a sync byte counts only if another
 * one follows a packet later, or if that place is not in the message: the next one will tell.
 */
#define SYNC 0x47

void framer_reset(struct framer *framer)
{
	framer->garbage += framer->carried;
	framer->carried = 0;
	framer->in_step = false;
}

/* The first place from which on the message may be packets. */
static size_t sync_find(const uint8_t *data, size_t len)
{
	size_t at = 0;

	while (at < len) {
		const uint8_t *sync = memchr(data + at, SYNC, len - at);

		if (!sync)
			return len;
		at = (size_t)(sync - data);
		if (at + FRAMER_PACKET >= len || data[at + FRAMER_PACKET] == SYNC)
			return at;
		at++;
	}
	return len;
}

/* Completes the packet that the last message began, or finds that it was none. */
static size_t carry_complete(struct framer *framer, const uint8_t *data, size_t len, uint8_t *out)
{
	size_t missing = FRAMER_PACKET - framer->carried;

	if (len > missing && data[missing] != SYNC) {
		framer_reset(framer);
		return 0;
	}
	if (len < missing) {
		memcpy(framer->carry + framer->carried, data, len);
		framer->carried += len;
		return len;
	}
	memcpy(out, framer->carry, framer->carried);
	memcpy(out + framer->carried, data, missing);
	framer->carried = 0;
	return missing;
}

size_t framer_push(struct framer *framer, const uint8_t *data, size_t len, uint8_t *out)
{
	size_t at = 0, n = 0;

	if (framer->carried) {
		at = carry_complete(framer, data, len, out);
		if (framer->carried)
			return 0;
		n = at ? FRAMER_PACKET : 0;
	}
	while (at < len) {
		if (!framer->in_step || data[at] != SYNC) {
			size_t skip = sync_find(data + at, len - at);

			framer->in_step = true;
			framer->garbage += skip;
			at += skip;
		} else if (len - at < FRAMER_PACKET) {
			framer->carried = len - at;
			memcpy(framer->carry, data + at, framer->carried);
			at = len;
		} else {
			memcpy(out + n, data + at, FRAMER_PACKET);
			n += FRAMER_PACKET;
			at += FRAMER_PACKET;
		}
	}
	return n;
}
