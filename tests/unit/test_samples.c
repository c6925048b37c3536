#include "unit/test.h"

#include <stdio.h>
#include <string.h>

#include "samples.h"

#define SECONDS 100

static struct bond_stats stats;

static void put(unsigned path, const char *name, enum bond_cost cost, enum bond_path_state state,
		uint64_t seen_bps)
{
	struct bond_path_stats *p = &stats.path[path];

	(void)snprintf(p->name, sizeof(p->name), "%s", name);
	p->cost = cost;
	p->state = state;
	p->seen_bps = seen_bps;
	p->rtt = 20000 + path * 1000;
	p->rtt_var = 3000;
	p->tx_datagrams += 1000;
	p->tx_bytes += 1000000;
	p->rx_datagrams += 40;
	p->rx_bytes += 4000;
	p->lost_packets += 11;
	p->spurious_packets += 1;
	stats.paths = path + 1 > stats.paths ? path + 1 : stats.paths;
}

/* Two uplinks: one of 6 Mb/s, one paid that has 4 and is away for 10 s. */
static struct samples *sampled(void)
{
	struct samples *s = samples_new(SECONDS);

	memset(&stats, 0, sizeof(stats));
	put(0, "lan", BOND_COST_FREE, BOND_PATH_UP, 1000000);
	put(1, "cell", BOND_COST_PAID, BOND_PATH_UP, 1000000);
	samples_begin(s, &stats);
	for (unsigned i = 0; i < SECONDS + 5; i++) {
		bool away = i >= 50 && i < 60;

		stats.advice_bps = 5000000 + i * 1000;
		put(0, "lan", BOND_COST_FREE, BOND_PATH_UP, i < 10 ? 2000000 : 6000000);
		put(1, "cell", BOND_COST_PAID, away ? BOND_PATH_DEAD : BOND_PATH_UP, 4000000);
		samples_add(s, &stats, 4500000);
	}
	return s;
}

static void capacities_leave_out_the_start_and_count_outages(void **state)
{
	struct samples *s = sampled();
	struct verdict_figures f = { 0 };

	(void)state;
	assert_int_equal(s->seconds, SECONDS);
	samples_figures(s, &f);
	assert_int_equal(f.seconds, SECONDS);
	assert_int_equal(f.uplinks, 2);
	assert_string_equal(f.uplink[0].name, "lan");
	assert_int_equal(f.uplink[0].capacity_p5, 6000000);
	assert_int_equal(f.uplink[0].outages, 0);
	assert_int_equal(f.uplink[1].capacity_median, 4000000);
	assert_int_equal(f.uplink[1].capacity_p5, 0);
	assert_int_equal(f.uplink[1].outages, 1);
	assert_int_equal(f.uplink[1].down_seconds, 10);
	assert_int_equal(f.uplink[1].cost, BOND_COST_PAID);
	assert_int_equal(f.uplink[1].rtt_median, 21000);
	assert_int_equal(f.uplink[1].jitter, 3000);
	assert_int_equal(f.uplink[0].loss_ppm, 10000);
	assert_int_equal(f.uplink[0].bytes, SECONDS * 1004000);
	assert_true(f.uplink[0].answered);
	assert_int_equal(f.total_median, 10000000);
	assert_int_equal(f.total_p5, 6000000);
	assert_int_equal(f.spare_p5, 0);
	assert_int_equal(f.free_p5, 6000000);
	assert_int_equal(f.advice_most, 5099000);
	samples_free(s);
}

static void a_path_that_was_never_there_is_no_uplink(void **state)
{
	struct samples *s = samples_new(3);
	struct verdict_figures f = { 0 };

	(void)state;
	memset(&stats, 0, sizeof(stats));
	samples_begin(s, &stats);
	put(2, "wifi", BOND_COST_FREE, BOND_PATH_PROBING, 0);
	stats.path[2].rx_datagrams = 0;
	samples_add(s, &stats, 0);
	samples_figures(s, &f);
	assert_int_equal(f.uplinks, 1);
	assert_string_equal(f.uplink[0].name, "wifi");
	assert_false(f.uplink[0].answered);
	assert_false(samples_has(s, 0));
	samples_free(s);
	assert_null(samples_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(capacities_leave_out_the_start_and_count_outages),
		cmocka_unit_test(a_path_that_was_never_there_is_no_uplink),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
