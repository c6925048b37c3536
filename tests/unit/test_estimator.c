#include "bond/estimator.h"
#include "unit/test.h"

#define MS USEC_PER_MS

static void the_first_round_trip_sets_the_estimate(void **state)
{
	struct estimator e;

	(void)state;
	estimator_init(&e, 0);
	estimator_round_trip(&e, 80 * MS, 0, 100 * MS);
	assert_int_equal(e.srtt, 80 * MS);
	assert_int_equal(e.var, 40 * MS);
	assert_int_equal(e.rtt_min, 80 * MS);
}

static void a_held_back_acknowledgement_is_no_round_trip(void **state)
{
	struct estimator e;

	(void)state;
	estimator_init(&e, 0);
	estimator_round_trip(&e, 50 * MS, 0, 100 * MS);
	estimator_round_trip(&e, 70 * MS, 20 * MS, 200 * MS);
	assert_int_equal(e.latest, 50 * MS);
	/* A delay that would bring it below the minimum is not believed. */
	estimator_round_trip(&e, 60 * MS, 20 * MS, 300 * MS);
	assert_int_equal(e.latest, 60 * MS);
}

static void clocks_that_differ_do_not_matter(void **state)
{
	static const int64_t offsets[] = { 0, -5000000000, 5000000000 };

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct estimator e;
		usec_t now = 0;

		estimator_init(&e, 0);
		for (unsigned n = 0; n < 50; n++, now += 10 * MS)
			estimator_one_way(&e, now, offsets[i], n * 1000, now);
		assert_int_equal(e.queue, 0);
		for (unsigned n = 0; n < 50; n++, now += 10 * MS)
			estimator_one_way(&e, now, offsets[i] + 30000, n * 1000, now);
		assert_in_range(e.queue, 29000, 30000);
	}
}

static void one_late_packet_is_no_queue(void **state)
{
	struct estimator e;
	usec_t now = 0;

	(void)state;
	estimator_init(&e, 0);
	for (unsigned n = 0; n < 50; n++, now += 10 * MS)
		estimator_one_way(&e, now, n == 40 ? 200000 : 0, n * 1000, now);
	assert_int_equal(e.queue, 0);
}

static void a_queue_that_was_not_seen_for_long_has_drained(void **state)
{
	struct estimator e;
	usec_t now = 0;

	(void)state;
	estimator_init(&e, 0);
	estimator_one_way(&e, now, 0, 0, now);
	for (unsigned n = 0; n < 50; n++, now += 10 * MS)
		estimator_one_way(&e, now, 40000, n * 1000, now);
	assert_in_range(estimator_queue(&e, e.queue_at), 39000, 40000);
	assert_in_range(estimator_queue(&e, e.queue_at + 30 * MS), 9000, 10000);
	assert_int_equal(estimator_queue(&e, e.queue_at + USEC_PER_SEC), 0);
}

static void the_base_follows_a_longer_way_after_ten_seconds(void **state)
{
	struct estimator e;
	usec_t now = 0;

	(void)state;
	estimator_init(&e, 0);
	for (; now < 2 * USEC_PER_SEC; now += 10 * MS)
		estimator_one_way(&e, now, 0, now, now);
	for (; now < 13 * USEC_PER_SEC; now += 10 * MS)
		estimator_one_way(&e, now, 50000, now, now);
	assert_int_equal(e.base, 50000);
	assert_int_equal(e.queue, 0);
}

static void the_rate_needs_both_times(void **state)
{
	struct estimator e;
	usec_t now = 0;

	(void)state;
	estimator_init(&e, 0);
	/* 1 Mb/s for half a second. */
	for (unsigned n = 0; n < 50; n++, now += 10 * MS)
		estimator_delivery(&e, 1250, now, (int64_t)now, now);
	assert_in_range(e.rate_bps, 990000, 1010000);
	/* The same, but arriving three times as fast as it was sent: still what was sent. */
	for (unsigned n = 0; n < 20; n++, now += 10 * MS)
		estimator_delivery(&e, 1250, now, (int64_t)(500 * MS + (now - 500 * MS) / 3), now);
	assert_in_range(e.rate_bps, 990000, 1110000);
}

static void a_pause_in_the_arrivals_marks_a_stall(void **state)
{
	struct estimator e;
	usec_t now = 0;

	(void)state;
	estimator_init(&e, 0);
	for (unsigned n = 0; n < 30; n++, now += 10 * MS)
		estimator_delivery(&e, 1250, now, (int64_t)now, now);
	assert_false(estimator_is_stalled(&e));
	/* Nothing was sent for 600 ms: no wonder that nothing came. */
	now += 600 * MS;
	estimator_delivery(&e, 1250, now, (int64_t)now, now);
	assert_false(estimator_is_stalled(&e));
	/* Nothing came for 600 ms, then the next in line. */
	now += 10 * MS;
	estimator_delivery(&e, 1250, now, (int64_t)(now + 600 * MS), now + 600 * MS);
	assert_true(estimator_is_stalled(&e));
	/* What left after the end of the stall counts again. */
	estimator_delivery(&e, 1250, now + 620 * MS, (int64_t)(now + 630 * MS), now + 640 * MS);
	assert_false(estimator_is_stalled(&e));
}

static void timeouts_follow_rfc_9002(void **state)
{
	struct estimator e;

	(void)state;
	estimator_init(&e, 0);
	estimator_round_trip(&e, 80 * MS, 0, 0);
	assert_int_equal(estimator_loss_delay(&e), 90 * MS);
	assert_int_equal(estimator_probe_timeout(&e, 25 * MS), (80 + 160 + 25) * MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_round_trip_sets_the_estimate),
		cmocka_unit_test(a_held_back_acknowledgement_is_no_round_trip),
		cmocka_unit_test(clocks_that_differ_do_not_matter),
		cmocka_unit_test(one_late_packet_is_no_queue),
		cmocka_unit_test(a_queue_that_was_not_seen_for_long_has_drained),
		cmocka_unit_test(the_base_follows_a_longer_way_after_ten_seconds),
		cmocka_unit_test(the_rate_needs_both_times),
		cmocka_unit_test(a_pause_in_the_arrivals_marks_a_stall),
		cmocka_unit_test(timeouts_follow_rfc_9002),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
