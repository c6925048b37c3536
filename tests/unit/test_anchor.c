#include "unit/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/rng.h"
#include "wire/anchor.h"

/* Compact data frames: whatever the network does, what is read is what was written. */

#define PACKET_MAX 24

/* A datagram on its way, and what it must turn out to be. */
struct flight {
	uint64_t number;
	uint32_t seq, time;
	uint8_t packet[PACKET_MAX];
	uint8_t prefix;
	uint8_t bytes[WIRE_DATA_BYTES + PACKET_MAX];
	size_t len;
	enum frame_data_form form;
};

static struct flight flight_of(struct anchor_sender *s, uint64_t number, uint32_t seq,
			       uint32_t time, const uint8_t *packet, uint8_t prefix)
{
	struct flight f = { .number = number, .seq = seq, .time = time, .prefix = prefix };
	struct writer w = writer_of(f.bytes, sizeof(f.bytes));
	struct frame_data data = { .seq = seq,
				   .time = time,
				   .prefix = packet,
				   .prefix_len = prefix,
				   .data = packet + prefix,
				   .len = (uint16_t)(PACKET_MAX - prefix) };

	memcpy(f.packet, packet, PACKET_MAX);
	anchor_choose(s, number, &data);
	assert_true(frame_encode_data(&w, &data));
	f.len = writer_len(&w);
	f.form = data.form;
	return f;
}

/* False: it could not be read. */
static bool flight_land(struct anchor_receiver *r, const struct flight *f)
{
	struct cursor in = cursor_of(f->bytes, f->len);
	struct frame frame;

	assert_int_equal(frame_decode(&in, NULL, &frame), 1);
	if (!anchor_resolve(r, f->number, &frame.data))
		return false;
	assert_int_equal(frame.data.seq, f->seq);
	assert_int_equal(frame.data.time, f->time);
	assert_int_equal(frame.data.prefix_len, f->prefix);
	assert_int_equal(frame.data.prefix_len + frame.data.len, PACKET_MAX);
	if (f->prefix)
		assert_memory_equal(frame.data.prefix, f->packet, f->prefix);
	assert_memory_equal(frame.data.data, f->packet + f->prefix, frame.data.len);
	return true;
}

static void costs_five_bytes_once_an_anchor_is_acknowledged(void **state)
{
	struct anchor_sender s = { 0 };
	struct anchor_receiver r = { 0 };
	uint8_t packet[PACKET_MAX] = { 1, 2, 3 };
	struct flight f;

	(void)state;
	f = flight_of(&s, 0, 7, 1000, packet, 16);
	assert_int_equal(f.form, FRAME_DATA_ANCHOR);
	assert_int_equal(f.len, WIRE_DATA_BYTES + PACKET_MAX);
	assert_true(flight_land(&r, &f));
	f = flight_of(&s, 1, 8, 1000, packet, 16);
	assert_int_equal(f.form, FRAME_DATA_PLAIN);
	assert_true(flight_land(&r, &f));
	anchor_acked(&s, 0);
	packet[20] = 9; /* behind the prefix all may differ */
	f = flight_of(&s, 2, 9, 1700, packet, 16);
	assert_int_equal(f.form, FRAME_DATA_COMPACT);
	assert_int_equal(f.len, WIRE_COMPACT_BYTES + PACKET_MAX - 16);
	assert_true(flight_land(&r, &f));
	packet[15] = 9;
	f = flight_of(&s, 3, 10, 1800, packet, 16);
	assert_int_equal(f.form, FRAME_DATA_ANCHOR);
	assert_true(flight_land(&r, &f));
}

static void renews_the_anchor_before_the_window_ends(void **state)
{
	static const uint32_t begin = UINT32_MAX - 5 * USEC_PER_SEC; /* both wrap */
	struct anchor_sender s = { 0 };
	struct anchor_receiver r = { 0 };
	const uint8_t packet[PACKET_MAX] = { 0 };
	unsigned anchors = 0, plain = 0;

	(void)state;
	/* 100 packets a second for a minute; an acknowledgement takes half a second. */
	for (unsigned i = 0; i < 6000; i++) {
		struct flight f =
			flight_of(&s, i, UINT32_MAX - 100 + i, begin + i * 10000, packet, 16);

		anchors += f.form == FRAME_DATA_ANCHOR;
		plain += f.form == FRAME_DATA_PLAIN;
		assert_true(flight_land(&r, &f));
		if (i >= 50)
			anchor_acked(&s, i - 50);
	}
	assert_int_equal(plain, 50); /* all before the first acknowledgement */
	assert_in_range(anchors, 60 / 4, 60);
}

