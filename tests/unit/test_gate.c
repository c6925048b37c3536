#include "unit/test.h"

#include <stdlib.h>
#include <string.h>

#include "stream/gate.h"

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

static void packet_of(struct bench *bench, uint8_t *packet, uint16_t pid, bool start, bool clock,
		      const uint8_t *payload, size_t len)
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

static void collect(struct bench *bench)
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

static void put(struct bench *bench, const uint8_t *packet)
{
	gate_put(&bench->gate, packet, bench->now);
	collect(bench);
}

static void put_section(struct bench *bench, uint16_t pid, const uint8_t *section, size_t len)
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

static struct bench *bench_new(bool h265)
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

static void unit_of(struct bench *bench, char letter, uint8_t *unit, size_t *ret_len)
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
static void play(struct bench *bench, const char *letters)
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

static void bond_is(struct bench *bench, unsigned age_ms, uint64_t rate_bps)
{
	gate_view(&bench->gate,
		  &(struct gate_view){ .queue_age = age_ms * USEC_PER_MS,
				       .direct = true,
				       .rate_bps = rate_bps,
				       .hold = HOLD },
		  bench->now);
}

static void expect(struct bench *bench, const char *letters)
{
	bench->out[bench->outs] = '\0';
	assert_string_equal(bench->out, letters);
	assert_false(bench->broken_count);
	bench->outs = 0;
}

static void everything_passes_while_the_bond_carries_it(void **state)
{
	struct bench *bench = bench_new(false);

	(void)state;
	bond_is(bench, 250, 8000000);
	play(bench, "K0Pa0bbPG0");
	expect(bench, "K0Pa0bbPG0");
	assert_int_equal(gate_level(&bench->gate), GATE_LEVEL_ALL);
	assert_int_equal(bench->gate.counters.dropped_packets, 0);
	free(bench);
}

static void without_a_session_everything_passes(void **state)
{
	struct bench *bench = bench_new(false);

	(void)state;
	gate_view(&bench->gate, &(struct gate_view){ .queue_age = USEC_PER_SEC }, bench->now);
	play(bench, "KPb");
	expect(bench, "KPb");
	free(bench);
}

static void goes_down_the_ladder_and_up_again(void **state)
{
	struct bench *bench = bench_new(false);

	(void)state;
	bond_is(bench, 0, 8000000);
	play(bench, "KPbaP");
	expect(bench, "KPbaP");
	/* Disposable pictures and null packets first ... */
	bond_is(bench, 460, 8000000);
	play(bench, "Pb0aP");
	expect(bench, "PcaP");
	assert_int_equal(gate_level(&bench->gate), GATE_LEVEL_REFERENCE);
	/* ... and until it is clearly better. */
	bond_is(bench, 150, 8000000);
	play(bench, "Pb");
	expect(bench, "Pc");
	/* Then everything to the next keyframe, even when it is better before. */
	bond_is(bench, 610, 8000000);
	play(bench, "PaP");
	expect(bench, "cac");
	assert_int_equal(gate_level(&bench->gate), GATE_LEVEL_WAIT);
	bond_is(bench, 0, 8000000);
	play(bench, "PbaP");
	expect(bench, "ccac");
	play(bench, "KPbP");
	expect(bench, "KPbP");
	assert_int_equal(gate_level(&bench->gate), GATE_LEVEL_ALL);
	/* A keyframe that fits, but nothing behind it. */
	bond_is(bench, 650, 8000000);
	play(bench, "KaPP");
	expect(bench, "Kacc");
	assert_int_equal(gate_level(&bench->gate), GATE_LEVEL_KEYS);
	/* Not even that. */
	bond_is(bench, 750, 8000000);
	play(bench, "KaPP");
	expect(bench, "cacc");
	assert_int_equal(gate_level(&bench->gate), GATE_LEVEL_AUDIO);
	bond_is(bench, 0, 8000000);
	play(bench, "PKP0");
	expect(bench, "cKP0");
	assert_int_equal(bench->gate.counters.cuts, 2);
	assert_int_equal(bench->gate.counters.keys, 1);
	assert_int_equal(bench->gate.counters.disposable, 2);
	free(bench);
}

