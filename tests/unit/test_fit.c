#include "unit/test.h"
#include "workers/av/fit.h"

#define S USEC_PER_SEC

/* An input of @bps in pieces of 40 ms until @until; what it says at the end. */
static bool run(struct fit *fit, uint64_t bps, uint64_t allowed, usec_t *now, usec_t until)
{
	bool fits = false;

	for (; *now < until; *now += S / 25)
		fits = fit_update(fit, bps / 8 / 25, allowed, *now);
	return fits;
}

static struct fit fit_at(usec_t now)
{
	struct fit fit;

	fit_init(&fit, now);
	return fit;
}

static void an_input_with_room_fits_after_a_while(void **state)
{
	struct fit fit = fit_at(S);
	usec_t now = S;

	(void)state;
	assert_false(run(&fit, 2000000, 3000000, &now, 3 * S));
	assert_true(run(&fit, 2000000, 3000000, &now, 5 * S));
	assert_in_range(fit_peak_bps(&fit, now), 1900000, 2150000);
}

static void without_an_input_nothing_fits(void **state)
{
	struct fit fit = fit_at(S);
	usec_t now = S;

	(void)state;
	assert_false(run(&fit, 0, 3000000, &now, 20 * S));
}

static void a_little_room_is_not_enough(void **state)
{
	struct fit fit = fit_at(S);
	usec_t now = S;

	(void)state;
	assert_false(run(&fit, 2000000, 2020000, &now, 20 * S));
}

static void a_burst_counts_for_as_long_as_it_is_remembered(void **state)
{
	struct fit fit = fit_at(S);
	usec_t now = S;

	(void)state;
	(void)run(&fit, 2000000, 3000000, &now, 3 * S);
	assert_false(run(&fit, 8000000, 3000000, &now, 4 * S));
	assert_false(run(&fit, 2000000, 3000000, &now, 9 * S));
	assert_true(run(&fit, 2000000, 3000000, &now, 13 * S));
}

static void less_room_than_needed_ends_it_at_once(void **state)
{
	struct fit fit = fit_at(S);
	usec_t now = S;

	(void)state;
	assert_true(run(&fit, 2000000, 3000000, &now, 20 * S));
	assert_false(fit_update(&fit, 0, 1500000, now));
	assert_false(run(&fit, 2000000, 3000000, &now, 21 * S));
	/* It had fitted for long: the wait is the shortest one. */
	assert_true(run(&fit, 2000000, 3000000, &now, 24 * S));
}

static void who_comes_and_goes_waits_longer_each_time(void **state)
{
	struct fit fit = fit_at(S);
	usec_t now = S, last = 0;

	(void)state;
	for (int i = 0; i < 6; i++) {
		usec_t begin = now;

		while (!run(&fit, 2000000, 3000000, &now, now + S / 25))
			assert_true(now < begin + 2 * FIT_HOLD_MAX);
		assert_true(now - begin >= last);
		last = now - begin;
		assert_false(fit_update(&fit, 0, 1000000, now));
	}
	assert_in_range(last, 50 * S, 70 * S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_input_with_room_fits_after_a_while),
		cmocka_unit_test(without_an_input_nothing_fits),
		cmocka_unit_test(a_little_room_is_not_enough),
		cmocka_unit_test(a_burst_counts_for_as_long_as_it_is_remembered),
		cmocka_unit_test(less_room_than_needed_ends_it_at_once),
		cmocka_unit_test(who_comes_and_goes_waits_longer_each_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
