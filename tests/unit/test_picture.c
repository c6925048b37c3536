#include "unit/muxer.h"

#include <stdlib.h>

/* What a stream's reader knows about the class of a picture, and where a decoder can begin. */

static void knows_the_class_of_a_picture(void **state)
{
	static const struct {
		const char *what;
		uint16_t pid;
		uint8_t es[32];
		size_t len;
		int class; /* -1: not known */
	} table[] = {
		/* Delimiter 09, SPS 67, PPS 68, SEI 06, slices x1, IDR 65. */
		{ "H.264 IDR", 0x100, { 0, 0, 0, 1, 9, 0xf0, 0, 0, 1, 0x65, 0x88, 0x80 }, 12, 0 },
		{ "H.264 SPS", 0x100, { 0, 0, 0, 1, 9, 0xf0, 0, 0, 1, 0x67, 0x42, 0x00 }, 12, 0 },
		{ "H.264 P", 0x100, { 0, 0, 1, 9, 0xf0, 0, 0, 1, 0x41, 0x9a, 0x24 }, 11, 1 },
		{ "H.264 b", 0x100, { 0, 0, 1, 9, 0xf0, 0, 0, 1, 0x01, 0x9e, 0x41 }, 11, 2 },
		{ "H.264 timing SEI, P",
		  0x100,
		  { 0, 0, 1, 6, 1, 4, 0, 8, 0x10, 0x20, 0x80, 0, 0, 1, 0x61, 0x9a, 0x24 },
		  17,
		  1 },
		{ "H.264 recovery point", 0x100, { 0, 0, 1, 6, 6, 1, 0xc4, 0x80 }, 8, 0 },
		{ "H.264 delimiter alone", 0x100, { 0, 0, 1, 9, 0xf0, 0xff, 0xff }, 7, -1 },
		{ "H.264 short units",
		  0x100,
		  { 0, 0, 1, 10, 0, 0, 1, 11, 0, 0, 1, 0x25, 1, 2 },
		  14,
		  0 },
		/* H.265: delimiter 46 01, VPS 40 01, TRAIL_R 02 01, TRAIL_N 00 01, IDR_W 26 01. */
		{ "H.265 IDR", 0x101, { 0, 0, 1, 0x46, 1, 0x50, 0, 0, 1, 0x26, 1, 0xaf }, 12, 0 },
		{ "H.265 VPS", 0x101, { 0, 0, 1, 0x46, 1, 0x50, 0, 0, 1, 0x40, 1, 0x0c }, 12, 0 },
		{ "H.265 CRA", 0x101, { 0, 0, 1, 0x2a, 1, 0xaf }, 6, 0 },
		{ "H.265 TRAIL_R", 0x101, { 0, 0, 1, 0x02, 1, 0xd0 }, 6, 1 },
		{ "H.265 TRAIL_N", 0x101, { 0, 0, 1, 0x00, 1, 0xe0 }, 6, 2 },
		{ "H.265 RASL_N", 0x101, { 0, 0, 1, 0x10, 1, 0xe0 }, 6, 2 },
		{ "H.265 SEI only", 0x101, { 0, 0, 1, 0x4e, 1, 1, 0xff, 0xff }, 8, -1 },
		{ "MPEG-2", 0x105, { 0, 0, 1, 0, 0, 8 }, 6, 1 },
	};
	struct mux mux = { { 0 } };
	struct ts *ts = malloc(sizeof(*ts));

	(void)state;
	ts_init(ts);
	send_tables(&mux, ts, 0, streams, 6);
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		/* In one packet, and cut everywhere. */
		for (size_t piece = 9; piece < 60; piece++) {
			struct ts_info info =
				send_unit(&mux, ts, table[i].pid, table[i].es, table[i].len, piece);

			if (info.class_known != (table[i].class >= 0))
				fail_msg("%s: known %d", table[i].what, info.class_known);
			if (info.class_known && info.class != table[i].class)
				fail_msg("%s: class %d", table[i].what, info.class);
			if (!info.class_known)
				assert_int_equal(info.class, WIRE_CLASS_REFERENCE);
		}
	}
	assert_true(ts->video_units == 15 * 51);
	free(ts);
}

static void the_class_becomes_known_with_the_packet_that_has_the_slice(void **state)
{
	struct mux mux = { { 0 } };
	struct ts *ts = malloc(sizeof(*ts));
	uint8_t unit[400] = { 0, 0, 1, 0xe0, 0, 0, 0x80, 0, 0, 0, 0, 1, 9, 0xf0 };
	struct ts_info info;

	(void)state;
	ts_init(ts);
	send_tables(&mux, ts, 0, streams, 6);
	memset(unit + 14, 0xaa, sizeof(unit) - 14);
	memcpy(unit + 184 - 4, (const uint8_t[]){ 0, 0, 1, 0x01, 0x9e, 0x11 }, 6);
	info = send(&mux, ts, 0x100, true, unit, 184);
	assert_true(info.unit_start && !info.class_known && info.class == WIRE_CLASS_REFERENCE);
	info = send(&mux, ts, 0x100, false, unit + 184, 184);
	assert_true(!info.unit_start && info.class_known && info.class == WIRE_CLASS_DISPOSABLE);
	/* And holds for the rest of the unit, unless it has a more important picture as well. */
	info = send(&mux, ts, 0x100, false, "\0\0\1\x01\x4e\x80", 6);
	assert_true(info.class_known && info.class == WIRE_CLASS_DISPOSABLE);
	info = send(&mux, ts, 0x100, false, "\0\0\1\x41\x9a\x80", 6);
	assert_true(info.class_known && info.class == WIRE_CLASS_REFERENCE);
	info = send(&mux, ts, 0x100, false, "\0\0\1\x65\x88\x80", 6);
	assert_true(info.class_known && info.class == WIRE_CLASS_TABLES);
	assert_int_equal(info.picture->entry, PICTURE_ENTRY_NONE);
	info = send(&mux, ts, 0x100, false, "\0\0\1\x01\x9e\x80", 6);
	assert_true(info.class_known && info.class == WIRE_CLASS_TABLES);
	info = send(&mux, ts, 0x100, true, unit, 20);
	assert_true(info.unit_start && !info.class_known);
	free(ts);
}

