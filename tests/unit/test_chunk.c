#include "unit/test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "workers/rtmp/chunk.h"

#define MAX 65536

/* Reads one message from the bytes at *@c, fed @step at a time. */
static int read_message(struct chunk_reader *r, struct buffer *in, struct cursor *c, size_t step,
			struct chunk_message *m)
{
	for (;;) {
		struct cursor at = cursor_of(buffer_data(in), buffer_len(in));
		int k = chunk_read(r, &at, m);

		buffer_consume(in, buffer_len(in) - (size_t)(at.end - at.next));
		if (k || !cursor_left(c))
			return k;
		if (step > cursor_left(c))
			step = cursor_left(c);
		assert_int_equal(buffer_append(in, cursor_bytes(c, step), step), 0);
	}
}

static int read_at_once(struct chunk_reader *r, const void *bytes, size_t len,
			struct chunk_message *m)
{
	struct cursor c = cursor_of(bytes, len);

	return chunk_read(r, &c, m);
}

static void reads_every_form_of_header(void **state)
{
	static const char bytes[] = "\x04\0\0\x64\0\0\2\x08\1\0\0\0ab"	/* fmt 0: time 100, "ab" */
				    "\x44\0\0\x0a\0\0\3\x09xyz"		/* fmt 1: +10, "xyz" */
				    "\x84\0\0\x05uvw"			/* fmt 2: +5 */
				    "\xc4rst"				/* fmt 3: +5 again */
				    "\x00\x05\0\0\7\0\0\1\x12\0\0\0\0m" /* chunk stream 69 */
				    "\x01\x05\1\0\0\x08\0\0\1\x12\0\0\0\0n"; /* 64 + 5 + 256 */
	static const struct {
		uint32_t timestamp;
		uint8_t type;
		uint32_t stream_id;
		const char *data;
	} want[] = {
		{ 100, 8, 1, "ab" },  { 110, 9, 1, "xyz" }, { 115, 9, 1, "uvw" },
		{ 120, 9, 1, "rst" }, { 7, 18, 0, "m" },    { 8, 18, 0, "n" },
	};

	(void)state;
	for (size_t step = 1; step < 20; step++) {
		struct chunk_reader r;
		struct buffer in;
		struct chunk_message m;
		struct cursor c = cursor_of(bytes, sizeof(bytes) - 1);

		chunk_reader_init(&r, MAX);
		buffer_init(&in, MAX);
		for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
			assert_int_equal(read_message(&r, &in, &c, step, &m), 1);
			assert_int_equal(m.timestamp, want[i].timestamp);
			assert_int_equal(m.type, want[i].type);
			assert_int_equal(m.stream_id, want[i].stream_id);
			assert_int_equal(m.len, strlen(want[i].data));
			assert_memory_equal(m.data, want[i].data, m.len);
		}
		chunk_reader_deinit(&r);
		buffer_deinit(&in);
	}
}

static void takes_fmt_3_after_fmt_0_as_a_difference(void **state)
{
	/* FFmpeg: two messages of one size and type, at 33 and 66 ms. */
	static const char bytes[] = "\x06\0\0\x21\0\0\1\x09\1\0\0\0a\xc6"
				    "b";
	struct cursor c = cursor_of(bytes, sizeof(bytes) - 1);
	struct chunk_reader r;
	struct chunk_message m;

	(void)state;
	chunk_reader_init(&r, MAX);
	assert_int_equal(chunk_read(&r, &c, &m), 1);
	assert_int_equal(m.timestamp, 33);
	assert_int_equal(chunk_read(&r, &c, &m), 1);
	assert_int_equal(m.timestamp, 66);
	chunk_reader_deinit(&r);
}

