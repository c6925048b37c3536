#include "bond/ack.h"
#include "bond/inflight.h"
#include "unit/test.h"

#define MS USEC_PER_MS

static struct inflight sent_of(unsigned packets)
{
	struct inflight f;

	assert_int_equal(inflight_init(&f, 64), 0);
	for (unsigned i = 0; i < packets; i++)
		(void)inflight_add(&f, SENT_MEDIA, i, 1000, i * MS);
	return f;
}

static void an_acknowledgement_settles_once(void **state)
{
	struct inflight f = sent_of(4);
	bool spurious;

	(void)state;
	assert_int_equal(f.bytes, 4000);
	assert_non_null(inflight_ack(&f, 1, &spurious));
	assert_false(spurious);
	assert_null(inflight_ack(&f, 1, &spurious));
	assert_int_equal(f.bytes, 3000);
	inflight_deinit(&f);
}

static void a_number_that_was_never_sent_is_void(void **state)
{
	struct inflight f = sent_of(4);
	uint64_t first = 0;

	(void)state;
	assert_true(inflight_clip(&f, &first, 3));
	assert_false(inflight_clip(&f, &first, 4));
	inflight_deinit(&f);
}

static void three_behind_is_lost(void **state)
{
	struct inflight f = sent_of(5);
	bool spurious;
	usec_t at;

	(void)state;
	(void)inflight_ack(&f, 2, &spurious);
	assert_null(inflight_next_lost(&f, USEC_PER_SEC, 10 * MS, &at));
	(void)inflight_ack(&f, 3, &spurious);
	assert_int_equal(inflight_next_lost(&f, USEC_PER_SEC, 10 * MS, &at)->what, 0);
	assert_null(inflight_next_lost(&f, USEC_PER_SEC, 10 * MS, &at));
	assert_int_equal(at, 1 * MS + USEC_PER_SEC);
	assert_int_equal(f.lost_packets, 1);
	inflight_deinit(&f);
}

static void older_than_the_delay_is_lost(void **state)
{
	struct inflight f = sent_of(2);
	bool spurious;
	usec_t at;

	(void)state;
	(void)inflight_ack(&f, 1, &spurious);
	assert_null(inflight_next_lost(&f, 50 * MS, 49 * MS, &at));
	assert_int_equal(at, 50 * MS);
	assert_non_null(inflight_next_lost(&f, 50 * MS, 50 * MS, &at));
	inflight_deinit(&f);
}

static void nothing_is_lost_before_a_later_one_arrived(void **state)
{
	struct inflight f = sent_of(20);
	usec_t at;

	(void)state;
	assert_null(inflight_next_lost(&f, MS, USEC_PER_SEC, &at));
	assert_int_equal(at, USEC_NEVER);
	inflight_deinit(&f);
}

static void a_spurious_loss_is_noticed_and_learned_from(void **state)
{
	struct inflight f = sent_of(12);
	bool spurious;
	usec_t at;

	(void)state;
	(void)inflight_ack(&f, 6, &spurious);
	while (inflight_next_lost(&f, USEC_PER_SEC, 20 * MS, &at))
		;
	assert_int_equal(f.lost_packets, 4); /* 0 to 3 */
	assert_non_null(inflight_ack(&f, 0, &spurious));
	assert_true(spurious);
	assert_int_equal(f.spurious_packets, 1);
	assert_int_equal(f.bytes, 7000);
	/* Seven behind is no longer taken for lost. */
	(void)inflight_ack(&f, 9, &spurious);
	assert_null(inflight_next_lost(&f, USEC_PER_SEC, 20 * MS, &at));
	inflight_deinit(&f);
}

