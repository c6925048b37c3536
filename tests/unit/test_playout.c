#include "bond/playout.h"
#include "unit/test.h"

#define MS    USEC_PER_MS
#define HOLD  (500 * MS)
#define START (100 * USEC_PER_SEC)

/* Packet @seq, captured at @captured by the sender's clock, arrives at @now. */
static void put(struct playout *p, uint64_t seq, usec_t captured, usec_t now)
{
	uint8_t byte = (uint8_t)seq;
	struct frame_data f = {
		.seq = (uint32_t)seq, .time = (uint32_t)captured, .data = &byte, .len = 1
	};

	playout_put(p, &f, now);
}

/* The next one that comes out must be @seq. */
static void expect(struct playout *p, uint64_t seq, uint64_t lost, usec_t now)
{
	struct bond_media m;

	assert_true(playout_next(p, &m, now));
	assert_int_equal(m.seq, seq);
	assert_int_equal(m.data[0], (uint8_t)seq);
	assert_int_equal(m.lost, lost);
}

static void expect_nothing(struct playout *p, usec_t now)
{
	struct bond_media m;

	assert_false(playout_next(p, &m, now));
}

static void begin(struct playout *p)
{
	assert_int_equal(playout_init(p, 256, HOLD, START), 0);
}

static void packets_in_order_pass_at_once(void **state)
{
	struct playout p;

	(void)state;
	begin(&p);
	for (unsigned i = 0; i < 10; i++) {
		put(&p, i, i * MS, START + i * MS);
		expect(&p, i, 0, START + i * MS);
		expect_nothing(&p, START + i * MS);
	}
	assert_int_equal(p.delivered, 10);
	assert_int_equal(playout_wakeup_at(&p), USEC_NEVER);
	playout_deinit(&p);
}

static void reordered_packets_come_out_in_order(void **state)
{
	struct playout p;

	(void)state;
	begin(&p);
	put(&p, 0, 0, START);
	expect(&p, 0, 0, START);
	put(&p, 2, 2 * MS, START + 3 * MS);
	put(&p, 3, 3 * MS, START + 3 * MS);
	expect_nothing(&p, START + 3 * MS);
	put(&p, 1, 1 * MS, START + 4 * MS);
	for (unsigned i = 1; i < 4; i++)
		expect(&p, i, 0, START + 4 * MS);
	assert_int_equal(p.lost, 0);
	playout_deinit(&p);
}

static void releases_at_the_deadline_when_a_packet_is_lost(void **state)
{
	struct playout p;
	usec_t due = START + 2 * MS + HOLD;

	(void)state;
	begin(&p);
	put(&p, 0, 0, START);
	expect(&p, 0, 0, START);
	put(&p, 2, 2 * MS, START + 2 * MS);
	assert_int_equal(playout_wakeup_at(&p), due);
	expect_nothing(&p, due - MS);
	expect(&p, 2, 1, due);
	assert_int_equal(p.lost, 1);
	playout_deinit(&p);
}

static void the_deadline_counts_half_of_the_round_trip(void **state)
{
	struct playout p;
	usec_t due = START + 2 * MS + HOLD - 40 * MS;

	(void)state;
	begin(&p);
	playout_set_half_trip(&p, 40 * MS);
	put(&p, 0, 0, START);
	expect(&p, 0, 0, START);
	put(&p, 2, 2 * MS, START + 2 * MS);
	assert_int_equal(playout_wakeup_at(&p), due);
	playout_deinit(&p);
}

static void late_and_duplicate_are_told_apart(void **state)
{
	struct playout p;

	(void)state;
	begin(&p);
	put(&p, 0, 0, START);
	put(&p, 0, 0, START);
	assert_int_equal(p.duplicate, 1);
	expect(&p, 0, 0, START);
	put(&p, 0, 0, START);
	assert_int_equal(p.duplicate, 2);
	put(&p, 2, 2 * MS, START);
	expect(&p, 2, 1, START + USEC_PER_SEC);
	put(&p, 1, 1 * MS, START + USEC_PER_SEC);
	assert_int_equal(p.late, 1);
	put(&p, 1, 1 * MS, START + USEC_PER_SEC);
	assert_int_equal(p.late, 1);
	assert_int_equal(p.duplicate, 3);
	playout_deinit(&p);
}