static void joins_interleaved_messages_of_many_chunks(void **state)
{
	struct chunk_reader r;
	struct chunk_message m;
	uint8_t bytes[1024];
	struct writer w = writer_of(bytes, sizeof(bytes));
	struct cursor c;

	(void)state;
	/* 300 bytes of video on 6 and 130 of audio on 4, in chunks of 128. */
	writer_bytes(&w, "\x06\0\0\1\0\1\x2c\x09\1\0\0\0", 12);
	memset(writer_room(&w, 128), 'v', 128);
	writer_bytes(&w, "\x04\0\0\2\0\0\x82\x08\1\0\0\0", 12);
	memset(writer_room(&w, 128), 'a', 128);
	writer_u8(&w, 0xc6);
	memset(writer_room(&w, 128), 'v', 128);
	writer_u8(&w, 0xc4);
	memset(writer_room(&w, 2), 'a', 2);
	writer_u8(&w, 0xc6);
	memset(writer_room(&w, 44), 'v', 44);
	c = cursor_of(bytes, writer_len(&w));
	chunk_reader_init(&r, MAX);
	assert_int_equal(chunk_read(&r, &c, &m), 1);
	assert_int_equal(m.type, 8);
	assert_int_equal(m.len, 130);
	assert_int_equal(m.data[129], 'a');
	assert_int_equal(chunk_read(&r, &c, &m), 1);
	assert_int_equal(m.type, 9);
	assert_int_equal(m.len, 300);
	assert_int_equal(m.data[299], 'v');
	assert_int_equal(chunk_read(&r, &c, &m), 0);
	chunk_reader_deinit(&r);
}

/* A message of 200 bytes at time 0x01000000, whose continuation has the extended field or not. */
static void extended(bool repeated)
{
	struct chunk_reader r;
	struct chunk_message m;
	uint8_t bytes[256];
	struct writer w = writer_of(bytes, sizeof(bytes));

	writer_bytes(&w, "\x06\xff\xff\xff\0\0\xc8\x09\1\0\0\0\1\0\0\0", 16);
	memset(writer_room(&w, 128), 'v', 128);
	writer_u8(&w, 0xc6);
	if (repeated)
		writer_u32(&w, 0x01000000);
	memset(writer_room(&w, 72), 'w', 72);
	chunk_reader_init(&r, MAX);
	assert_int_equal(read_at_once(&r, bytes, writer_len(&w), &m), 1);
	assert_int_equal(m.timestamp, 0x01000000);
	assert_int_equal(m.len, 200);
	assert_int_equal(m.data[128], 'w');
	assert_int_equal(m.data[199], 'w');
	chunk_reader_deinit(&r);
}

static void knows_extended_timestamps_with_and_without_repetition(void **state)
{
	(void)state;
	extended(true);
	extended(false);
}

static void abort_and_new_headers_discard_what_is_under_way(void **state)
{
	struct chunk_reader r;
	struct chunk_message m;
	uint8_t bytes[140] = "\x06\0\0\1\0\1\x2c\x09\1\0\0\0";

	(void)state;
	chunk_reader_init(&r, MAX);
	assert_int_equal(read_at_once(&r, bytes, sizeof(bytes), &m), 0);
	chunk_reader_abort(&r, 6);
	assert_int_equal(r.discarded, 1);
	assert_int_equal(read_at_once(&r, bytes, sizeof(bytes), &m), 0);
	assert_int_equal(read_at_once(&r, "\x06\0\0\2\0\0\1\x09\1\0\0\0z", 13, &m), 1);
	assert_int_equal(r.discarded, 2);
	assert_int_equal(m.len, 1);
	chunk_reader_deinit(&r);
}

static void refuses_what_would_cost_too_much(void **state)
{
	struct chunk_reader r;
	struct chunk_message m;
	char header[13] = "\2\0\0\0\0\0\1\x09\1\0\0\0x";

	(void)state;
	chunk_reader_init(&r, 1000);
	assert_int_equal(read_at_once(&r, "\x06\0\0\1\0\x03\xe9\x09\1\0\0\0", 12, &m), -EPROTO);
	assert_string_equal(r.error, "a message is longer than allowed");
	chunk_reader_deinit(&r);

	chunk_reader_init(&r, 1000);
	assert_int_equal(read_at_once(&r, "\x86\0\0\1", 4, &m), -EPROTO);
	assert_int_equal(chunk_reader_resize(&r, 0), -EPROTO);
	chunk_reader_deinit(&r);

	chunk_reader_init(&r, 1000);
	for (int i = 0; i < CHUNK_STREAMS_MAX; i++, header[0]++)
		assert_int_equal(read_at_once(&r, header, sizeof(header), &m), 1);
	assert_int_equal(read_at_once(&r, header, sizeof(header), &m), -EPROTO);
	assert_string_equal(r.error, "too many chunk streams");
	chunk_reader_deinit(&r);
}

