#include "net/failover.h"

#include "unit/test.h"

#define MS USEC_PER_MS

static struct failover of(unsigned receivers)
{
	struct failover failover;

	failover_init(&failover, receivers);
	return failover;
}

static void goes_on_to_the_receiver_that_answers_while_the_present_one_is_silent(void **state)
{
	struct failover f = of(2);

	(void)state;
	assert_true(failover_asked(&f, 1000 * MS));
	failover_answered(&f, 1, 1030 * MS);
	assert_true(failover_wakeup_at(&f) == 1000 * MS + FAILOVER_SILENCE);
	assert_false(failover_turn(&f, 1000 * MS + FAILOVER_SILENCE - 1));
	assert_true(failover_turn(&f, 1000 * MS + FAILOVER_SILENCE));
	assert_int_equal(f.now, 1);
	assert_true(failover_wakeup_at(&f) == USEC_NEVER);
}

static void stays_while_nobody_answers(void **state)
{
	struct failover f = of(2);

	(void)state;
	for (usec_t t = 0; t < 60000 * MS; t += 100 * MS) {
		assert_true(failover_asked(&f, t));
		assert_false(failover_turn(&f, t));
		assert_true(failover_wakeup_at(&f) == USEC_NEVER);
	}
	assert_int_equal(f.now, 0);
}

static void stays_when_both_answer_after_an_outage_of_the_uplinks(void **state)
{
	struct failover f = of(2);

	(void)state;
	(void)failover_asked(&f, 0);
	failover_answered(&f, 1, 30000 * MS);
	assert_true(failover_wakeup_at(&f) == 30000 * MS + FAILOVER_GRACE);
	failover_heard(&f);
	assert_true(failover_wakeup_at(&f) == USEC_NEVER);
	assert_false(failover_turn(&f, 60000 * MS));
	assert_int_equal(f.now, 0);
}

static void an_answer_from_before_counts_for_nothing_in_the_next_silence(void **state)
{
	struct failover f = of(2);

	(void)state;
	(void)failover_asked(&f, 0);
	failover_heard(&f);
	failover_answered(&f, 1, 20 * MS);
	(void)failover_asked(&f, 5000 * MS);
	assert_false(failover_turn(&f, 9000 * MS));
}

static void comes_back_only_when_the_other_one_is_gone(void **state)
{
	struct failover f = of(2);

	(void)state;
	(void)failover_asked(&f, 0);
	failover_answered(&f, 1, 10 * MS);
	assert_true(failover_turn(&f, 900 * MS));
	failover_answered(&f, 0, 1000 * MS);
	assert_false(failover_turn(&f, 5000 * MS));
	(void)failover_asked(&f, 6000 * MS);
	failover_answered(&f, 0, 6010 * MS);
	assert_true(failover_turn(&f, 7000 * MS));
	assert_int_equal(f.now, 0);
}

static void takes_the_first_choice_of_several(void **state)
{
	struct failover f = of(4);

	(void)state;
	(void)failover_asked(&f, 0);
	failover_answered(&f, 3, 10 * MS);
	failover_answered(&f, 2, 20 * MS);
	assert_true(failover_turn(&f, 900 * MS));
	assert_int_equal(f.now, 2);
}

static void one_receiver_is_never_left(void **state)
{
	struct failover f = of(1), none = of(0);

	(void)state;
	assert_false(failover_asked(&f, 0));
	failover_answered(&f, 0, 10 * MS);
	failover_answered(&f, 1, 10 * MS);
	assert_false(failover_turn(&f, 10000 * MS));
	assert_false(failover_asked(&none, 0));
	assert_false(failover_turn(&none, 10000 * MS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			goes_on_to_the_receiver_that_answers_while_the_present_one_is_silent),
		cmocka_unit_test(stays_while_nobody_answers),
		cmocka_unit_test(stays_when_both_answer_after_an_outage_of_the_uplinks),
		cmocka_unit_test(an_answer_from_before_counts_for_nothing_in_the_next_silence),
		cmocka_unit_test(comes_back_only_when_the_other_one_is_gone),
		cmocka_unit_test(takes_the_first_choice_of_several),
		cmocka_unit_test(one_receiver_is_never_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
