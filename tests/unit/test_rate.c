#include "bond/pacer.h"
#include "bond/rate.h"
#include "unit/test.h"

#define MS   USEC_PER_MS
#define MBPS UINT64_C(1000000)

/* A path of 40 ms that shows @queue, delivers @bps and has just served at @served_bps. */
static struct estimator path_of(usec_t queue, uint64_t bps, uint64_t served_bps, usec_t now)
{
	struct estimator e;

	estimator_init(&e, now);
	e.srtt = e.rtt_min = 40 * MS;
	e.queue = e.queue_now = queue;
	e.rate_bps = bps;
	e.quick_at = now;
	for (unsigned i = 0; served_bps && i < THROUGHPUT_SLOTS; i++) {
		e.throughput.slot[i].bytes = served_bps / 8 / 50;
		e.throughput.slot[i].time = USEC_PER_SEC / 50;
	}
	return e;
}

static void run(struct rate *r, usec_t queue, uint64_t bps, uint64_t served_bps, bool hungry,
		usec_t *now, unsigned rounds)
{
	for (; rounds; rounds--, *now += 50 * MS) {
		struct estimator e = path_of(queue, bps, served_bps, *now);

		rate_acked(r, &e, hungry, 0, *now);
	}
}

static void the_first_window_is_generous(void **state)
{
	struct rate r;
	struct estimator e = path_of(0, 0, 0, 0);

	(void)state;
	rate_init(&r, 0, 0);
	assert_int_equal(rate_window(&r, &e, 0), RATE_WINDOW_FIRST);
}

static void a_path_that_is_not_tried_is_not_believed_to_carry_more(void **state)
{
	struct rate r;
	usec_t now = 0;
	uint64_t before;

	(void)state;
	rate_init(&r, 0, 0);
	run(&r, 0, MBPS, MBPS, false, &now, 1);
	before = r.capacity_bps;
	run(&r, 0, MBPS, MBPS, false, &now, 20);
	assert_int_equal(r.capacity_bps, before);
}

static void a_hungry_path_grows_to_a_quarter_beyond_what_was_seen(void **state)
{
	struct rate r;
	usec_t now = 0;

	(void)state;
	rate_init(&r, 0, 0);
	run(&r, 0, 8 * MBPS, 8 * MBPS, true, &now, 20);
	assert_in_range(r.capacity_bps, 9900000, 10000000);
}

