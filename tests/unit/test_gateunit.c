#include "unit/gatebench.h"

/* Where a picture begins, and where a decoder can go on. */

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