static void begins_where_it_comes_in(void **state)
{
	struct playout p;

	(void)state;
	begin(&p);
	put(&p, 5001, 0, START);
	expect_nothing(&p, START);
	put(&p, 5000, 0, START + 10 * MS); /* was overtaken */
	expect_nothing(&p, START + 10 * MS);
	assert_true(playout_wakeup_at(&p) <= START + 400 * MS);
	expect(&p, 5000, 0, START + 400 * MS);
	expect(&p, 5001, 0, START + 400 * MS);
	assert_int_equal(p.lost, 0);
	playout_deinit(&p);
}

static void numbers_and_times_wrap(void **state)
{
	struct playout p;
	const uint64_t first = UINT32_MAX - 5;
	const usec_t time = UINT32_MAX - 5;

	(void)state;
	begin(&p);
	for (unsigned i = 0; i < 20; i++) {
		put(&p, first + i, time + i, START + i);
		(void)playout_wakeup_at(&p);
	}
	for (unsigned i = 0; i < 20; i++)
		expect(&p, first + i, 0, START + 450 * MS);
	assert_int_equal(playout_next_seq(&p), first + 20);
	playout_deinit(&p);
}

static void clocks_may_drift_for_an_hour(void **state)
{
	struct playout p;
	struct bond_media m;

	(void)state;
	begin(&p);
	/* The receiver's clock runs 100 ppm faster; without following it the deadline would be
	 * 360 ms off after an hour. */
	for (uint64_t i = 0; i < 36000; i++) {
		usec_t captured = i * 100 * MS, now = START + captured + captured / 10000;

		put(&p, i, captured, now);
		assert_true(playout_next(&p, &m, now));
		assert_in_range(m.due, now + HOLD - 4 * MS, now + HOLD + MS);
	}
	playout_deinit(&p);
}

static void what_waited_through_an_outage_does_not_move_the_deadline(void **state)
{
	struct playout p;
	struct bond_media m = { 0 };
	usec_t now = START, captured = 0;
	uint64_t seq = 0;

	(void)state;
	begin(&p);
	for (; seq < 100; seq++, captured += 10 * MS, now += 10 * MS) {
		put(&p, seq, captured, now);
		assert_true(playout_next(&p, &m, now));
	}
	/* Ten minutes of nothing, then packets that waited for 300 ms. */
	captured += 590 * USEC_PER_SEC;
	now += 590 * USEC_PER_SEC;
	for (; seq < 200; seq++, captured += 10 * MS, now += 10 * MS) {
		put(&p, seq, captured - 300 * MS, now);
		assert_true(playout_next(&p, &m, now));
	}
	assert_in_range(m.due, now - 310 * MS + HOLD - MS, now - 310 * MS + HOLD + MS);
	playout_deinit(&p);
}

static void a_jump_beyond_the_ring_is_survived_and_counted(void **state)
{
	struct playout p;
	usec_t now = START + 2 * USEC_PER_SEC;

	(void)state;
	begin(&p);
	put(&p, 0, 0, START);
	expect(&p, 0, 0, START);
	put(&p, 2, 0, START);
	put(&p, 100000, USEC_PER_SEC, START + USEC_PER_SEC);
	expect(&p, 100000, 99999, now);
	assert_int_equal(p.lost, 99999);
	assert_int_equal(p.count, 0);
	playout_deinit(&p);
}

static void another_sender_begins_anew(void **state)
{
	struct playout p;

	(void)state;
	begin(&p);
	put(&p, 70, 0, START);
	playout_restart(&p, START);
	assert_int_equal(p.count, 0);
	assert_int_equal(p.pool.used, 0);
	put(&p, 0, 77 * USEC_PER_SEC, START + MS);
	expect(&p, 0, 0, START + MS);
	playout_deinit(&p);
}

