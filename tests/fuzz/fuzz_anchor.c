#include "fuzz/fuzz.h"

#include <string.h>

#include "wire/anchor.h"

/*
 * Two ends of a path and what the network does between them, as a script of steps:
 *
 *     0 | i16 seq step | i32 time step | u8 prefix length | u8 prefix     a media packet leaves
 *     1 | u8 which                                                        that datagram arrives
 *     2 | u8 which                                                        ... is lost
 *     3 | u8 which                                                        ... is believed lost
 *     4 | u16 length | bytes                                              these frames arrive
 *
 * What is read must be what was written. Frames from elsewhere must not be able to do harm.
 */
#define SKY	   64
#define BODY_BYTES 8

struct flight {
	uint64_t number;
	uint32_t seq, time;
	uint8_t prefix_len, prefix;
	uint8_t bytes[WIRE_DATA_BYTES + WIRE_PREFIX_MAX + BODY_BYTES];
	size_t len;
};

struct ends {
	struct anchor_sender sender;
	struct anchor_receiver receiver, other;
	uint64_t number;
	uint32_t seq, time;
	struct flight sky[SKY];
	unsigned flying;
};

static void leave(struct ends *e, struct cursor *in)
{
	struct flight spare, *f = e->flying < SKY ? &e->sky[e->flying] : &spare;
	uint8_t packet[WIRE_PREFIX_MAX + BODY_BYTES];
	struct writer w = writer_of(f->bytes, sizeof(f->bytes));
	struct frame_data data = { .prefix = packet, .len = BODY_BYTES };

	e->seq += (uint32_t)(int16_t)cursor_u16(in);
	e->time += cursor_u32(in);
	f->prefix_len = cursor_u8(in) % (WIRE_PREFIX_MAX + 1);
	f->prefix = cursor_u8(in);
	if (in->failed || f == &spare)
		return;
	memset(packet, f->prefix, sizeof(packet));
	data.seq = f->seq = e->seq;
	data.time = f->time = e->time;
	data.prefix_len = f->prefix_len;
	data.data = packet + f->prefix_len;
	f->number = e->number++;
	anchor_choose(&e->sender, f->number, &data);
	FUZZ_CHECK(frame_encode_data(&w, &data));
	f->len = writer_len(&w);
	e->flying++;
}

static void land(struct ends *e, const struct flight *f)
{
	struct cursor in = cursor_of(f->bytes, f->len);
	struct frame frame;

	FUZZ_CHECK(frame_decode(&in, NULL, &frame) == 1 && frame.type == WIRE_FRAME_DATA);
	if (!anchor_resolve(&e->receiver, f->number, &frame.data)) {
		anchor_lost(&e->sender, f->number);
		return;
	}
	FUZZ_CHECK(frame.data.seq == f->seq && frame.data.time == f->time);
	FUZZ_CHECK(frame.data.prefix_len == f->prefix_len && frame.data.len == BODY_BYTES);
	for (unsigned i = 0; i < f->prefix_len; i++)
		FUZZ_CHECK(frame.data.prefix[i] == f->prefix);
	for (unsigned i = 0; i < BODY_BYTES; i++)
		FUZZ_CHECK(frame.data.data[i] == f->prefix);
	anchor_acked(&e->sender, f->number);
}

static void strange(struct ends *e, struct cursor *in)
{
	size_t len = cursor_u16(in);
	struct cursor frames = cursor_of(cursor_bytes(in, len), len);
	struct frame frame;

	if (in->failed)
		return;
	while (frame_decode(&frames, NULL, &frame) == 1)
		if (frame.type == WIRE_FRAME_DATA &&
		    anchor_resolve(&e->other, e->number, &frame.data))
			FUZZ_CHECK(frame.data.prefix_len <= WIRE_PREFIX_MAX &&
				   frame.data.prefix_len + frame.data.len <= WIRE_MEDIA_MAX);
	e->number++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cursor in = cursor_of(data, size);
	struct ends e = { .number = 0 };

	while (cursor_left(&in)) {
		uint8_t step = cursor_u8(&in) % 5;
		struct flight f;
		unsigned which;

		if (step == 0) {
			leave(&e, &in);
			continue;
		}
		if (step == 4) {
			strange(&e, &in);
			continue;
		}
		which = cursor_u8(&in);
		if (!e.flying)
			continue;
		which %= e.flying;
		f = e.sky[which];
		if (step != 3)
			e.sky[which] = e.sky[--e.flying];
		if (step == 1)
			land(&e, &f);
		else
			anchor_lost(&e.sender, f.number);
	}
	return 0;
}