static void holds_at_most_two_of_the_longest_messages(void **state)
{
	struct chunk_reader r;
	struct chunk_message m;
	uint8_t bytes[12 + 1000] = "\2\0\0\0\0\x07\xd0\x09\1\0\0\0"; /* 1000 of 2000 bytes */
	int k = 0;

	(void)state;
	chunk_reader_init(&r, 2000);
	assert_int_equal(chunk_reader_resize(&r, 1000), 0);
	for (int i = 0; i < 10 && !k; i++, bytes[0]++) {
		k = read_at_once(&r, bytes, sizeof(bytes), &m);
		assert_true(r.held <= 4000);
	}
	assert_int_equal(k, -EPROTO);
	chunk_reader_deinit(&r);
}

/* Random messages through the writer and back, in random pieces, with chunk sizes that change. */
static void reads_back_what_it_writes(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct rng rng = rng_of(seed);
		struct chunk_reader r;
		struct chunk_writer w;
		struct buffer out, in;
		uint32_t time = (uint32_t)rng_u64(&rng);

		chunk_reader_init(&r, MAX);
		chunk_writer_init(&w);
		buffer_init(&out, 1 << 20);
		buffer_init(&in, 1 << 20);
		for (int i = 0; i < 40; i++) {
			uint8_t data[3000];
			struct chunk_message m = {
				.type = (uint8_t)rng_below(&rng, 256),
				.stream_id = (uint32_t)rng_below(&rng, 3),
				.timestamp = time,
				.data = data,
				.len = rng_below(&rng, sizeof(data)),
			}, got;
			struct cursor c;

			for (size_t k = 0; k < m.len; k++)
				data[k] = (uint8_t)rng_u64(&rng);
			w.chunk_size = 1 + (uint32_t)rng_below(&rng, 500);
			assert_int_equal(chunk_reader_resize(&r, w.chunk_size), 0);
			assert_int_equal(
				chunk_write(&w, &out, 2 + (uint32_t)rng_below(&rng, 6), &m), 0);
			c = cursor_of(buffer_data(&out), buffer_len(&out));
			assert_int_equal(read_message(&r, &in, &c, 1 + rng_below(&rng, 999), &got),
					 1);
			buffer_clear(&out);
			assert_int_equal(got.type, m.type);
			assert_int_equal(got.stream_id, m.stream_id);
			assert_int_equal(got.timestamp, m.timestamp);
			assert_int_equal(got.len, m.len);
			assert_memory_equal(got.data, data, m.len);
			time += rng_chance(&rng, 100000) ? (uint32_t)rng_u64(&rng)
							 : (uint32_t)rng_below(&rng, 50);
		}
		assert_int_equal(buffer_len(&in), 0);
		chunk_reader_deinit(&r);
		buffer_deinit(&out);
		buffer_deinit(&in);
	}
}

static void the_writer_takes_all_or_nothing(void **state)
{
	uint8_t data[500] = { 0 };
	struct chunk_message m = { .type = 9, .data = data, .len = sizeof(data) };
	struct chunk_writer w;
	struct buffer out;

	(void)state;
	chunk_writer_init(&w);
	buffer_init(&out, 520);
	assert_int_equal(chunk_write(&w, &out, 6, &m), -ENOBUFS);
	assert_int_equal(buffer_len(&out), 0);
	buffer_deinit(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_form_of_header),
		cmocka_unit_test(takes_fmt_3_after_fmt_0_as_a_difference),
		cmocka_unit_test(joins_interleaved_messages_of_many_chunks),
		cmocka_unit_test(knows_extended_timestamps_with_and_without_repetition),
		cmocka_unit_test(abort_and_new_headers_discard_what_is_under_way),
		cmocka_unit_test(refuses_what_would_cost_too_much),
		cmocka_unit_test(holds_at_most_two_of_the_longest_messages),
		cmocka_unit_test(reads_back_what_it_writes),
		cmocka_unit_test(the_writer_takes_all_or_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
