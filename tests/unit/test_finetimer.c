#include "sys/finetimer.h"
#include "unit/test.h"

struct seen {
	struct finetimer timer;
	unsigned calls;
	usec_t at;
};

static void on_fine(struct finetimer *timer)
{
	struct seen *seen = timer->owner;

	seen->calls++;
	seen->at = loop_clock();
	if (seen->calls == 1)
		finetimer_set(timer, seen->at + 300);
}

static void it_fires_once_at_its_time_and_can_be_set_again(void **state)
{
	struct loop *loop = loop_new();
	struct seen seen = { 0 };
	usec_t wanted = loop_clock() + 700, end = wanted + 5 * USEC_PER_SEC;

	(void)state;
	assert_int_equal(finetimer_init(&seen.timer, loop, on_fine, &seen), 0);
	finetimer_set(&seen.timer, wanted);
	while (!seen.calls && loop_clock() < end)
		loop_turn(loop, true);
	assert_true(seen.at >= wanted);
	while (seen.calls < 2 && loop_clock() < end)
		loop_turn(loop, true);
	assert_int_equal(seen.calls, 2);
	/* A time of the past fires at once, a stopped one never. */
	finetimer_set(&seen.timer, 0);
	while (seen.calls < 3 && loop_clock() < end)
		loop_turn(loop, true);
	assert_int_equal(seen.calls, 3);
	finetimer_set(&seen.timer, loop_clock() + 100);
	finetimer_set(&seen.timer, USEC_NEVER);
	while (loop_clock() < seen.at + 2000)
		loop_turn(loop, false);
	assert_int_equal(seen.calls, 3);
	finetimer_deinit(&seen.timer);
	finetimer_deinit(&seen.timer);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_fires_once_at_its_time_and_can_be_set_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
