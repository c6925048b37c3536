#include "unit/test.h"
#include "workers/av/pace.h"

#define MS    USEC_PER_MS
#define FRAME (33 * MS)

/* Pictures for @span with a constant lag; how many were taken, permille. */
static unsigned taken_permille(struct pace *pace, usec_t lag, usec_t span, usec_t *now)
{
	unsigned taken = 0, all = 0;

	for (usec_t end = *now + span; *now < end; *now += FRAME, all++)
		taken += pace_takes(pace, lag, *now);
	return taken * 1000 / all;
}

static void takes_everything_while_it_keeps_up(void **state)
{
	struct pace pace;
	usec_t now = 1;

	(void)state;
	pace_init(&pace, now);
	assert_int_equal(taken_permille(&pace, 40 * MS, 10 * USEC_PER_SEC, &now), 1000);
	assert_int_equal(pace_preset(&pace, true, false, now), PACE_KEEP);
}

static void a_burst_loses_nothing(void **state)
{
	struct pace pace;
	usec_t now = 1;

	(void)state;
	pace_init(&pace, now);
	assert_int_equal(taken_permille(&pace, 800 * MS, 900 * MS, &now), 1000);
	assert_int_equal(taken_permille(&pace, 20 * MS, USEC_PER_SEC, &now), 1000);
}

static void a_lag_that_lasts_halves_the_pictures_and_asks_for_a_cheaper_preset(void **state)
{
	struct pace pace;
	usec_t now = 1;
	unsigned taken;

	(void)state;
	pace_init(&pace, now);
	(void)taken_permille(&pace, 400 * MS, 2 * USEC_PER_SEC, &now);
	taken = taken_permille(&pace, 400 * MS, 4 * USEC_PER_SEC, &now);
	assert_in_range(taken, 480, 520);
	assert_int_equal(pace_preset(&pace, true, false, now), PACE_CHEAPER);
	assert_int_equal(pace_preset(&pace, true, false, now + 100 * MS), PACE_KEEP);
	/* In between it is not yet caught up. */
	assert_in_range(taken_permille(&pace, 200 * MS, USEC_PER_SEC, &now), 450, 550);
	(void)taken_permille(&pace, 50 * MS, 100 * MS, &now);
	assert_int_equal(taken_permille(&pace, 50 * MS, USEC_PER_SEC, &now), 1000);
}

static void few_pictures_are_taken_beyond_the_largest_lag(void **state)
{
	struct pace pace;
	usec_t now = 1;

	(void)state;
	pace_init(&pace, now);
	assert_in_range(taken_permille(&pace, 1500 * MS, USEC_PER_SEC, &now), 230, 270);
	assert_in_range(taken_permille(&pace, 500 * MS, USEC_PER_SEC, &now), 230, 270);
	(void)taken_permille(&pace, 50 * MS, 100 * MS, &now);
	assert_int_equal(taken_permille(&pace, 50 * MS, USEC_PER_SEC, &now), 1000);
}

static void goes_back_up_only_after_lasting_room_and_later_every_time(void **state)
{
	struct pace pace;
	usec_t now = 1, waited[2];

	(void)state;
	pace_init(&pace, now);
	for (int round = 0; round < 2; round++) {
		usec_t begin;

		(void)taken_permille(&pace, 400 * MS, 3 * USEC_PER_SEC, &now);
		assert_int_equal(pace_preset(&pace, true, false, now), PACE_CHEAPER);
		(void)taken_permille(&pace, 10 * MS, USEC_PER_SEC, &now);
		for (begin = now;; now += USEC_PER_SEC) {
			pace_spent(&pace, USEC_PER_SEC / 5, USEC_PER_SEC);
			if (pace_preset(&pace, true, true, now) == PACE_BETTER)
				break;
			assert_true(now - begin < 600 * USEC_PER_SEC);
		}
		waited[round] = now - begin;
	}
	assert_true(waited[0] >= 60 * USEC_PER_SEC);
	assert_true(waited[1] >= 2 * waited[0] - 2 * USEC_PER_SEC);
}

static void a_loaded_machine_stays_with_the_cheaper_preset(void **state)
{
	struct pace pace;
	usec_t now = 1;

	(void)state;
	pace_init(&pace, now);
	for (int i = 0; i < 1000; i++, now += USEC_PER_SEC) {
		pace_spent(&pace, USEC_PER_SEC / 2, USEC_PER_SEC);
		assert_int_equal(pace_preset(&pace, true, true, now), PACE_KEEP);
	}
	assert_in_range(pace_load_permille(&pace), 490, 510);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_everything_while_it_keeps_up),
		cmocka_unit_test(a_burst_loses_nothing),
		cmocka_unit_test(
			a_lag_that_lasts_halves_the_pictures_and_asks_for_a_cheaper_preset),
		cmocka_unit_test(few_pictures_are_taken_beyond_the_largest_lag),
		cmocka_unit_test(goes_back_up_only_after_lasting_room_and_later_every_time),
		cmocka_unit_test(a_loaded_machine_stays_with_the_cheaper_preset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
