#include "unit/test.h"

#include <stdio.h>
#include <string.h>

#include "verdict.h"

#define MBPS UINT64_C(1000000)
#define MS   USEC_PER_MS

/* Three good uplinks of 6, 4 and 5 Mb/s at a latency of 1 s. */
static struct verdict_figures three(void)
{
	struct verdict_figures f = {
		.seconds = 120,
		.latency = USEC_PER_SEC,
		.advice_max_bps = 10 * MBPS,
		.uplinks = 3,
		.uplink = { { .name = "lan",
			      .answered = true,
			      .capacity_p5 = 5 * MBPS,
			      .capacity_median = 6 * MBPS,
			      .rtt_median = 20 * MS },
			    { .name = "cell",
			      .cost = BOND_COST_PAID,
			      .answered = true,
			      .capacity_p5 = 3 * MBPS,
			      .capacity_median = 4 * MBPS,
			      .rtt_median = 80 * MS },
			    { .name = "wifi",
			      .answered = true,
			      .capacity_p5 = 4 * MBPS,
			      .capacity_median = 5 * MBPS,
			      .rtt_median = 16 * MS } },
		.total_p5 = 12 * MBPS,
		.total_median = 15 * MBPS,
		.spare_p5 = 7 * MBPS,
		.free_p5 = 9 * MBPS,
		.advice_p5 = 8 * MBPS,
		.advice_median = 9 * MBPS,
		.advice_most = 9500000,
		.packets = 100000,
		.delay_median = 20 * MS,
		.delay_p99 = 100 * MS,
		.delay_p999 = 160 * MS,
	};

	return f;
}

static bool says(const struct verdict *v, const char *text, enum verdict_level level)
{
	for (unsigned i = 0; i < v->lines; i++)
		if (strstr(v->line[i].text, text) && v->line[i].level == level)
			return true;
	return false;
}

static void a_good_bond_gets_seven_tenths_and_the_shortest_round_latency(void **state)
{
	struct verdict_figures f = three();
	struct verdict v;

	(void)state;
	verdict_judge(&f, &v);
	assert_int_equal(v.bitrate_bps, 8 * MBPS);
	assert_int_equal(v.bitrate_max_bps, 10 * MBPS);
	assert_int_equal(v.latency, 600 * MS);
	assert_int_equal(v.policy, BOND_POLICY_AGGREGATE);
	assert_true(says(&v, "8.0 Mb/s, picture and sound together", VERDICT_GOOD));
	assert_true(says(&v, "the others carry 4.9 Mb/s", VERDICT_ADVICE));
	assert_true(says(&v, "600 ms (set: 1000)", VERDICT_GOOD));
	for (unsigned i = 0; i < v.lines; i++)
		assert_true(v.line[i].level != VERDICT_WARNING);
}

static void the_latency_leaves_time_for_the_slow_and_the_lost(void **state)
{
	static const struct {
		usec_t p999, rtt;
		uint64_t lost;
		usec_t latency;
	} rows[] = {
		{ 160 * MS, 80 * MS, 0, 600 * MS },	{ 400 * MS, 80 * MS, 0, 600 * MS },
		{ 500 * MS, 80 * MS, 0, 900 * MS },	{ 860 * MS, 80 * MS, 0, 1200 * MS },
		{ 160 * MS, 600 * MS, 0, 2100 * MS },	{ 160 * MS, 80 * MS, 50, 600 * MS },
		{ 160 * MS, 80 * MS, 5000, 2400 * MS }, { 60000 * MS, 80 * MS, 0, 60000 * MS },
	};
	struct verdict v;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct verdict_figures f = three();

		f.delay_p999 = rows[i].p999;
		f.uplink[1].rtt_median = rows[i].rtt;
		f.lost = rows[i].lost;
		verdict_judge(&f, &v);
		assert_int_equal(v.latency, rows[i].latency);
	}
}

static void the_policy_follows_what_the_uplinks_can_do_alone(void **state)
{
	struct verdict_figures f = three();
	struct verdict v;

	(void)state;
	f.free_p5 = 15 * MBPS;
	verdict_judge(&f, &v);
	assert_int_equal(v.policy, BOND_POLICY_BACKUP);

	f = three();
	f.uplink[0].capacity_p5 = f.uplink[1].capacity_p5 = 20 * MBPS;
	verdict_judge(&f, &v);
	assert_int_equal(v.policy, BOND_POLICY_AGGREGATE);
	f.uplink[1].cost = BOND_COST_FREE;
	verdict_judge(&f, &v);
	assert_int_equal(v.policy, BOND_POLICY_BROADCAST);

	f = three();
	f.uplink[1].answered = f.uplink[2].answered = false;
	verdict_judge(&f, &v);
	assert_true(says(&v, "only one uplink works", VERDICT_WARNING));
	assert_true(says(&v, "cell: no answer", VERDICT_WARNING));
}

static void what_is_wrong_is_told(void **state)
{
	struct verdict_figures f = three();
	struct verdict v;

	(void)state;
	f.uplink[1].outages = 3;
	f.uplink[1].down_seconds = 7;
	f.uplink[2].loss_ppm = 31000;
	f.uplink[0].rtt_median = 700 * MS;
	f.uplink[2].capacity_p5 = MBPS;
	f.total_p5 = 2500000;
	f.spare_p5 = 200000;
	f.advice_most = 10 * MBPS;
	f.lost = 900;
	verdict_judge(&f, &v);
	assert_int_equal(v.bitrate_bps, 1700000);
	assert_true(says(&v, "cell: fell silent 3 times, for 7 s", VERDICT_WARNING));
	assert_true(says(&v, "wifi: loses 3.1 %", VERDICT_WARNING));
	assert_true(says(&v, "wifi: swings", VERDICT_ADVICE));
	assert_true(says(&v, "lan: the round trip takes 700 ms", VERDICT_ADVICE));
	assert_true(says(&v, "That is little", VERDICT_WARNING));
	assert_true(says(&v, "the others do not carry a stream", VERDICT_WARNING));
	assert_true(says(&v, "Raise max of [advice]", VERDICT_ADVICE));
	assert_true(says(&v, "900 of 100900 packets were not there in time", VERDICT_WARNING));
}

static void nothing_that_works_gets_no_figures(void **state)
{
	struct verdict_figures f = { .latency = USEC_PER_SEC, .uplinks = BOND_PATHS_MAX };
	struct verdict v;

	(void)state;
	for (unsigned i = 0; i < f.uplinks; i++)
		memset(f.uplink[i].name, (int)('a' + i), sizeof(f.uplink[i].name) - 1);
	verdict_judge(&f, &v);
	assert_int_equal(v.bitrate_bps, 0);
	assert_int_equal(v.latency, 0);
	assert_true(says(&v, "too little for a stream", VERDICT_WARNING));
	assert_true(says(&v, "Nothing arrived", VERDICT_WARNING));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_bond_gets_seven_tenths_and_the_shortest_round_latency),
		cmocka_unit_test(the_latency_leaves_time_for_the_slow_and_the_lost),
		cmocka_unit_test(the_policy_follows_what_the_uplinks_can_do_alone),
		cmocka_unit_test(what_is_wrong_is_told),
		cmocka_unit_test(nothing_that_works_gets_no_figures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
