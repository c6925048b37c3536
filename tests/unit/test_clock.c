#include "unit/test.h"

#include "base/clock.h"

/* Arithmetic of time: never wraps, "never" stays never. */

static void never_absorbs(void **state)
{
	(void)state;
	assert_true(usec_add(USEC_NEVER, 5) == USEC_NEVER);
	assert_true(usec_add(5, USEC_NEVER) == USEC_NEVER);
	assert_true(usec_add(USEC_NEVER - 1, 2) == USEC_NEVER);
	assert_true(usec_add(USEC_NEVER - 2, 1) == USEC_NEVER - 1);
	assert_true(usec_min(USEC_NEVER, 7) == 7);
	assert_true(usec_max(USEC_NEVER, 7) == USEC_NEVER);
}

static void the_future_is_zero_away_in_the_past(void **state)
{
	(void)state;
	assert_true(usec_since(10, 15) == 5);
	assert_true(usec_since(15, 10) == 0);
	assert_true(usec_sub(15, 10) == 5);
	assert_true(usec_sub(10, 15) == 0);
	assert_true(usec_clamp(5, 10, 20) == 10);
	assert_true(usec_clamp(25, 10, 20) == 20);
	assert_true(usec_clamp(15, 10, 20) == 15);
}

static void bytes_and_times_are_each_others_inverse(void **state)
{
	(void)state;
	assert_true(usec_of_bytes(1250, 10000000) == 1000);
	assert_true(bytes_of_usec(1000, 10000000) == 1250);
	assert_true(usec_of_bytes(1, 0) == USEC_NEVER);
	assert_true(bytes_of_usec(USEC_NEVER, 0) == 0);
	assert_true(bytes_of_usec(0, UINT64_MAX) == 0);
	/* The largest that is promised, and "for ever" at any rate. */
	assert_true(usec_of_bytes(UINT64_C(1) << 40, 1) == (UINT64_C(1) << 40) * 8 * USEC_PER_SEC);
	assert_true(bytes_of_usec(USEC_NEVER, UINT64_C(1000000000000)) == UINT64_MAX);
	assert_true(bytes_of_usec(USEC_NEVER, 1000) == UINT64_MAX / 8000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(never_absorbs),
		cmocka_unit_test(the_future_is_zero_away_in_the_past),
		cmocka_unit_test(bytes_and_times_are_each_others_inverse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
