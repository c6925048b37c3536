#include "unit/test.h"

#include <string.h>

#include "workers/rtmp/adts.h"
#include "workers/rtmp/flv.h"

static void reads_video_tags_old_and_enhanced(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		struct flv_tag want; /* len: of the data */
	} rows[] = {
		{ "\x17\0\0\0\0\1d",
		  7,
		  { .codec = MEDIA_CODEC_H264, .kind = FLV_KIND_CONFIG, .key = true, .len = 2 } },
		{ "\x27\1\0\0\x21xyz",
		  8,
		  { .codec = MEDIA_CODEC_H264,
		    .kind = FLV_KIND_FRAME,
		    .composition_ms = 33,
		    .len = 3 } },
		{ "\x27\1\xff\xff\xfe",
		  5,
		  { .codec = MEDIA_CODEC_H264, .kind = FLV_KIND_FRAME, .composition_ms = -2 } },
		{ "\x17\2\0\0\0",
		  5,
		  { .codec = MEDIA_CODEC_H264, .kind = FLV_KIND_NONE, .key = true } },
		{ "\x57\0", 2, { .kind = FLV_KIND_NONE, .len = 1 } },
		{ "\x90hvc1\1",
		  6,
		  { .codec = MEDIA_CODEC_HEVC, .kind = FLV_KIND_CONFIG, .key = true, .len = 1 } },
		{ "\xa1hvc1\0\0\7ab",
		  10,
		  { .codec = MEDIA_CODEC_HEVC,
		    .kind = FLV_KIND_FRAME,
		    .composition_ms = 7,
		    .len = 2 } },
		{ "\xa3hvc1ab",
		  7,
		  { .codec = MEDIA_CODEC_HEVC, .kind = FLV_KIND_FRAME, .len = 2 } },
		{ "\x90"
		  "av01\1",
		  6,
		  { .codec = MEDIA_CODEC_OTHER, .kind = FLV_KIND_CONFIG, .key = true, .len = 1 } },
		{ "\x1c\0\0\0\0\1",
		  6,
		  { .codec = MEDIA_CODEC_HEVC, .kind = FLV_KIND_CONFIG, .key = true, .len = 1 } },
		{ "\x12x",
		  2,
		  { .codec = MEDIA_CODEC_OTHER, .kind = FLV_KIND_FRAME, .key = true, .len = 1 } },
		{ "", 0, { .kind = FLV_KIND_NONE } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct flv_tag tag;

		assert_true(flv_read_video((const uint8_t *)rows[i].bytes, rows[i].len, &tag));
		assert_int_equal(tag.codec, rows[i].want.codec);
		assert_int_equal(tag.kind, rows[i].want.kind);
		assert_int_equal(tag.key, rows[i].want.key);
		assert_int_equal(tag.composition_ms, rows[i].want.composition_ms);
		assert_int_equal(tag.len, rows[i].want.len);
	}
}

static void refuses_tags_that_are_too_short(void **state)
{
	struct flv_tag tag;

	(void)state;
	assert_false(flv_read_video((const uint8_t *)"\x17\0\0\0", 4, &tag));
	assert_false(flv_read_video((const uint8_t *)"\x90hvc", 4, &tag));
	assert_false(flv_read_video((const uint8_t *)"\x91hvc1\0\0", 7, &tag));
	assert_false(flv_read_audio((const uint8_t *)"\xaf", 1, &tag));
	assert_false(flv_read_audio((const uint8_t *)"\x90mp4", 4, &tag));
}

static void reads_audio_tags(void **state)
{
	struct flv_tag tag;
	char text[16];

	(void)state;
	assert_true(flv_read_audio((const uint8_t *)"\xaf\0\x11\x90", 4, &tag));
	assert_int_equal(tag.kind, FLV_KIND_CONFIG);
	assert_int_equal(tag.len, 2);
	/* FFmpeg, copying from MPEG-TS: an empty header first. */
	assert_true(flv_read_audio((const uint8_t *)"\xaf\0", 2, &tag));
	assert_int_equal(tag.kind, FLV_KIND_CONFIG);
	assert_int_equal(tag.len, 0);
	assert_true(flv_read_audio((const uint8_t *)"\xaf\1xy", 4, &tag));
	assert_int_equal(tag.kind, FLV_KIND_FRAME);
	assert_true(flv_read_audio((const uint8_t *)"\x91mp4axy", 7, &tag));
	assert_int_equal(tag.codec, MEDIA_CODEC_AAC);
	assert_int_equal(tag.len, 2);
	assert_true(flv_read_audio((const uint8_t *)"\x2fxy", 3, &tag));
	assert_int_equal(tag.codec, MEDIA_CODEC_OTHER);
	flv_codec_text(false, tag.codec_name, text, sizeof(text));
	assert_string_equal(text, "MP3");
	flv_codec_text(true, 0x61763031, text, sizeof(text));
	assert_string_equal(text, "av01");
	flv_codec_text(true, 77, text, sizeof(text));
	assert_string_equal(text, "codec 77");
}

