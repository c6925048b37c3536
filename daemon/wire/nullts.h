#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Null packets of MPEG-TS (PID 0x1fff, the stuffing of a constant bitrate) cost one bit each on the
 * way: include/uplinkd/wire.h, section 5. Only the usual form is left out, so that every byte can
 * be put back.
 */
#define NULLTS_PACKET_BYTES 188
#define NULLTS_PACKETS_MAX  8

/* What nullts_pack() has written is known by its length. */
static inline bool nullts_is_packed(size_t len)
{
	return len % NULLTS_PACKET_BYTES == 1;
}

/* Writes @ts without its null packets to @out, which has room for @len bytes. The bytes written; 0:
 * there is nothing to leave out, or these are not 1 to NULLTS_PACKETS_MAX packets. */
size_t nullts_pack(const uint8_t *ts, size_t len, uint8_t *out);
/* The reverse. The bytes written to @out; 0: malformed, or more than @size. */
size_t nullts_unpack(const uint8_t *packed, size_t len, uint8_t *out, size_t size);
