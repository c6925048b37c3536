#include "unit/test.h"

#include <string.h>

#include "workers/rtmp/paramset.h"
#include "workers/rtmp/picture.h"

/* Made with libx264 and libx265, 1920x1080 at 30 frames a second; the records as libavformat writes
 * them. */
static const uint8_t h264[] = {
	0,    0,    0,	  1,	0x09, 0xf0, /* delimiter */
	0,    0,    0,	  1,	0x67, 0x64, 0x00, 0x28, 0xac, 0xd9, 0x40,
	0x78, 0x02, 0x27, 0xe5, 0xc0, 0x44, 0x00, 0x00, 0x03, 0x00, 0x04,
	0x00, 0x00, 0x03, 0x00, 0xf0, 0x3c, 0x60, 0xc6, 0x58, /* SPS */
	0,    0,    1,	  0x68, 0xef, 0x8f, 0xcb,	      /* PPS */
	0,    0,    1,	  0x65, 0x88, 0x84,		      /* slice */
};
static const uint8_t avcc[] = {
	0x01, 0x64, 0x00, 0x28, 0xff, 0xe1, 0x00, 0x1b, 0x67, 0x64, 0x00, 0x28,
	0xac, 0xd9, 0x40, 0x78, 0x02, 0x27, 0xe5, 0xc0, 0x44, 0x00, 0x00, 0x03,
	0x00, 0x04, 0x00, 0x00, 0x03, 0x00, 0xf0, 0x3c, 0x60, 0xc6, 0x58, 0x01,
	0x00, 0x04, 0x68, 0xef, 0x8f, 0xcb, 0xfd, 0xf8, 0xf8, 0x00,
};
static const uint8_t hevc[] = {
	0,    0,    0,	  1,	0x40, 0x01, 0x0c, 0x01, 0xff, 0xff, 0x01, 0x60, 0x00, 0x00, 0x03,
	0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x78, 0x95, 0x94, 0x09, /* VPS */
	0,    0,    0,	  1,	0x42, 0x01, 0x01, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00,
	0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x78, 0xa0, 0x03, 0xc0, 0x80, 0x11, 0x07, 0xcb, 0x96,
	0x56, 0x54, 0xa4, 0xc2, 0xf0, 0x16, 0x80, 0x80, 0x00, 0x00, 0x03, 0x00, 0x80, 0x00, 0x00,
	0x0f, 0x04,						    /* SPS */
	0,    0,    0,	  1,	0x44, 0x01, 0xc0, 0x73, 0xc1, 0x89, /* PPS */
	0,    0,    1,	  0x26, 0x01, 0xaf,			    /* IDR slice */
};
static const uint8_t hvcc_head[] = {
	0x01, 0x01, 0x60, 0x00, 0x00, 0x00, 0x90, 0x00, 0x00, 0x00, 0x00, 0x00, 0x78, 0xf0, 0x00,
	0xfc, 0xfd, 0xf8, 0xf8, 0x00, 0x00, 0x0f, 0x03, 0x20, 0x00, 0x01, 0x00, 0x18, 0x40, 0x01,
};

static void makes_the_record_of_h264(void **state)
{
	uint8_t record[PARAMSET_RECORD_MAX];
	struct writer w = writer_of(record, sizeof(record));
	struct paramset p = { 0 };

	(void)state;
	assert_true(paramset_collect(&p, MEDIA_CODEC_H264, h264, sizeof(h264)));
	assert_true(paramset_is_complete(&p));
	paramset_write_record(&p, &w);
	assert_false(w.failed);
	assert_int_equal(writer_len(&w), sizeof(avcc));
	assert_memory_equal(record, avcc, sizeof(avcc));
}

static void makes_the_record_of_hevc(void **state)
{
	uint8_t record[PARAMSET_RECORD_MAX];
	struct writer w = writer_of(record, sizeof(record));
	struct paramset p = { 0 }, back;
	unsigned length_size;

	(void)state;
	assert_true(paramset_collect(&p, MEDIA_CODEC_HEVC, hevc, sizeof(hevc)));
	paramset_write_record(&p, &w);
	assert_false(w.failed);
	assert_memory_equal(record, hvcc_head, sizeof(hvcc_head));
	assert_true(paramset_read_record(MEDIA_CODEC_HEVC, record, writer_len(&w), &back,
					 &length_size));
	assert_true(paramset_equal(&p, &back));
	assert_int_equal(length_size, 4);
}

static void reads_the_record_of_h264_and_no_part_of_it(void **state)
{
	uint8_t annexb[256];
	struct writer w = writer_of(annexb, sizeof(annexb));
	struct paramset p = { 0 }, again = { 0 };
	unsigned length_size;

	(void)state;
	assert_true(paramset_read_record(MEDIA_CODEC_H264, avcc, sizeof(avcc), &p, &length_size));
	paramset_write_annexb(&p, &w);
	assert_true(paramset_collect(&again, MEDIA_CODEC_H264, annexb, writer_len(&w)));
	assert_true(paramset_equal(&p, &again));
	/* Everything but the four bytes of the high profiles, which may be missing. */
	for (size_t len = 0; len < sizeof(avcc) - 4; len++)
		assert_false(paramset_read_record(MEDIA_CODEC_H264, avcc, len, &p, &length_size));
}

