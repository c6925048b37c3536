#include "unit/test.h"

#include "stream/mix.h"

/* How a bitrate is divided between the picture and the rest. */

static void second_of(struct mix *mix, usec_t *now, unsigned video, unsigned sound, unsigned nulls)
{
	struct ts_info picture = { .kind = TS_KIND_VIDEO, .packet.payload_len = 179 },
		       audio = { .kind = TS_KIND_AUDIO, .packet.payload_len = 100 },
		       null = { .kind = TS_KIND_NULL, .packet.payload_len = 184 };

	for (unsigned i = 0; i < 1000; i++) {
		for (unsigned k = i * video / 1000; k < (i + 1) * video / 1000; k++)
			mix_add(mix, &picture, *now);
		for (unsigned k = i * sound / 1000; k < (i + 1) * sound / 1000; k++)
			mix_add(mix, &audio, *now);
		for (unsigned k = i * nulls / 1000; k < (i + 1) * nulls / 1000; k++)
			mix_add(mix, &null, *now);
		*now += USEC_PER_MS;
	}
}

static void the_usual_stream_is_assumed_before_one_was_seen(void **state)
{
	struct mix mix;

	(void)state;
	mix_init(&mix, USEC_PER_SEC);
	assert_int_equal(mix_picture_bps(&mix, 2500000, USEC_PER_SEC), 2250000);
	assert_int_equal(mix_stream_bps(&mix, 2250000, USEC_PER_SEC), 2500000);
}

static void sound_and_headers_are_taken_off(void **state)
{
	usec_t now = USEC_PER_SEC;
	struct mix mix;
	uint64_t picture;

	(void)state;
	mix_init(&mix, now);
	for (int i = 0; i < 5; i++)
		second_of(&mix, &now, 3000, 200, 2000);
	/* 300.8 kb/s of sound; 188 bytes carry 179. */
	picture = mix_picture_bps(&mix, 4000000, now);
	assert_in_range(picture, 3500000, 3540000);
	assert_in_range(mix_stream_bps(&mix, picture, now), 3990000, 4010000);
}

static void something_is_left_for_the_picture_in_any_case(void **state)
{
	usec_t now = USEC_PER_SEC;
	struct mix mix;

	(void)state;
	mix_init(&mix, now);
	for (int i = 0; i < 5; i++)
		second_of(&mix, &now, 10, 2000, 0);
	assert_int_equal(mix_picture_bps(&mix, 1000000, now), 250000);
	assert_int_equal(mix_picture_bps(&mix, 0, now), 100000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_usual_stream_is_assumed_before_one_was_seen),
		cmocka_unit_test(sound_and_headers_are_taken_off),
		cmocka_unit_test(something_is_left_for_the_picture_in_any_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
