#include "unit/gatebench.h"

/* How much passes. */

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

/* The queue that the bond does not show yet counts as well. */
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
