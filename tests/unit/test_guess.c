#include <string.h>

#include "unit/test.h"
#include "workers/av/guess.h"

#define S USEC_PER_SEC

/* A packet that begins a PES packet with @len bytes of a stream. */
static void packet_of(uint8_t packet[static TS_PACKET_BYTES], unsigned pid, uint8_t id,
		      const void *data, size_t len)
{
	static const uint8_t pes[] = { 0, 0, 1, 0, 0, 0, 0x80, 0x80, 5, 0x21, 0, 1, 0, 1 };

	memset(packet, 0xff, TS_PACKET_BYTES);
	packet[0] = TS_SYNC;
	packet[1] = (uint8_t)(0x40 | pid >> 8);
	packet[2] = (uint8_t)pid;
	packet[3] = 0x10;
	memcpy(packet + 4, pes, sizeof(pes));
	packet[7] = id;
	memcpy(packet + 4 + sizeof(pes), data, len);
}

static void feed(struct guess *guess, unsigned pid, uint8_t id, const char *data, size_t len,
		 usec_t now)
{
	uint8_t packets[3 * TS_PACKET_BYTES];

	packet_of(packets, pid, id, data, len);
	memset(packets + TS_PACKET_BYTES, 0xff, 2 * TS_PACKET_BYTES);
	for (int i = 1; i < 3; i++) {
		packets[i * TS_PACKET_BYTES] = TS_SYNC;
		packets[i * TS_PACKET_BYTES + 1] = 0x1f;
		packets[i * TS_PACKET_BYTES + 3] = 0x10;
	}
	guess_feed(guess, packets, sizeof(packets), now);
}

static void every_codec_shows_in_its_first_bytes(void **state)
{
	static const struct {
		uint8_t id, type;
		char data[9];
	} rows[] = {
		{ 0xe0, 0x1b, "\0\0\0\1\x09\xf0" },	{ 0xe1, 0x1b, "\0\0\1\x67\x64\0\x1e" },
		{ 0xe0, 0x24, "\0\0\0\1\x46\1\x50" },	{ 0xe0, 0x24, "\0\0\1\x40\1\x0c" },
		{ 0xe0, 0x02, "\0\0\1\xb3\x14\0\xf0" }, { 0xc0, 0x0f, "\xff\xf1\x50\x80" },
		{ 0xc1, 0x03, "\xff\xfd\x84\x04" },	{ 0xc0, 0x11, "\x56\xe0\1" },
		{ 0xbd, 0x81, "\x0b\x77\1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		uint8_t tables[GUESS_BYTES];
		struct guess guess;
		struct ts ts;
		struct ts_info info;

		guess_init(&guess);
		feed(&guess, 0x123, rows[i].id, rows[i].data, 8, S);
		assert_false(guess_tables(&guess, S, tables));
		assert_true(guess_tables(&guess, 2 * S, tables));
		assert_true(guess_is_used(&guess));
		assert_false(guess_tables(&guess, 3 * S, tables));
		/* Our own reader of tables understands them. */
		ts_init(&ts);
		assert_int_equal(ts_read(&ts, tables, &info), 1);
		assert_int_equal(ts_read(&ts, tables + TS_PACKET_BYTES, &info), 1);
		assert_int_equal(ts.programs, 1);
		assert_true(ts.program[0].has_pmt);
		assert_int_equal(ts.program[0].pmt.streams, 1);
		assert_int_equal(ts.program[0].pmt.stream[0].pid, 0x123);
		assert_int_equal(ts.program[0].pmt.stream[0].type, rows[i].type);
	}
}

static void a_stream_with_tables_is_left_alone(void **state)
{
	uint8_t tables[GUESS_BYTES], pat[3 * TS_PACKET_BYTES] = { 0 };
	struct guess guess;

	(void)state;
	guess_init(&guess);
	for (int i = 0; i < 3; i++) {
		pat[i * TS_PACKET_BYTES] = TS_SYNC;
		pat[i * TS_PACKET_BYTES + 1] = 0x40;
		pat[i * TS_PACKET_BYTES + 3] = 0x10;
	}
	feed(&guess, 0x123, 0xe0, "\0\0\1\x09\xf0", 5, S);
	guess_feed(&guess, pat, sizeof(pat), S);
	assert_false(guess_tables(&guess, 9 * S, tables));
	assert_false(guess_is_used(&guess));
}

static void nothing_is_put_into_the_middle_of_a_packet(void **state)
{
	uint8_t tables[GUESS_BYTES], half[TS_PACKET_BYTES] = { TS_SYNC, 0x1f, 0xff, 0x10 };
	struct guess guess;

	(void)state;
	guess_init(&guess);
	feed(&guess, 0x123, 0xe0, "\0\0\1\x09\xf0", 5, S);
	guess_feed(&guess, half, 100, 2 * S);
	assert_false(guess_tables(&guess, 2 * S, tables));
	guess_feed(&guess, half + 100, 88, 2 * S);
	assert_true(guess_tables(&guess, 2 * S, tables));
}

static void a_stream_that_comes_later_gets_new_tables(void **state)
{
	uint8_t tables[GUESS_BYTES];
	struct guess guess;

	(void)state;
	guess_init(&guess);
	feed(&guess, 0x123, 0xe0, "\0\0\1\x09\xf0", 5, S);
	assert_true(guess_tables(&guess, 2 * S, tables));
	feed(&guess, 0x125, 0xbd, "\x0b\x77", 2, 3 * S);
	assert_true(guess_tables(&guess, 3 * S, tables));
	assert_int_equal(tables[10] >> 1 & 0x1f, 1);
}

static void noise_and_too_many_streams_are_survived(void **state)
{
	uint8_t tables[GUESS_BYTES], noise[5000];
	struct guess guess;
	uint32_t seed = 1;

	(void)state;
	guess_init(&guess);
	for (unsigned round = 0; round < 200; round++) {
		for (size_t i = 0; i < sizeof(noise); i++)
			noise[i] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 24);
		guess_feed(&guess, noise, sizeof(noise), S + round);
	}
	for (unsigned pid = 0x100; pid < 0x140; pid++)
		feed(&guess, pid, 0xe0, "\0\0\1\x09\xf0", 5, 2 * S);
	(void)guess_tables(&guess, 3 * S, tables);
	assert_in_range(guess.count, 1, GUESS_STREAMS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_codec_shows_in_its_first_bytes),
		cmocka_unit_test(a_stream_with_tables_is_left_alone),
		cmocka_unit_test(nothing_is_put_into_the_middle_of_a_packet),
		cmocka_unit_test(a_stream_that_comes_later_gets_new_tables),
		cmocka_unit_test(noise_and_too_many_streams_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
