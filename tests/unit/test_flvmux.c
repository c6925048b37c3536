#include "unit/test.h"

#include <string.h>

#include "base/rng.h"
#include "workers/rtmp/flvdemux.h"
#include "workers/rtmp/flvmux.h"

/* Access units of MPEG-TS through flvmux and the outbox, and back through flvdemux. */
#define MS	USEC_PER_MS
#define DELIM	"\0\0\0\1\x09\xf0"
#define SPS	"\0\0\0\1\x67\x42\xc0\x1e\xd9\x00\xa0\x47\xfe\xc8"
#define PPS	"\0\0\0\1\x68\xce\x3c\x80"
#define SPS_2	"\0\0\0\1\x67\x42\xc0\x1f\xd9\x00\xa0\x47\xfe\xc8"
#define IDR	"\0\0\0\1\x65\x88\x84\x11\x22"
#define PIC	"\0\0\0\1\x41\x9a\x01\x02"
#define KEY_AU	DELIM SPS PPS IDR
#define TEXT(s) s, sizeof(s) - 1

struct world {
	struct outbox queue;
	struct flvmux mux;
	struct flvdemux demux;
	usec_t now;
};

static void world_init(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->now = USEC_PER_SEC;
	outbox_init(&w->queue);
	flvmux_init(&w->mux, &w->queue);
	flvdemux_init(&w->demux);
	flvmux_begin(&w->mux);
	flvdemux_begin(&w->demux);
}

static void world_deinit(struct world *w)
{
	outbox_clear(&w->queue);
	flvmux_deinit(&w->mux);
	flvdemux_deinit(&w->demux);
}

static void video(struct world *w, const char *data, size_t len, int64_t dts_ms, int64_t pts_ms)
{
	struct media_unit u = { .video = true,
				.codec = MEDIA_CODEC_H264,
				.dts = dts_ms * 90,
				.pts = pts_ms * 90,
				.data = (const uint8_t *)data,
				.len = len };

	assert_int_equal(flvmux_unit(&w->mux, &u, w->now), 0);
}

static void audio(struct world *w, const void *data, size_t len, int64_t pts_ms)
{
	struct media_unit u = { .codec = MEDIA_CODEC_AAC,
				.dts = pts_ms * 90,
				.pts = pts_ms * 90,
				.data = data,
				.len = len };

	assert_int_equal(flvmux_unit(&w->mux, &u, w->now), 0);
}

static struct outbox_item *pop(struct world *w)
{
	return outbox_pop(&w->queue, USEC_NEVER - 1);
}

/* The next item as its receiver sees it; 1: *@u is set. */
static int receive(struct world *w, struct media_unit *u)
{
	struct outbox_item *item = pop(w);
	uint32_t ms = (uint32_t)(item->dts / 90);
	bool is_video = item->stream == OUTBOX_STREAM_VIDEO;
	int r;

	if (item->config_len)
		assert_int_equal((is_video ? flvdemux_video : flvdemux_audio)(
					 &w->demux, ms, item->bytes, item->config_len, w->now, u),
				 0);
	r = (is_video ? flvdemux_video : flvdemux_audio)(
		&w->demux, ms, item->bytes + item->config_len, item->len, w->now, u);
	outbox_item_free(item);
	return r;
}

static size_t frame(uint8_t *to, size_t payload, uint8_t fill)
{
	static const struct adts_config config = { 2, 3, 2 };
	struct writer w = writer_of(to, ADTS_HEADER_SIZE + payload);

	adts_write_header(&config, payload, &w);
	memset(writer_room(&w, payload), fill, payload);
	return writer_len(&w);
}

static void pictures_pass_unchanged(void **state)
{
	struct media_unit u;
	struct world w;

	(void)state;
	world_init(&w);
	video(&w, TEXT(KEY_AU), 1000, 1080);
	video(&w, TEXT(DELIM PIC), 1040, 1040);
	assert_int_equal(receive(&w, &u), 1);
	assert_true(u.key);
	assert_int_equal(u.pts - u.dts, 80 * 90);
	assert_int_equal(u.len, sizeof(KEY_AU) - 1);
	assert_memory_equal(u.data, KEY_AU, u.len);
	assert_int_equal(receive(&w, &u), 1);
	assert_false(u.key);
	assert_int_equal(u.dts, 40 * 90);
	assert_memory_equal(u.data, DELIM PIC, u.len);
	world_deinit(&w);
}

