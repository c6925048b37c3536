#include "unit/test.h"

#include "base/rng.h"

/* The same numbers on every machine, and evenly spread. */

static void gives_the_published_numbers(void **state)
{
	/* splitmix64 from seed 1234567: first five outputs, as listed by Rosetta Code. */
	static const uint64_t want[] = { UINT64_C(6457827717110365317),
					 UINT64_C(3203168211198807973),
					 UINT64_C(9817491932198370423),
					 UINT64_C(4593380528125082431),
					 UINT64_C(16408922859458223821) };
	struct rng rng = rng_of(1234567);

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_true(rng_u64(&rng) == want[i]);
}

static void stays_below_its_bound_and_spreads_evenly(void **state)
{
	struct rng rng = rng_of(1);
	unsigned count[10] = { 0 };

	(void)state;
	for (int i = 0; i < 100000; i++)
		count[rng_below(&rng, 10)]++;
	for (int i = 0; i < 10; i++)
		assert_in_range(count[i], 9500, 10500);
	assert_true(rng_below(&rng, 0) == 0);
	assert_true(rng_below(&rng, 1) == 0);
	for (int i = 0; i < 1000; i++)
		assert_true(rng_below(&rng, UINT64_MAX) < UINT64_MAX);
}

static void chances_come_out_as_asked(void **state)
{
	static const uint32_t ppm[] = { 0, 1000, 50000, 500000, 999000, 1000000 };
	struct rng rng = rng_of(2);

	(void)state;
	for (unsigned k = 0; k < 6; k++) {
		uint64_t hits = 0, want = ppm[k];

		for (int i = 0; i < 1000000; i++)
			hits += rng_chance(&rng, ppm[k]) ? 1 : 0;
		/* Five standard deviations of a binomial at most 2500. */
		assert_true(hits + 2500 >= want && hits <= want + 2500);
		if (want == 0 || want == 1000000)
			assert_true(hits == want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_the_published_numbers),
		cmocka_unit_test(stays_below_its_bound_and_spreads_evenly),
		cmocka_unit_test(chances_come_out_as_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
