#include "bond/playclock.h"
#include "unit/test.h"

#define MS    USEC_PER_MS
#define SEC   USEC_PER_SEC
#define START (1000 * SEC)
#define EVERY (10 * MS)

/* Packets every 10 ms, whose sender's clock runs @ppm slower than ours, from @from on for @span;
 * each arrives @delay after its capture. The greatest change of the clock in a second. */
static int64_t run(struct playclock *c, usec_t from, usec_t span, int ppm, usec_t delay)
{
	int64_t most = 0, before = c->shown;

	for (usec_t t = from; t < from + span; t += EVERY) {
		usec_t captured = t - (usec_t)((int64_t)(t / 1000) * ppm / 1000);

		playclock_arrival(c, captured, t + delay);
		if ((t - from) % SEC == 0) {
			int64_t change = c->shown > before ? c->shown - before : before - c->shown;

			most = change > most ? change : most;
			before = c->shown;
		}
	}
	return most;
}

static void begin(struct playclock *c, bool smooth)
{
	*c = (struct playclock){ 0 };
	playclock_init(c, START);
	playclock_set_smooth(c, smooth, SEC);
}

static void the_quickest_packet_tells_the_difference(void **state)
{
	struct playclock c;

	(void)state;
	begin(&c, false);
	playclock_arrival(&c, 5 * SEC, START + 30 * MS);
	assert_int_equal(playclock_here(&c, 5 * SEC), START + 30 * MS);
	playclock_arrival(&c, 6 * SEC, START + SEC + 10 * MS);
	assert_int_equal(playclock_here(&c, 5 * SEC), START + 10 * MS);
	playclock_set_half_trip(&c, 9 * MS);
	assert_int_equal(playclock_here(&c, 5 * SEC), START + MS);
}

static void a_smooth_one_steps_until_it_runs(void **state)
{
	struct playclock c;

	(void)state;
	begin(&c, true);
	playclock_arrival(&c, START, START + 300 * MS);
	playclock_arrival(&c, START + EVERY, START + EVERY + 20 * MS);
	assert_int_equal(playclock_here(&c, START), START + 20 * MS);
	playclock_run(&c);
	playclock_arrival(&c, START + 2 * EVERY, START + 2 * EVERY + 5 * MS);
	assert_in_range(playclock_here(&c, START), START + 19 * MS, START + 20 * MS);
	playclock_rest(&c);
	playclock_move(&c, START + 3 * EVERY);
	assert_int_equal(playclock_here(&c, START), START + 5 * MS);
}

/* The lag of 200 ppm: half a minute of the window and PLAYCLOCK_CALM. */
static void drift_is_followed_without_steps(void **state)
{
	static const struct {
		int ppm;
		int64_t behind_max; /* us */
	} rows[] = { { 50, 4800 }, { -50, 3300 }, { 200, 19200 }, { -200, 13000 } };

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct playclock c;
		int64_t most, behind;

		begin(&c, true);
		(void)run(&c, START, 2 * SEC, rows[i].ppm, 0);
		playclock_run(&c);
		most = run(&c, START + 2 * SEC, 3600 * SEC, rows[i].ppm, 0);
		behind = (int64_t)(START + 3602 * SEC) / 1000 * rows[i].ppm / 1000 - c.shown;
		assert_in_range(most, 0, 300);
		assert_in_range(behind + rows[i].behind_max, 0, 2 * rows[i].behind_max);
	}
}

static void another_quickest_path_changes_the_pace_by_a_thousandth(void **state)
{
	struct playclock c;
	int64_t most;

	(void)state;
	begin(&c, true);
	(void)run(&c, START, 40 * SEC, 0, 10 * MS);
	playclock_run(&c);
	most = run(&c, START + 40 * SEC, 400 * SEC, 0, 74 * MS);
	assert_in_range(most, 1, 1050);
	assert_in_range(c.shown, 73 * MS, 74 * MS);
	most = run(&c, START + 440 * SEC, 400 * SEC, 0, 10 * MS);
	assert_in_range(most, 1, 1050);
	assert_in_range(c.shown, 10 * MS, 11 * MS);
}

static void what_the_sender_tells_of_its_clock_counts_for_more(void **state)
{
	struct playclock c;

	(void)state;
	begin(&c, true);
	/* The sender's clock is 700 s behind; media has waited for 3 s. */
	playclock_arrival(&c, START - 700 * SEC, START + 3 * SEC);
	assert_int_equal(c.shown, 703 * (int64_t)SEC);
	playclock_tell(&c, START + 3 * SEC, (uint32_t)(START - 697 * SEC + 4 * MS), 30 * MS,
		       START + 3 * SEC);
	playclock_move(&c, START + 3 * SEC);
	assert_int_equal(c.shown, 700 * (int64_t)SEC - 4 * (int64_t)MS);
	/* The quicker trip is the truer one, for ten to twenty seconds. */
	playclock_tell(&c, START + 4 * SEC, (uint32_t)(START - 696 * SEC), 20 * MS,
		       START + 4 * SEC);
	playclock_tell(&c, START + 5 * SEC, (uint32_t)(START - 695 * SEC - 50 * MS), 200 * MS,
		       START + 5 * SEC);
	playclock_move(&c, START + 5 * SEC);
	assert_int_equal(c.shown, 700 * (int64_t)SEC);
	/* What cannot be is left out: media cannot be from the future. */
	playclock_rest(&c);
	for (unsigned i = 0; i < 3; i++)
		playclock_tell(&c, START + (20 + 20 * i) * SEC, 0, 10 * MS,
			       START + (20 + 20 * i) * SEC);
	playclock_move(&c, START + 60 * SEC);
	assert_int_equal(c.shown, 703 * (int64_t)SEC);
}

static void an_error_of_seconds_is_a_clock_that_was_set(void **state)
{
	struct playclock c;

	(void)state;
	begin(&c, true);
	(void)run(&c, START, 2 * SEC, 0, 0);
	playclock_run(&c);
	playclock_arrival(&c, START + 60 * SEC, START + 5 * SEC);
	assert_int_equal(c.shown, -55 * (int64_t)SEC);
}

static void after_hours_of_silence_it_begins_anew(void **state)
{
	struct playclock c;

	(void)state;
	begin(&c, true);
	(void)run(&c, START, 2 * SEC, 0, 0);
	/* Eight hours at 50 ppm: 1.44 s, more than many a latency. */
	playclock_arrival(&c, START + 28800 * SEC, START + 28801440 * MS);
	assert_int_equal(c.shown, 1440 * (int64_t)MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_quickest_packet_tells_the_difference),
		cmocka_unit_test(a_smooth_one_steps_until_it_runs),
		cmocka_unit_test(drift_is_followed_without_steps),
		cmocka_unit_test(another_quickest_path_changes_the_pace_by_a_thousandth),
		cmocka_unit_test(what_the_sender_tells_of_its_clock_counts_for_more),
		cmocka_unit_test(an_error_of_seconds_is_a_clock_that_was_set),
		cmocka_unit_test(after_hours_of_silence_it_begins_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