static void begins_with_a_key_picture_and_its_header(void **state)
{
	struct outbox_item *item;
	struct world w;

	(void)state;
	world_init(&w);
	video(&w, TEXT(PIC), 960, 960);
	video(&w, TEXT(IDR), 1000, 1000); /* parameter sets were never seen */
	assert_int_equal(w.mux.waited, 2);
	video(&w, TEXT(KEY_AU), 1040, 1040);
	item = pop(&w);
	assert_true(item->key && item->config_len);
	assert_int_equal(item->bytes[0], 0x17);
	assert_int_equal(item->bytes[1], 0);
	outbox_item_free(item);
	/* Another session: the same again. */
	flvmux_end(&w.mux);
	video(&w, TEXT(KEY_AU), 1080, 1080);
	assert_null(pop(&w));
	flvmux_begin(&w.mux);
	video(&w, TEXT(PIC), 1120, 1120);
	assert_null(pop(&w));
	video(&w, TEXT(IDR), 1160, 1160); /* the sets are known from before */
	item = pop(&w);
	assert_true(item->config_len);
	outbox_item_free(item);
	world_deinit(&w);
}

static void new_parameter_sets_make_a_new_header(void **state)
{
	struct outbox_item *a, *b, *c;
	struct world w;

	(void)state;
	world_init(&w);
	video(&w, TEXT(KEY_AU), 1000, 1000);
	video(&w, TEXT(SPS PPS IDR), 1040, 1040);
	video(&w, TEXT(SPS_2 PPS IDR), 1080, 1080);
	a = pop(&w);
	b = pop(&w);
	c = pop(&w);
	assert_int_equal(a->config_len, b->config_len);
	assert_memory_equal(a->bytes, b->bytes, a->config_len);
	assert_memory_not_equal(a->bytes, c->bytes, a->config_len);
	outbox_item_free(a);
	outbox_item_free(b);
	outbox_item_free(c);
	world_deinit(&w);
}

static void a_header_without_sets_in_band_puts_them_into_the_key_picture(void **state)
{
	static const uint8_t header[] =
		"\x17\0\0\0\0\1\x42\xc0\x1e\xff\xe1\0\x0a\x67\x42\xc0\x1e\xd9"
		"\x00\xa0\x47\xfe\xc8\1\0\4\x68\xce\x3c\x80";
	static const uint8_t picture[] = "\x17\1\0\0\0\0\0\0\5\x65\x88\x84\x11\x22";
	struct media_unit u;
	struct world w;

	(void)state;
	world_init(&w);
	assert_int_equal(flvdemux_video(&w.demux, 0, picture, sizeof(picture) - 1, 1, &u), 0);
	assert_int_equal(w.demux.waited, 1);
	for (int i = 0; i < 3; i++) /* repeated headers are idempotent */
		assert_int_equal(flvdemux_video(&w.demux, 0, header, sizeof(header) - 1, 1, &u), 0);
	assert_int_equal(flvdemux_video(&w.demux, 0, picture, sizeof(picture) - 1, 1, &u), 1);
	assert_int_equal(u.len, sizeof(KEY_AU) - 1);
	assert_memory_equal(u.data, KEY_AU, u.len);
	/* A length beyond the end. */
	assert_int_equal(flvdemux_video(&w.demux, 40, picture, sizeof(picture) - 2, 1, &u), 0);
	assert_int_equal(w.demux.garbage, 1);
	world_deinit(&w);
}

