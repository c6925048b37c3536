#include "wire/nullts.h"

#include <string.h>

#define HEADER_BYTES 4
#define FIRST_BIT    (1u << (NULLTS_PACKETS_MAX - 1))

static const uint8_t null_header[HEADER_BYTES] = { 0x47, 0x1f, 0xff, 0x10 };

/* The payload equals itself one byte later when all its bytes are the same. */
static bool nullts_is_null(const uint8_t *packet)
{
	const uint8_t *payload = packet + HEADER_BYTES;

	return !memcmp(packet, null_header, HEADER_BYTES) && payload[0] == 0xff &&
	       !memcmp(payload, payload + 1, NULLTS_PACKET_BYTES - HEADER_BYTES - 1);
}

size_t nullts_pack(const uint8_t *ts, size_t len, uint8_t *out)
{
	size_t packets = len / NULLTS_PACKET_BYTES;
	uint8_t *to = out + 1;
	unsigned which = 0;

	if (len % NULLTS_PACKET_BYTES || packets > NULLTS_PACKETS_MAX)
		return 0;
	for (size_t i = 0; i < packets; i++)
		if (nullts_is_null(ts + i * NULLTS_PACKET_BYTES))
			which |= FIRST_BIT >> i;
	if (!which)
		return 0;
	out[0] = (uint8_t)which;
	for (size_t i = 0; i < packets; i++) {
		if (which & FIRST_BIT >> i)
			continue;
		memcpy(to, ts + i * NULLTS_PACKET_BYTES, NULLTS_PACKET_BYTES);
		to += NULLTS_PACKET_BYTES;
	}
	return (size_t)(to - out);
}

size_t nullts_unpack(const uint8_t *packed, size_t len, uint8_t *out, size_t size)
{
	size_t packets = len / NULLTS_PACKET_BYTES;
	const uint8_t *from = packed + 1;
	unsigned which;

	if (!nullts_is_packed(len) || !packed[0])
		return 0;
	which = packed[0];
	for (unsigned bits = which; bits; bits >>= 1)
		packets += bits & 1;
	/* No bit behind the last packet. */
	if (packets > NULLTS_PACKETS_MAX || which << packets & (2 * FIRST_BIT - 1) ||
	    packets * NULLTS_PACKET_BYTES > size)
		return 0;
	for (size_t i = 0; i < packets; i++, out += NULLTS_PACKET_BYTES) {
		if (which & FIRST_BIT >> i) {
			memcpy(out, null_header, HEADER_BYTES);
			memset(out + HEADER_BYTES, 0xff, NULLTS_PACKET_BYTES - HEADER_BYTES);
		} else {
			memcpy(out, from, NULLTS_PACKET_BYTES);
			from += NULLTS_PACKET_BYTES;
		}
	}
	return packets * NULLTS_PACKET_BYTES;
}
