#include "bond/backlog.h"
#include "unit/test.h"

static void submit(struct backlog *b, unsigned n)
{
	for (uint8_t data[100] = { 0 }; n; n--)
		assert_int_equal(backlog_submit(b, WIRE_CLASS_REFERENCE, data, sizeof(data), 0,
						1000 * (b->next + 1)),
				 0);
}

static void packets_wait_in_order_until_they_are_sent(void **state)
{
	struct backlog b;
	struct owed *o;

	(void)state;
	assert_int_equal(backlog_init(&b, 16), 0);
	submit(&b, 3);
	assert_int_equal(b.queued, 3);
	assert_int_equal(b.queued_bytes, 300);
	o = backlog_unsent(&b, 0);
	assert_int_equal(o->seq, 0);
	/* The second may leave before the first. */
	backlog_sent(&b, backlog_find(&b, 1), 4, 50);
	assert_int_equal(backlog_unsent(&b, 0)->seq, 0);
	backlog_sent(&b, o, 2, 60);
	assert_int_equal(backlog_unsent(&b, 0)->seq, 2);
	assert_int_equal(backlog_find(&b, 1)->paths, 1u << 4);
	assert_int_equal(b.queued, 1);
	backlog_deinit(&b);
}

static void what_is_settled_is_no_longer_owed(void **state)
{
	struct backlog b;

	(void)state;
	assert_int_equal(backlog_init(&b, 16), 0);
	submit(&b, 3);
	backlog_settle(&b, backlog_find(&b, 1));
	assert_null(backlog_find(&b, 1));
	assert_int_equal(b.first, 0);
	backlog_settle(&b, backlog_find(&b, 0));
	assert_int_equal(b.first, 2);
	assert_int_equal(b.pool.used, 1);
	assert_int_equal(b.queued, 1);
	backlog_deinit(&b);
}

static void a_full_pool_refuses_the_newest(void **state)
{
	struct backlog b;
	uint8_t data[10] = { 0 };

	(void)state;
	assert_int_equal(backlog_init(&b, 256), 0);
	submit(&b, 256);
	assert_int_not_equal(backlog_submit(&b, WIRE_CLASS_TABLES, data, 10, 0, 1), 0);
	assert_int_equal(b.refused, 1);
	backlog_settle(&b, backlog_find(&b, 0));
	submit(&b, 1);
	assert_int_equal(backlog_find(&b, 256)->seq, 256);
	backlog_deinit(&b);
}

static void repairs_come_by_age_whatever_the_order_of_asking(void **state)
{
	static const uint64_t asked[] = { 7, 3, 9, 1, 5 }, expected[] = { 1, 3, 5, 7, 9 };
	struct backlog b;

	(void)state;
	assert_int_equal(backlog_init(&b, 16), 0);
	submit(&b, 10);
	for (unsigned i = 0; i < 5; i++)
		backlog_repair(&b, backlog_find(&b, asked[i]));
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(backlog_repair_peek(&b)->seq, expected[i]);
		backlog_repair_done(&b);
	}
	assert_null(backlog_repair_peek(&b));
	backlog_deinit(&b);
}

static void a_repair_that_is_asked_for_twice_is_done_once(void **state)
{
	struct backlog b;

	(void)state;
	assert_int_equal(backlog_init(&b, 16), 0);
	submit(&b, 1);
	backlog_repair(&b, backlog_find(&b, 0));
	backlog_repair(&b, backlog_find(&b, 0));
	assert_int_equal(b.repairs, 1);
	backlog_repair_done(&b);
	assert_null(backlog_repair_peek(&b));
	backlog_deinit(&b);
}

static void a_repair_of_what_arrived_meanwhile_is_dropped(void **state)
{
	struct backlog b;

	(void)state;
	assert_int_equal(backlog_init(&b, 16), 0);
	submit(&b, 4);
	backlog_repair(&b, backlog_find(&b, 0));
	backlog_repair(&b, backlog_find(&b, 2));
	backlog_settle(&b, backlog_find(&b, 0));
	assert_int_equal(backlog_repair_peek(&b)->seq, 2);
	backlog_deinit(&b);
}

static void the_heap_never_outgrows_its_memory(void **state)
{
	struct backlog b;

	(void)state;
	assert_int_equal(backlog_init(&b, 256), 0);
	for (unsigned round = 0; round < 50; round++) {
		submit(&b, 200);
		for (uint64_t seq = b.first; seq < b.next; seq++) {
			backlog_repair(&b, backlog_find(&b, seq));
			assert_true(b.repairs <= b.mask + 1);
		}
		while (b.first < b.next)
			backlog_settle(&b, backlog_oldest(&b));
	}
	backlog_deinit(&b);
}

static void what_is_too_old_is_given_up(void **state)
{
	struct backlog b;

	(void)state;
	assert_int_equal(backlog_init(&b, 16), 0);
	submit(&b, 5); /* captured at 1000, 2000, ... */
	backlog_expire(&b, 3000);
	assert_int_equal(b.first, 2);
	assert_int_equal(b.expired, 2);
	backlog_deinit(&b);
}