static void what_a_trial_was_served_is_believed(void **state)
{
	static const struct {
		uint64_t served_bps;
		bool whole;
		uint64_t least, most;
		bool known;
	} table[] = {
		{ 300000, true, 295000, 305000, true },
		{ 300000, false, 295000, 305000, true },
		{ 2 * MBPS, true, 1950000, 2050000, true },
		/* What came together by chance proves nothing more. */
		{ 4 * MBPS, true, 2500000, 2500000, true },
		/* It was not busy; or its packets were lost before they could make it so. */
		{ 0, true, 3750000, 3750000, true },
		{ 0, false, 1250000, 1250000, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct estimator e = path_of(0, 0, 0, 0);
		struct rate r;

		rate_init(&r, 0, 0);
		rate_acked(&r, &e, false, 0, 0);
		assert_int_equal(r.capacity_bps, 2500000);
		e = path_of(0, 0, table[i].served_bps, 0);
		assert_int_equal(rate_tried(&r, &e, false, table[i].whole, 0), table[i].known);
		assert_in_range(r.capacity_bps, table[i].least, table[i].most);
	}
}

/* The end of the first trial may be told long after its packets went through. */
static void the_first_trial_counts_when_it_is_known_late(void **state)
{
	usec_t now = 10 * USEC_PER_SEC;
	struct rate r;

	(void)state;
	for (unsigned first = 0; first < 2; first++) {
		struct estimator e = path_of(0, 0, 0, now);

		rate_init(&r, 0, now);
		rate_acked(&r, &e, false, 0, now);
		extremum_add(&e.throughput.best, -(int64_t)MBPS, now - USEC_PER_SEC);
		(void)rate_tried(&r, &e, first, false, now);
		assert_int_equal(r.capacity_bps, first ? MBPS : 1250000);
	}
}

/* The others fell silent, and it is needed at once. */
static void a_path_that_was_idle_for_a_second_doubles(void **state)
{
	struct rate r;
	usec_t now = 0;

	(void)state;
	rate_init(&r, 0, 0);
	run(&r, 50 * MS, 200000, 200000, true, &now, 3);
	assert_int_equal(r.capacity_bps, 200000);
	now += 3 * USEC_PER_SEC;
	run(&r, 0, 0, 0, true, &now, 2);
	assert_int_equal(r.capacity_bps, 800000);
}

static void what_nobody_has_seen_is_counted_on_by_two_fifths(void **state)
{
	struct rate r;
	struct estimator e = path_of(0, 100000, 0, 0);

	(void)state;
	rate_init(&r, 0, 0);
	rate_acked(&r, &e, false, 0, 0);
	assert_in_range(rate_seen_bps(&r), 1, r.capacity_bps * 2 / 5);
}

static void a_standing_queue_shows_the_capacity(void **state)
{
	struct rate r;
	usec_t now = 0;

	(void)state;
	rate_init(&r, 0, 0);
	run(&r, 0, 8 * MBPS, 8 * MBPS, true, &now, 20);
	run(&r, 50 * MS, 4 * MBPS, 4 * MBPS, true, &now, 2);
	assert_int_equal(r.capacity_bps, 4 * MBPS);
	assert_false(r.starting);
}

static void a_fall_is_believed_within_the_round(void **state)
{
	struct estimator e = path_of(50 * MS, 8 * MBPS, 8 * MBPS, 0);
	struct rate r;

	(void)state;
	rate_init(&r, 0, 0);
	rate_acked(&r, &e, true, 0, 0);
	assert_int_equal(r.capacity_bps, 8 * MBPS);
	e = path_of(50 * MS, 9 * MBPS, 9 * MBPS, 0);
	rate_acked(&r, &e, true, 0, 10 * MS);
	assert_int_equal(r.capacity_bps, 8 * MBPS);
	e = path_of(50 * MS, 3 * MBPS, 3 * MBPS, 0);
	rate_acked(&r, &e, true, 0, 10 * MS);
	assert_int_equal(r.capacity_bps, 3 * MBPS);
}

static void the_window_holds_the_round_trip_and_the_target(void **state)
{
	struct rate r;
	struct estimator e = path_of(0, 0, 0, 0);

	(void)state;
	rate_init(&r, 0, 0);
	r.capacity_bps = 8 * MBPS;
	assert_int_equal(rate_window(&r, &e, 0), 100000); /* 8 Mb/s * 100 ms */
}

static void a_queue_that_never_runs_dry_is_drained_for_a_moment(void **state)
{
	struct rate r;
	struct estimator e;
	usec_t now = 10 * USEC_PER_SEC, quick_at = now;
	bool drained = false;

	(void)state;
	rate_init(&r, 0, now);
	r.capacity_bps = 8 * MBPS;
	for (unsigned i = 0; i < 400; i++, now += 50 * MS) {
		e = path_of(50 * MS, 8 * MBPS, 0, now);
		e.quick_at = quick_at;
		rate_acked(&r, &e, true, 0, now);
		drained = drained || rate_window(&r, &e, now) < 40000;
	}
	assert_true(drained);
}

static void what_was_given_up_in_silence_is_no_loss_under_load(void **state)
{
	struct rate r;
	struct estimator e = path_of(0, 8 * MBPS, 8 * MBPS, 0);
	usec_t now = 0;

	(void)state;
	rate_init(&r, 0, 0);
	r.capacity_bps = 8 * MBPS;
	rate_forget_loss(&r, &e, 500000);
	for (unsigned i = 0; i < 4; i++, now += 50 * MS) {
		e = path_of(0, 8 * MBPS, 8 * MBPS, now);
		e.delivered = (i + 1) * 50000;
		rate_acked(&r, &e, true, 500000, now);
	}
	assert_true(r.capacity_bps > 8 * MBPS);
}

/* A round trip of seconds, left over from an outage, must not make the next round that long. */
static void a_round_is_bounded(void **state)
{
	struct rate r;
	struct estimator e = path_of(0, 8 * MBPS, 8 * MBPS, 0);

	(void)state;
	rate_init(&r, 0, 0);
	e.srtt = 3 * USEC_PER_SEC;
	rate_acked(&r, &e, true, 0, MS);
	assert_true(rate_round_is_over(&r, 200 * MS));
}

static void the_operators_limit_holds(void **state)
{
	struct rate r;
	struct estimator e = path_of(0, 8 * MBPS, 8 * MBPS, 0);
	usec_t now = 0;

	(void)state;
	rate_init(&r, 2 * MBPS, 0);
	run(&r, 0, 8 * MBPS, 8 * MBPS, true, &now, 20);
	assert_int_equal(r.capacity_bps, 2 * MBPS);
	assert_int_equal(rate_pace_bps(&r, &e), 2 * MBPS);
}

static void a_little_loss_is_not_congestion(void **state)
{
	struct rate r;
	struct estimator e;
	usec_t now = 0;
	uint64_t delivered = 0, lost = 0;

	(void)state;
	rate_init(&r, 0, 0);
	r.capacity_bps = 8 * MBPS;
	for (unsigned i = 0; i < 400; i++, now += 50 * MS) {
		e = path_of(0, 7 * MBPS, 7 * MBPS, now);
		e.delivered = delivered += 50000;
		lost += 2500; /* 5 % */
		rate_acked(&r, &e, true, lost, now);
	}
	assert_true(r.capacity_bps >= 8 * MBPS);
}

static void loss_that_cuts_do_not_cure_is_the_channels_own(void **state)
{
	struct rate r;
	struct estimator e;
	usec_t now = 0;
	uint64_t delivered = 0, lost = 0;

	(void)state;
	rate_init(&r, 0, 0);
	r.capacity_bps = 8 * MBPS;
	for (unsigned i = 0; i < 400; i++, now += 50 * MS) {
		e = path_of(0, 7 * MBPS, 7 * MBPS, now);
		e.delivered = delivered += 50000;
		lost += 12500; /* 20 %, whatever is sent */
		rate_acked(&r, &e, true, lost, now);
	}
	assert_true(r.base_loss_ppm > 100000);
	assert_true(r.capacity_bps >= 6 * MBPS);
}

static void a_restart_ramps_back_to_the_old_belief(void **state)
{
	struct rate r;
	usec_t now = 0;

	(void)state;
	rate_init(&r, 0, 0);
	r.capacity_bps = 8 * MBPS;
	rate_restart(&r, now);
	assert_int_equal(r.capacity_bps, 2 * MBPS);
	run(&r, 0, MBPS, 0, true, &now, 3);
	assert_in_range(r.capacity_bps, 7 * MBPS, 10 * MBPS);
	assert_false(r.starting);
}

static void the_long_round_trips_of_a_stall_do_not_slow_the_ramp(void **state)
{
	struct estimator e = path_of(0, MBPS, 0, 0);
	struct rate r;

	(void)state;
	rate_init(&r, 0, 0);
	r.capacity_bps = 8 * MBPS;
	rate_restart(&r, 0);
	e.srtt = 700 * MS;
	rate_acked(&r, &e, true, 0, 0);
	assert_true(rate_round_is_over(&r, 50 * MS));
}

static void the_pacer_keeps_the_rate_over_a_second(void **state)
{
	static const uint64_t rates[] = { 500000, 5 * MBPS, 200 * MBPS, 1000 * MBPS };

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct pacer p = { 0 };
		uint64_t bytes = 0;

		/* A driver that wakes up once a millisecond. */
		for (usec_t now = USEC_PER_SEC; now < 2 * USEC_PER_SEC; now += MS)
			while (pacer_is_ready(&p, now)) {
				pacer_sent(&p, 1400, rates[i], now);
				bytes += 1400;
			}
		assert_in_range(bytes * 8, rates[i] * 97 / 100,
				rates[i] * 103 / 100 + (PACER_BURST_BYTES + 1400) * 8);
	}
}