static void neither_a_repair_nor_an_exception_becomes_an_anchor(void **state)
{
	struct anchor_sender s = { 0 };
	const uint8_t packet[PACKET_MAX] = { 0 };
	struct flight f;

	(void)state;
	(void)flight_of(&s, 0, 1000, 100000000, packet, 16);
	anchor_acked(&s, 0);
	f = flight_of(&s, 1, 500, 50000000, packet, 16); /* captured long ago */
	assert_int_equal(f.form, FRAME_DATA_PLAIN);
	f = flight_of(&s, 2, 1001, 100001000, packet, 0);
	assert_int_equal(f.form, FRAME_DATA_PLAIN);
	f = flight_of(&s, 3, 990, 99990000, packet, 16); /* a repair as usual */
	assert_int_equal(f.form, FRAME_DATA_COMPACT);
	f = flight_of(&s, 4, 1002, 100002000, packet, 16);
	assert_int_equal(f.form, FRAME_DATA_COMPACT);
}

static void a_lost_anchor_is_followed_by_another(void **state)
{
	struct anchor_sender s = { 0 };
	struct anchor_receiver r = { 0 };
	const uint8_t packet[PACKET_MAX] = { 0 };
	struct flight first = flight_of(&s, 0, 1, 1, packet, 8), second, f;

	(void)state;
	anchor_lost(&s, 0);
	second = flight_of(&s, 1, 2, 2000000, packet, 8);
	assert_int_equal(second.form, FRAME_DATA_ANCHOR);
	/* The loss was none; but the sender has settled for the second. */
	anchor_acked(&s, 0);
	assert_true(flight_land(&r, &first));
	f = flight_of(&s, 2, 3, 3000, packet, 8);
	assert_int_equal(f.form, FRAME_DATA_PLAIN);
	assert_true(flight_land(&r, &second));
	anchor_acked(&s, 1);
	f = flight_of(&s, 3, 4, 2000001, packet, 8);
	assert_int_equal(f.form, FRAME_DATA_COMPACT);
	assert_true(flight_land(&r, &f));
	anchor_lost(&s, 1); /* too late to be news */
	f = flight_of(&s, 4, 5, 2000002, packet, 8);
	assert_int_equal(f.form, FRAME_DATA_COMPACT);
}

static void what_comes_after_its_anchor_was_forgotten_is_not_misread(void **state)
{
	struct anchor_sender s = { 0 };
	struct anchor_receiver r = { 0 };
	uint8_t packet[PACKET_MAX] = { 0 };
	struct flight f = flight_of(&s, 0, 0, 0, packet, 1), late;

	(void)state;
	assert_true(flight_land(&r, &f));
	anchor_acked(&s, 0);
	late = flight_of(&s, 1, 1, 1, packet, 1);
	assert_int_equal(late.form, FRAME_DATA_COMPACT);
	assert_false(flight_land(&(struct anchor_receiver){ 0 }, &late));
	for (unsigned i = 1; i < WIRE_ANCHORS; i++) {
		packet[0]++;
		f = flight_of(&s, 1 + i, 1 + i, 1, packet, 1);
		assert_int_equal(f.form, FRAME_DATA_ANCHOR);
		assert_true(flight_land(&r, &f));
		anchor_acked(&s, 1 + i);
		assert_true(flight_land(&r, &late));
	}
	packet[0]++;
	f = flight_of(&s, 100, 100, 1, packet, 1);
	assert_true(flight_land(&r, &f));
	assert_false(flight_land(&r, &late));
}

