#include "sim/gated.h"

#include <stdlib.h>
#include <string.h>

#define PID_PMT	  0x1000
#define PID_SOUND 0x102
#define PID_VIDEO 0x100
#define VIEW_AGE  (10 * USEC_PER_MS) /* as in the daemon */

enum content {
	CONTENT_SOUND,
	CONTENT_PICTURE,
	CONTENT_KEY,
	CONTENT_NONE, /* not the last packet of MPEG-TS */
};

static void ts_header(uint8_t *packet, uint16_t pid, bool start, uint8_t continuity)
{
	memset(packet, 0xff, TS_PACKET_BYTES);
	packet[0] = TS_SYNC;
	packet[1] = (uint8_t)((start ? 0x40 : 0) | pid >> 8);
	packet[2] = (uint8_t)pid;
	packet[3] = (uint8_t)(0x10 | (continuity & 15));
}

static void put_table(struct gated *gated, uint16_t pid, const uint8_t *section, size_t len,
		      usec_t now)
{
	uint8_t packet[TS_PACKET_BYTES];
	uint32_t crc = psi_crc(section, len);

	ts_header(packet, pid, true, 0);
	packet[4] = 0;
	memcpy(packet + 5, section, len);
	for (size_t i = 0; i < 4; i++)
		packet[5 + len + i] = (uint8_t)(crc >> (24 - 8 * i));
	gate_put(&gated->gate, packet, now);
	while (gate_next(&gated->gate))
		;
}

struct gated *gated_new(usec_t now)
{
	static const uint8_t pat[] = { 0, 0xb0, 13, 0, 1, 0xc1, 0, 0, 0, 1, 0xf0, 0 },
			     pmt[] = { 2, 0xb0, 23,   0, 1,    0xc1, 0,	   0,	 0xe1, 0,    0xf0,
				       0, 0x1b, 0xe1, 0, 0xf0, 0,    0x0f, 0xe1, 2,    0xf0, 0 };
	struct gated *gated = calloc(1, sizeof(*gated));

	if (!gated)
		return NULL;
	gate_init(&gated->gate, now);
	put_table(gated, 0, pat, sizeof(pat), now);
	put_table(gated, PID_PMT, pmt, sizeof(pmt), now);
	return gated;
}

/* The last of the seven tells what it was. */
static void put_seven(struct gated *gated, enum content content, bool begins)
{
	static const uint8_t start[] = { 0, 0, 1, 0xe0, 0, 0, 0x80, 0, 0, 0, 0, 1 };
	bool sound = content == CONTENT_SOUND;

	for (unsigned i = 0; i < GATED_TS; i++) {
		uint8_t *packet = gated->put[gated->puts++];

		ts_header(packet, sound ? PID_SOUND : PID_VIDEO, begins && !i,
			  gated->continuity[sound]++);
		packet[TS_PACKET_BYTES - 1] = i == GATED_TS - 1 ? content : CONTENT_NONE;
		if (!begins || i)
			continue;
		memcpy(packet + 4, start, sizeof(start));
		packet[4 + sizeof(start)] = content == CONTENT_KEY ? 0x65 : 0x41;
	}
}

static void look_at_bond(struct gated *gated, struct bond *bond, usec_t now)
{
	struct bond_room room;

	if (gated->gate.counters.keys != gated->keys)
		bond_try(bond, now);
	gated->keys = gated->gate.counters.keys;
	if (usec_since(gated->viewed_at, now) < VIEW_AGE)
		return;
	gated->viewed_at = now;
	bond_room(bond, &room, now);
	gate_view(&gated->gate,
		  &(struct gate_view){ .queue_age = room.queue_age,
				       .queued_bytes = room.queued_bytes,
				       .direct = true,
				       .rate_bps = room.rate_bps,
				       .starting = !room.tried,
				       .hold = room.session_up ? room.hold : 0 },
		  now);
}

void gated_put(struct gated *gated, struct bond *bond, const struct source_packet *packet,
	       usec_t now)
{
	look_at_bond(gated, bond, now);
	gated->now = now;
	gated->puts = gated->taken = 0;
	if (packet->begins && gated->pictures++ % 2 == 0)
		put_seven(gated, CONTENT_SOUND, false);
	put_seven(gated, packet->class == WIRE_CLASS_TABLES ? CONTENT_KEY : CONTENT_PICTURE,
		  packet->begins);
}

bool gated_next(struct gated *gated, struct source_packet *ret_packet)
{
	const uint8_t *packet;

	while (!(packet = gate_next(&gated->gate)) || packet[TS_PACKET_BYTES - 1] >= CONTENT_NONE) {
		if (packet)
			continue;
		if (gated->taken == gated->puts)
			return false;
		gate_put(&gated->gate, gated->put[gated->taken++], gated->now);
	}
	ret_packet->class = packet[TS_PACKET_BYTES - 1] == CONTENT_PICTURE ? WIRE_CLASS_REFERENCE
									   : WIRE_CLASS_TABLES;
	ret_packet->number = gated->number++;
	ret_packet->len = SOURCE_PACKET_BYTES;
	ret_packet->prefix = SOURCE_PREFIX_BYTES;
	source_fill(ret_packet->data, ret_packet->len, ret_packet->number);
	return true;
}

uint64_t gated_cut(const struct gated *gated)
{
	const struct gate_counters *counters = &gated->gate.counters;

	return counters->disposable + counters->waiting + counters->leading + counters->keys;
}