static void gives_an_encoder_that_follows_more_time(void **state)
{
	struct gate_view view = {
		.queue_age = 800 * USEC_PER_MS, .rate_bps = 8000000, .follows = true, .hold = HOLD
	};
	struct bench *bench = bench_new(false);

	(void)state;
	bond_is(bench, 0, 8000000);
	play(bench, "KP");
	gate_view(&bench->gate, &view, bench->now);
	play(bench, "PbP");
	expect(bench, "KPPcP");
	view.queue_age = 860 * USEC_PER_MS;
	gate_view(&bench->gate, &view, bench->now);
	play(bench, "PP");
	expect(bench, "cc");
	/* Its keyframes are as small as the bitrate wants them, whatever those before were. */
	view = (struct gate_view){
		.direct = true, .rate_bps = 1500, .follows = true, .hold = HOLD
	};
	gate_view(&bench->gate, &view, bench->now);
	play(bench, "K");
	expect(bench, "K");
	free(bench);
}

/* The queue that the bond does not show yet counts as well. */
static void asks_for_a_keyframe_when_nothing_waits_any_more(void **state)
{
	struct bench *bench = bench_new(false);

	(void)state;
	bond_is(bench, 0, 8000000);
	play(bench, "KP");
	assert_false(gate_wants_key(&bench->gate));
	bond_is(bench, 900, 8000000);
	play(bench, "P");
	assert_int_equal(gate_level(&bench->gate), GATE_LEVEL_WAIT);
	assert_false(gate_wants_key(&bench->gate));
	bond_is(bench, 0, 8000000);
	play(bench, "P");
	assert_true(gate_wants_key(&bench->gate));
	play(bench, "K");
	assert_false(gate_wants_key(&bench->gate));
	free(bench);
}

static void counts_what_it_let_pass_itself(void **state)
{
	struct bench *bench = bench_new(false);

	(void)state;
	bond_is(bench, 0, 8000000);
	play(bench, "KP");
	/* 10 kb/s: four packets of 188 bytes are 600 ms. */
	bond_is(bench, 0, 10000);
	play(bench, "PPPPP");
	bench->outs = 0;
	assert_int_equal(gate_level(&bench->gate), GATE_LEVEL_WAIT);
	free(bench);
}

/* On the way there it counts for a moment, and then no more. */
static void what_is_on_its_way_to_the_bond_counts(void **state)
{
	(void)state;
	for (unsigned late = 0; late < 2; late++) {
		struct gate_view view = { .rate_bps = 8000000, .hold = HOLD };
		struct bench *bench = bench_new(false);

		bond_is(bench, 0, 8000000);
		play(bench, "K");
		gate_view(&bench->gate, &view, bench->now + FRAME);
		play(bench, "P");
		/* Each picture is 376 bytes, 670 ms. */
		view.rate_bps = 4500;
		bench->now += late ? 30 * USEC_PER_MS : 10 * USEC_PER_MS;
		gate_view(&bench->gate, &view, bench->now);
		play(bench, "P");
		expect(bench, late ? "KPP" : "KPc");
		free(bench);
	}
}

static void pictures_wait_until_it_is_known_what_the_bond_carries(void **state)
{
	struct gate_view view = { .starting = true, .hold = HOLD };
	struct bench *bench = bench_new(false);

	(void)state;
	gate_view(&bench->gate, &view, bench->now);
	play(bench, "PaKPa");
	expect(bench, "cacca");
	assert_int_equal(gate_level(&bench->gate), GATE_LEVEL_START);
	assert_int_equal(bench->gate.counters.cuts, 0);
	bond_is(bench, 0, 8000000);
	play(bench, "PaKP");
	expect(bench, "caKP");
	assert_int_equal(gate_level(&bench->gate), GATE_LEVEL_ALL);
	free(bench);
}

static void the_first_keyframe_is_held_back_until_its_size_is_known(void **state)
{
	struct bench *bench = bench_new(false);

	(void)state;
	/* 376 bytes and the sound take 0.65 s. */
	bond_is(bench, 0, 7000);
	play(bench, "Ka");
	expect(bench, "");
	play(bench, "P");
	expect(bench, "Kac");
	/* The next ones are taken for as large. */
	bond_is(bench, 0, 8000000);
	play(bench, "K");
	expect(bench, "K");
	free(bench);
}