static void reads_back_the_headers_it_writes(void **state)
{
	(void)state;
	for (int i = 0; i < 16; i++) {
		struct flv_tag tag = { .codec = i & 1 ? MEDIA_CODEC_HEVC : MEDIA_CODEC_H264,
				       .kind = i & 2 ? FLV_KIND_FRAME : FLV_KIND_CONFIG,
				       .key = i & 4,
				       .composition_ms = i & 8 && i & 2 ? 40 : 0 },
			       got;
		uint8_t bytes[FLV_HEADER_MAX + 1];
		struct writer w = writer_of(bytes, sizeof(bytes));

		flv_write_video_header(&tag, &w);
		writer_u8(&w, 7);
		assert_false(w.failed);
		assert_true(flv_read_video(bytes, writer_len(&w), &got));
		assert_int_equal(got.codec, tag.codec);
		assert_int_equal(got.kind, tag.kind);
		assert_int_equal(got.key, tag.key);
		assert_int_equal(got.composition_ms, tag.composition_ms);
		assert_int_equal(got.len, 1);
	}
}

static void metadata_says_which_streams_there_are(void **state)
{
	uint8_t bytes[512];
	struct writer w = writer_of(bytes, sizeof(bytes));
	struct flv_metadata m = { .video = MEDIA_CODEC_H264, .width = 1280, .height = 720 };
	bool video, audio;
	const size_t wrap = 3 + strlen("@setDataFrame");

	(void)state;
	flv_write_metadata(&m, "test", &w);
	assert_false(w.failed);
	assert_true(flv_read_metadata(bytes + wrap, writer_len(&w) - wrap, &video, &audio));
	assert_true(video && !audio);
	assert_false(flv_read_metadata(bytes, writer_len(&w), &video, &audio));
}

static void adts_and_asc_say_the_same(void **state)
{
	static const struct {
		const char *asc;
		size_t len;
		struct adts_config want;
	} rows[] = {
		{ "\x11\x90", 2, { 2, 3, 2 } },		  /* LC, 48 kHz, stereo */
		{ "\x11\x90\x56\xe5\0", 5, { 2, 3, 2 } }, /* as OBS sends it */
		{ "\x12\x08", 2, { 2, 4, 1 } },		  /* 44.1 kHz, mono */
		{ "\x2b\x92\x08\0", 4, { 2, 7, 2 } },	  /* SBR: the core at 22.05 kHz */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct adts_config config, back;
		uint8_t bytes[16];
		struct writer w = writer_of(bytes, sizeof(bytes));
		size_t header;

		assert_true(adts_read_asc((const uint8_t *)rows[i].asc, rows[i].len, &config));
		assert_memory_equal(&config, &rows[i].want, sizeof(config));
		adts_write_header(&config, 1000, &w);
		assert_int_equal(adts_parse(bytes, writer_len(&w), &back, &header), 1007);
		assert_int_equal(header, 7);
		assert_memory_equal(&back, &config, sizeof(back));
		w = writer_of(bytes, sizeof(bytes));
		adts_write_asc(&config, &w);
		assert_true(adts_read_asc(bytes, 2, &back));
		assert_memory_equal(&back, &config, sizeof(back));
	}
}

static void what_is_no_adts_is_refused(void **state)
{
	struct adts_config config;
	size_t header;

	(void)state;
	assert_int_equal(
		adts_parse((const uint8_t *)"\xff\xf1\x4c\x80\x25\x3f", 6, &config, &header), 0);
	assert_int_equal(
		adts_parse((const uint8_t *)"\xff\xe1\x4c\x80\x25\x3f\xfc", 7, &config, &header),
		0);
	/* A rate that does not exist, a length below the header's. */
	assert_int_equal(
		adts_parse((const uint8_t *)"\xff\xf1\x7c\x80\x25\x3f\xfc", 7, &config, &header),
		0);
	assert_int_equal(
		adts_parse((const uint8_t *)"\xff\xf1\x4c\x80\0\x3f\xfc", 7, &config, &header), 0);
	assert_false(adts_read_asc((const uint8_t *)"\x11", 1, &config));
	assert_false(adts_read_asc((const uint8_t *)"\xf8\0", 2, &config));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_video_tags_old_and_enhanced),
		cmocka_unit_test(refuses_tags_that_are_too_short),
		cmocka_unit_test(reads_audio_tags),
		cmocka_unit_test(reads_back_the_headers_it_writes),
		cmocka_unit_test(metadata_says_which_streams_there_are),
		cmocka_unit_test(adts_and_asc_say_the_same),
		cmocka_unit_test(what_is_no_adts_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
