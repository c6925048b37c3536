#include "unit/test.h"
#include "workers/av/ratecontrol.h"

static struct ratecontrol control(uint64_t advice_bps, uint64_t other_bps, uint32_t fps)
{
	return (struct ratecontrol){
		.rate_min_bps = 300000,
		.rate_max_bps = 10000000,
		.advice_bps = advice_bps,
		.other_bps = other_bps,
		.fps_milli = fps * 1000,
	};
}

/* The transport packets of one picture, counted as a multiplexer lays them out. */
static uint64_t picture_packets(uint64_t bytes)
{
	return (bytes + 19 + 8 + 183) / 184;
}

static void multiplexed_video_and_the_rest_make_the_advised_rate(void **state)
{
	static const struct {
		uint64_t advice_bps, other_bps;
		uint32_t fps;
	} rows[] = {
		{ 1000000, 180000, 30 }, { 2500000, 180000, 25 }, { 6000000, 200000, 60 },
		{ 10000000, 0, 50 },	 { 800000, 160000, 15 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct ratecontrol rc = control(rows[i].advice_bps, rows[i].other_bps, rows[i].fps);
		uint64_t video = ratecontrol_video_bps(&rc), whole = rows[i].other_bps;

		/* Pictures of many sizes around the mean, so that the last packets average out. */
		for (uint32_t n = 0; n < rows[i].fps; n++) {
			uint64_t mean = video / 8 / rows[i].fps;
			uint64_t size = mean - rows[i].fps * 3 / 2 + n * 3;

			whole += picture_packets(size) * 188 * 8;
		}
		assert_true(whole <= rows[i].advice_bps * 102 / 100);
		assert_true(whole >= rows[i].advice_bps * 98 / 100);
	}
}

static void the_advice_is_kept_within_its_limits(void **state)
{
	struct ratecontrol low = control(1, 0, 30), at_min = control(300000, 0, 30);
	struct ratecontrol high = control(90000000, 0, 30), at_max = control(10000000, 0, 30);

	(void)state;
	assert_int_equal(ratecontrol_video_bps(&low), ratecontrol_video_bps(&at_min));
	assert_int_equal(ratecontrol_video_bps(&high), ratecontrol_video_bps(&at_max));
}

static void video_never_starves_when_sound_takes_all(void **state)
{
	struct ratecontrol rc = control(300000, 400000, 60);

	(void)state;
	assert_int_equal(ratecontrol_video_bps(&rc), RATECONTROL_VIDEO_MIN_BPS);
}

static void steps_below_one_percent_are_no_news(void **state)
{
	(void)state;
	assert_false(ratecontrol_is_news(1000000, 1000000));
	assert_false(ratecontrol_is_news(1000000, 1009000));
	assert_false(ratecontrol_is_news(1000000, 991000));
	assert_true(ratecontrol_is_news(1000000, 1011000));
	assert_true(ratecontrol_is_news(1000000, 980000));
	assert_true(ratecontrol_is_news(0, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(multiplexed_video_and_the_rest_make_the_advised_rate),
		cmocka_unit_test(the_advice_is_kept_within_its_limits),
		cmocka_unit_test(video_never_starves_when_sound_takes_all),
		cmocka_unit_test(steps_below_one_percent_are_no_news),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
