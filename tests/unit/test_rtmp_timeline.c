#include "unit/test.h"

#include "workers/rtmp/timeline.h"

#define MS USEC_PER_MS

static void starts_at_0_and_unwraps(void **state)
{
	struct timeline t;
	usec_t now = 5 * USEC_PER_SEC;
	uint32_t raw = UINT32_MAX - 100;

	(void)state;
	timeline_init(&t, 32, 1000);
	for (int64_t want = 0; want < 1000; want += 20) {
		assert_int_equal(timeline_map(&t, TIMELINE_STREAM_VIDEO, raw, now), want);
		raw += 20;
		now += 20 * MS;
	}
	assert_int_equal(t.jumps, 0);
}

static void differences_take_the_short_way(void **state)
{
	(void)state;
	assert_int_equal(timeline_diff(33, 5, (UINT64_C(1) << 33) - 5), 10);
	assert_int_equal(timeline_diff(33, (UINT64_C(1) << 33) - 5, 5), -10);
	assert_int_equal(timeline_diff(32, 7, 7), 0);
}

static void a_stall_is_a_gap_or_none_as_the_source_says(void **state)
{
	struct timeline t;

	(void)state;
	/* The source goes on where it stopped ... */
	timeline_init(&t, 32, 1000);
	(void)timeline_map(&t, TIMELINE_STREAM_VIDEO, 1000, 1000 * MS);
	assert_int_equal(timeline_map(&t, TIMELINE_STREAM_VIDEO, 1040, 31000 * MS), 40);
	/* ... or where the clock is now. */
	timeline_init(&t, 32, 1000);
	(void)timeline_map(&t, TIMELINE_STREAM_VIDEO, 1000, 1000 * MS);
	assert_int_equal(timeline_map(&t, TIMELINE_STREAM_VIDEO, 31000, 31000 * MS), 30000);
	assert_int_equal(t.jumps, 0);
}

static void a_jump_goes_on_by_the_time_that_passed(void **state)
{
	static const uint32_t to[] = { 0, 900000, 98000, UINT32_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(to) / sizeof(to[0]); i++) {
		struct timeline t;

		timeline_init(&t, 32, 1000);
		(void)timeline_map(&t, TIMELINE_STREAM_VIDEO, 99900, 1000 * MS);
		(void)timeline_map(&t, TIMELINE_STREAM_VIDEO, 100000, 1100 * MS);
		assert_int_equal(timeline_map(&t, TIMELINE_STREAM_VIDEO, to[i], 1140 * MS), 140);
		assert_int_equal(timeline_map(&t, TIMELINE_STREAM_VIDEO, to[i] + 40, 1180 * MS),
				 180);
		assert_int_equal(t.jumps, 1);
	}
}

static void sound_follows_the_pictures_over_a_jump_and_stays_in_step(void **state)
{
	struct timeline t;

	(void)state;
	timeline_init(&t, 33, 90000);
	assert_int_equal(timeline_map(&t, TIMELINE_STREAM_VIDEO, 900000, 1000 * MS), 0);
	assert_int_equal(timeline_map(&t, TIMELINE_STREAM_AUDIO, 909000, 1000 * MS), 9000);
	/* The pictures begin anew, the rest of the old sound comes after that. */
	assert_int_equal(timeline_map(&t, TIMELINE_STREAM_VIDEO, 126000, 1200 * MS), 27000);
	assert_int_equal(timeline_map(&t, TIMELINE_STREAM_AUDIO, 918000, 1200 * MS), 18000);
	assert_int_equal(timeline_map(&t, TIMELINE_STREAM_AUDIO, 120000, 1210 * MS), 21000);
	assert_int_equal(timeline_map(&t, TIMELINE_STREAM_VIDEO, 129600, 1240 * MS), 30600);
	assert_int_equal(t.jumps, 1);
}

static void another_publisher_goes_on_by_the_time_that_passed(void **state)
{
	struct timeline t;

	(void)state;
	timeline_init(&t, 32, 1000);
	(void)timeline_map(&t, TIMELINE_STREAM_VIDEO, 0, 1000 * MS);
	(void)timeline_map(&t, TIMELINE_STREAM_AUDIO, 500, 1500 * MS);
	timeline_break(&t);
	assert_int_equal(timeline_map(&t, TIMELINE_STREAM_AUDIO, 40, 3500 * MS), 2500);
	assert_int_equal(timeline_map(&t, TIMELINE_STREAM_VIDEO, 0, 3500 * MS), 2460);
	assert_int_equal(t.jumps, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_at_0_and_unwraps),
		cmocka_unit_test(differences_take_the_short_way),
		cmocka_unit_test(a_stall_is_a_gap_or_none_as_the_source_says),
		cmocka_unit_test(a_jump_goes_on_by_the_time_that_passed),
		cmocka_unit_test(sound_follows_the_pictures_over_a_jump_and_stays_in_step),
		cmocka_unit_test(another_publisher_goes_on_by_the_time_that_passed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
