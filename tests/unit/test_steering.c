#include <string.h>

#include "unit/test.h"
#include "workers/av/coder.h"

/* How another rate reaches an encoder, by what it costs there; x264 stands for all of them. */

#define TICKS	   3000 /* a picture */
#define SIZE	   64
#define KEYS_MOST  16
#define PICTURES   90
#define FIRST_BPS  400000
#define LOWER_BPS  200000
#define HIGHER_BPS 600000

struct outcome {
	unsigned keys;
	int key_at[KEYS_MOST]; /* numbers of pictures */
	int64_t bps[PICTURES]; /* of the encoder with each picture */
	int unfit_at;	       /* the first picture that needs another encoder; -1: none */
};

/* Encodes pictures; from the @at-th on @bps is wanted. */
static struct outcome encode(enum backend_steering steering, int at, uint64_t bps)
{
	struct backend backend = *backend_choice("x264", AV_CODEC_ID_H264, 0);
	struct coder_settings settings = {
		.backend = &backend, .preset = 2, .video_bps = FIRST_BPS, .fps = 30
	};
	struct outcome outcome = { .unfit_at = -1 };
	AVFrame *frame = av_frame_alloc();
	struct coder *coder;
	AVPacket *packet;

	backend.steering = steering;
	av_log_set_level(AV_LOG_QUIET);
	frame->width = frame->height = SIZE;
	frame->format = backend.format;
	assert_int_equal(av_frame_get_buffer(frame, 0), 0);
	coder = coder_new(frame, &settings);
	assert_non_null(coder);
	for (int i = 0; i < PICTURES; i++) {
		for (int plane = 0; plane < 3; plane++)
			memset(frame->data[plane], i,
			       (size_t)(frame->linesize[plane] * (plane ? SIZE / 2 : SIZE)));
		frame->pts = (int64_t)i * TICKS;
		coder_rate(coder, i < at ? FIRST_BPS : bps, 30);
		if (!coder_fits(coder, frame) && outcome.unfit_at < 0)
			outcome.unfit_at = i;
		assert_int_equal(coder_send(coder, frame), 0);
		outcome.bps[i] = coder_context(coder)->bit_rate;
		while ((packet = coder_receive(coder)))
			if (packet->flags & AV_PKT_FLAG_KEY && outcome.keys < KEYS_MOST)
				outcome.key_at[outcome.keys++] = (int)(packet->pts / TICKS);
	}
	(void)coder_free(coder);
	av_frame_free(&frame);
	return outcome;
}

static void a_rate_that_costs_nothing_is_taken_with_the_next_picture(void **state)
{
	struct outcome outcome = encode(BACKEND_STEERED_AT_ONCE, 20, LOWER_BPS);

	(void)state;
	assert_int_equal(outcome.bps[19], FIRST_BPS);
	assert_int_equal(outcome.bps[20], LOWER_BPS);
	assert_int_equal(outcome.keys, 2);
	assert_int_equal(outcome.key_at[1], 60);
	assert_int_equal(outcome.unfit_at, -1);
}

static void a_lower_rate_that_costs_a_keyframe_is_taken_at_once_but_not_twice_a_second(void **state)
{
	struct outcome outcome = encode(BACKEND_STEERED_AT_A_KEYFRAME, 20, LOWER_BPS);
	struct outcome soon = encode(BACKEND_STEERED_AT_A_KEYFRAME, 3, LOWER_BPS);

	(void)state;
	assert_int_equal(outcome.bps[20], LOWER_BPS);
	assert_int_equal(outcome.keys, 3);
	assert_int_equal(outcome.key_at[1], 20);
	assert_int_equal(outcome.key_at[2], 80);
	assert_int_equal(outcome.unfit_at, -1);
	assert_int_equal(soon.bps[14], FIRST_BPS);
	assert_int_equal(soon.bps[15], LOWER_BPS);
}

static void a_higher_rate_that_costs_a_keyframe_waits_for_the_next(void **state)
{
	struct outcome outcome = encode(BACKEND_STEERED_AT_A_KEYFRAME, 20, HIGHER_BPS);

	(void)state;
	assert_int_equal(outcome.bps[59], FIRST_BPS);
	assert_int_equal(outcome.bps[60], HIGHER_BPS);
	assert_int_equal(outcome.keys, 2);
	assert_int_equal(outcome.unfit_at, -1);
}

static void what_cannot_be_steered_is_to_be_opened_anew(void **state)
{
	struct outcome outcome = encode(BACKEND_OPENED_ANEW, 20, LOWER_BPS);

	(void)state;
	assert_int_equal(outcome.unfit_at, 20);
	/* It has the old one, whatever is wanted, until it is replaced. */
	assert_int_equal(outcome.bps[PICTURES - 1], FIRST_BPS);
	assert_int_equal(outcome.keys, 2);
	assert_int_equal(encode(BACKEND_OPENED_ANEW, 20, HIGHER_BPS).unfit_at, 60);
	assert_int_equal(encode(BACKEND_OPENED_ANEW, 20, FIRST_BPS * 102 / 100).unfit_at, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rate_that_costs_nothing_is_taken_with_the_next_picture),
		cmocka_unit_test(
			a_lower_rate_that_costs_a_keyframe_is_taken_at_once_but_not_twice_a_second),
		cmocka_unit_test(a_higher_rate_that_costs_a_keyframe_waits_for_the_next),
		cmocka_unit_test(what_cannot_be_steered_is_to_be_opened_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
