#include "unit/test.h"

#include "base/meter.h"
#include "base/rng.h"

/* Sliding windows against lists of everything that was fed. */

static void a_steady_flow_shows_its_rate(void **state)
{
	struct meter m;
	usec_t now = 12345678;

	(void)state;
	meter_init(&m, USEC_PER_SEC, now);
	for (int i = 0; i < 5000; i++) {
		now += USEC_PER_MS;
		meter_add(&m, 125, now);
		/* After the first slot it is right at all times, not only when the window is full.
		 */
		if (i > 50) {
			assert_true(meter_per_sec(&m, now) >= 122000);
			assert_true(meter_per_sec(&m, now) <= 128000);
		}
	}
	assert_true(m.total == 5000 * 125);
}

static void the_sum_is_that_of_the_slots_in_the_window(void **state)
{
	enum { EVENTS = 2000 };
	struct rng rng = rng_of(1);
	uint64_t amount[EVENTS];
	usec_t when[EVENTS];

	(void)state;
	for (int run = 0; run < 10; run++) {
		struct meter m;
		usec_t now = rng_below(&rng, USEC_PER_SEC);

		meter_init(&m, 200 * USEC_PER_MS, now);
		for (int i = 0; i < EVENTS; i++) {
			uint64_t want = 0;

			now += rng_below(&rng, rng_chance(&rng, 10000) ? 500000 : 5000);
			when[i] = now;
			amount[i] = rng_below(&rng, 1500);
			meter_add(&m, amount[i], now);
			for (int k = 0; k <= i; k++)
				if (now / 10000 - when[k] / 10000 < METER_SLOTS)
					want += amount[k];
			assert_true(meter_sum(&m, now) == want);
		}
	}
}

static void silence_empties_the_window(void **state)
{
	struct meter m;
	usec_t now = 0;
	uint64_t full;

	(void)state;
	meter_init(&m, USEC_PER_SEC, now);
	for (; now < 2 * USEC_PER_SEC; now += 10 * USEC_PER_MS)
		meter_add(&m, 1000, now);
	full = meter_sum(&m, now);
	assert_true(meter_sum(&m, now + USEC_PER_SEC / 2) < full);
	assert_true(meter_sum(&m, now + 2 * USEC_PER_SEC) == 0);
	assert_true(meter_per_sec(&m, now + 1000 * USEC_PER_SEC) == 0);
	assert_true(m.total == 200 * 1000);
}

static void time_that_stands_still_or_steps_back_is_harmless(void **state)
{
	struct meter m;
	struct extremum e;

	(void)state;
	meter_init(&m, USEC_PER_SEC, USEC_PER_SEC);
	extremum_init(&e, USEC_PER_SEC, USEC_PER_SEC);
	meter_add(&m, 10, 5 * USEC_PER_SEC);
	meter_add(&m, 10, 4 * USEC_PER_SEC);
	assert_true(meter_sum(&m, 4 * USEC_PER_SEC) == 20);
	assert_true(meter_per_sec(&m, 0) > 0);
	extremum_add(&e, 7, 5 * USEC_PER_SEC);
	extremum_add(&e, 3, 4 * USEC_PER_SEC);
	assert_true(extremum_min(&e, 4 * USEC_PER_SEC) == 3);
}

static void a_window_shorter_than_its_slots_still_works(void **state)
{
	struct meter m;
	struct extremum e;

	(void)state;
	meter_init(&m, 1, 0);
	extremum_init(&e, 1, 0);
	meter_add(&m, 5, 3);
	extremum_add(&e, 5, 3);
	assert_true(meter_sum(&m, 3) == 5);
	assert_true(extremum_min(&e, 3) == 5);
	assert_true(meter_sum(&m, 3 + METER_SLOTS) == 0);
	assert_true(extremum_min(&e, 3 + EXTREMUM_SLOTS) == INT64_MAX);
}

static void the_minimum_is_that_of_the_slots_in_the_window(void **state)
{
	enum { EVENTS = 1500 };
	struct rng rng = rng_of(2);
	int64_t value[EVENTS];
	usec_t when[EVENTS];

	(void)state;
	for (int run = 0; run < 10; run++) {
		struct extremum e;
		usec_t now = rng_below(&rng, USEC_PER_SEC);

		extremum_init(&e, 100 * USEC_PER_MS, now);
		assert_true(extremum_min(&e, now) == INT64_MAX);
		for (int i = 0; i < EVENTS; i++) {
			int64_t want = INT64_MAX;

			now += rng_below(&rng, rng_chance(&rng, 10000) ? 500000 : 5000);
			when[i] = now;
			value[i] = (int64_t)rng_below(&rng, 1000000) - 500000;
			extremum_add(&e, value[i], now);
			for (int k = 0; k <= i; k++)
				if (now / 10000 - when[k] / 10000 < EXTREMUM_SLOTS &&
				    value[k] < want)
					want = value[k];
			assert_true(extremum_min(&e, now) == want);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_steady_flow_shows_its_rate),
		cmocka_unit_test(the_sum_is_that_of_the_slots_in_the_window),
		cmocka_unit_test(silence_empties_the_window),
		cmocka_unit_test(time_that_stands_still_or_steps_back_is_harmless),
		cmocka_unit_test(a_window_shorter_than_its_slots_still_works),
		cmocka_unit_test(the_minimum_is_that_of_the_slots_in_the_window),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