static void the_pacer_allows_short_bursts_only(void **state)
{
	struct pacer p = { 0 };
	unsigned burst = 0;

	(void)state;
	while (pacer_is_ready(&p, USEC_PER_SEC)) {
		pacer_sent(&p, 1400, 2 * MBPS, USEC_PER_SEC);
		burst++;
	}
	assert_in_range(burst, 1, 4);
	assert_true(pacer_ready_at(&p) > USEC_PER_SEC);
}

static void the_pacer_never_goes_beyond_a_limit_by_more_than_a_packet(void **state)
{
	struct pacer p = { 0 };
	uint64_t bytes = 0;

	(void)state;
	for (usec_t now = 10 * USEC_PER_SEC; now < 11 * USEC_PER_SEC; now += USEC_PER_MS)
		while (pacer_is_ready(&p, now)) {
			pacer_sent_within(&p, 1400, 400000, now);
			bytes += 1400;
		}
	assert_in_range(bytes, 400000 / 8 - 1400, 400000 / 8 + 1400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_window_is_generous),
		cmocka_unit_test(a_path_that_is_not_tried_is_not_believed_to_carry_more),
		cmocka_unit_test(a_hungry_path_grows_to_a_quarter_beyond_what_was_seen),
		cmocka_unit_test(what_a_trial_was_served_is_believed),
		cmocka_unit_test(the_first_trial_counts_when_it_is_known_late),
		cmocka_unit_test(a_path_that_was_idle_for_a_second_doubles),
		cmocka_unit_test(what_nobody_has_seen_is_counted_on_by_two_fifths),
		cmocka_unit_test(a_standing_queue_shows_the_capacity),
		cmocka_unit_test(a_fall_is_believed_within_the_round),
		cmocka_unit_test(the_window_holds_the_round_trip_and_the_target),
		cmocka_unit_test(a_queue_that_never_runs_dry_is_drained_for_a_moment),
		cmocka_unit_test(what_was_given_up_in_silence_is_no_loss_under_load),
		cmocka_unit_test(a_round_is_bounded),
		cmocka_unit_test(the_operators_limit_holds),
		cmocka_unit_test(a_little_loss_is_not_congestion),
		cmocka_unit_test(loss_that_cuts_do_not_cure_is_the_channels_own),
		cmocka_unit_test(a_restart_ramps_back_to_the_old_belief),
		cmocka_unit_test(the_long_round_trips_of_a_stall_do_not_slow_the_ramp),
		cmocka_unit_test(the_pacer_keeps_the_rate_over_a_second),
		cmocka_unit_test(the_pacer_allows_short_bursts_only),
		cmocka_unit_test(the_pacer_never_goes_beyond_a_limit_by_more_than_a_packet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
