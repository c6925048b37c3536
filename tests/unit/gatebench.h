#pragma once

#include <stdlib.h>
#include <string.h>

#include "stream/gate.h"
#include "unit/test.h"

/* The gate, with streams written down as one letter per access unit. */

#define VIDEO 0x100
#define AUDIO 0x102
#define HOLD  (1000 * USEC_PER_MS)
#define FRAME (40 * USEC_PER_MS)

struct bench {
	struct gate gate;
	uint8_t continuity[TS_PIDS];
	bool h265;
	usec_t now;
	uint64_t pts;
	char out[256]; /* the letters of what came out; 'c' for a clock alone */
	size_t outs;
	uint8_t last; /* continuity counter of the video that came out last */
	bool any, broken_count;
};

static inline void packet_of(struct bench *bench, uint8_t *packet, uint16_t pid, bool start,
			     bool clock, const uint8_t *payload, size_t len)
{
	size_t fill = 184 - len;

	assert_true(fill >= (clock ? 8 : 0));
	packet[0] = TS_SYNC;
	packet[1] = (uint8_t)((start ? 0x40 : 0) | pid >> 8);
	packet[2] = (uint8_t)pid;
	packet[3] = (uint8_t)((fill ? 0x30 : 0x10) | bench->continuity[pid]);
	bench->continuity[pid] = (bench->continuity[pid] + 1) & 15;
	if (fill) {
		memset(packet + 4, 0xff, fill);
		packet[4] = (uint8_t)(fill - 1);
		if (fill > 1)
			packet[5] = clock ? 0x10 : 0;
		if (clock)
			memset(packet + 6, 0x11, 6);
	}
	memcpy(packet + 4 + fill, payload, len);
}

static inline void collect(struct bench *bench)
{
	const uint8_t *packet;

	while ((packet = gate_next(&bench->gate))) {
		uint16_t pid = (uint16_t)((packet[1] & 0x1f) << 8 | packet[2]);
		bool payload = packet[3] & 0x10;
		uint8_t count = packet[3] & 15;

		if (pid == AUDIO)
			bench->out[bench->outs++] = 'a';
		if (pid == TS_PID_NULL)
			bench->out[bench->outs++] = '0';
		if (pid != VIDEO)
			continue;
		if (bench->any && count != ((bench->last + payload) & 15))
			bench->broken_count = true;
		bench->any = true;
		bench->last = count;
		if (!payload)
			bench->out[bench->outs++] = 'c';
		else if (packet[1] & 0x40)
			bench->out[bench->outs++] = (char)packet[TS_PACKET_BYTES - 1];
	}
	assert_true(bench->outs < sizeof(bench->out));
}

static inline void put(struct bench *bench, const uint8_t *packet)
{
	gate_put(&bench->gate, packet, bench->now);
	collect(bench);
}