static void long_datagrams_are_counted_apart(void **state)
{
	struct inflight f;
	bool spurious;
	usec_t at;

	(void)state;
	assert_int_equal(inflight_init(&f, 64), 0);
	for (unsigned i = 0; i < 8; i++)
		(void)inflight_add(&f, SENT_MEDIA, i, i % 2 ? 1300 : 100, i * MS);
	(void)inflight_ack(&f, 0, &spurious);
	(void)inflight_ack(&f, 6, &spurious);
	while (inflight_next_lost(&f, MS, 20 * MS, &at))
		;
	assert_int_equal(f.short_acked, 2);
	assert_int_equal(f.long_lost, 3); /* the last one is behind all that arrived */
	assert_int_equal(f.long_acked, 0);
	(void)inflight_ack(&f, 1, &spurious);
	assert_true(spurious);
	assert_int_equal(f.long_acked, 1);
	inflight_deinit(&f);
}

static void overdue_packets_are_told_once_and_in_order(void **state)
{
	struct inflight f = sent_of(3);
	usec_t at;

	(void)state;
	assert_int_equal(inflight_next_overdue(&f, 10 * MS, 11 * MS, &at)->what, 0);
	assert_int_equal(inflight_next_overdue(&f, 10 * MS, 11 * MS, &at)->what, 1);
	assert_null(inflight_next_overdue(&f, 10 * MS, 11 * MS, &at));
	assert_int_equal(at, 12 * MS);
	inflight_deinit(&f);
}

static void the_ring_is_full_before_it_overwrites(void **state)
{
	struct inflight f = sent_of(64);
	bool spurious;

	(void)state;
	assert_false(inflight_has_room(&f));
	(void)inflight_ack(&f, 0, &spurious);
	assert_true(inflight_has_room(&f));
	inflight_deinit(&f);
}

static void a_new_session_begins_at_zero(void **state)
{
	struct inflight f = sent_of(10);
	bool spurious;

	(void)state;
	inflight_reset(&f);
	assert_int_equal(f.bytes, 0);
	assert_null(inflight_oldest(&f));
	assert_null(inflight_ack(&f, 3, &spurious));
	assert_int_equal(inflight_add(&f, SENT_PING, 0, 50, MS)->number, 0);
	inflight_deinit(&f);
}

static void what_arrived_is_told_in_descending_ranges(void **state)
{
	static const uint64_t numbers[] = { 0, 1, 2, 5, 9, 8, 4 };
	struct frame_ack out;
	struct ack a;

	(void)state;
	ack_init(&a);
	for (unsigned i = 0; i < 7; i++)
		ack_record(&a, numbers[i], true, i * MS);
	assert_true(ack_frame(&a, 3, 20 * MS, &out));
	assert_int_equal(out.path_id, 3);
	assert_int_equal(out.ranges, 3);
	assert_int_equal(out.range[0].last, 9);
	assert_int_equal(out.range[0].first, 8);
	assert_int_equal(out.range[1].last, 5);
	assert_int_equal(out.range[1].first, 4);
	assert_int_equal(out.range[2].last, 2);
	assert_int_equal(out.range[2].first, 0);
	assert_int_equal(out.received_usec, 4 * MS);
	assert_int_equal(out.delay_usec, 16 * MS);
	/* The times descend by number and leave out the largest. */
	for (unsigned i = 1; i < out.times; i++)
		assert_true(out.time[i].number < out.time[i - 1].number);
	assert_int_equal(out.time[0].number, 4);
	assert_int_equal(out.time[0].before_usec, -2000);
}

static void a_hole_that_fills_joins_its_neighbours(void **state)
{
	struct frame_ack out;
	struct ack a;

	(void)state;
	ack_init(&a);
	ack_record(&a, 0, true, 0);
	ack_record(&a, 2, true, 0);
	ack_record(&a, 1, true, 0);
	assert_true(ack_frame(&a, 0, 0, &out));
	assert_int_equal(out.ranges, 1);
	assert_int_equal(out.range[0].first, 0);
	assert_int_equal(out.range[0].last, 2);
}