static void sound_is_cut_at_frames_wherever_the_parcels_end(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 50; seed++) {
		struct rng rng = rng_of(seed);
		uint8_t stream[20 * 400];
		size_t starts[21], len = 0, at = 0, next = 0;
		struct media_unit u;
		struct world w;

		world_init(&w);
		video(&w, TEXT(KEY_AU), 1000, 1000);
		outbox_item_free(pop(&w));
		for (size_t i = 0; i < 20; i++) {
			starts[i] = len;
			len += frame(stream + len, 1 + rng_below(&rng, 390), (uint8_t)i);
		}
		starts[20] = len;
		while (at < len) {
			size_t part = 1 + rng_below(&rng, 900);

			if (part > len - at)
				part = len - at;
			/* The first frame that begins in the parcel gives it its time. */
			while (starts[next] < at)
				next++;
			audio(&w, stream + at, part, 1000 + (int64_t)next * 1024 * 1000 / 48000);
			at += part;
		}
		assert_int_equal(w.mux.garbage, 0);
		for (size_t i = 0; i < 20; i++) {
			int64_t want = (int64_t)i * 1024 * 1000 / 48000;

			assert_int_equal(receive(&w, &u), 1);
			assert_int_equal(u.len, starts[i + 1] - starts[i]);
			assert_memory_equal(u.data, stream + starts[i], u.len);
			assert_true(u.dts / 90 - want <= 1 && want - u.dts / 90 <= 1);
		}
		world_deinit(&w);
	}
}

static void sound_finds_itself_again_after_garbage(void **state)
{
	uint8_t bytes[300];
	size_t len = frame(bytes + 7, 50, 1);
	struct media_unit u;
	struct world w;

	(void)state;
	memset(bytes, 0x55, 7);
	len += 7;
	len += frame(bytes + len, 60, 2);
	world_init(&w);
	video(&w, TEXT(KEY_AU), 1000, 1000);
	outbox_item_free(pop(&w));
	audio(&w, bytes, len, 1000);
	assert_int_equal(w.mux.garbage, 7);
	assert_int_equal(receive(&w, &u), 1);
	assert_int_equal(u.len, 57);
	assert_int_equal(receive(&w, &u), 1);
	assert_int_equal(u.len, 67);
	world_deinit(&w);
}

static void sound_alone_begins_after_a_while(void **state)
{
	uint8_t bytes[100];
	size_t len = frame(bytes, 50, 1);
	struct world w;

	(void)state;
	world_init(&w);
	audio(&w, bytes, len, 0);
	assert_null(pop(&w));
	w.now += FLVMUX_AUDIO_ALONE;
	audio(&w, bytes, len, 3000);
	outbox_item_free(pop(&w));
	assert_true(w.mux.started);
	world_deinit(&w);
}

static void an_empty_or_long_aac_header_is_understood(void **state)
{
	struct media_unit u;
	struct world w;

	(void)state;
	world_init(&w);
	assert_int_equal(flvdemux_audio(&w.demux, 0, (const uint8_t *)"\xaf\0", 2, 1, &u), 0);
	assert_int_equal(flvdemux_audio(&w.demux, 0, (const uint8_t *)"\xaf\1ab", 4, 1, &u), 0);
	assert_int_equal(w.demux.waited, 1);
	assert_int_equal(
		flvdemux_audio(&w.demux, 0, (const uint8_t *)"\xaf\0\x11\x90\x56\xe5\0", 7, 1, &u),
		0);
	assert_int_equal(flvdemux_audio(&w.demux, 0, (const uint8_t *)"\xaf\1ab", 4, 1, &u), 1);
	assert_int_equal(u.len, ADTS_HEADER_SIZE + 2);
	assert_memory_equal(u.data, "\xff\xf1\x4c\x80", 4);
	world_deinit(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pictures_pass_unchanged),
		cmocka_unit_test(begins_with_a_key_picture_and_its_header),
		cmocka_unit_test(new_parameter_sets_make_a_new_header),
		cmocka_unit_test(a_header_without_sets_in_band_puts_them_into_the_key_picture),
		cmocka_unit_test(sound_is_cut_at_frames_wherever_the_parcels_end),
		cmocka_unit_test(sound_finds_itself_again_after_garbage),
		cmocka_unit_test(sound_alone_begins_after_a_while),
		cmocka_unit_test(an_empty_or_long_aac_header_is_understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