/* --- paced -------------------------------------------------------------------------------- */

static void paced_packets_come_out_when_they_are_due(void **state)
{
	struct playout p;

	(void)state;
	begin(&p);
	playout_set_paced(&p, true);
	/* Captured every 10 ms; the second was held up, the third overtook it. */
	put(&p, 0, 0, START);
	put(&p, 2, 20 * MS, START + 20 * MS);
	put(&p, 1, 10 * MS, START + 70 * MS);
	for (unsigned i = 0; i < 3; i++) {
		usec_t due = START + HOLD + i * 10 * MS;

		assert_in_range(playout_wakeup_at(&p), due - 64, due);
		expect_nothing(&p, due - 65);
		expect(&p, i, 0, due);
	}
	assert_int_equal(playout_wakeup_at(&p), USEC_NEVER);
	playout_deinit(&p);
}

static void paced_gaps_are_given_up_when_the_next_is_due(void **state)
{
	struct playout p;

	(void)state;
	begin(&p);
	playout_set_paced(&p, true);
	put(&p, 5, 50 * MS, START);
	put(&p, 7, 70 * MS, START + 20 * MS);
	expect(&p, 5, 0, START + HOLD);
	expect_nothing(&p, START + HOLD + 19 * MS);
	expect(&p, 7, 1, START + HOLD + 20 * MS);
	put(&p, 6, 60 * MS, START + HOLD + 21 * MS);
	assert_int_equal(p.late, 1);
	assert_int_equal(p.lost, 1);
	playout_deinit(&p);
}

static void paced_the_first_packets_may_have_waited(void **state)
{
	struct playout p;

	(void)state;
	begin(&p);
	playout_set_paced(&p, true);
	/* All of 200 ms come at once, then they come in time. */
	for (unsigned i = 0; i < 20; i++)
		put(&p, i, i * 10 * MS, START + 200 * MS);
	for (unsigned i = 20; i < 30; i++)
		put(&p, i, i * 10 * MS, START + i * 10 * MS);
	for (unsigned i = 0; i < 30; i++) {
		expect_nothing(&p, START + HOLD + i * 10 * MS - 65);
		expect(&p, i, 0, START + HOLD + i * 10 * MS);
	}
	playout_deinit(&p);
}

static void a_drained_one_holds_nothing_back(void **state)
{
	struct playout p, heir;

	(void)state;
	begin(&p);
	begin(&heir);
	playout_set_paced(&p, true);
	put(&p, 0, 0, START);
	put(&p, 2, 20 * MS, START + 20 * MS);
	playout_set_hold(&p, 0);
	expect(&p, 0, 0, START + 20 * MS);
	expect(&p, 2, 1, START + 20 * MS);
	playout_hand_over(&p, &heir);
	assert_int_equal(heir.delivered, 2);
	assert_int_equal(heir.lost, 1);
	assert_int_equal(p.delivered, 0);
	playout_deinit(&heir);
	playout_deinit(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_in_order_pass_at_once),
		cmocka_unit_test(reordered_packets_come_out_in_order),
		cmocka_unit_test(releases_at_the_deadline_when_a_packet_is_lost),
		cmocka_unit_test(the_deadline_counts_half_of_the_round_trip),
		cmocka_unit_test(late_and_duplicate_are_told_apart),
		cmocka_unit_test(begins_where_it_comes_in),
		cmocka_unit_test(numbers_and_times_wrap),
		cmocka_unit_test(clocks_may_drift_for_an_hour),
		cmocka_unit_test(what_waited_through_an_outage_does_not_move_the_deadline),
		cmocka_unit_test(a_jump_beyond_the_ring_is_survived_and_counted),
		cmocka_unit_test(another_sender_begins_anew),
		cmocka_unit_test(paced_packets_come_out_when_they_are_due),
		cmocka_unit_test(paced_gaps_are_given_up_when_the_next_is_due),
		cmocka_unit_test(paced_the_first_packets_may_have_waited),
		cmocka_unit_test(a_drained_one_holds_nothing_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
