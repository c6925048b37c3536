#include "unit/test.h"
#include "workers/av/debt.h"

#define MBPS	1000000
#define PICTURE (USEC_PER_SEC / 30)

/* Gives as many pictures as an encoder would whose buffer lets it send @extra bits at once and that
 * obeys otherwise; returns the bits. */
static uint64_t give(struct debt *debt, uint64_t advice_bps, uint64_t extra, unsigned pictures)
{
	uint64_t sent = 0;

	while (pictures--) {
		uint64_t bps = advice_bps - debt_owed_bps(debt, advice_bps);
		uint64_t bits = bps * PICTURE / USEC_PER_SEC;
		uint64_t burst = extra < bits ? extra : bits; /* pictures twice as large */

		assert_true(bps <= advice_bps);
		extra -= burst;
		debt_add(debt, (bits + burst) / 8, advice_bps, PICTURE);
		sent += bits + burst;
	}
	return sent;
}

static void a_second_after_a_step_to_half_or_less_is_within_the_advice(void **state)
{
	static const uint64_t after[] = { 3 * MBPS, 2 * MBPS, MBPS, MBPS / 2 };

	(void)state;
	for (size_t i = 0; i < sizeof(after) / sizeof(*after); i++) {
		struct debt debt = { 0 };

		(void)give(&debt, 6 * MBPS, 0, 60);
		debt_step(&debt, 6 * MBPS, after[i]);
		assert_true(give(&debt, after[i], after[i] * 3 / 10, 30) <= after[i] * 101 / 100);
		/* And it is forgotten. */
		assert_true(give(&debt, after[i], 0, 30) >= after[i] * 99 / 100);
	}
}

static void without_a_debt_nothing_is_owed(void **state)
{
	struct debt debt = { 0 };

	(void)state;
	assert_int_equal(debt_owed_bps(&debt, MBPS), 0);
	debt_add(&debt, 0, MBPS, USEC_PER_SEC);
	assert_int_equal(debt_owed_bps(&debt, MBPS), 0);
	/* A keyframe as large as the credit. */
	debt_add(&debt, MBPS / 8 * DEBT_CREDIT_TIME / USEC_PER_SEC, MBPS, 0);
	assert_int_equal(debt_owed_bps(&debt, MBPS), 0);
	debt_add(&debt, 1500, MBPS, 0);
	assert_int_equal(debt_owed_bps(&debt, MBPS), 1500 * 8 * USEC_PER_SEC / DEBT_TIME);
}

static void half_is_taken_back_at_most_and_not_for_long(void **state)
{
	struct debt debt = { 0 };
	usec_t t = 0;

	(void)state;
	debt_add(&debt, 100000000, MBPS, PICTURE);
	assert_int_equal(debt_owed_bps(&debt, MBPS), MBPS / 2);
	for (; debt_owed_bps(&debt, MBPS) > MBPS / 100; t += PICTURE)
		(void)give(&debt, MBPS, 0, 1);
	assert_true(t < 1500 * USEC_PER_MS);
}

static void a_small_step_down_leaves_most_of_the_credit(void **state)
{
	static const struct {
		uint64_t after_bps;
		int64_t kept; /* of 1000 */
	} rows[] = {
		{ 12 * MBPS, 1000 }, { 10 * MBPS, 1000 }, { 9 * MBPS, 800 },
		{ 7 * MBPS, 400 },   { 5 * MBPS, 0 },	  { MBPS, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct debt credit = { -1000 }, debt = { 1000 };

		debt_step(&credit, 10 * MBPS, rows[i].after_bps);
		debt_step(&debt, 10 * MBPS, rows[i].after_bps);
		assert_int_equal(credit.bits, -rows[i].kept);
		assert_int_equal(debt.bits, 1000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_second_after_a_step_to_half_or_less_is_within_the_advice),
		cmocka_unit_test(without_a_debt_nothing_is_owed),
		cmocka_unit_test(half_is_taken_back_at_most_and_not_for_long),
		cmocka_unit_test(a_small_step_down_leaves_most_of_the_credit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