static void the_first_keyframe_is_left_out_when_it_is_too_large(void **state)
{
	struct bench *bench = bench_new(false);

	(void)state;
	/* That is known before its end: the sound behind it does not wait. */
	bond_is(bench, 0, 2900);
	play(bench, "Ka");
	expect(bench, "ca");
	assert_int_equal(gate_level(&bench->gate), GATE_LEVEL_AUDIO);
	play(bench, "PK");
	expect(bench, "cc");
	assert_int_equal(bench->gate.counters.keys, 2);
	free(bench);
}

static void the_first_keyframe_is_not_waited_for_long(void **state)
{
	static const struct {
		uint64_t rate_bps;
		const char *out;
	} table[] = { { 3342, "ca" }, { 20000, "Ka" } };

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct bench *bench = bench_new(false);

		bond_is(bench, 0, table[i].rate_bps);
		play(bench, "K");
		bench->now += 260 * USEC_PER_MS;
		play(bench, "a");
		expect(bench, table[i].out);
		free(bench);
	}
}

/* Two pictures in one PES packet, of which the second is needed by others. */
static void a_unit_is_as_important_as_the_most_important_picture_in_it(void **state)
{
	struct bench *bench = bench_new(false);

	(void)state;
	bond_is(bench, 0, 8000000);
	play(bench, "KPxP");
	expect(bench, "KPxP");
	bond_is(bench, 460, 8000000);
	play(bench, "xbP");
	expect(bench, "ccP");
	/* It shows when the first is left out already: then a keyframe has to come. */
	play(bench, "XPaPKP");
	expect(bench, "ccacKP");
	/* And from then on it is known of this stream. */
	play(bench, "XbP");
	expect(bench, "XbP");
	free(bench);
}

/* Wherever such a stream were cut, a picture would break. */
static void what_begins_within_a_picture_passes_whole(void **state)
{
	(void)state;
	for (unsigned h265 = 0; h265 < 2; h265++)
		for (const char *letter = "us"; *letter; letter++) {
			struct bench *bench = bench_new(h265);

			bond_is(bench, 0, 8000000);
			play(bench, (char[]){ 'K', 'P', *letter, 0 });
			bond_is(bench, 900, 8000000);
			play(bench, "PKPb");
			expect(bench, (char[]){ 'K', 'P', *letter, 'P', 'K', 'P', 'b', 0 });
			free(bench);
		}
}

/* Then the first slice may be missing as well. */
static void a_hole_of_the_input_does_not_look_like_it(void **state)
{
	struct bench *bench = bench_new(false);
	uint8_t packet[TS_PACKET_BYTES];

	(void)state;
	bond_is(bench, 0, 8000000);
	play(bench, "KP");
	packet_of(bench, packet, VIDEO, true, false,
		  (const uint8_t[]){ 0, 0, 1, 0xe0, 0, 0, 0x80, 0, 0, 0, 0, 1, 9, 0xf0, 'H' }, 15);
	put(bench, packet);
	bench->continuity[VIDEO]++;
	packet_of(bench, packet, VIDEO, false, false, (const uint8_t[]){ 0, 0, 1, 0x41, 0x1a, 0 },
		  6);
	put(bench, packet);
	bench->outs = 0;
	bond_is(bench, 700, 8000000);
	play(bench, "PP");
	bench->out[bench->outs] = '\0';
	assert_string_equal(bench->out, "cc");
	free(bench);
}

static void h265_goes_on_at_open_entries_without_what_is_shown_before(void **state)
{
	struct bench *bench = bench_new(true);

	(void)state;
	bond_is(bench, 0, 8000000);
	play(bench, "KPOllP");
	expect(bench, "KPOllP");
	bond_is(bench, 700, 8000000);
	play(bench, "PP");
	expect(bench, "cc");
	bond_is(bench, 0, 8000000);
	play(bench, "PlOllaPbP");
	expect(bench, "ccOccaPbP");
	assert_int_equal(bench->gate.counters.leading, 2);
	free(bench);
}

static void h264_waits_for_an_idr_picture_as_long_as_there_are_some(void **state)
{
	struct bench *bench = bench_new(false);

	(void)state;
	bond_is(bench, 0, 8000000);
	play(bench, "KP");
	bond_is(bench, 700, 8000000);
	play(bench, "P");
	bond_is(bench, 0, 8000000);
	bench->outs = 0;
	play(bench, "OlPGP");
	expect(bench, "ccccc");
	bench->now += 6 * USEC_PER_SEC;
	play(bench, "POlP");
	expect(bench, "cOcP");
	free(bench);
}