static void only_a_change_is_a_change(void **state)
{
	uint8_t other[sizeof(h264)];
	static const uint8_t pps[] = { 0, 0, 1, 0x68, 0xaa, 0xbb };
	struct paramset p = { 0 };

	(void)state;
	assert_true(paramset_collect(&p, MEDIA_CODEC_H264, h264, sizeof(h264)));
	assert_false(paramset_collect(&p, MEDIA_CODEC_H264, h264, sizeof(h264)));
	assert_false(paramset_collect(&p, MEDIA_CODEC_H264, h264 + sizeof(h264) - 6, 6));
	/* A PPS alone is added, once. */
	assert_true(paramset_collect(&p, MEDIA_CODEC_H264, pps, sizeof(pps)));
	assert_int_equal(p.count, 3);
	assert_false(paramset_collect(&p, MEDIA_CODEC_H264, pps, sizeof(pps)));
	/* An SPS begins anew. */
	memcpy(other, h264, sizeof(h264));
	other[13] = 0x29;
	assert_true(paramset_collect(&p, MEDIA_CODEC_H264, other, sizeof(other)));
	assert_int_equal(p.count, 2);
}

static void sets_that_do_not_fit_change_nothing(void **state)
{
	static uint8_t big[4 + PARAMSET_BYTES_MAX + 10] = { 0, 0, 1, 0x67 };
	struct paramset p = { 0 }, before;
	uint8_t many[5 * (PARAMSET_NALS_MAX + 1)];

	(void)state;
	assert_true(paramset_collect(&p, MEDIA_CODEC_H264, h264, sizeof(h264)));
	before = p;
	memset(big + 4, 0x55, sizeof(big) - 4);
	assert_false(paramset_collect(&p, MEDIA_CODEC_H264, big, sizeof(big)));
	for (size_t i = 0; i <= PARAMSET_NALS_MAX; i++)
		memcpy(many + 5 * i, (uint8_t[]){ 0, 0, 1, 0x68, (uint8_t)(i + 1) }, 5);
	assert_false(paramset_collect(&p, MEDIA_CODEC_H264, many, sizeof(many)));
	assert_true(paramset_equal(&p, &before));
}

static void tells_size_and_rate_of_the_pictures(void **state)
{
	struct paramset p = { 0 };
	struct picture_info info;

	(void)state;
	assert_false(picture_info_read(&p, &info));
	(void)paramset_collect(&p, MEDIA_CODEC_H264, h264, sizeof(h264));
	assert_true(picture_info_read(&p, &info));
	assert_int_equal(info.width, 1920);
	assert_int_equal(info.height, 1080);
	assert_true(info.frame_rate == 30);
	(void)paramset_collect(&p, MEDIA_CODEC_HEVC, hevc, sizeof(hevc));
	assert_true(picture_info_read(&p, &info));
	assert_int_equal(info.width, 1920);
	assert_int_equal(info.height, 1080);
	/* An SPS that ends early is no SPS. */
	p = (struct paramset){ 0 };
	assert_true(paramset_collect(&p, MEDIA_CODEC_HEVC, hevc, 45));
	assert_false(picture_info_read(&p, &info));
}

static void finds_key_pictures_by_idr_irap_and_recovery_point(void **state)
{
	static const struct {
		enum media_codec codec;
		uint8_t bytes[4];
		enum nal_role role;
	} rows[] = {
		{ MEDIA_CODEC_H264, { 0x65, 0 }, NAL_ROLE_KEY },
		{ MEDIA_CODEC_H264, { 0x41, 0 }, NAL_ROLE_PICTURE },
		{ MEDIA_CODEC_H264, { 0x06, 6, 1, 0xc4 }, NAL_ROLE_RECOVERY },
		{ MEDIA_CODEC_H264, { 0x06, 5, 1, 0 }, NAL_ROLE_OTHER },
		{ MEDIA_CODEC_H264, { 0x09, 0xf0 }, NAL_ROLE_DELIMITER },
		{ MEDIA_CODEC_HEVC, { 0x26, 1 }, NAL_ROLE_KEY },
		{ MEDIA_CODEC_HEVC, { 0x2a, 1 }, NAL_ROLE_KEY },
		{ MEDIA_CODEC_HEVC, { 0x02, 1 }, NAL_ROLE_PICTURE },
		{ MEDIA_CODEC_HEVC, { 0x46, 1 }, NAL_ROLE_DELIMITER },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(nal_role(rows[i].codec, (struct nal){ rows[i].bytes, 4 }),
				 rows[i].role);
}

static void cuts_annexb_at_start_codes_of_both_lengths(void **state)
{
	static const uint8_t bytes[] = { 9, 9, 0, 0, 1, 0x41, 0, 3, 0, 0, 0, 1, 0x42, 0, 0 };
	struct cursor c = cursor_of(bytes, sizeof(bytes));
	struct nal nal;

	(void)state;
	assert_true(nal_next_annexb(&c, &nal));
	assert_int_equal(nal.len, 3);
	assert_memory_equal(nal.data, "\x41\0\3", 3);
	assert_true(nal_next_annexb(&c, &nal));
	assert_int_equal(nal.len, 1);
	assert_false(nal_next_annexb(&c, &nal));
	c = cursor_of("\1\1\1\1", 4);
	assert_false(nal_next_annexb(&c, &nal));
	assert_int_equal(cursor_left(&c), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_the_record_of_h264),
		cmocka_unit_test(makes_the_record_of_hevc),
		cmocka_unit_test(reads_the_record_of_h264_and_no_part_of_it),
		cmocka_unit_test(only_a_change_is_a_change),
		cmocka_unit_test(sets_that_do_not_fit_change_nothing),
		cmocka_unit_test(tells_size_and_rate_of_the_pictures),
		cmocka_unit_test(finds_key_pictures_by_idr_irap_and_recovery_point),
		cmocka_unit_test(cuts_annexb_at_start_codes_of_both_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
