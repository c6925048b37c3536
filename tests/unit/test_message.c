#include "bond/message.h"
#include "unit/test.h"

static struct outgoing out;
static struct incoming in;

static int setup(void **state)
{
	(void)state;
	return outgoing_init(&out) | incoming_init(&in);
}

static int teardown(void **state)
{
	(void)state;
	outgoing_deinit(&out);
	incoming_deinit(&in);
	return 0;
}

static unsigned fetched(void)
{
	unsigned n = 0;

	while (incoming_next(&in))
		n++;
	return n;
}

static void a_message_is_sent_once_until_it_is_asked_for_again(void **state)
{
	struct message *m;

	(void)state;
	assert_int_equal(outgoing_submit(&out, (const uint8_t *)"a", 1, 1, 0), 0);
	m = outgoing_peek(&out, 0);
	assert_non_null(m);
	outgoing_sent(m, 3);
	assert_int_equal(m->paths, 1u << 3);
	assert_null(outgoing_peek(&out, 0));
	m->wanted = 1;
	assert_ptr_equal(outgoing_peek(&out, 0), m);
	outgoing_acked(&out, m);
	assert_null(outgoing_peek(&out, 0));
	assert_null(outgoing_find(&out, 0));
	assert_int_equal(out.pool.used, 0);
}

static void urgent_ones_leave_twice(void **state)
{
	(void)state;
	assert_int_equal(outgoing_submit(&out, (const uint8_t *)"a", 1, 2, 0), 0);
	outgoing_sent(outgoing_peek(&out, 0), 0);
	assert_non_null(outgoing_peek(&out, 0));
	outgoing_sent(outgoing_peek(&out, 0), 1);
	assert_null(outgoing_peek(&out, 0));
}

static void what_is_too_old_is_dropped(void **state)
{
	(void)state;
	assert_int_equal(outgoing_submit(&out, (const uint8_t *)"a", 1, 1, 0), 0);
	assert_null(outgoing_peek(&out, MESSAGE_LIFETIME + 1));
	assert_int_equal(out.expired, 1);
	assert_int_equal(out.first, out.next);
}

static void a_flood_pushes_out_the_oldest(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3 * MESSAGE_OUT_MAX; i++)
		assert_int_equal(outgoing_submit(&out, (const uint8_t *)"a", 1, 1, 0), 0);
	assert_int_equal(out.expired, 2 * MESSAGE_OUT_MAX);
	assert_int_equal(out.pool.used, MESSAGE_OUT_MAX);
}

static void a_new_session_sends_again(void **state)
{
	(void)state;
	assert_int_equal(outgoing_submit(&out, (const uint8_t *)"a", 1, 1, 0), 0);
	outgoing_sent(outgoing_peek(&out, 0), 0);
	outgoing_forget_sent(&out);
	assert_int_equal(outgoing_peek(&out, 0)->paths, 0);
}

static void copies_are_delivered_once(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 3; round++)
		for (uint32_t id = 0; id < 50; id++)
			incoming_put(&in, id, (const uint8_t *)"a", 1);
	assert_int_equal(fetched(), 50);
	assert_int_equal(in.duplicate, 100);
}

static void order_does_not_matter_within_the_window(void **state)
{
	(void)state;
	incoming_put(&in, 1000, (const uint8_t *)"a", 1);
	incoming_put(&in, 1, (const uint8_t *)"b", 1);
	incoming_put(&in, 999, (const uint8_t *)"c", 1);
	assert_int_equal(fetched(), 3);
	/* Older than the window: taken for a copy. */
	incoming_put(&in, 3000, (const uint8_t *)"d", 1);
	incoming_put(&in, 3000 - MESSAGE_WINDOW, (const uint8_t *)"e", 1);
	assert_int_equal(fetched(), 1);
}

static void ids_wrap(void **state)
{
	(void)state;
	for (uint32_t n = 0; n < 100; n++)
		incoming_put(&in, UINT32_MAX - 50 + n, (const uint8_t *)"a", 1);
	assert_int_equal(fetched(), 100);
	assert_int_equal(in.duplicate, 0);
}

static void nobody_fetching_costs_only_messages(void **state)
{
	(void)state;
	for (uint32_t id = 0; id < 1000; id++)
		incoming_put(&in, id, (const uint8_t *)"a", 1);
	assert_int_equal(in.dropped, 1000 - MESSAGE_IN_MAX);
	assert_int_equal(fetched(), MESSAGE_IN_MAX);
	assert_int_equal(in.pool.used, 0);
}

static void a_restarted_peer_begins_its_ids_anew(void **state)
{
	(void)state;
	incoming_put(&in, 5000, (const uint8_t *)"a", 1);
	incoming_restart(&in);
	incoming_put(&in, 0, (const uint8_t *)"a", 1);
	incoming_put(&in, 1, (const uint8_t *)"a", 1);
	assert_int_equal(fetched(), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_message_is_sent_once_until_it_is_asked_for_again,
						setup, teardown),
		cmocka_unit_test_setup_teardown(urgent_ones_leave_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_too_old_is_dropped, setup, teardown),
		cmocka_unit_test_setup_teardown(a_flood_pushes_out_the_oldest, setup, teardown),
		cmocka_unit_test_setup_teardown(a_new_session_sends_again, setup, teardown),
		cmocka_unit_test_setup_teardown(copies_are_delivered_once, setup, teardown),
		cmocka_unit_test_setup_teardown(order_does_not_matter_within_the_window, setup,
						teardown),
		cmocka_unit_test_setup_teardown(ids_wrap, setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_fetching_costs_only_messages, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_restarted_peer_begins_its_ids_anew, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