static void too_many_holes_forget_the_lowest(void **state)
{
	struct frame_ack out;
	struct ack a;

	(void)state;
	ack_init(&a);
	for (uint64_t n = 0; n < 200; n += 2)
		ack_record(&a, n, true, n);
	assert_true(ack_frame(&a, 0, 200, &out));
	assert_int_equal(out.ranges, WIRE_ACK_RANGES_MAX);
	assert_int_equal(out.range[0].last, 198);
	assert_int_equal(a.dropped, 100 - WIRE_ACK_RANGES_MAX);
}

static void what_came_long_ago_is_told_no_more(void **state)
{
	struct frame_ack out;
	struct ack a;

	(void)state;
	ack_init(&a);
	/* Every tenth of 100 packets a second is lost. */
	for (unsigned i = 0; i < 1000; i++) {
		usec_t now = 5 * USEC_PER_SEC + i * 10 * MS;

		if (i % 10 == 9)
			continue;
		ack_record(&a, i, true, now);
		assert_true(ack_frame(&a, 0, now, &out));
		/* What came in the last second is there, nothing older than two. */
		assert_true(out.range[out.ranges - 1].first <= (i > 100 ? i - 100 : 0));
		assert_true(i < 210 || out.range[out.ranges - 1].last >= i - 210);
	}
	assert_in_range(out.ranges, 10, 22);
	assert_int_equal(a.ranges, WIRE_ACK_RANGES_MAX);
	/* However old its number is, what comes now is told. */
	ack_record(&a, 799, true, 15 * USEC_PER_SEC);
	assert_true(ack_frame(&a, 0, 15 * USEC_PER_SEC, &out));
	assert_true(out.range[out.ranges - 1].first <= 799);
}

static void an_answer_is_due_after_a_while_or_after_some_packets(void **state)
{
	struct ack a;

	(void)state;
	ack_init(&a);
	assert_int_equal(ack_due_at(&a), USEC_NEVER);
	ack_record(&a, 0, false, USEC_PER_SEC);
	assert_int_equal(ack_due_at(&a), USEC_NEVER);
	ack_record(&a, 1, true, USEC_PER_SEC);
	assert_int_equal(ack_due_at(&a), USEC_PER_SEC + ACK_DELAY);
	for (unsigned i = 2; i < 2 + ACK_PACKETS; i++)
		ack_record(&a, i, true, USEC_PER_SEC + 1);
	assert_true(ack_due_at(&a) <= USEC_PER_SEC + 1);
	ack_told(&a, USEC_PER_SEC + 2);
	assert_int_equal(ack_due_at(&a), USEC_NEVER);
	assert_true(ack_own_due_at(&a) < USEC_NEVER);
	ack_own_told(&a, USEC_PER_SEC + 2);
	assert_int_equal(ack_own_due_at(&a), USEC_NEVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_acknowledgement_settles_once),
		cmocka_unit_test(a_number_that_was_never_sent_is_void),
		cmocka_unit_test(three_behind_is_lost),
		cmocka_unit_test(older_than_the_delay_is_lost),
		cmocka_unit_test(nothing_is_lost_before_a_later_one_arrived),
		cmocka_unit_test(a_spurious_loss_is_noticed_and_learned_from),
		cmocka_unit_test(long_datagrams_are_counted_apart),
		cmocka_unit_test(overdue_packets_are_told_once_and_in_order),
		cmocka_unit_test(the_ring_is_full_before_it_overwrites),
		cmocka_unit_test(a_new_session_begins_at_zero),
		cmocka_unit_test(what_arrived_is_told_in_descending_ranges),
		cmocka_unit_test(a_hole_that_fills_joins_its_neighbours),
		cmocka_unit_test(too_many_holes_forget_the_lowest),
		cmocka_unit_test(what_came_long_ago_is_told_no_more),
		cmocka_unit_test(an_answer_is_due_after_a_while_or_after_some_packets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
