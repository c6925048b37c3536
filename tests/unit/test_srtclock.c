#include "unit/test.h"

#include "base/rng.h"
#include "wire/srtclock.h"

/* Capture times that follow SRT's time stamps. */

#define START (1000 * USEC_PER_SEC)

struct run {
	unsigned packets, refused, changes;
	usec_t lag; /* the longest between capture and arrival */
};

/* 500 packets a second; each takes 50 us and up to @jitter to us, in two out of a hundred cases up
 * to @busy. The other clock runs @ppm faster and its time stamps begin at @stamp. */
static struct run run_clock(unsigned seconds, usec_t jitter, usec_t busy, int ppm, uint32_t stamp)
{
	struct srtclock c = { 0 };
	struct rng rng = rng_of(seconds + jitter);
	struct run run = { 0 };
	uint32_t distance = 0;

	for (uint64_t i = 0; i < 500u * seconds; i++) {
		usec_t sent = i * 2000, captured;
		uint32_t time = stamp + (uint32_t)(sent + (int64_t)sent / 1000000 * ppm);
		usec_t arrived = START + sent + 50 + rng_below(&rng, jitter + 1);

		if (busy && rng_chance(&rng, 20000))
			arrived += rng_below(&rng, busy);
		run.packets++;
		if (!srtclock_capture(&c, time, arrived, &captured)) {
			run.refused++;
			continue;
		}
		assert_true(captured <= arrived);
		run.lag = usec_max(run.lag, arrived - captured);
		run.changes += i && (uint32_t)captured - time != distance;
		distance = (uint32_t)captured - time;
	}
	return run;
}

static void keeps_the_distance_to_the_time_stamps(void **state)
{
	struct run run = run_clock(600, 300, 20000, 0, UINT32_MAX - 60 * USEC_PER_SEC);

	(void)state;
	assert_int_equal(run.refused, 0);
	assert_in_range(run.changes, 0, 2);
	assert_true(run.lag < 1000 + 300 + 20000 + 100);
}

static void follows_a_clock_that_drifts(void **state)
{
	(void)state;
	for (int ppm = -100; ppm <= 100; ppm += 50) {
		struct run run = run_clock(600, 300, 0, ppm, 0);

		assert_int_equal(run.refused, 0);
		/* 60 ms in steps of a millisecond or two. */
		assert_in_range(run.changes, 0, 65);
		assert_true(run.lag < 6000);
	}
}

static void what_waited_for_long_has_no_capture_time(void **state)
{
	struct srtclock c = { 0 };
	usec_t captured = 7;

	(void)state;
	assert_true(srtclock_capture(&c, 0, START, &captured));
	assert_true(srtclock_capture(&c, 1000, START + 400000, &captured));
	captured = 7;
	assert_false(srtclock_capture(&c, 2000, START + 600000, &captured));
	assert_int_equal(captured, 7);
	assert_true(srtclock_capture(&c, 601000, START + 601000, &captured));
	/* Another beginning of the time stamps is taken for what it is when it is older than ten
	 * seconds, or at once when it makes packets come sooner. */
	assert_true(srtclock_capture(&c, 100000000, START + 602000, &captured));
	assert_in_range(captured, START + 600000, START + 602000);
	assert_false(srtclock_capture(&c, 0, START + 603000, &captured));
	for (unsigned i = 0; i < 12; i++)
		(void)srtclock_capture(&c, i * 1000000, START + 603000 + i * USEC_PER_SEC,
				       &captured);
	assert_true(srtclock_capture(&c, 12000000, START + 12603000, &captured));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_the_distance_to_the_time_stamps),
		cmocka_unit_test(follows_a_clock_that_drifts),
		cmocka_unit_test(what_waited_for_long_has_no_capture_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
