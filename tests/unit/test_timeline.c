#include "unit/test.h"
#include "workers/av/timeline.h"

#define WRAP  (INT64_C(1) << 33)
#define FRAME 3000

static usec_t usec_of(int64_t ticks)
{
	return (usec_t)ticks * USEC_PER_SEC / TIMELINE_HZ;
}

static void an_unbroken_stream_keeps_its_low_33_bits(void **state)
{
	struct timeline t = { 0 };

	(void)state;
	for (int64_t i = 0; i < 1000; i++) {
		int64_t stamp = 126000 + i * FRAME;

		assert_int_equal(timeline_place(&t, stamp, usec_of(i * FRAME)) & (WRAP - 1), stamp);
	}
	assert_int_equal(t.breaks, 0);
}

static void wraps_go_on(void **state)
{
	struct timeline t = { 0 };
	int64_t begin = WRAP - 5 * FRAME, last = 0;

	(void)state;
	/* Five wraps, in steps of half an hour. */
	for (int64_t i = 0, at = begin; at < 6 * WRAP; i++, at += INT64_C(1800) * TIMELINE_HZ) {
		int64_t position = timeline_place(&t, at & (WRAP - 1), usec_of(at - begin));

		assert_true(i == 0 || position - last == INT64_C(1800) * TIMELINE_HZ);
		last = position;
	}
	assert_int_equal(t.breaks, 0);
}

static void decoding_order_and_uneven_interleaving_are_no_breaks(void **state)
{
	static const int64_t order[] = { 0, 3, 1, 2, 6, 4, 5, -20, 30, 9, 7, 8 };
	struct timeline t = { 0 };
	int64_t first = timeline_place(&t, 900000, 0);

	(void)state;
	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++)
		assert_int_equal(timeline_place(&t, 900000 + order[i] * FRAME, usec_of(FRAME)) -
					 first,
				 order[i] * FRAME);
	assert_int_equal(t.breaks, 0);
}

static void a_restart_within_two_seconds_is_seen_in_a_stream_s_own_order(void **state)
{
	struct timeline t = { 0 };
	int64_t picture = 0, sound = 0;
	usec_t now = 0;

	(void)state;
	/* Sound runs 10 frames behind the picture in the multiplex. */
	for (int64_t i = 0; i < 60; i++, now = usec_of(i * FRAME)) {
		picture = timeline_place_in(&t, 0, 126000 + i * FRAME, now);
		if (i >= 10)
			sound = timeline_place_in(&t, 1, 126000 + (i - 10) * FRAME, now);
	}
	/* It starts again with the stamps of the beginning; sound of before is still to come. */
	for (int64_t i = 0; i < 60; i++, now += usec_of(FRAME)) {
		int64_t p = timeline_place_in(&t, 0, 126000 + i * FRAME, now), s;

		assert_in_range(p - picture, FRAME, 2 * FRAME);
		picture = p;
		s = timeline_place_in(&t, 1, 126000 + (i < 10 ? 50 + i : i - 10) * FRAME, now);
		assert_in_range(s - sound, FRAME - 1000, 2 * FRAME);
		sound = s;
		assert_true(picture - sound <= 12 * FRAME);
	}
	assert_int_equal(t.breaks, 1);
}

static void a_damaged_stamp_a_little_back_is_no_break(void **state)
{
	struct timeline t = { 0 };

	(void)state;
	for (int64_t i = 0; i < 100; i++)
		(void)timeline_place_in(&t, 0, 126000 + (i - (i % 10 == 9 ? 5 : 0)) * FRAME,
					usec_of(i * FRAME));
	assert_int_equal(t.breaks, 0);
}

static void a_hole_that_the_clock_explains_stays(void **state)
{
	struct timeline t = { 0 };
	int64_t first = timeline_place(&t, 0, 0);

	(void)state;
	assert_int_equal(timeline_place(&t, 60 * TIMELINE_HZ, 60 * USEC_PER_SEC) - first,
			 60 * TIMELINE_HZ);
	assert_int_equal(t.breaks, 0);
}

static void a_restarted_clock_goes_on_a_frame_later(void **state)
{
	static const int64_t jumps[] = { -3600, 3600, -10, 10, 40000 };

	(void)state;
	for (size_t i = 0; i < sizeof(jumps) / sizeof(*jumps); i++) {
		struct timeline t = { 0 };
		int64_t base = INT64_C(4000) * TIMELINE_HZ, last = timeline_place(&t, base, 0);
		int64_t after = base + jumps[i] * TIMELINE_HZ;
		int64_t position = timeline_place(&t, after, 1000);

		assert_int_equal(position - last, 3600);
		assert_int_equal(timeline_place(&t, after + FRAME, 34000) - position, FRAME);
		assert_int_equal(t.breaks, 1);
	}
}

static void the_other_stream_follows_with_one_break(void **state)
{
	struct timeline t = { 0 };
	int64_t base = INT64_C(4000) * TIMELINE_HZ;
	int64_t sound, picture, late;

	(void)state;
	(void)timeline_place(&t, base, 0);
	picture = timeline_place(&t, 1000, 1000);
	/* Sound from before the break comes behind the first picture after it. */
	late = timeline_place(&t, base + 100, 2000);
	sound = timeline_place(&t, 1900, 3000);
	assert_int_equal(t.breaks, 1);
	assert_int_equal(sound - picture, 900);
	assert_true(late < picture && late > picture - 2 * FRAME);
}

static void a_single_stray_packet_does_not_move_the_stream(void **state)
{
	struct timeline t = { 0 };
	int64_t base = INT64_C(4000) * TIMELINE_HZ, first = timeline_place(&t, base, 0);

	(void)state;
	for (int64_t i = 1; i < 1000; i++) {
		usec_t now = usec_of(i * FRAME);

		if (i == 100)
			(void)timeline_place(&t, base - 5 * TIMELINE_HZ, now);
		assert_int_equal(timeline_place(&t, base + i * FRAME, now) - first, i * FRAME);
	}
	assert_int_equal(t.breaks, 1);
}

static void a_recording_keeps_its_holes_without_a_clock(void **state)
{
	struct timeline t = { .hole_max = INT64_C(3600) * TIMELINE_HZ };
	int64_t first = timeline_place(&t, 0, 0);

	(void)state;
	assert_int_equal(timeline_place(&t, 600 * TIMELINE_HZ, 0) - first, 600 * TIMELINE_HZ);
	assert_int_equal(timeline_place(&t, 0, 0) - first, 600 * TIMELINE_HZ + 3600);
	assert_int_equal(t.breaks, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_unbroken_stream_keeps_its_low_33_bits),
		cmocka_unit_test(wraps_go_on),
		cmocka_unit_test(decoding_order_and_uneven_interleaving_are_no_breaks),
		cmocka_unit_test(a_restart_within_two_seconds_is_seen_in_a_stream_s_own_order),
		cmocka_unit_test(a_damaged_stamp_a_little_back_is_no_break),
		cmocka_unit_test(a_hole_that_the_clock_explains_stays),
		cmocka_unit_test(a_restarted_clock_goes_on_a_frame_later),
		cmocka_unit_test(the_other_stream_follows_with_one_break),
		cmocka_unit_test(a_single_stray_packet_does_not_move_the_stream),
		cmocka_unit_test(a_recording_keeps_its_holes_without_a_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
