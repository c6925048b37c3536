#include "unit/test.h"

#include "sim/radiostats.h"

/* The generated capacities against the statistics of the traces that they follow. */

#define SEEDS 40

static struct radiostats stats_of(enum radio kind)
{
	struct radiostats stats;

	assert_int_equal(radiostats_take(&kind, 1, SEEDS, &stats), 0);
	return stats;
}

static void assert_near(uint64_t is, uint64_t wanted, unsigned percent)
{
	assert_in_range(is, wanted * (100 - percent) / 100, wanted * (100 + percent) / 100);
}

static void the_uplinks_have_the_quantiles_of_their_traces(void **state)
{
	static const struct {
		enum radio kind;
		uint64_t mean, p50, p95; /* kb/s */
	} expected[] = {
		{ RADIO_LTE_ATT, 1920, 1580, 5010 },
		{ RADIO_LTE_VZW, 5960, 5750, 11480 },
		{ RADIO_LTE_TMO, 13350, 11780, 27880 },
		{ RADIO_LTE_DRIVE, 33100, 35900, 45900 },
		{ RADIO_5G_DRIVE, 31300, 5600, 126000 },
		{ RADIO_STILL_TMO, 46000, 37000, 121000 },
		{ RADIO_STILL_ATT, 46000, 21000, 173000 },
		{ RADIO_UMTS, 950, 1080, 1440 },
		{ RADIO_EVDO, 840, 960, 1260 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
		struct radiostats s = stats_of(expected[i].kind);

		assert_near(s.mean_bps, expected[i].mean * 1000, 10);
		/* The middle of the widest distributions is not where most seconds are. */
		assert_near(s.p50_bps, expected[i].p50 * 1000, expected[i].mean > 31000 ? 40 : 15);
		assert_near(s.p95_bps, expected[i].p95 * 1000, 10);
	}
}

static void lte_uplinks_stand_still_as_often_and_as_long_as_the_traces(void **state)
{
	struct radiostats att = stats_of(RADIO_LTE_ATT), vzw = stats_of(RADIO_LTE_VZW),
			  tmo = stats_of(RADIO_LTE_TMO);

	(void)state;
	assert_in_range(att.gap, 3 * USEC_PER_SEC, 5 * USEC_PER_SEC);
	assert_in_range(att.gaps, 70, 110);
	assert_in_range(vzw.gap, 600 * USEC_PER_MS, 1800 * USEC_PER_MS);
	assert_in_range(vzw.gaps, 5, 20);
	assert_in_range(tmo.gap, 400 * USEC_PER_MS, 900 * USEC_PER_MS);
	assert_in_range(tmo.gaps, 3, 15);
	assert_near(vzw.p5_bps, 1180000, 20);
	assert_near(tmo.p5_bps, 2490000, 20);
}

static void a_second_says_as_much_about_the_next_as_in_the_traces(void **state)
{
	static const enum radio bond[] = { RADIO_LTE_ATT, RADIO_LTE_VZW, RADIO_LTE_TMO };
	struct radiostats s;

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		assert_in_range(stats_of(bond[i]).ratio_p5_permille, 260, 590);
	assert_int_equal(radiostats_take(bond, 3, SEEDS, &s), 0);
	assert_in_range(s.ratio_p5_permille, 650, 750);
	assert_in_range(s.ratio_p1_permille, 480, 580);
}

static void a_seed_and_a_link_decide_everything(void **state)
{
	struct capacity_step a[RADIO_STEPS], b[RADIO_STEPS], c[RADIO_STEPS];
	unsigned differ = 0;

	(void)state;
	radio_steps(RADIO_LTE_TMO, 0, 7, a);
	radio_steps(RADIO_LTE_TMO, 0, 7, b);
	radio_steps(RADIO_LTE_TMO, 1, 7, c);
	for (unsigned i = 0; i < RADIO_STEPS; i++) {
		assert_int_equal(a[i].rate_bps, b[i].rate_bps);
		differ += a[i].rate_bps != c[i].rate_bps;
	}
	assert_true(differ > RADIO_STEPS * 9 / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_uplinks_have_the_quantiles_of_their_traces),
		cmocka_unit_test(lte_uplinks_stand_still_as_often_and_as_long_as_the_traces),
		cmocka_unit_test(a_second_says_as_much_about_the_next_as_in_the_traces),
		cmocka_unit_test(a_seed_and_a_link_decide_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