static void a_new_session_sends_again_what_was_on_its_way(void **state)
{
	struct backlog b;

	(void)state;
	assert_int_equal(backlog_init(&b, 16), 0);
	submit(&b, 3);
	backlog_sent(&b, backlog_find(&b, 0), 0, 10);
	backlog_sent(&b, backlog_find(&b, 1), 1, 10);
	backlog_forget_sent(&b);
	assert_int_equal(b.repairs, 2);
	assert_int_equal(backlog_repair_peek(&b)->out, 0);
	assert_int_equal(backlog_repair_peek(&b)->paths, 0);
	assert_int_equal(backlog_unsent(&b, 0)->seq, 2);
	backlog_deinit(&b);
}

static void growing_keeps_what_is_owed(void **state)
{
	struct backlog b;

	(void)state;
	assert_int_equal(backlog_init(&b, 256), 0);
	submit(&b, 200);
	for (unsigned i = 0; i < 150; i++)
		backlog_settle(&b, backlog_find(&b, i));
	submit(&b, 150);
	backlog_sent(&b, backlog_find(&b, 150), 1, 10);
	backlog_repair(&b, backlog_find(&b, 150));
	assert_int_equal(backlog_grow(&b, 2000), 0);
	assert_int_equal(backlog_repair_peek(&b)->seq, 150);
	assert_int_equal(backlog_find(&b, 349)->packet->len, 100);
	assert_null(backlog_find(&b, 149));
	submit(&b, 1000);
	assert_int_equal(b.refused, 0);
	assert_int_equal(b.pool.used, 1200);
	backlog_deinit(&b);
}

/* Sends all that was never sent, and has it acknowledged. */
static void send_and_ack(struct backlog *b)
{
	struct owed *o;

	while ((o = backlog_unsent(b, 0))) {
		backlog_sent(b, o, 1, 50);
		backlog_acked(b, o);
	}
}

static void what_is_kept_is_owed_again_to_a_new_receiver(void **state)
{
	struct backlog b;
	struct owed *o;

	(void)state;
	assert_int_equal(backlog_init(&b, 256), 0);
	b.keeps = true;
	submit(&b, 10);
	/* The first two are too old for anybody; the last was not sent yet. */
	send_and_ack(&b);
	submit(&b, 1);
	assert_int_equal(b.owed, 1);
	assert_int_equal(b.pool.used, 11);
	backlog_expire(&b, 2500);
	assert_int_equal(b.pool.used, 9);
	backlog_revive(&b);
	backlog_forget_sent(&b);
	assert_int_equal(b.owed, 9);
	assert_int_equal(b.queued, 1);
	for (unsigned seq = 2; seq < 10; seq++) {
		o = backlog_repair_peek(&b);
		assert_non_null(o);
		assert_int_equal(o->seq, seq);
		backlog_sent(&b, o, 1, 60);
		backlog_repair_done(&b);
		backlog_acked(&b, o);
	}
	assert_null(backlog_repair_peek(&b));
	assert_int_equal(backlog_oldest(&b)->seq, 10);
	backlog_deinit(&b);
}

static void what_is_kept_makes_room(void **state)
{
	struct backlog b;

	(void)state;
	assert_int_equal(backlog_init(&b, 256), 0);
	b.keeps = true;
	submit(&b, 200);
	send_and_ack(&b);
	submit(&b, 256);
	assert_int_equal(b.refused, 0);
	assert_int_equal(b.owed, 256);
	assert_int_equal(b.kept, 200);
	backlog_deinit(&b);
}

static void nothing_is_kept_after_goodbye_or_for_feed_srt(void **state)
{
	struct backlog b;

	(void)state;
	assert_int_equal(backlog_init(&b, 256), 0);
	submit(&b, 5);
	send_and_ack(&b);
	assert_int_equal(b.pool.used, 0);
	b.keeps = true;
	submit(&b, 5);
	send_and_ack(&b);
	assert_int_equal(b.pool.used, 5);
	backlog_forget_kept(&b);
	assert_int_equal(b.pool.used, 0);
	backlog_revive(&b);
	assert_int_equal(b.owed, 0);
	backlog_deinit(&b);
}

static void growing_keeps_what_is_kept(void **state)
{
	struct backlog b;

	(void)state;
	assert_int_equal(backlog_init(&b, 256), 0);
	b.keeps = true;
	submit(&b, 100);
	send_and_ack(&b);
	submit(&b, 100);
	assert_int_equal(backlog_grow(&b, 1000), 0);
	assert_int_equal(b.pool.used, 200);
	backlog_revive(&b);
	assert_int_equal(b.owed, 200);
	assert_int_equal(backlog_oldest(&b)->seq, 0);
	backlog_deinit(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_wait_in_order_until_they_are_sent),
		cmocka_unit_test(what_is_settled_is_no_longer_owed),
		cmocka_unit_test(a_full_pool_refuses_the_newest),
		cmocka_unit_test(repairs_come_by_age_whatever_the_order_of_asking),
		cmocka_unit_test(a_repair_that_is_asked_for_twice_is_done_once),
		cmocka_unit_test(a_repair_of_what_arrived_meanwhile_is_dropped),
		cmocka_unit_test(the_heap_never_outgrows_its_memory),
		cmocka_unit_test(what_is_too_old_is_given_up),
		cmocka_unit_test(growing_keeps_what_is_owed),
		cmocka_unit_test(what_is_kept_is_owed_again_to_a_new_receiver),
		cmocka_unit_test(what_is_kept_makes_room),
		cmocka_unit_test(nothing_is_kept_after_goodbye_or_for_feed_srt),
		cmocka_unit_test(growing_keeps_what_is_kept),
		cmocka_unit_test(a_new_session_sends_again_what_was_on_its_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