static void lower_temporal_layers_are_not_disposable(void **state)
{
	static const uint8_t low_n[] = { 0, 0, 1, 0x00, 1, 0xe0 },
			     high_n[] = { 0, 0, 1, 0x04, 2, 0xe0 };
	struct mux mux = { { 0 } };
	struct ts *ts = malloc(sizeof(*ts));

	(void)state;
	ts_init(ts);
	send_tables(&mux, ts, 0, streams, 6);
	assert_int_equal(send_unit(&mux, ts, 0x101, low_n, 6, 50).class, WIRE_CLASS_DISPOSABLE);
	assert_int_equal(send_unit(&mux, ts, 0x101, high_n, 6, 50).class, WIRE_CLASS_DISPOSABLE);
	assert_int_equal(send_unit(&mux, ts, 0x101, low_n, 6, 50).class, WIRE_CLASS_REFERENCE);
	free(ts);
}

static void announced_temporal_layers_count_before_they_are_seen(void **state)
{
	/* SPS of three layers, IDR; then a picture of the lowest. */
	static const uint8_t key[] = { 0, 0, 1, 0x42, 1, 0x04, 0, 0, 1, 0x26, 1, 0xaf },
			     low_n[] = { 0, 0, 1, 0x00, 1, 0xe0 };
	struct mux mux = { { 0 } };
	struct ts *ts = malloc(sizeof(*ts));

	(void)state;
	ts_init(ts);
	send_tables(&mux, ts, 0, streams, 6);
	assert_int_equal(send_unit(&mux, ts, 0x101, key, 12, 50).class, WIRE_CLASS_TABLES);
	assert_int_equal(send_unit(&mux, ts, 0x101, low_n, 6, 50).class, WIRE_CLASS_REFERENCE);
	free(ts);
}

static void knows_where_a_decoder_can_begin(void **state)
{
	static const struct {
		uint16_t pid;
		uint8_t es[24];
		size_t len;
		enum picture_entry entry;
	} table[] = {
		/* Behind the parameter sets the slice decides. */
		{ 0x100,
		  { 0, 0, 1, 0x67, 1, 2, 0, 0, 1, 0x65, 0x88, 0x80 },
		  12,
		  PICTURE_ENTRY_CLEAN },
		{ 0x100,
		  { 0, 0, 1, 0x67, 1, 2, 0, 0, 1, 0x41, 0x9a, 0x24 },
		  12,
		  PICTURE_ENTRY_NONE },
		{ 0x100,
		  { 0, 0, 1, 6, 6, 1, 0xc4, 0x80, 0, 0, 1, 0x41, 0x9a, 0x24 },
		  14,
		  PICTURE_ENTRY_OPEN },
		{ 0x100,
		  { 0, 0, 1, 6, 6, 1, 0x24, 0x80, 0, 0, 1, 0x41, 0x9a, 0x24 },
		  14,
		  PICTURE_ENTRY_GRADUAL },
		{ 0x101, { 0, 0, 1, 0x26, 1, 0xaf }, 6, PICTURE_ENTRY_CLEAN },
		{ 0x101, { 0, 0, 1, 0x28, 1, 0xaf }, 6, PICTURE_ENTRY_CLEAN },
		{ 0x101, { 0, 0, 1, 0x2a, 1, 0xaf }, 6, PICTURE_ENTRY_OPEN },
		{ 0x101, { 0, 0, 1, 0x20, 1, 0xaf }, 6, PICTURE_ENTRY_OPEN },
		{ 0x101, { 0, 0, 1, 0x02, 1, 0xd0 }, 6, PICTURE_ENTRY_NONE },
	};
	struct mux mux = { { 0 } };
	struct ts *ts = malloc(sizeof(*ts));

	(void)state;
	ts_init(ts);
	send_tables(&mux, ts, 0, streams, 6);
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		for (size_t piece = 9; piece < 40; piece++) {
			struct ts_info info =
				send_unit(&mux, ts, table[i].pid, table[i].es, table[i].len, piece);

			assert_non_null(info.picture);
			assert_true(info.picture->sliced);
			assert_int_equal(info.picture->entry, table[i].entry);
		}
	free(ts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_the_class_of_a_picture),
		cmocka_unit_test(the_class_becomes_known_with_the_packet_that_has_the_slice),
		cmocka_unit_test(lower_temporal_layers_are_not_disposable),
		cmocka_unit_test(announced_temporal_layers_count_before_they_are_seen),
		cmocka_unit_test(knows_where_a_decoder_can_begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