static void an_anchor_that_comes_late_displaces_no_later_one(void **state)
{
	struct anchor_receiver r = { 0 };
	struct frame_data data;

	(void)state;
	for (unsigned i = 0; i <= WIRE_ANCHORS; i++) {
		/* The first arrives last. */
		uint64_t number = (i + 1) % (WIRE_ANCHORS + 1);

		data = (struct frame_data){ .form = FRAME_DATA_ANCHOR,
					    .phase = number & 1,
					    .seq = (uint32_t)(100 * number) };
		assert_true(anchor_resolve(&r, number, &data));
	}
	data = (struct frame_data){ .form = FRAME_DATA_COMPACT,
				    .phase = 1,
				    .seq = WIRE_COMPACT_SEQ_BACK,
				    .time = WIRE_COMPACT_TIME_BACK };
	assert_true(anchor_resolve(&r, 2, &data));
	assert_int_equal(data.seq, 100);
}

/* One datagram of the @flying ones lands, or is lost; one in fifty is held up by the network for
 * many anchors. */
struct disorder {
	struct rng rng;
	struct anchor_sender s;
	struct anchor_receiver r;
	struct flight *sky;
	unsigned flying;
	unsigned compact, landed, unread;
};

static void disorder_land(struct disorder *d, uint64_t number)
{
	unsigned i = (unsigned)rng_below(&d->rng, d->flying);
	struct flight f = d->sky[i];

	if (f.number % 50 == 49 && number < f.number + 2500)
		return;
	d->sky[i] = d->sky[--d->flying];
	if (rng_chance(&d->rng, 100000)) {
		anchor_lost(&d->s, f.number);
	} else if (!flight_land(&d->r, &f)) {
		d->unread++;
		anchor_lost(&d->s, f.number);
	} else {
		d->landed++;
		if (rng_chance(&d->rng, 100000)) /* or so it is believed */
			anchor_lost(&d->s, f.number);
		anchor_acked(&d->s, f.number);
	}
}

static void no_disorder_makes_it_misread(void **state)
{
	enum { FLIGHTS = 8000, ROUNDS = 30 };
	struct disorder d = { .sky = calloc(FLIGHTS, sizeof(*d.sky)) };

	(void)state;
	assert_non_null(d.sky);
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint8_t packet[PACKET_MAX] = { 0 };
		uint32_t seq, time, back;

		d.rng = rng_of(round + 1);
		d.s = (struct anchor_sender){ 0 };
		d.r = (struct anchor_receiver){ 0 };
		d.flying = 0;
		seq = (uint32_t)rng_u64(&d.rng);
		time = (uint32_t)rng_u64(&d.rng);
		for (uint64_t number = 0; number < FLIGHTS; number++) {
			back = rng_chance(&d.rng, 50000) ? (uint32_t)rng_below(&d.rng, 3000) : 0;
			seq++;
			time += (uint32_t)rng_below(&d.rng, 20000);
			if (rng_chance(&d.rng, 5000))
				packet[rng_below(&d.rng, 16)]++;
			packet[20] = (uint8_t)rng_u64(&d.rng);
			d.sky[d.flying] = flight_of(&d.s, number, seq - back, time - 5000 * back,
						    packet, rng_chance(&d.rng, 10000) ? 0 : 16);
			d.compact += d.sky[d.flying++].form == FRAME_DATA_COMPACT;
			for (unsigned i = 0; i < 4 && d.flying; i++)
				disorder_land(&d, number);
		}
	}
	free(d.sky);
	print_message("%u compact of %u, %u landed, %u too late to be read\n", d.compact,
		      ROUNDS * FLIGHTS, d.landed, d.unread);
	assert_true(d.compact > ROUNDS * FLIGHTS / 2);
	assert_true(d.landed > ROUNDS * FLIGHTS * 3 / 4);
	assert_true(d.unread > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(costs_five_bytes_once_an_anchor_is_acknowledged),
		cmocka_unit_test(renews_the_anchor_before_the_window_ends),
		cmocka_unit_test(neither_a_repair_nor_an_exception_becomes_an_anchor),
		cmocka_unit_test(a_lost_anchor_is_followed_by_another),
		cmocka_unit_test(what_comes_after_its_anchor_was_forgotten_is_not_misread),
		cmocka_unit_test(an_anchor_that_comes_late_displaces_no_later_one),
		cmocka_unit_test(no_disorder_makes_it_misread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
