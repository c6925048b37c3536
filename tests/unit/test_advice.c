#include "bond/advice.h"
#include "bond/redundancy.h"
#include "bond/report.h"
#include "unit/test.h"

#define MS   USEC_PER_MS
#define SEC  USEC_PER_SEC
#define MBPS UINT64_C(1000000)

static struct advice_view good_view(uint64_t capacity)
{
	return (struct advice_view){ .capacity_bps = capacity,
				     .moment_bps = capacity,
				     .usable = 2,
				     .hold = 900 * MS,
				     .session_up = true };
}

/* Runs ticks for @span with an encoder that does what it is told. */
static void run(struct advice *a, const struct advice_view *v, usec_t *now, usec_t span)
{
	for (usec_t end = *now + span; *now < end; *now += ADVICE_SPACING) {
		advice_acked(a, a->bps / 80, *now);
		advice_tick(a, v, *now);
	}
}

static void it_begins_with_the_configured_start(void **state)
{
	struct advice a;

	(void)state;
	advice_init(&a, MBPS, 10 * MBPS, 2500000, 0);
	assert_true(a.event);
	assert_int_equal(a.bps, 2500000);
	assert_int_equal(a.reason, BOND_REASON_START);
}

static void it_climbs_to_the_share_of_the_capacity_and_not_beyond(void **state)
{
	struct advice a;
	struct advice_view v = good_view(8 * MBPS);
	usec_t now = SEC;

	(void)state;
	advice_init(&a, MBPS, 10 * MBPS, 2500000, now);
	run(&a, &v, &now, 6 * SEC);
	assert_int_equal(a.bps, 7680000);
	v.capacity_bps = v.moment_bps = 50 * MBPS;
	run(&a, &v, &now, 6 * SEC);
	assert_int_equal(a.bps, 10 * MBPS);
}

static void it_follows_a_drop_at_once(void **state)
{
	struct advice a;
	struct advice_view v = good_view(8 * MBPS);
	usec_t now = SEC;

	(void)state;
	advice_init(&a, MBPS, 10 * MBPS, 6 * MBPS, now);
	run(&a, &v, &now, SEC);
	a.event = false;
	v.moment_bps = 4 * MBPS;
	run(&a, &v, &now, ADVICE_SPACING);
	assert_true(a.event);
	assert_in_range(a.bps, 3000000, 4000000);
	assert_int_equal(a.reason, BOND_REASON_CAPACITY);
}

static void a_queue_lowers_it_and_a_long_latency_tolerates_more(void **state)
{
	struct advice a;
	struct advice_view v = good_view(8 * MBPS);
	usec_t now = SEC;

	(void)state;
	advice_init(&a, MBPS, 10 * MBPS, 7 * MBPS, now);
	v.queue = 300 * MS;
	run(&a, &v, &now, 2 * ADVICE_SPACING);
	assert_in_range(a.bps, 3 * MBPS, 4500000);
	assert_int_equal(a.reason, BOND_REASON_QUEUE);
	advice_init(&a, MBPS, 10 * MBPS, 7 * MBPS, now);
	v.hold = 29 * SEC;
	run(&a, &v, &now, 2 * ADVICE_SPACING);
	assert_in_range(a.bps, 7 * MBPS, 7680000);
}

/* A picture comes at once: a queue that one tick saw is none. */
static void a_queue_of_one_tick_is_none(void **state)
{
	struct advice a;
	struct advice_view v = good_view(8 * MBPS);
	usec_t now = SEC;

	(void)state;
	advice_init(&a, MBPS, 10 * MBPS, 7 * MBPS, now);
	run(&a, &v, &now, SEC);
	v.queue = 300 * MS;
	run(&a, &v, &now, ADVICE_SPACING);
	assert_int_equal(a.bps, 7680000);
}

static void it_at_most_doubles_in_a_tick(void **state)
{
	struct advice a;
	struct advice_view v = good_view(50 * MBPS);
	usec_t now = SEC;

	(void)state;
	advice_init(&a, MBPS, 10 * MBPS, 2 * MBPS, 0);
	run(&a, &v, &now, ADVICE_SPACING);
	assert_int_equal(a.bps, 4 * MBPS);
}

static void the_floor_yields(void **state)
{
	struct advice a;
	struct advice_view v = good_view(600000);
	usec_t now = SEC;

	(void)state;
	advice_init(&a, MBPS, 10 * MBPS, 2500000, now);
	run(&a, &v, &now, SEC);
	assert_in_range(a.bps, 300000, 600000);
}