static inline void put_section(struct bench *bench, uint16_t pid, const uint8_t *section,
			       size_t len)
{
	uint8_t payload[184], packet[TS_PACKET_BYTES];
	uint32_t crc = psi_crc(section, len);

	memset(payload, 0xff, sizeof(payload));
	payload[0] = 0;
	memcpy(payload + 1, section, len);
	for (int i = 0; i < 4; i++)
		payload[1 + len + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
	packet_of(bench, packet, pid, true, false, payload, sizeof(payload));
	put(bench, packet);
}

static inline struct bench *bench_new(bool h265)
{
	const uint8_t pat[] = { 0, 0xb0, 13, 0, 1, 0xc1, 0, 0, 0, 1, 0xf0, 0 },
		      pmt[] = { 2,
				0xb0,
				23,
				0,
				1,
				0xc1,
				0,
				0,
				0xe1,
				0,
				0xf0,
				0,
				(uint8_t)(h265 ? 0x24 : 0x1b),
				0xe1,
				0,
				0xf0,
				0,
				0x0f,
				0xe1,
				2,
				0xf0,
				0 };
	struct bench *bench = calloc(1, sizeof(*bench));

	assert_non_null(bench);
	bench->h265 = h265;
	bench->now = 1000 * USEC_PER_SEC;
	gate_init(&bench->gate, bench->now);
	put_section(bench, 0, pat, sizeof(pat));
	put_section(bench, 0x1000, pmt, sizeof(pmt));
	return bench;
}

static inline void unit_of(struct bench *bench, char letter, uint8_t *unit, size_t *ret_len)
{
	static const struct {
		char letter;
		uint8_t h264[9], h265[8];
	} table[] = {
		{ 'K', { 0, 0, 1, 0x65, 0x88, 0x80 }, { 0, 0, 1, 0x26, 1, 0xaf } },
		{ 'P', { 0, 0, 1, 0x41, 0x9a, 0x24 }, { 0, 0, 1, 0x02, 1, 0xd0 } },
		{ 'b', { 0, 0, 1, 0x01, 0x9e, 0x41 }, { 0, 0, 1, 0x00, 1, 0xe0 } },
		/* CRA, and what follows it and is shown before it; in H.264 with a recovery point,
		 * at once or, G, gradual. */
		{ 'O', { 0, 0, 1, 6, 6, 1, 0xc4 }, { 0, 0, 1, 0x2a, 1, 0xaf } },
		{ 'l', { 0, 0, 1, 0x41, 0x9a, 0x24 }, { 0, 0, 1, 0x12, 1, 0xe0 } },
		{ 'G', { 0, 0, 1, 6, 6, 1, 0x22 }, { 0, 0, 1, 0x02, 1, 0xd0 } },
		/* In the second packet of its PES packet one more: of P, and of b. */
		{ 'X', { 0, 0, 1, 0x01, 0x9e, 0x41 }, { 0, 0, 1, 0x00, 1, 0xe0 } },
		{ 'x', { 0, 0, 1, 0x01, 0x9e, 0x41 }, { 0, 0, 1, 0x00, 1, 0xe0 } },
		/* Begins within a picture: the rest of a slice, and a slice that is not the first.
		 */
		{ 'u', { 0x77, 0, 0, 1, 0x41, 0x9a, 0x24 }, { 0x77, 0, 0, 1, 0x02, 1, 0xd0 } },
		{ 's', { 0, 0, 1, 0x41, 0x1a, 0x24 }, { 0, 0, 1, 0x02, 1, 0x50 } },
	};
	static const uint8_t slice[] = { 0, 0, 1, 0x41, 0x9a, 0x24 };
	uint8_t head[14] = { 0, 0, 1, 0xe0, 0, 0, 0x80, 0x80, 5 };
	uint64_t pts = bench->pts += 3600;

	if (letter == 'l')
		pts -= 3 * 3600;
	head[9] = (uint8_t)(0x21 | (pts >> 29 & 0xe));
	head[10] = (uint8_t)(pts >> 22);
	head[11] = (uint8_t)(pts >> 14 | 1);
	head[12] = (uint8_t)(pts >> 7);
	head[13] = (uint8_t)(pts << 1 | 1);
	memcpy(unit, head, sizeof(head));
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].letter == letter) {
			size_t n = 7;

			memcpy(unit + 14, bench->h265 ? table[i].h265 : table[i].h264, n);
			*ret_len = 14 + n;
			if (!bench->h265 && strchr("OG", letter)) {
				memcpy(unit + *ret_len, slice, sizeof(slice));
				*ret_len += sizeof(slice);
			}
			unit[(*ret_len)++] = (uint8_t)letter;
			return;
		}
	fail_msg("no such letter: %c", letter);
}

/* Each letter is an access unit of two packets, the second with the clock; 'a' a packet of sound,
 * '0' a null packet. */
static inline void play(struct bench *bench, const char *letters)
{
	static const uint8_t more[100] = { 0xaa },
			     more_p[100] = { 0xaa, 0, 0, 1, 0x41, 0x9a, 0xaa },
			     more_b[100] = { 0xaa, 0, 0, 1, 0x01, 0x9e, 0xaa };
	uint8_t unit[64], packet[TS_PACKET_BYTES];
	size_t len = 0;

	for (; *letters; letters++) {
		if (*letters == 'a' || *letters == '0') {
			packet_of(bench, packet, *letters == 'a' ? AUDIO : TS_PID_NULL, false,
				  false, more, 184 - 8 - 76);
			put(bench, packet);
			continue;
		}
		bench->now += FRAME;
		unit_of(bench, *letters, unit, &len);
		packet_of(bench, packet, VIDEO, true, false, unit, len);
		put(bench, packet);
		packet_of(bench, packet, VIDEO, false, true,
			  *letters == 'X'   ? more_p
			  : *letters == 'x' ? more_b
					    : more,
			  sizeof(more));
		put(bench, packet);
	}
}

static inline void bond_is(struct bench *bench, unsigned age_ms, uint64_t rate_bps)
{
	gate_view(&bench->gate,
		  &(struct gate_view){ .queue_age = age_ms * USEC_PER_MS,
				       .direct = true,
				       .rate_bps = rate_bps,
				       .hold = HOLD },
		  bench->now);
}

static inline void expect(struct bench *bench, const char *letters)
{
	bench->out[bench->outs] = '\0';
	assert_string_equal(bench->out, letters);
	assert_false(bench->broken_count);
	bench->outs = 0;
}