static void a_refresh_bit_by_bit_serves_where_nothing_else_comes(void **state)
{
	struct bench *bench = bench_new(false);

	(void)state;
	bond_is(bench, 0, 8000000);
	play(bench, "GP");
	bond_is(bench, 700, 8000000);
	play(bench, "PP");
	bond_is(bench, 0, 8000000);
	play(bench, "PGP");
	expect(bench, "GPccccc");
	bench->now += 6 * USEC_PER_SEC;
	play(bench, "PGP");
	expect(bench, "cGP");
	free(bench);
}

/* Delimiter and parameter sets in packets of their own: what is decided holds for all of them, and
 * the sound between them keeps its place. */
static void a_unit_whose_slice_comes_late_is_held_back_whole(void **state)
{
	static const uint8_t head[] = { 0, 0, 1, 0xe0, 0, 0, 0x80, 0, 0, 0, 0, 1, 9, 0xf0, 'H' },
			     slice[] = { 0, 0, 1, 0x65, 0x88, 0x80 };
	struct bench *bench = bench_new(false);
	uint8_t packet[TS_PACKET_BYTES];

	(void)state;
	bond_is(bench, 0, 8000000);
	play(bench, "KP");
	bond_is(bench, 610, 8000000);
	play(bench, "P");
	expect(bench, "KPc");
	packet_of(bench, packet, VIDEO, true, false, head, sizeof(head));
	put(bench, packet);
	play(bench, "a");
	expect(bench, "");
	packet_of(bench, packet, VIDEO, false, false, slice, sizeof(slice));
	put(bench, packet);
	expect(bench, "Ha");
	/* One that never tells is taken for one that others need. */
	packet_of(bench, packet, VIDEO, true, true, head, sizeof(head));
	put(bench, packet);
	for (unsigned i = 0; i < GATE_SLICE_MAX; i++)
		play(bench, "a");
	assert_int_equal(bench->outs, GATE_SLICE_MAX + 1);
	assert_int_equal(bench->out[0], 'c');
	packet_of(bench, packet, VIDEO, true, true, head, sizeof(head));
	put(bench, packet);
	bench->outs = 0;
	gate_flush(&bench->gate, bench->now);
	collect(bench);
	expect(bench, "c");
	free(bench);
}

/* What was missing before the gate is still missing behind it. */
static void holes_of_the_input_stay_visible(void **state)
{
	struct bench *bench = bench_new(false);

	(void)state;
	bond_is(bench, 0, 8000000);
	play(bench, "KP");
	bond_is(bench, 700, 8000000);
	play(bench, "P");
	bond_is(bench, 0, 8000000);
	play(bench, "K");
	expect(bench, "KPcK");
	bench->continuity[VIDEO] = (bench->continuity[VIDEO] + 3) & 15;
	play(bench, "P");
	assert_true(bench->broken_count);
	free(bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_passes_while_the_bond_carries_it),
		cmocka_unit_test(without_a_session_everything_passes),
		cmocka_unit_test(goes_down_the_ladder_and_up_again),
		cmocka_unit_test(gives_an_encoder_that_follows_more_time),
		cmocka_unit_test(asks_for_a_keyframe_when_nothing_waits_any_more),
		cmocka_unit_test(counts_what_it_let_pass_itself),
		cmocka_unit_test(what_is_on_its_way_to_the_bond_counts),
		cmocka_unit_test(pictures_wait_until_it_is_known_what_the_bond_carries),
		cmocka_unit_test(the_first_keyframe_is_held_back_until_its_size_is_known),
		cmocka_unit_test(the_first_keyframe_is_left_out_when_it_is_too_large),
		cmocka_unit_test(the_first_keyframe_is_not_waited_for_long),
		cmocka_unit_test(a_unit_is_as_important_as_the_most_important_picture_in_it),
		cmocka_unit_test(what_begins_within_a_picture_passes_whole),
		cmocka_unit_test(a_hole_of_the_input_does_not_look_like_it),
		cmocka_unit_test(h265_goes_on_at_open_entries_without_what_is_shown_before),
		cmocka_unit_test(h264_waits_for_an_idr_picture_as_long_as_there_are_some),
		cmocka_unit_test(a_refresh_bit_by_bit_serves_where_nothing_else_comes),
		cmocka_unit_test(a_unit_whose_slice_comes_late_is_held_back_whole),
		cmocka_unit_test(holes_of_the_input_stay_visible),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
