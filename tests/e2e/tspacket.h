#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/clock.h"
#include "base/cursor.h"
#include "base/rng.h"

/*
 * The measured packet: what tsgen makes and tscheck judges.
 *
 * A valid transport stream packet of 188 bytes (ISO/IEC 13818-1, 2.4.3) whose adaptation field
 * carries a record as transport_private_data. So every packet is numbered, those of the tables as
 * well, and a demultiplexer that knows nothing of us reads the stream without complaint:
 *
 *   0   4  header: sync 0x47, PID, continuity counter
 *   4   3  adaptation field: length 30, flags 0x02 (private data), private data length 28
 *   7   4  magic
 *   11  4  stream: tells runs of tsgen apart
 *   15  8  number of the packet, counting from 0
 *   23  8  time of sending, CLOCK_MONOTONIC, in microseconds
 *   31  4  CRC-32C of the whole packet with this field zero
 *   35 153 payload: bytes that follow from the number, or a table
 *
 * The null packets of --null are the standard's: PID 0x1fff, payload 0xff, no number.
 */
#define TSPACKET_LEN	 188
#define TSPACKET_SYNC	 0x47
#define TSPACKET_NULL	 0x1fff
#define TSPACKET_MAGIC	 UINT32_C(0x5570746b)
#define TSPACKET_CRC_AT	 31
#define TSPACKET_BODY_AT 35
#define TSPACKET_BODY	 (TSPACKET_LEN - TSPACKET_BODY_AT)
#define TSPACKET_BATCH	 7 /* packets of a datagram, as every encoder sends them */

struct tspacket {
	uint16_t pid;
	uint8_t continuity;
	bool unit_start;
	uint32_t stream;
	uint64_t number;
	usec_t sent;
};

enum tspacket_kind {
	TSPACKET_NUMBERED,
	TSPACKET_FOREIGN, /* a TS packet without our record */
	TSPACKET_STUFFING,
	TSPACKET_BROKEN, /* no sync byte, or our record with a wrong CRC */
};

/* CRC-32C (Castagnoli, as RFC 3720), eight bytes a step. */
struct crc32c {
	uint32_t table[8][256];
};

static inline void crc32c_init(struct crc32c *crc)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t v = i;

		for (int bit = 0; bit < 8; bit++)
			v = v >> 1 ^ (v & 1 ? UINT32_C(0x82f63b78) : 0);
		crc->table[0][i] = v;
	}
	for (uint32_t i = 0; i < 256; i++)
		for (int k = 1; k < 8; k++)
			crc->table[k][i] = crc->table[k - 1][i] >> 8 ^
					   crc->table[0][crc->table[k - 1][i] & 0xff];
}

static inline uint32_t crc32c_of(const struct crc32c *crc, const uint8_t *p, size_t len)
{
	uint32_t v = UINT32_MAX;

	for (; len >= 8; p += 8, len -= 8) {
		uint32_t low = v ^ ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
				    (uint32_t)p[3] << 24);

		v = crc->table[7][low & 0xff] ^ crc->table[6][low >> 8 & 0xff] ^
		    crc->table[5][low >> 16 & 0xff] ^ crc->table[4][low >> 24] ^
		    crc->table[3][p[4]] ^ crc->table[2][p[5]] ^ crc->table[1][p[6]] ^
		    crc->table[0][p[7]];
	}
	while (len--)
		v = v >> 8 ^ crc->table[0][(v ^ *p++) & 0xff];
	return ~v;
}

/* Writes @packet to @out (TSPACKET_LEN bytes). @body is what the payload starts with, the rest is
 * 0xff; NULL: bytes that follow from the number. */
static inline void tspacket_write(uint8_t *out, const struct tspacket *packet, const uint8_t *body,
				  size_t body_len, const struct crc32c *crc)
{
	struct writer w = writer_of(out, TSPACKET_LEN);
	struct rng rng = rng_of(packet->number);

	writer_u8(&w, TSPACKET_SYNC);
	writer_u16(&w, (uint16_t)((packet->unit_start ? 0x4000 : 0) | packet->pid));
	writer_u8(&w, 0x30 | packet->continuity);
	writer_u8(&w, TSPACKET_BODY_AT - 5);
	writer_u8(&w, 0x02);
	writer_u8(&w, TSPACKET_BODY_AT - 7);
	writer_u32(&w, TSPACKET_MAGIC);
	writer_u32(&w, packet->stream);
	writer_u64(&w, packet->number);
	writer_u64(&w, packet->sent);
	writer_u32(&w, 0);
	if (body) {
		memset(out + TSPACKET_BODY_AT, 0xff, TSPACKET_BODY);
		memcpy(out + TSPACKET_BODY_AT, body, body_len);
	} else {
		while (writer_left(&w))
			writer_uint(&w, rng_u64(&rng), writer_left(&w) < 8 ? writer_left(&w) : 8);
	}
	w = writer_of(out + TSPACKET_CRC_AT, 4);
	writer_u32(&w, crc32c_of(crc, out, TSPACKET_LEN));
}

static inline void tspacket_write_null(uint8_t *out)
{
	memset(out, 0xff, TSPACKET_LEN);
	out[0] = TSPACKET_SYNC;
	out[1] = TSPACKET_NULL >> 8;
	out[3] = 0x10;
}

/* Reads TSPACKET_LEN bytes; *ret_packet is filled (all but the record for FOREIGN) unless the
 * packet is BROKEN. */
static inline enum tspacket_kind tspacket_read(const uint8_t *in, struct tspacket *ret_packet,
					       const struct crc32c *crc)
{
	struct cursor c = cursor_of(in, TSPACKET_LEN);
	uint8_t copy[TSPACKET_LEN];
	struct tspacket packet = { 0 };
	uint16_t word;
	uint32_t sum;

	if (cursor_u8(&c) != TSPACKET_SYNC)
		return TSPACKET_BROKEN;
	word = cursor_u16(&c);
	packet.pid = word & 0x1fff;
	packet.unit_start = word & 0x4000;
	packet.continuity = cursor_u8(&c) & 0x0f;
	if (packet.pid == TSPACKET_NULL) {
		*ret_packet = packet;
		return TSPACKET_STUFFING;
	}
	(void)cursor_bytes(&c, 3);
	if (!(in[3] & 0x20) || cursor_u32(&c) != TSPACKET_MAGIC) {
		*ret_packet = packet;
		return TSPACKET_FOREIGN;
	}
	packet.stream = cursor_u32(&c);
	packet.number = cursor_u64(&c);
	packet.sent = cursor_u64(&c);
	sum = cursor_u32(&c);
	memcpy(copy, in, TSPACKET_LEN);
	memset(copy + TSPACKET_CRC_AT, 0, 4);
	if (sum != crc32c_of(crc, copy, TSPACKET_LEN))
		return TSPACKET_BROKEN;
	*ret_packet = packet;
	return TSPACKET_NUMBERED;
}
