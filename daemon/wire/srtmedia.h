#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * SRT packets as media packets of the bond and back, bit for bit: include/uplinkd/wire.h,
 * section 5. Between two SRT sockets that stream live, all media packets then begin with the same
 * SRTHDR_BYTES.
 */

/* Writes the media packet for an SRT packet to @out, which has room for @len bytes. @seq: the media
 * sequence number that it gets, @time: its capture time in us, low bits. The bytes written; 0: not
 * a packet of SRT. */
size_t srtmedia_pack(const uint8_t *packet, size_t len, uint32_t seq, uint32_t time, uint8_t *out);
/* The reverse. The bytes written to @out; 0: malformed, or more than @size. */
size_t srtmedia_unpack(const uint8_t *media, size_t len, uint32_t seq, uint32_t time, uint8_t *out,
		       size_t size);
