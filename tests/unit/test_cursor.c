#include "unit/test.h"

#include <stdlib.h>

#include "base/cursor.h"
#include "base/rng.h"

/* Bounds-checked bytes: nothing is read or written beyond the end, and a failure stays. */

static void reads_big_endian_numbers(void **state)
{
	static const uint8_t bytes[] = { 1,  2,	 3,  4,	 5,  6,	 7,  8,	 9,
					 10, 11, 12, 13, 14, 15, 16, 17, 18 };
	struct cursor c = cursor_of(bytes, sizeof(bytes));

	(void)state;
	assert_int_equal(cursor_u8(&c), 1);
	assert_int_equal(cursor_u16(&c), 0x0203);
	assert_int_equal(cursor_u24(&c), 0x040506);
	assert_int_equal(cursor_u32(&c), 0x0708090a);
	assert_true(cursor_u64(&c) == UINT64_C(0x0b0c0d0e0f101112));
	assert_int_equal(cursor_left(&c), 0);
	assert_false(c.failed);
}

static void a_read_past_the_end_gives_zero_and_fails_for_good(void **state)
{
	static const uint8_t bytes[] = { 0xff, 0xff, 0xff };

	(void)state;
	for (size_t n = 4; n <= 8; n++) {
		struct cursor c = cursor_of(bytes, sizeof(bytes));

		assert_true(cursor_uint(&c, n) == 0);
		assert_true(c.failed);
		assert_int_equal(cursor_left(&c), 0);
		/* There were three bytes left, but it is over. */
		assert_int_equal(cursor_u8(&c), 0);
		assert_null(cursor_bytes(&c, 0));
		assert_true(cursor_varint(&c) == 0);
	}
}

static void nothing_is_a_buffer_too(void **state)
{
	struct cursor c = cursor_of(NULL, 0);
	struct writer w = writer_of(NULL, 0);

	(void)state;
	assert_int_equal(cursor_left(&c), 0);
	(void)cursor_bytes(&c, 0);
	assert_false(c.failed);
	assert_int_equal(cursor_u8(&c), 0);
	assert_true(c.failed);
	writer_bytes(&w, NULL, 0);
	assert_false(w.failed);
	writer_u8(&w, 1);
	assert_true(w.failed);
	assert_int_equal(writer_len(&w), 0);
	/* A length without memory is no memory. */
	c = cursor_of(NULL, 5);
	assert_int_equal(cursor_left(&c), 0);
}

static void varints_read_back(void **state)
{
	struct rng rng = rng_of(1);

	(void)state;
	for (int round = 0; round < 100000; round++) {
		uint64_t v = round < 64 ? (UINT64_C(1) << round) - 1
					: rng_u64(&rng) >> (1 + rng_below(&rng, 63));
		uint8_t buffer[9];
		struct writer w = writer_of(buffer, sizeof(buffer));
		struct cursor c;

		writer_varint(&w, v);
		assert_false(w.failed);
		for (size_t cut = 0; cut < writer_len(&w); cut++) {
			c = cursor_of(buffer, cut);
			assert_true(cursor_varint(&c) == 0);
			assert_true(c.failed);
		}
		c = cursor_of(buffer, writer_len(&w));
		assert_true(cursor_varint(&c) == v);
		assert_false(c.failed);
		assert_int_equal(cursor_left(&c), 0);
		/* No shorter form exists. */
		assert_true(writer_len(&w) == 1 || v >> 7 * (writer_len(&w) - 1));
	}
}

static void a_varint_ends_after_nine_bytes(void **state)
{
	static const uint8_t endless[10] = { 0x80, 0x80, 0x80, 0x80, 0x80,
					     0x80, 0x80, 0x80, 0x80, 0x01 };
	static const uint8_t largest[9] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f };
	struct cursor c = cursor_of(endless, sizeof(endless));

	(void)state;
	assert_true(cursor_varint(&c) == 0);
	assert_true(c.failed);
	c = cursor_of(largest, sizeof(largest));
	assert_true(cursor_varint(&c) == INT64_MAX);
	assert_false(c.failed);
}

static void a_writer_stops_at_its_end(void **state)
{
	(void)state;
	for (size_t size = 0; size < 20; size++) {
		uint8_t *buffer = malloc(size ? size : 1);
		struct writer w = writer_of(buffer, size);

		writer_u8(&w, 1);
		writer_u16(&w, 0x0203);
		writer_u24(&w, 0x040506);
		writer_u32(&w, 0x0708090a);
		writer_u64(&w, UINT64_C(0x0b0c0d0e0f101112));
		assert_int_equal(w.failed, size < 18);
		assert_true(writer_len(&w) <= size);
		for (size_t i = 0; i < writer_len(&w); i++)
			assert_int_equal(buffer[i], i + 1);
		/* What did not fit is not followed by something that would. */
		if (w.failed) {
			size_t len = writer_len(&w);

			writer_u8(&w, 99);
			assert_null(writer_room(&w, 0));
			assert_int_equal(writer_len(&w), len);
		}
		free(buffer);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_big_endian_numbers),
		cmocka_unit_test(a_read_past_the_end_gives_zero_and_fails_for_good),
		cmocka_unit_test(nothing_is_a_buffer_too),
		cmocka_unit_test(varints_read_back),
		cmocka_unit_test(a_varint_ends_after_nine_bytes),
		cmocka_unit_test(a_writer_stops_at_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