static void small_changes_are_no_event(void **state)
{
	struct advice a;
	struct advice_view v = good_view(8 * MBPS);
	usec_t now = SEC;

	(void)state;
	advice_init(&a, MBPS, 10 * MBPS, 6500000, now);
	run(&a, &v, &now, 2 * SEC);
	a.event = false;
	v.capacity_bps = 7950000;
	run(&a, &v, &now, SEC);
	assert_false(a.event);
}

static void late_packets_lower_it(void **state)
{
	struct advice a;
	struct advice_view v = good_view(20 * MBPS);
	usec_t now = SEC;

	(void)state;
	advice_init(&a, MBPS, 10 * MBPS, 6 * MBPS, now);
	run(&a, &v, &now, SEC);
	v.missed = 5;
	run(&a, &v, &now, ADVICE_SPACING);
	assert_int_equal(a.reason, BOND_REASON_LATE);
	assert_in_range(a.bps, 8 * MBPS, 9 * MBPS); /* 0.85 of what was acknowledged */
}

static void copies_stay_within_their_budget(void **state)
{
	struct redundancy r;
	struct path paths[BOND_PATHS_MAX] = { 0 };
	struct backlog b;
	uint64_t sent = 0, copied = 0;
	uint8_t data[1316] = { 0 };
	unsigned at;

	(void)state;
	assert_int_equal(backlog_init(&b, 4096), 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(path_init(&paths[i], i, 4096, 0), 0);
		paths[i].state = BOND_PATH_UP;
		paths[i].rate.capacity_bps = 100 * MBPS;
		paths[i].estimator.srtt = paths[i].estimator.rtt_min = 10 * MS;
	}
	paths[1].config.cost = BOND_COST_PAID;
	redundancy_init(&r, 0, 10);
	for (usec_t now = SEC; now < 11 * SEC; now += 2 * MS) {
		struct owed *o;

		assert_int_equal(backlog_submit(&b, WIRE_CLASS_REFERENCE, data, 1316, 0, now), 0);
		o = backlog_unsent(&b, 0);
		backlog_sent(&b, o, (unsigned)(o->seq % 2), now);
		redundancy_earn(&r, &paths[o->seq % 2], 1358, false);
		sent += 1358;
		while ((o = redundancy_pick(&r, paths, &b, now, &at))) {
			assert_int_equal(o->copies, 1);
			assert_false(o->paths & 1u << at);
			backlog_sent(&b, o, at, now);
			redundancy_spent(&r, &paths[at], 1358, now);
			copied += 1358;
		}
		backlog_expire(&b, now > SEC + 100 * MS ? now - 100 * MS : 0);
	}
	assert_in_range(copied * 1000 / sent, 10, 20);
	/* The budget of the paid uplink is 1 % of its own half here. */
	assert_in_range(paths[1].filler_bytes * 1000 / sent, 1, 6);
	path_deinit(&paths[0]);
	path_deinit(&paths[1]);
	backlog_deinit(&b);
}

static void reports_overtake_each_other_without_harm(void **state)
{
	struct report r = { 0 };
	struct frame_report newer = { .delivered = 100, .lost = 2 }, older = { .delivered = 50 };

	(void)state;
	report_take(&r, &newer, SEC);
	report_take(&r, &older, SEC);
	assert_int_equal(report_total(&r).delivered, 100);
	report_restart(&r);
	report_take(&r, &older, SEC);
	assert_int_equal(report_total(&r).delivered, 150);
	assert_int_equal(report_total(&r).lost, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_begins_with_the_configured_start),
		cmocka_unit_test(it_climbs_to_the_share_of_the_capacity_and_not_beyond),
		cmocka_unit_test(it_follows_a_drop_at_once),
		cmocka_unit_test(a_queue_lowers_it_and_a_long_latency_tolerates_more),
		cmocka_unit_test(a_queue_of_one_tick_is_none),
		cmocka_unit_test(it_at_most_doubles_in_a_tick),
		cmocka_unit_test(the_floor_yields),
		cmocka_unit_test(small_changes_are_no_event),
		cmocka_unit_test(late_packets_lower_it),
		cmocka_unit_test(copies_stay_within_their_budget),
		cmocka_unit_test(reports_overtake_each_other_without_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
