#include "unit/test.h"

#include "workers/rtmp/outbox.h"

#define MS USEC_PER_MS

static void push(struct outbox *q, enum outbox_stream stream, int64_t ms, bool key, usec_t now)
{
	struct outbox_item *item = outbox_item_new(stream, 0, 1000);

	assert_non_null(item);
	item->dts = ms * 90;
	item->key = key;
	outbox_push(q, item, now);
}

/* Its time in ms; -1: nothing. */
static int64_t pop(struct outbox *q, usec_t now)
{
	struct outbox_item *item = outbox_pop(q, now);
	int64_t ms = item ? item->dts / 90 : -1;

	outbox_item_free(item);
	return ms;
}

static void gives_both_streams_in_the_order_of_their_times(void **state)
{
	struct outbox q;
	usec_t now = 1000 * MS;

	(void)state;
	outbox_init(&q);
	push(&q, OUTBOX_STREAM_VIDEO, 0, true, now);
	push(&q, OUTBOX_STREAM_VIDEO, 40, false, now);
	push(&q, OUTBOX_STREAM_AUDIO, 20, true, now);
	push(&q, OUTBOX_STREAM_AUDIO, 60, true, now);
	assert_int_equal(pop(&q, now), 0);
	assert_int_equal(pop(&q, now), 20);
	assert_int_equal(pop(&q, now), 40);
	/* More pictures may come before 60. */
	assert_int_equal(pop(&q, now), -1);
	assert_int_equal(outbox_wakeup_at(&q), now + OUTBOX_HOLD);
	assert_int_equal(pop(&q, now + OUTBOX_HOLD), 60);
	assert_int_equal(outbox_wakeup_at(&q), USEC_NEVER);
}

static void does_not_wait_for_a_stream_that_is_not_there(void **state)
{
	struct outbox q;
	usec_t now = 1000 * MS;

	(void)state;
	outbox_init(&q);
	push(&q, OUTBOX_STREAM_VIDEO, 0, true, now);
	assert_int_equal(pop(&q, now), -1);
	now += OUTBOX_HOLD;
	assert_int_equal(pop(&q, now), 0);
	/* From then on it is known. */
	push(&q, OUTBOX_STREAM_VIDEO, 40, false, now);
	assert_int_equal(pop(&q, now), 40);
}

static void does_not_wait_for_a_stream_that_has_stopped(void **state)
{
	struct outbox q;
	usec_t now = 1000 * MS;

	(void)state;
	outbox_init(&q);
	push(&q, OUTBOX_STREAM_VIDEO, 0, true, now);
	push(&q, OUTBOX_STREAM_AUDIO, 0, true, now);
	assert_int_equal(pop(&q, now), 0);
	assert_int_equal(pop(&q, now), -1);
	now += OUTBOX_HOLD;
	assert_int_equal(pop(&q, now), 0);
	push(&q, OUTBOX_STREAM_VIDEO, 40, false, now);
	assert_int_equal(pop(&q, now), 40);
}

static void overflow_goes_on_at_the_newest_key_picture(void **state)
{
	struct outbox q;
	usec_t now = 1000 * MS;

	(void)state;
	outbox_init(&q);
	for (int64_t ms = 0; ms <= 3100; ms += 100) {
		push(&q, OUTBOX_STREAM_VIDEO, ms, ms % 2000 == 0, now);
		push(&q, OUTBOX_STREAM_AUDIO, ms, true, now);
	}
	assert_int_equal(q.dropped_video, 20);
	assert_int_equal(q.dropped_audio, 0);
	assert_int_equal(q.dropped_episodes, 1);
	for (int64_t ms = 0; ms < 2000; ms += 100)
		assert_int_equal(pop(&q, now), ms);
	assert_int_equal(pop(&q, now), 2000);
	assert_int_equal(pop(&q, now), 2000);
	outbox_clear(&q);
	assert_int_equal(q.bytes, 0);
}

static void without_a_key_picture_all_video_waits_for_the_next(void **state)
{
	struct outbox q;
	usec_t now = 1000 * MS;

	(void)state;
	outbox_init(&q);
	for (int64_t ms = 0; ms <= 3500; ms += 100)
		push(&q, OUTBOX_STREAM_VIDEO, ms, ms == 0, now);
	assert_true(q.wait_key);
	assert_int_equal(q.dropped_video, 36);
	assert_int_equal(q.bytes, 0);
	push(&q, OUTBOX_STREAM_VIDEO, 3600, true, now);
	assert_int_equal(outbox_span_ms(&q), 0);
	assert_int_equal(pop(&q, now + OUTBOX_HOLD), 3600);
}

static void memory_is_bounded_however_it_comes(void **state)
{
	struct outbox q;
	usec_t now = 1000 * MS;

	(void)state;
	outbox_init(&q);
	for (int i = 0; i < 3000; i++) {
		struct outbox_item *item = outbox_item_new(
			i % 3 ? OUTBOX_STREAM_VIDEO : OUTBOX_STREAM_AUDIO, 100, 100000);

		item->dts = 90 * i;
		item->key = i % 100 == 0;
		outbox_push(&q, item, now);
		assert_true(q.bytes <= OUTBOX_BYTES_MAX);
	}
	assert_true(q.dropped_video && q.dropped_audio);
	for (int64_t ms = 0; ms < 40000; ms += 20)
		push(&q, OUTBOX_STREAM_AUDIO, 10000 + ms, true, now);
	assert_true(outbox_span_ms(&q) <= 30000);
	outbox_clear(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_both_streams_in_the_order_of_their_times),
		cmocka_unit_test(does_not_wait_for_a_stream_that_is_not_there),
		cmocka_unit_test(does_not_wait_for_a_stream_that_has_stopped),
		cmocka_unit_test(overflow_goes_on_at_the_newest_key_picture),
		cmocka_unit_test(without_a_key_picture_all_video_waits_for_the_next),
		cmocka_unit_test(memory_is_bounded_however_it_comes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
