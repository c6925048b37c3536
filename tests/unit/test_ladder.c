#include "unit/test.h"
#include "workers/av/ladder.h"

#define S USEC_PER_SEC

static struct ladder ladder_of(const char *text)
{
	struct ladder_rungs rungs;
	struct ladder ladder;

	assert_true(ladder_parse(text, &rungs));
	ladder_init(&ladder, &rungs);
	return ladder;
}

/* Asks ten times a second until @until; the height at the end. */
static int run(struct ladder *ladder, int height, uint64_t bps, usec_t *now, usec_t until)
{
	int seen = 0;

	for (; *now <= until; *now += S / 10)
		seen = ladder_height(ladder, height, bps, *now);
	return seen;
}

static void texts_that_are_a_ladder_are_taken(void **state)
{
	struct ladder_rungs rungs;

	(void)state;
	assert_true(ladder_parse("no", &rungs));
	assert_int_equal(rungs.count, 0);
	assert_true(ladder_parse("yes", &rungs));
	assert_int_equal(rungs.count, 3);
	assert_true(ladder_parse("1080:3.5M,720:1500k,480", &rungs));
	assert_int_equal(rungs.count, 3);
	assert_int_equal(rungs.rung[0].height, 1080);
	assert_int_equal(rungs.rung[0].from_bps, 3500000);
	assert_int_equal(rungs.rung[1].from_bps, 1500000);
	assert_int_equal(rungs.rung[2].height, 480);
	assert_int_equal(rungs.rung[2].from_bps, 0);
}

static void texts_that_are_none_are_refused(void **state)
{
	static const char *const texts[] = {
		"",	    "maybe",	      "1080:",
		"1080:x",   "720:1M,1080:2M", "720:1M,480:2M",
		"720:1M,,", "721:1M",	      "8:1M",
		"720:1M ",  "720;1M",	      "720:1G",
		"720:-1",   "720:9999M",      "720:1M,480:1M",
		"720:1e99", "10:7,9:6,8:5",   "128:7,112:6,96:5,80:4,64:3,48:2,32:1",
	};
	struct ladder_rungs rungs;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_false(ladder_parse(texts[i], &rungs));
}

static void without_a_ladder_the_size_stays(void **state)
{
	struct ladder ladder = ladder_of("no");

	(void)state;
	assert_int_equal(ladder_height(&ladder, 1080, 1, S), 1080);
}

static void it_starts_on_the_rung_of_the_rate(void **state)
{
	static const struct {
		uint64_t bps;
		int height;
	} rows[] = { { 6000000, 1080 }, { 3500000, 1080 }, { 3499999, 720 },
		     { 1500000, 720 },	{ 1499999, 480 },  { 1, 480 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct ladder ladder = ladder_of("yes");

		assert_int_equal(ladder_height(&ladder, 1080, rows[i].bps, S), rows[i].height);
	}
}

static void pictures_are_never_made_larger(void **state)
{
	struct ladder ladder = ladder_of("yes");

	(void)state;
	assert_int_equal(ladder_height(&ladder, 360, 6000000, S), 360);
}

static void down_after_a_second_and_up_after_ten_with_a_margin(void **state)
{
	struct ladder ladder = ladder_of("yes");
	usec_t now = S;

	(void)state;
	assert_int_equal(run(&ladder, 1080, 6000000, &now, 5 * S), 1080);
	assert_int_equal(run(&ladder, 1080, 2000000, &now, 5 * S + 9 * S / 10), 1080);
	assert_int_equal(run(&ladder, 1080, 2000000, &now, 7 * S), 720);
	/* The rung's rate alone is not enough. */
	assert_int_equal(run(&ladder, 1080, 3600000, &now, 60 * S), 720);
	assert_int_equal(run(&ladder, 1080, 4400000, &now, 69 * S), 720);
	assert_int_equal(run(&ladder, 1080, 4400000, &now, 71 * S), 1080);
}

static void a_rate_that_swings_does_not_move_it(void **state)
{
	struct ladder ladder = ladder_of("yes");
	usec_t now = S;

	(void)state;
	assert_int_equal(run(&ladder, 1080, 4000000, &now, 2 * S), 1080);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(run(&ladder, 1080, 3300000, &now, now + S / 2), 1080);
		assert_int_equal(run(&ladder, 1080, 3700000, &now, now + S / 2), 1080);
	}
	assert_int_equal(run(&ladder, 1080, 3300000, &now, now + 2 * S), 720);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(run(&ladder, 1080, 5000000, &now, now + 9 * S), 720);
		assert_int_equal(run(&ladder, 1080, 3600000, &now, now + S / 2), 720);
	}
}

static void several_rungs_are_taken_at_once(void **state)
{
	struct ladder ladder = ladder_of("yes");
	usec_t now = S;

	(void)state;
	assert_int_equal(run(&ladder, 1080, 6000000, &now, 2 * S), 1080);
	assert_int_equal(run(&ladder, 1080, 500000, &now, 4 * S), 480);
	assert_int_equal(run(&ladder, 1080, 6000000, &now, 15 * S), 1080);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_that_are_a_ladder_are_taken),
		cmocka_unit_test(texts_that_are_none_are_refused),
		cmocka_unit_test(without_a_ladder_the_size_stays),
		cmocka_unit_test(it_starts_on_the_rung_of_the_rate),
		cmocka_unit_test(pictures_are_never_made_larger),
		cmocka_unit_test(down_after_a_second_and_up_after_ten_with_a_margin),
		cmocka_unit_test(a_rate_that_swings_does_not_move_it),
		cmocka_unit_test(several_rungs_are_taken_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
